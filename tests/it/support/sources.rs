//! The host's source files, for tests that read them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::root;

/// A file of the host's.
pub struct Source {
    /// Relative to `host/src`.
    pub path: String,
    /// Without comments and without tests.
    pub code: String,
    /// The whole file.
    pub text: String,
}

/// Returns all files of `host/src`, without those that have only tests.
pub fn sources() -> Vec<Source> {
    let base = root().join("host/src");
    let mut sources = Vec::new();
    for file in files(&base) {
        let text = fs::read_to_string(&file).unwrap();
        let path = file.strip_prefix(&base).unwrap().to_str().unwrap().to_owned();
        if path.ends_with("tests.rs") {
            continue;
        }
        let before_tests = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        let code =
            before_tests.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        sources.push(Source { path, code, text });
    }
    assert!(sources.len() > 20);
    sources
}

/// Returns all files in the directory and below it.
pub fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
