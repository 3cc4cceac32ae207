//! Where a guest's bytes come from: one enum, one way to load.

use std::{
    fmt,
    fs::{self, File},
    io,
    os::fd::AsRawFd as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use cap_std::{ambient_authority, fs::Dir};

use crate::{
    digest::Digest,
    failure::{ErrorType, Failure},
};

/// How long a handler's name may be, in bytes.
const NAME_LIMIT_BYTES: usize = 1024;

/// The references that a later version will follow.
const REMOTE: &[&str] = &["s3://", "https://", "http://", "oci://"];

/// The endings of a guest's two files.
const WASM: &str = "wasm";
/// That of the one that was compiled ahead of time.
pub const CWASM: &str = "cwasm";

/// Where a guest's bytes come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// A file in the task root, by its path there.
    TaskRoot {
        /// The task root.
        root: TaskRoot,
        /// The path in it: of a `.wasm` file, or of a `.cwasm` file that may have its `.wasm` beside it.
        path: PathBuf,
    },
    /// A `.wasm` file anywhere.
    File(PathBuf),
}

/// What a source has of a guest.
pub enum Artifact {
    /// What its own build wrote.
    Wasm(Wasm),
    /// What `guesthouse compile` made of that, or why it can't be opened, and the other if it is there, too.
    Precompiled(Result<Precompiled, Failure>, Option<Wasm>),
}

/// A `.wasm` file.
pub struct Wasm {
    /// Its content.
    pub bytes: Vec<u8>,
    /// Their digest.
    pub digest: Digest,
}

/// A `.cwasm` file, which is not read but mapped.
pub struct Precompiled {
    /// Opened for reading.
    pub file: File,
    /// Where it is, symbolic links followed.
    pub path: PathBuf,
}

impl Source {
    /// Understands a handler's value: the name of a guest in the task root, or a reference. `written` is the handler's
    /// `source` in the settings, which wins.
    ///
    /// # Errors
    /// [`ErrorType::Config`] for what is neither, or a reference to a source this version does not know.
    pub fn parse(handler: &str, written: Option<&str>, root: &TaskRoot) -> Result<Self, Failure> {
        let reference = written.unwrap_or(handler);
        if let Some(path) = reference.strip_prefix("file://") {
            return match Path::new(path).is_absolute() && !path.contains('\0') {
                true => Ok(Self::File(PathBuf::from(path))),
                false => Err(unusable(reference, "a `file://` reference needs an absolute path")
                    .hint("write three slashes, as in `file:///mnt/efs/hello.wasm`")),
            };
        }
        if let Some(scheme) = REMOTE.iter().find(|scheme| reference.starts_with(**scheme)) {
            return Err(unusable(reference, format!("this version can't load from `{scheme}` yet"))
                .hint("put the guest into the task root, or name a file with `file://`"));
        }
        check_name(reference)?;
        let path = match written {
            Some(path) => path.to_owned(),
            None => format!("{handler}.{CWASM}"),
        };
        Ok(Self::TaskRoot { root: root.clone(), path: PathBuf::from(path) })
    }

    /// Fetches the artifact.
    ///
    /// # Errors
    /// [`ErrorType::GuestNotFound`] with what there is instead, [`ErrorType::SourceUnavailable`] for a file that is
    /// there and can't be read, [`ErrorType::Untrusted`] for machine code outside the task root.
    pub fn load(&self) -> Result<Artifact, Failure> {
        let bytes = match self {
            Self::TaskRoot { root, path } if has_ending(path, CWASM) => return self.load_precompiled(root, path),
            Self::TaskRoot { root, path } => {
                root.dir.read(path).map_err(|error| unreadable(self, &error, Some(root)))?
            }
            Self::File(path) if has_ending(path, CWASM) => return Err(untrusted(path, "it is outside the task root")),
            Self::File(path) => fs::read(path).map_err(|error| unreadable(self, &error, None))?,
        };
        Ok(Artifact::Wasm(Wasm::new(bytes)))
    }

    fn load_precompiled(&self, root: &TaskRoot, path: &Path) -> Result<Artifact, Failure> {
        let precompiled = root.open_file(path).map_err(|error| unreadable(self, &error, Some(root)));
        let wasm = path.with_extension(WASM);
        match (root.dir.read(&wasm), precompiled.transpose()) {
            (Ok(bytes), None) => Ok(Artifact::Wasm(Wasm::new(bytes))),
            (Ok(bytes), Some(precompiled)) => Ok(Artifact::Precompiled(precompiled, Some(Wasm::new(bytes)))),
            (Err(_), Some(precompiled)) => Ok(Artifact::Precompiled(precompiled, None)),
            (Err(error), None) => {
                let source = Self::TaskRoot { root: root.clone(), path: wasm };
                Err(unreadable(&source, &error, Some(root)))
            }
        }
    }
}

impl Wasm {
    fn new(bytes: Vec<u8>) -> Self {
        Self { digest: Digest::of(&bytes), bytes }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TaskRoot { root, path } => write!(f, "{}", root.path.join(path).display()),
            Self::File(path) => write!(f, "file://{}", path.display()),
        }
    }
}

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
        match self.dir.read_to_string(path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// `None` when there is no such file.
    fn open_file(&self, path: &Path) -> io::Result<Option<Precompiled>> {
        let file = match self.dir.open(path) {
            Ok(file) => file.into_std(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        // The system's word for where this very file is, whatever led to it.
        let path = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()));
        let path = path.map_err(|error| io::Error::other(format!("`/proc` does not tell where it is: {error}")))?;
        Ok(Some(Precompiled { file, path }))
    }
}

fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|extension| extension == ending)
}

/// Machine code is only taken from where nobody but the function's owner writes.
pub fn untrusted(path: &Path, reason: &str) -> Failure {
    Failure::new(ErrorType::Untrusted, format!("the machine code `{}` is not trusted: {reason}", path.display()))
        .hint("deploy it in the task root, where nobody can write, or name the `.wasm` file, which is compiled")
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

/// Refuses what can't be the name of a guest. That it stays inside the task root is up to `cap-std`; this is for the
/// message.
fn check_name(name: &str) -> Result<(), Failure> {
    let problem = if name.len() > NAME_LIMIT_BYTES {
        "it is too long"
    } else if name.contains('\0') {
        "it contains a NUL"
    } else if name.starts_with('/') {
        "it is an absolute path"
    } else if name.split('/').any(|part| part == "..") {
        "it leads out of the task root"
    } else if name.split('/').any(|part| part.is_empty() || part == ".") {
        "a part of it is empty or `.`"
    } else {
        return Ok(());
    };
    Err(unusable(name, problem)
        .hint("name a guest relative to the task root, as `billing/refund`, or write `file:///…`"))
}

fn unusable(reference: &str, problem: impl fmt::Display) -> Failure {
    let shown: String = reference.chars().take(200).flat_map(char::escape_default).collect();
    Failure::new(ErrorType::Config, format!("the handler `{shown}` can't be used: {problem}"))
}

fn unreadable(source: &Source, error: &io::Error, root: Option<&TaskRoot>) -> Failure {
    let failure = match error.kind() {
        io::ErrorKind::NotFound => Failure::new(ErrorType::GuestNotFound, format!("no such guest: `{source}`")),
        // This is how `cap-std` refuses a link that leads out.
        io::ErrorKind::PermissionDenied => {
            Failure::new(ErrorType::GuestNotFound, format!("the guest `{source}` can't be opened: {error}"))
        }
        _ => Failure::new(ErrorType::SourceUnavailable, format!("the guest `{source}` can't be read: {error}")),
    };
    match root {
        // The name was given with its ending, to which another was added.
        Some(root) if [".wasm.wasm", ".cwasm.wasm"].iter().any(|twice| source.to_string().ends_with(twice)) => {
            failure.hint(format!("name it without its ending: {}", root.say_guests()))
        }
        Some(root) => failure.hint(root.say_guests()),
        None => failure.hint("check the path, and that the file is readable for all users"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(handler: &str) -> Result<Source, Failure> {
        let folder = tempfile::tempdir().unwrap();
        Source::parse(handler, None, &TaskRoot::open(folder.path()).unwrap())
    }

    #[test]
    fn names_stay_in_the_task_root() {
        for name in ["../x", "a/../../x", "/etc/passwd", "a\0b", "", "a//b", "./a", &"x".repeat(4096)] {
            assert_eq!(parse(name).unwrap_err().error_type, ErrorType::Config, "{name:?}");
        }
        assert!(
            matches!(parse("billing/refund"), Ok(Source::TaskRoot { path, .. }) if path == Path::new("billing/refund.cwasm"))
        );
    }

    #[test]
    fn remote_references_are_refused_with_what_to_do() {
        for reference in
            ["s3://bucket/key.wasm", "https://host/x.wasm", "http://127.0.0.1/x", "oci://registry/repo:tag"]
        {
            let failure = parse(reference).unwrap_err();
            assert_eq!(failure.error_type, ErrorType::Config);
            assert!(failure.message.contains("hint: "), "{failure}");
        }
    }

    #[test]
    fn a_link_that_leads_out_is_not_followed_and_one_that_stays_is() {
        let (outside, inside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(outside.path().join("secret.wasm"), "secret").unwrap();
        fs::write(inside.path().join("real.wasm"), "real").unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret.wasm"), inside.path().join("out.wasm")).unwrap();
        std::os::unix::fs::symlink("real.wasm", inside.path().join("alias.wasm")).unwrap();
        let root = TaskRoot::open(inside.path()).unwrap();
        let load = |name| Source::parse(name, None, &root).unwrap().load();
        assert_eq!(load("out").err().unwrap().error_type, ErrorType::GuestNotFound);
        assert!(matches!(load("alias"), Ok(Artifact::Wasm(wasm)) if wasm.bytes == b"real"));
    }

    #[test]
    fn a_missing_guest_is_reported_with_those_that_exist() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("billing")).unwrap();
        for name in ["hello.wasm", "billing/refund.wasm", "readme.txt"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let root = TaskRoot::open(folder.path()).unwrap();
        let failure = Source::parse("helo", None, &root).unwrap().load().err().unwrap();
        assert_eq!(failure.error_type, ErrorType::GuestNotFound);
        assert!(failure.message.ends_with("holds `billing/refund`, `hello`"), "{failure}");
    }
}
