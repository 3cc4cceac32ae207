//! This module reads the task root: the directory that holds the function's guests.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use cap_std::{
    ambient_authority,
    fs::{Dir, OpenOptions, OpenOptionsExt as _},
};

use super::file_names::{CWASM, WASM};
use crate::{
    failure::{ErrorType, Failure},
    files,
};

/// The maximum depth of a guest below the task root, in directories.
const DIRECTORY_DEPTH: usize = 4;

/// The maximum number of guests that an error message lists.
const LISTED_GUESTS: usize = 20;

/// `TaskRoot` is the directory that holds the function's guests. Nothing outside it can be reached through this type:
/// `cap-std` resolves the paths, and refuses `..`, absolute paths and symbolic links that lead out.
#[derive(Debug, Clone)]
pub struct TaskRoot {
    dir: Arc<Dir>,
    path: PathBuf,
}

impl TaskRoot {
    /// Opens the task root.
    ///
    /// # Errors
    /// [`ErrorType::Config`] if the directory can't be opened.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let dir = Dir::open_ambient_dir(path, ambient_authority()).map_err(|error| {
            Failure::new(ErrorType::Config, format!("can't open the task root `{}`: {error}", path.display()))
                .hint("set `LAMBDA_TASK_ROOT` to the directory with the guests")
        })?;
        Ok(Self { dir: Arc::new(dir), path: path.to_owned() })
    }

    /// Returns the names of the guests, sorted.
    pub fn guests(&self) -> Vec<String> {
        let mut names = Vec::new();
        collect_guests(&self.dir, "", &mut names, DIRECTORY_DEPTH);
        names.sort_unstable();
        // A guest may have both a `.wasm` and a `.cwasm` file.
        names.dedup();
        names
    }

    /// Returns a sentence that lists the guests, for error messages.
    pub fn describe_guests(&self) -> String {
        let guests = self.guests();
        let mut listed: Vec<String> = guests.iter().take(LISTED_GUESTS).map(|name| format!("`{name}`")).collect();
        if guests.len() > LISTED_GUESTS {
            listed.push(format!("{} more", guests.len() - LISTED_GUESTS));
        }
        match listed.is_empty() {
            true => format!("`{}` holds no guests", self.path.display()),
            false => format!("`{}` holds {}", self.path.display(), listed.join(", ")),
        }
    }

    /// Reads a text file of the task root. Returns `None` if there is no such file.
    ///
    /// # Errors
    /// If the file exists but can't be read, or is not UTF-8.
    pub fn read_text(&self, path: &str) -> io::Result<Option<String>> {
        let Some(file) = self.open_file(Path::new(path))? else { return Ok(None) };
        files::read_from(&file, files::TEXT_LIMIT_BYTES).and_then(files::text).map(Some)
    }

    /// Opens a file of the task root. Returns `None` if there is no such file.
    pub(super) fn open_file(&self, path: &Path) -> io::Result<Option<File>> {
        match self.dir.open_with(path, OpenOptions::new().read(true).custom_flags(files::OPEN_FLAGS)) {
            Ok(file) => files::only_file(file.into_std()).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns the path by which the task root was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Adds the names of the guests in a directory, and in its subdirectories down to `depth`. Hidden entries and what
/// can't be read are skipped.
fn collect_guests(dir: &Dir, prefix: &str, names: &mut Vec<String>, depth: usize) {
    let Ok(entries) = dir.entries() else { return };
    for entry in entries.flatten() {
        // Other programs leave hidden files behind.
        let Some(name) = entry.file_name().into_string().ok().filter(|name| !name.starts_with('.')) else { continue };
        let Ok(kind) = entry.metadata().map(|metadata| metadata.file_type()) else { continue };
        if kind.is_dir() && depth > 0 {
            if let Ok(inner) = entry.open_dir() {
                collect_guests(&inner, &format!("{prefix}{name}/"), names, depth - 1);
            }
        } else if let Some((name, WASM | CWASM)) = name.rsplit_once('.').filter(|_| kind.is_file() || kind.is_symlink())
        {
            names.push(format!("{prefix}{name}"));
        }
    }
}
