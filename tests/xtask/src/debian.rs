//! Debian's packages: what is missing is installed, and nothing else.

use std::{path::Path, process::Command};

use crate::{Result, say};

/// A program, by its name, or a file, by its path; and the package that has it.
pub type Need = (&'static str, &'static str);

/// Installs the packages of what is not there. `what` says what all of it is for.
///
/// # Errors
/// Where that needs root, or where the package manager refuses; with what it says.
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

/// Installs packages, in which there is what is `missing` of what is needed for `what`.
///
/// # Errors
/// Where that needs root, or where the package manager refuses; with what it says.
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
    // A list that can't be had may be one that is not needed.
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
    std::env::split_paths(&path()).any(|folder| folder.join(file).exists())
}

/// Where programs are: Debian's folders of programs for root are not in everybody's path, nor is Go's own.
pub fn path() -> String {
    format!("{}:/usr/sbin:/sbin:/usr/local/go/bin", std::env::var("PATH").unwrap_or_default())
}

fn is_root() -> Result<bool> {
    let output = Command::new("id").arg("-u").output().map_err(|error| format!("can't run `id`: {error}"))?;
    Ok(output.stdout.trim_ascii() == b"0")
}

/// Quiet, unless it fails.
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
