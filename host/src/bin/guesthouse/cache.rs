//! This module knows where the tool keeps what it can make again.

use std::path::{Path, PathBuf};

use guesthouse::config::EnvVars;

/// Returns the directory of this tool in the user's cache, if there is one: the XDG Base Directory Specification.
pub fn directory() -> Option<PathBuf> {
    let environment = EnvVars::of_process();
    let home = || environment.get("HOME").map(|home| Path::new(home).join(".cache"));
    // The specification has a relative path ignored. It would be in whatever project is built.
    let cache = environment.get("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute()).or_else(home);
    cache.map(|cache| cache.join("guesthouse"))
}
