//! This module finds the settings of guests that are packaged or deployed.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use guesthouse::{
    config::{self, Settings},
    source::TaskRoot,
};

/// The name of the file.
pub const NAME: &str = "guesthouse.toml";

/// A `guesthouse.toml`.
pub struct SettingsFile {
    pub text: String,
    /// The settings of each handler.
    pub handlers: BTreeMap<String, Settings>,
}

impl SettingsFile {
    /// Returns the file beside the guests, else that of the current directory, or `None` if there is none.
    ///
    /// # Errors
    /// Fails with the remedy if a file is not valid, or if the guests have different ones.
    pub fn of(guests: &[PathBuf]) -> anyhow::Result<Option<Self>> {
        let mut found: Option<(&Path, Self)> = None;
        for directory in guests.iter().map(|guest| directory_of(guest)) {
            let Some(read) = Self::in_directory(directory)? else { continue };
            match &found {
                Some((other, file)) if file.text != read.text => bail!(
                    "`{}` and `{}` differ, and a package has one\nhint: put the guests into one directory",
                    other.join(NAME).display(),
                    directory.join(NAME).display()
                ),
                Some(_) => {}
                None => found = Some((directory, read)),
            }
        }
        match found {
            Some((_, file)) => Ok(Some(file)),
            None => Self::in_directory(Path::new(".")),
        }
    }

    fn in_directory(directory: &Path) -> anyhow::Result<Option<Self>> {
        let root = TaskRoot::open(directory)?;
        let text = root.read_text(NAME);
        let Some(text) = text.with_context(|| format!("can't read `{}`", directory.join(NAME).display()))? else {
            return Ok(None);
        };
        Ok(Some(Self { text, handlers: config::read_settings(&root)? }))
    }
}

/// Returns the directory that a file is in.
pub fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}
