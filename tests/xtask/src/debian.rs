//! This module installs missing Debian packages, and no others.

use std::{path::Path, process::Command};

use crate::{Result, say};

/// A program by its name, or a file by its path, and the Debian package that contains it.
pub type Need = (&'static str, &'static str);

/// Installs the packages of the programs and files that are missing. `what` names their purpose in messages.
///
/// # Errors
/// If this needs root, if the package manager fails, with its output, or if a package does not contain its file.
pub fn install(needs: &[Need], what: &str) -> Result<()> {
    let missing: Vec<Need> = needs.iter().filter(|(file, _)| !is_there(file)).copied().collect();
    if missing.is_empty() {
        return Ok(());
    }
    let files: Vec<&str> = missing.iter().map(|(file, _)| *file).collect();
    let packages: Vec<&str> = missing.iter().map(|(_, package)| *package).collect();
    install_packages(&packages, &files.join(", "), what)?;
    match missing.iter().find(|(file, _)| !is_there(file)) {
        None => Ok(()),
        Some((file, package)) => {
            Err(format!("the package `{package}` was installed, but has no `{file}` in this release of Debian").into())
        }
    }
}

/// Installs packages. In messages, `missing` names what this machine lacks of them, and `what` names their purpose.
///
/// # Errors
/// If this needs root, or if the package manager fails, with its output.
pub fn install_packages(packages: &[&str], missing: &str, what: &str) -> Result<()> {
    let command = format!("apt-get install --yes --no-install-recommends {}", packages.join(" "));
    if !is_there("apt-get") {
        let packages = packages.join(", ");
        return Err(format!(
            "{what}: not here: {missing}; and this system has no `apt-get`\nhint: install them by its own package manager; \
             Debian has them in {packages}"
        )
        .into());
    }
    if !is_root()? {
        return Err(format!("{what}: not here: {missing}\nhint: sudo {command}").into());
    }
    say(&format!("installing {what}; not here: {missing}"));
    // A package list that can't be updated may not be needed.
    let updated = apt("apt-get update -qq");
    apt(&command).map_err(|error| match updated {
        Ok(()) => error,
        Err(before) => format!("{before}\n{error}").into(),
    })
}

fn is_there(file: &str) -> bool {
    if file.starts_with('/') {
        return Path::new(file).exists();
    }
    std::env::split_paths(&path()).any(|directory| directory.join(file).exists())
}

/// Returns a value of `PATH` with Debian's directories of programs for root and Go's own directory, which not every
/// user's `PATH` has.
pub fn path() -> String {
    format!("{}:/usr/sbin:/sbin:/usr/local/go/bin", std::env::var("PATH").unwrap_or_default())
}

fn is_root() -> Result<bool> {
    let output = Command::new("id").arg("-u").output().map_err(|error| format!("can't run `id`: {error}"))?;
    Ok(output.stdout.trim_ascii() == b"0")
}

/// Runs a command of the package manager. Its output is only shown if it fails.
fn apt(command: &str) -> Result<()> {
    let mut words = command.split(' ');
    let mut apt = Command::new(words.next().unwrap_or_default());
    let output = apt
        .args(["-o", "DPkg::Lock::Timeout=120"])
        .args(words)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("LC_ALL", "C")
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(format!("`{command}` failed: {}\n{}", output.status, String::from_utf8_lossy(&said).trim_end()).into())
}
