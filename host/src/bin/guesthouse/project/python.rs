//! This module builds guests in Python.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    Function, Language, SDK,
    toolbox::{Installed, Toolbox},
    tools::run_to_end,
};

const MISSING: &str = "install Python 3.10 or newer, with its module `venv` (on Debian `python3-venv`)";

/// Builds a project that `guesthouse new` wrote by the SDK in it, and any other function by an SDK in the user's cache.
pub fn build(function: &Function<'_>) -> anyhow::Result<()> {
    let directory = function.directory;
    let tools = match directory.join(SDK).join("build.py").is_file() {
        true => {
            let wanted = directory.join(SDK).join("requirements.txt");
            let installed = Installed::new(&wanted, directory.join(".venv/guesthouse"));
            if !installed.is_current() {
                println!("installing the tools that build guests in Python into `.venv`");
                install(directory)?;
                installed.note()?;
            }
            directory.to_owned()
        }
        false => toolbox()?,
    };
    let mut build = Command::new(tools.join(".venv/bin/python"));
    build.current_dir(directory).arg(tools.join(SDK).join("build.py"));
    if let Some(handler) = function.handler {
        build.args(["--handler", handler]);
    }
    run_to_end(build.arg("-o").arg(function.guest), MISSING)
}

/// Installs what the SDK in a directory needs, into `.venv`.
fn install(directory: &Path) -> anyhow::Result<()> {
    let venv = directory.join(".venv");
    // A file of the project may have the name of a module of Python's.
    const ISOLATED: &str = "-I";
    let mut create = Command::new("python3");
    run_to_end(create.args([ISOLATED, "-m", "venv", "--clear"]).arg(&venv), MISSING)?;
    let mut pip = Command::new(venv.join("bin/python"));
    pip.args([ISOLATED, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]);
    run_to_end(pip.arg(directory.join(SDK).join("requirements.txt")), MISSING)
}

/// Returns the directory with the SDK and its tools, which it fills if nobody has.
fn toolbox() -> anyhow::Result<PathBuf> {
    Toolbox::of(Language::Python)?.filled("the tools that build guests in Python", install)
}
