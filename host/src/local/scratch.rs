//! Folders that stand for `/tmp`, and are removed with all that guests left in them.

use std::{fs, io, path::Path, thread::sleep, time::Duration};

use tempfile::TempDir;
use tracing::warn;

use crate::failure::{ErrorType, Failure};

/// A guest that could not be stopped may still write while its folder is removed: it is tried again this often, after a while.
const ATTEMPTS: usize = 10;
const PAUSE: Duration = Duration::from_millis(50);

/// A folder that is removed when this is dropped.
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

    /// Makes one in another. It is not named by the function: a function's name may be a path.
    ///
    /// # Errors
    /// [`ErrorType::Config`] when it can't be made.
    pub fn below(parent: &Self) -> Result<Self, Failure> {
        let folder = tempfile::tempdir_in(parent.path());
        folder.map(Self).map_err(|error| cannot_make(parent.path(), &error))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Removes it now. If it can't be removed, a warning says so.
    pub fn remove(&self) {
        let path = self.path();
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

impl Drop for Scratch {
    fn drop(&mut self) {
        self.remove();
        self.0.disable_cleanup(true);
    }
}

fn cannot_make(parent: &Path, error: &io::Error) -> Failure {
    Failure::new(ErrorType::Config, format!("can't make a folder in `{}`: {error}", parent.display()))
        .hint("check that there is room, and that the folder can be written")
}
