//! This module finds the guests of the local Lambda in a directory or a file.

use std::path::{Path, PathBuf};

use crate::{
    config::{self, Settings},
    failure::Failure,
    source::{RemoteAccess, Source, TaskRoot},
};

/// Describes one guest to serve.
pub struct Found {
    /// The function's name.
    pub name: String,
    /// The guest's source, or the reason why the settings' source can't be used.
    pub source: Result<Source, Failure>,
    /// The guest's settings, from the settings file.
    pub settings: Settings,
}

/// Returns the guests of a directory, and those that its settings file names. If `path` is a file, it returns this one
/// guest, with the settings beside it. `access` is for remote sources.
///
/// # Errors
/// If the settings can't be used.
pub fn find(path: &Path, access: &RemoteAccess) -> Result<Vec<Found>, Failure> {
    if path.is_dir() { in_directory(path, access) } else { alone(path).map(|found| found.into_iter().collect()) }
}

fn in_directory(path: &Path, access: &RemoteAccess) -> Result<Vec<Found>, Failure> {
    let root = TaskRoot::open(path)?;
    let mut sections = config::read_settings(&root)?;
    let mut names = root.guests();
    // Cargo's output directory contains every guest a second time, in subdirectories and under other names.
    if path.join(".fingerprint").exists() {
        names.retain(|name| !name.contains('/'));
    }
    let named = sections.iter().filter(|(_, settings)| settings.source.is_some()).map(|(name, _)| name.clone());
    names.extend(named);
    names.sort_unstable();
    names.dedup();
    let found = names.into_iter().map(|name| {
        let settings = sections.remove(&name).unwrap_or_default();
        let source = Source::parse(&name, settings.source.as_deref(), &root, access);
        Found { name, source, settings }
    });
    Ok(found.collect())
}

/// Returns the guest in this file, or `None` if there is no such file.
fn alone(path: &Path) -> Result<Option<Found>, Failure> {
    let Ok(absolute) = path.canonicalize() else { return Ok(None) };
    let name = path.file_stem().and_then(|name| name.to_str());
    let (Some(name), Some(directory), Some(file)) = (name, absolute.parent(), absolute.file_name()) else {
        return Ok(None);
    };
    let root = TaskRoot::open(directory)?;
    let settings = config::read_settings(&root)?.remove(name).unwrap_or_default();
    Ok(Some(Found {
        name: name.to_owned(),
        source: Ok(Source::TaskRoot { root, path: PathBuf::from(file) }),
        settings,
    }))
}
