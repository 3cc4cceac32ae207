//! The guests that a folder or a file gives to the local Lambda.

use std::path::{Path, PathBuf};

use crate::{
    config::{self, Settings},
    failure::Failure,
    source::{RemoteAccess, Source, TaskRoot},
};

/// One guest to serve.
pub struct Found {
    /// The function's name.
    pub name: String,
    /// Where its bytes come from, unless its settings name what can't be used.
    pub source: Result<Source, Failure>,
    /// What the settings' file says of it.
    pub settings: Settings,
}

/// The guests of a folder, and those that its settings' file names; or the one guest that a file is, with the settings
/// beside it. Remote sources are reached with this `access`.
///
/// # Errors
/// When the settings can't be used.
pub fn find(path: &Path, access: &RemoteAccess) -> Result<Vec<Found>, Failure> {
    if path.is_dir() { in_folder(path, access) } else { alone(path).map(|found| found.into_iter().collect()) }
}

fn in_folder(path: &Path, access: &RemoteAccess) -> Result<Vec<Found>, Failure> {
    let root = TaskRoot::open(path)?;
    let mut sections = config::read_settings(&root)?;
    let mut names = root.guests();
    // Cargo's output folder holds every guest a second time, in folders and under other names.
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

/// `None` where there is no such file.
fn alone(path: &Path) -> Result<Option<Found>, Failure> {
    let Ok(absolute) = path.canonicalize() else { return Ok(None) };
    let name = path.file_stem().and_then(|name| name.to_str());
    let (Some(name), Some(folder), Some(file)) = (name, absolute.parent(), absolute.file_name()) else {
        return Ok(None);
    };
    let root = TaskRoot::open(folder)?;
    let settings = config::read_settings(&root)?.remove(name).unwrap_or_default();
    Ok(Some(Found {
        name: name.to_owned(),
        source: Ok(Source::TaskRoot { root, path: PathBuf::from(file) }),
        settings,
    }))
}
