//! The folder that holds the function's guests.

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

use super::{CWASM, WASM};
use crate::{
    failure::{ErrorType, Failure},
    files,
};

/// The folder that holds the function's guests. Nothing outside it can be reached through this type: paths are resolved
/// by `cap-std`, which refuses `..`, absolute paths and symbolic links that lead out.
#[derive(Debug, Clone)]
pub struct TaskRoot {
    dir: Arc<Dir>,
    path: PathBuf,
}

impl TaskRoot {
    /// # Errors
    /// [`ErrorType::Config`] when the folder can't be opened.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let dir = Dir::open_ambient_dir(path, ambient_authority()).map_err(|error| {
            Failure::new(ErrorType::Config, format!("can't open the task root `{}`: {error}", path.display()))
                .hint("set `LAMBDA_TASK_ROOT` to the folder with the guests")
        })?;
        Ok(Self { dir: Arc::new(dir), path: path.to_owned() })
    }

    /// The names of the guests, sorted.
    pub fn guests(&self) -> Vec<String> {
        let mut names = Vec::new();
        gather(&self.dir, "", &mut names, FOLDER_DEPTH);
        names.sort_unstable();
        // A guest may have both files.
        names.dedup();
        names
    }

    /// A sentence on the guests there are, for messages.
    pub fn say_guests(&self) -> String {
        const SHOWN: usize = 20;
        let guests = self.guests();
        let mut shown: Vec<String> = guests.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
        if guests.len() > SHOWN {
            shown.push(format!("{} more", guests.len() - SHOWN));
        }
        match shown.is_empty() {
            true => format!("`{}` holds no guests", self.path.display()),
            false => format!("`{}` holds {}", self.path.display(), shown.join(", ")),
        }
    }

    /// A text file of the task root; `None` when there is none.
    ///
    /// # Errors
    /// When the file is there and can't be read, or is not UTF-8.
    pub fn read_text(&self, path: &str) -> io::Result<Option<String>> {
        let Some(file) = self.open_file(Path::new(path))? else { return Ok(None) };
        files::read_from(&file, files::TEXT_LIMIT_BYTES).and_then(files::text).map(Some)
    }

    /// `None` when there is no such file.
    pub(super) fn open_file(&self, path: &Path) -> io::Result<Option<File>> {
        match self.dir.open_with(path, OpenOptions::new().read(true).custom_flags(files::OPEN_FLAGS)) {
            Ok(file) => files::only_file(file.into_std()).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Where it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// How deep guests are looked for, in folders.
const FOLDER_DEPTH: usize = 4;

fn gather(dir: &Dir, prefix: &str, names: &mut Vec<String>, depth: usize) {
    let Ok(entries) = dir.entries() else { return };
    for entry in entries.flatten() {
        // What is hidden is left behind by something else.
        let Some(name) = entry.file_name().into_string().ok().filter(|name| !name.starts_with('.')) else { continue };
        let Ok(kind) = entry.metadata().map(|metadata| metadata.file_type()) else { continue };
        if kind.is_dir() && depth > 0 {
            if let Ok(inner) = entry.open_dir() {
                gather(&inner, &format!("{prefix}{name}/"), names, depth - 1);
            }
        } else if let Some((name, WASM | CWASM)) = name.rsplit_once('.').filter(|_| kind.is_file() || kind.is_symlink())
        {
            names.push(format!("{prefix}{name}"));
        }
    }
}
