//! Folders that stand for `/tmp`, and are removed with all that guests left in them.

use std::{fs, io, path::Path, thread::sleep, time::Duration};

use tempfile::TempDir;
use tracing::warn;

use crate::failure::{ErrorType, Failure};

/// A guest that could not be stopped may still write while its folder is removed: it is tried again this often, after a while.
const ATTEMPTS: usize = 10;
const PAUSE: Duration = Duration::from_millis(50);

/// The folder that functions have theirs in.
#[derive(Debug)]
pub struct Scratch(TempDir);

impl Scratch {
    /// Makes one where the system keeps such folders.
    ///
    /// # Errors
    /// [`ErrorType::Config`] when it can't be made.
    pub fn new() -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("guesthouse-").tempdir();
        folder.map(Self).map_err(|error| cannot_make(Path::new("$TMPDIR"), &error))
    }

    /// A function's own folder in it. It is not named by the function: a function's name may be a path.
    ///
    /// # Errors
    /// [`ErrorType::Config`] when it can't be made.
    pub fn folder(&self) -> Result<TempDir, Failure> {
        tempfile::tempdir_in(self.0.path()).map_err(|error| cannot_make(self.0.path(), &error))
    }

    /// Removes it now. If it can't be removed, a warning says so.
    pub fn remove(&self) {
        let path = self.0.path();
        for attempt in 1..=ATTEMPTS {
            match fs::remove_dir_all(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => match attempt {
                    ATTEMPTS => warn!(
                        "what guests left in `{}` can't be removed: {error}\nhint: remove the folder yourself",
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
    Failure::new(ErrorType::Config, format!("can't make a folder in `{}`: {error}", parent.display()))
        .hint("check that there is room, and that the folder can be written")
}
