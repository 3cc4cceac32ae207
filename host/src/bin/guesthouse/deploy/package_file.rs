//! This module makes the package of a function.

use std::path::Path;

use anyhow::bail;

use super::{read_zip, settings::Settings};

/// Returns the zip file that is deployed.
pub fn package(guest: &Path, _: &Settings, _: Option<&Path>) -> anyhow::Result<Vec<u8>> {
    if guest.extension().is_some_and(|ending| ending == "zip") {
        return read_zip(guest);
    }
    bail!("`{}` is not a package\nhint: name a zip file", guest.display())
}
