//! This module fetches guests from where they are stored: the task root, other files, HTTPS servers, S3 and OCI
//! registries.
//!
//! A [`Source`] is parsed from a handler's value. [`Source::fetch`] returns the artifact, unless the source still has
//! the revision that is already known.

mod access;
mod artifact;
mod errors;
mod file_names;
mod local;
mod options;
#[cfg(feature = "https")]
mod remote;
mod task_root;

use std::{
    fmt,
    path::{Path, PathBuf},
};

#[cfg(feature = "cli")]
pub use self::remote::{aws_api, upload};
pub use self::{
    access::RemoteAccess,
    artifact::{Artifact, Blob, Content, FetchOutcome, Precompiled, Revision, Validator, is_machine_code},
    errors::{untrusted, untrusted_without_key},
    file_names::CWASM,
    options::FetchOptions,
    task_root::TaskRoot,
};
use crate::failure::Failure;

/// Limits the length of a handler's name, in bytes.
const NAME_LIMIT_BYTES: usize = 1024;

/// A `Source` is the place where a guest's bytes come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// A file in the task root.
    TaskRoot {
        /// The task root.
        root: TaskRoot,
        /// The file's path in the task root: a `.wasm` file, or a `.cwasm` file that may have its `.wasm` file beside
        /// it.
        path: PathBuf,
    },
    /// A file elsewhere on this machine.
    File(PathBuf),
    /// A guest on another machine.
    #[cfg(feature = "https")]
    Remote(remote::Remote),
}

impl Source {
    /// Parses a handler's value: the name of a guest in the task root, or a reference. `written` is the handler's
    /// `source` in the settings, which takes precedence.
    ///
    /// # Errors
    /// [`ErrorType::Config`](crate::failure::ErrorType::Config) if the value is neither, or if it refers to a source
    /// that this build does not support.
    pub fn parse(
        handler: &str,
        written: Option<&str>,
        root: &TaskRoot,
        access: &RemoteAccess,
    ) -> Result<Self, Failure> {
        let reference = written.unwrap_or(handler);
        if let Some(path) = reference.strip_prefix("file://") {
            return match Path::new(path).is_absolute() && !path.contains('\0') {
                true => Ok(Self::File(PathBuf::from(path))),
                false => Err(errors::unusable(reference, "a `file://` reference needs an absolute path")
                    .hint("write three slashes, as in `file:///mnt/efs/hello.wasm`")),
            };
        }
        if let Some((scheme, _)) = reference.split_once("://") {
            return Self::parse_remote(scheme, reference, access);
        }
        check_name(reference)?;
        let path = match written {
            Some(path) => path.to_owned(),
            None => format!("{handler}.{CWASM}"),
        };
        Ok(Self::TaskRoot { root: root.clone(), path: PathBuf::from(path) })
    }

    #[cfg(feature = "https")]
    fn parse_remote(scheme: &str, reference: &str, access: &RemoteAccess) -> Result<Self, Failure> {
        remote::Remote::parse(scheme, reference, access).map(Self::Remote)
    }

    #[cfg(not(feature = "https"))]
    fn parse_remote(scheme: &str, reference: &str, _: &RemoteAccess) -> Result<Self, Failure> {
        Err(errors::not_built(scheme, reference))
    }

    /// Fetches the artifact, unless the source still has the revision that is `known`.
    ///
    /// # Errors
    /// [`GuestNotFound`](crate::failure::ErrorType::GuestNotFound) with the guests there are instead;
    /// [`SourceUnavailable`](crate::failure::ErrorType::SourceUnavailable) if the guest exists, or may exist, but can't
    /// be read; [`InvalidGuest`](crate::failure::ErrorType::InvalidGuest) if it is too large;
    /// [`Untrusted`](crate::failure::ErrorType::Untrusted) for machine code outside the task root if no key is trusted.
    pub async fn fetch(&self, known: Option<&Revision>, options: &FetchOptions) -> Result<FetchOutcome, Failure> {
        match self {
            Self::TaskRoot { root, path } => local::fetch_from_task_root(root, path, known, options).await,
            Self::File(path) => local::fetch_file(path, known, options).await,
            #[cfg(feature = "https")]
            Self::Remote(remote) => remote.fetch(known, options).await,
        }
    }

