//! This module makes the package of a function, or takes one that was made.

use std::path::{Path, PathBuf};

use super::{read_zip, settings::Settings};
use crate::package::{Package, check_upload};

/// Returns the zip file that is deployed. It has no host if the function has a layer with one.
pub fn package(guest: &Path, settings: &Settings, bootstrap: Option<&Path>) -> anyhow::Result<Vec<u8>> {
    if guest.extension().is_some_and(|ending| ending == "zip") {
        return read_zip(guest);
    }
    let mut package = Package::of(&[PathBuf::from(guest)], settings.arch)?;
    if settings.layer.is_none() {
        package.add_bootstrap(bootstrap)?;
    }
    let zip = package.zip()?;
    check_upload(zip.len())?;
    Ok(zip)
}
