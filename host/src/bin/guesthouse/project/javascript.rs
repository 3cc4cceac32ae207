//! This module builds guests in JavaScript and TypeScript.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::bail;
use guesthouse::files;
use serde_json::Value;

use super::{
    Function, Language,
    entries::{self, manifest},
    toolbox::{Installed, Toolbox},
    tools::{output, run_to_end},
};

/// The oldest version of Node.js that runs the SDK's build tools.
const NODE: u32 = 20;

/// The SDK's program that builds, in a directory of packages.
const BUILDER: &str = "node_modules/guesthouse/cli.js";

/// Builds a project that `guesthouse new` wrote by its own script. Any other function is built by an SDK in the user's
/// cache, and nothing but its packages and the guest is written into its directory.
pub fn build(function: &Function<'_>) -> anyhow::Result<()> {
    let missing = format!("install Node.js {NODE} or newer, with npm, <https://nodejs.org>");
    let version = output(Command::new("node").arg("--version"), &missing)?;
    let major = version.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse().ok());
    if major.is_none_or(|major: u32| major < NODE) {
        bail!("this is Node.js `{}`\nhint: {missing}", version.trim());
    }
    let directory = function.directory;
    let is_own = has_sdk(directory);
    install(directory, is_own, &missing)?;
    if is_own && function.handler.is_none() {
        return run_to_end(npm(directory).args(["run", "--silent", "build"]), &missing);
    }
    let assumed = if function.handler.is_none() { Some(entries::javascript(directory)?) } else { None };
    let tools = if is_own { directory.to_owned() } else { toolbox(&missing)? };
    let mut node = Command::new("node");
    node.current_dir(directory).arg(tools.join(BUILDER)).arg("build").args(assumed);
    node.args(function.handler.iter().flat_map(|handler| ["--handler", handler]));
    run_to_end(node.arg("-o").arg(function.guest), &missing)
}

/// Returns whether the project has the SDK among its packages.
pub fn has_sdk(directory: &Path) -> bool {
    manifest(directory).is_some_and(|manifest| names(&manifest, &SECTIONS).any(|name| name == "guesthouse"))
}

/// The parts of `package.json` that name packages.
const SECTIONS: [&str; 3] = ["dependencies", "devDependencies", "optionalDependencies"];

fn names<'a>(manifest: &'a Value, sections: &'a [&str]) -> impl Iterator<Item = &'a str> {
    sections
        .iter()
        .filter_map(|section| manifest[section].as_object())
        .flat_map(|names| names.keys())
        .map(String::as_str)
}

/// Installs the packages of the project, if one is missing or the lock file has changed.
fn install(directory: &Path, is_own: bool, missing: &str) -> anyhow::Result<()> {
    let Some(manifest) = manifest(directory) else { return Ok(()) };
    // Tests and deployment tools are none of a function's packages.
    let sections = if is_own { &SECTIONS[..] } else { &SECTIONS[..1] };
    let lock = directory.join("package-lock.json");
    let installed = Installed::new(&lock, directory.join("node_modules/.guesthouse"));
    let is_there = |name: &str| directory.join("node_modules").join(name).exists();
    if names(&manifest, sections).all(is_there) && (!is_own || installed.is_current()) {
        return Ok(());
    }
    println!("installing the packages of `package.json` into `node_modules`");
    let locked: Value =
        files::read_text(&lock).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let is_locked = |name: &str| locked["packages"].get(format!("node_modules/{name}")).is_some();
    let mut npm = npm(directory);
    // A package that somebody wrote into `package.json` by hand is in no lock file.
    npm.arg(if names(&manifest, sections).all(is_locked) && lock.exists() { "ci" } else { "install" });
    if !is_own {
        npm.args(["--no-save", "--no-package-lock", "--omit=dev"].iter().filter(|_| !lock.exists()));
    }
    run_to_end(npm.args(["--silent", "--ignore-scripts"]), missing)?;
    if is_own { Installed::new(&lock, directory.join("node_modules/.guesthouse")).note() } else { Ok(()) }
}

fn npm(directory: &Path) -> Command {
    let mut npm = Command::new("npm");
    npm.current_dir(directory);
    npm
}

/// Returns the directory with the SDK and its packages, which it fills if nobody has.
fn toolbox(missing: &str) -> anyhow::Result<PathBuf> {
    Toolbox::of(Language::Js)?.filled("the tools that build guests in JavaScript", |directory| {
        run_to_end(npm(directory).args(["ci", "--silent", "--ignore-scripts"]), missing)
    })
}
