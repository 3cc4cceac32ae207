//! The guests that a folder or a file gives to the local Lambda.

use std::path::{Path, PathBuf};

use crate::{
    config::{self, Settings},
    failure::{ErrorType, Failure},
    source::{Source, TaskRoot},
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
/// beside it.
///
/// # Errors
/// When there is nothing to serve, or the settings can't be used.
pub fn find(path: &Path) -> Result<Vec<Found>, Failure> {
    if path.is_dir() { in_folder(path) } else { alone(path).map(|found| vec![found]) }
}

fn in_folder(path: &Path) -> Result<Vec<Found>, Failure> {
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
    if names.is_empty() {
        let hint =
            "build one with `cargo build --release --target wasm32-wasip2`, and name the folder with the `.wasm` file";
        return Err(Failure::new(ErrorType::GuestNotFound, format!("`{}` holds no guests", path.display())).hint(hint));
    }
    let found = names.into_iter().map(|name| {
        let settings = sections.remove(&name).unwrap_or_default();
        let source = Source::parse(&name, settings.source.as_deref(), &root);
        Found { name, source, settings }
    });
    Ok(found.collect())
}

fn alone(path: &Path) -> Result<Found, Failure> {
    let missing = |reason: &str| {
        Failure::new(ErrorType::GuestNotFound, format!("no such guest: `{}`{reason}", path.display()))
            .hint("name a `.wasm` file that a build wrote; to serve, a folder of them will do too")
    };
    let absolute = path.canonicalize().map_err(|_| missing(""))?;
    let name = path.file_stem().and_then(|name| name.to_str()).ok_or_else(|| missing(", which has no name"))?;
    let folder = absolute.parent().ok_or_else(|| missing(""))?;
    let root = TaskRoot::open(folder)?;
    let settings = config::read_settings(&root)?.remove(name).unwrap_or_default();
    let file = absolute.file_name().map(PathBuf::from).ok_or_else(|| missing(", which has no name"))?;
    Ok(Found { name: name.to_owned(), source: Ok(Source::TaskRoot { root, path: file }), settings })
}
