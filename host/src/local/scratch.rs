//! This module makes the directories that guests see as `/tmp`, and removes them with all that guests left in them.

use std::{fs, io, path::Path, thread::sleep, time::Duration};

use tempfile::TempDir;
use tracing::warn;

use crate::failure::{ErrorType, Failure};

/// The number of attempts to remove a directory. A guest that could not be stopped may still write to it.
const ATTEMPTS: usize = 10;

/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(50);

/// A `Scratch` is the directory that contains the functions' own directories.
#[derive(Debug)]
pub struct Scratch(TempDir);

impl Scratch {
    /// Makes the directory where the system has its temporary files.
    ///
    /// # Errors
    /// [`ErrorType::Config`] if it can't be made.
    pub fn new() -> Result<Self, Failure> {
        let directory = tempfile::Builder::new().prefix("guesthouse-").tempdir();
        directory.map(Self).map_err(|error| cannot_make(Path::new("$TMPDIR"), &error))
    }

    /// Makes a directory in it for one function. It is not named after the function, whose name may be a path.
    ///
    /// # Errors
    /// [`ErrorType::Config`] if it can't be made.
    pub fn directory(&self) -> Result<TempDir, Failure> {
        tempfile::tempdir_in(self.0.path()).map_err(|error| cannot_make(self.0.path(), &error))
    }

    /// Removes the directory now. If that fails, a warning is logged.
    pub fn remove(&self) {
        let path = self.0.path();
        for attempt in 1..=ATTEMPTS {
            match fs::remove_dir_all(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => match attempt {
                    ATTEMPTS => warn!(
                        "what guests left in `{}` can't be removed: {error}\nhint: remove the directory yourself",
                        path.display()
                    ),
                    _ => sleep(PAUSE),
                },
                _ => return,
            }
        }
    }
}

fn cannot_make(parent: &Path, error: &io::Error) -> Failure {
    Failure::new(ErrorType::Config, format!("can't make a directory in `{}`: {error}", parent.display()))
        .hint("check that there is room, and that the directory can be written")
}