    /// Returns whether the guest is in the task root, where only the function's owner can write.
    pub fn is_task_root(&self) -> bool {
        matches!(self, Self::TaskRoot { .. })
    }

    /// Returns whether the guest is on this machine.
    pub fn is_local(&self) -> bool {
        matches!(self, Self::TaskRoot { .. } | Self::File(_))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TaskRoot { root, path } => write!(f, "{}", root.path().join(path).display()),
            Self::File(path) => write!(f, "file://{}", path.display()),
            #[cfg(feature = "https")]
            Self::Remote(remote) => remote.fmt(f),
        }
    }
}

/// Rejects what can't be the name of a guest. `cap-std` keeps all paths inside the task root; this check gives the
/// better message.
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
    Err(errors::unusable(name, problem)
        .hint("name a guest relative to the task root, as `billing/refund`, or write `file:///…`"))
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        time::{Duration, Instant},
    };

    use super::*;
    use crate::failure::ErrorType;

    fn parse_in(root: &TaskRoot, handler: &str) -> Result<Source, Failure> {
        Source::parse(handler, None, root, &RemoteAccess::default())
    }

    fn parse(handler: &str) -> Result<Source, Failure> {
        parse_in(&TaskRoot::open(tempfile::tempdir().unwrap().path()).unwrap(), handler)
    }

    async fn load(root: &TaskRoot, handler: &str) -> Result<Artifact, Failure> {
        let stop = Instant::now() + Duration::from_secs(10);
        let options = FetchOptions { limit_bytes: 1024, signature: false, snapshot: false, stop, attempts: 1 };
        match parse_in(root, handler)?.fetch(None, &options).await? {
            FetchOutcome::Fetched(artifact) => Ok(*artifact),
            FetchOutcome::Rejected(_, failure) => Err(*failure),
            FetchOutcome::NotModified => panic!("nothing was known"),
        }
    }

    #[test]
    fn names_stay_in_the_task_root() {
        for name in ["../x", "a/../../x", "/etc/passwd", "a\0b", "", "a//b", "./a", &"x".repeat(4096)] {
            assert_eq!(parse(name).unwrap_err().error_type, ErrorType::Config, "{name:?}");
        }
        let Ok(Source::TaskRoot { path, .. }) = parse("billing/refund") else { panic!("it is in the task root") };
        assert_eq!(path, Path::new("billing/refund.cwasm"));
    }

    #[tokio::test]
    async fn a_link_that_leads_out_is_not_followed_and_one_that_stays_is() {
        let (outside, inside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(outside.path().join("secret.wasm"), "secret").unwrap();
        fs::write(inside.path().join("real.wasm"), "real").unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret.wasm"), inside.path().join("out.wasm")).unwrap();
        std::os::unix::fs::symlink("real.wasm", inside.path().join("alias.wasm")).unwrap();
        let root = TaskRoot::open(inside.path()).unwrap();
        assert_eq!(load(&root, "out").await.err().unwrap().error_type, ErrorType::GuestNotFound);
        assert!(matches!(load(&root, "alias").await.unwrap().content, Content::Wasm(wasm) if wasm.bytes == b"real"));
    }

    #[tokio::test]
    async fn a_missing_guest_is_reported_with_those_that_exist() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("billing")).unwrap();
        for name in ["hello.wasm", "billing/refund.wasm", "readme.txt"] {
            fs::write(directory.path().join(name), "").unwrap();
        }
        let failure = load(&TaskRoot::open(directory.path()).unwrap(), "helo").await.err().unwrap();
        assert_eq!(failure.error_type, ErrorType::GuestNotFound);
        assert!(failure.text().ends_with("holds `billing/refund`, `hello`"), "{failure}");
    }

    #[test]
    fn an_unknown_scheme_is_rejected_with_those_that_are_known() {
        for reference in ["ftp://host/x.wasm", "file://relative.wasm"] {
            let failure = parse(reference).unwrap_err();
            assert!(failure.error_type == ErrorType::Config && failure.text().contains("hint: write "), "{failure}");
        }
    }
}
