//! Where a guest's bytes come from: one enum, one way to look.

mod access;
mod artifact;
mod local;
#[cfg(feature = "https")]
mod remote;
mod task_root;

use std::{
    fmt,
    path::{Path, PathBuf},
    time::Instant,
};

#[cfg(feature = "cli")]
pub use self::remote::upload;
pub use self::{
    access::RemoteAccess,
    artifact::{Artifact, Blob, Content, Look, Mark, Precompiled, Version, is_machine_code},
    task_root::TaskRoot,
};
use crate::failure::{ErrorType, Failure};

/// How long a handler's name may be, in bytes.
const NAME_LIMIT_BYTES: usize = 1024;

/// The endings of a guest's two files.
const WASM: &str = "wasm";
/// That of the one that was compiled ahead of time.
pub const CWASM: &str = "cwasm";

/// What a failure says of a source that may be there the next time. What follows, in which way and how often it was tried, is another each
/// time.
pub const UNREACHABLE: &str = "can't be reached";

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
    /// A file anywhere.
    File(PathBuf),
    /// Beyond this machine.
    #[cfg(feature = "https")]
    Remote(remote::Remote),
}

/// What a look is to bring, and what it may cost.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The most, in bytes, that an artifact from outside the task root may have.
    pub limit_bytes: u64,
    /// Its signature, too.
    pub signature: bool,
    /// Machine code that does not change when its file is written to.
    pub apart: bool,
    /// When it is to be over.
    pub stop: Instant,
    /// How often something that may pass is tried before that.
    pub attempts: u32,
}

impl Source {
    /// Understands a handler's value: the name of a guest in the task root, or a reference. `written` is the handler's
    /// `source` in the settings, which wins.
    ///
    /// # Errors
    /// [`ErrorType::Config`] for what is neither, or a reference to a source that this build does not know.
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
                false => Err(unusable(reference, "a `file://` reference needs an absolute path")
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
        Err(not_built(scheme, reference))
    }

    /// Fetches the artifact, unless it is the one of the version that is `known`.
    ///
    /// # Errors
    /// [`ErrorType::GuestNotFound`] with what there is instead, [`ErrorType::SourceUnavailable`] for what is there, or should be, and
    /// can't be had, [`ErrorType::InvalidGuest`] for what is too large, [`ErrorType::Untrusted`] for machine code outside the task root
    /// where no key is trusted.
    pub async fn look(&self, known: Option<&Version>, wanted: &Wanted) -> Result<Look, Failure> {
        match self {
            Self::TaskRoot { root, path } => local::look_in(root, path, known, wanted).await,
            Self::File(path) => local::look_at(path, known, wanted).await,
            #[cfg(feature = "https")]
            Self::Remote(remote) => remote.look(known, wanted).await,
        }
    }

    /// Whether it is where only the function's owner writes.
    pub fn is_task_root(&self) -> bool {
        matches!(self, Self::TaskRoot { .. })
    }

    /// Whether it is on this machine.
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

/// Machine code is only taken from where nobody but the function's owner writes, or with a signature of theirs.
pub fn untrusted(place: &str, reason: &str) -> Failure {
    Failure::new(ErrorType::Untrusted, format!("the machine code `{place}` is not trusted: {reason}")).hint(
        "deploy it in the task root, where nobody can write, or sign it and set `GUESTHOUSE_TRUSTED_KEYS`, or name the `.wasm` file, \
         which is compiled",
    )
}

/// Nothing says who made it.
pub fn untrusted_without_key(place: &str) -> Failure {
    untrusted(place, "it is outside the task root, and no key is trusted")
}

fn too_large(place: &str, limit_bytes: u64) -> Failure {
    Failure::new(ErrorType::InvalidGuest, format!("the guest `{place}` is larger than {limit_bytes} bytes"))
        .hint("raise `artifact_limit` in the settings if it is to be that large")
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
    // What may be a secret is left out.
    let reference = reference.split('?').next().unwrap_or_default();
    let reference = match reference.split_once("://").zip(reference.rsplit_once('@')) {
        Some(((scheme, _), (_, rest))) if scheme.starts_with("http") => format!("{scheme}://{rest}"),
        _ => reference.to_owned(),
    };
    let shown: String = reference.chars().take(200).flat_map(char::escape_default).collect();
    Failure::new(ErrorType::Config, format!("the handler `{shown}` can't be used: {problem}"))
}

/// A scheme that no build knows, or that this one was built without.
fn not_built(scheme: &str, reference: &str) -> Failure {
    const KNOWN: &[&str] = &["s3", "https", "oci"];
    match KNOWN.contains(&scheme) || scheme == "http" {
        true => unusable(reference, format!("this host was built without `{scheme}://`")).hint(format!(
            "build it with the feature `{}`, as it is by default",
            if scheme == "http" { "https" } else { scheme }
        )),
        false => unusable(reference, format!("`{}` is no source", scheme.escape_default()))
            .hint("write `file://`, `s3://`, `https://` or `oci://`, or the name of a guest in the task root"),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, time::Duration};

    use super::*;

    fn parse_in(root: &TaskRoot, handler: &str) -> Result<Source, Failure> {
        Source::parse(handler, None, root, &RemoteAccess::default())
    }

    fn parse(handler: &str) -> Result<Source, Failure> {
        parse_in(&TaskRoot::open(tempfile::tempdir().unwrap().path()).unwrap(), handler)
    }

    async fn load(root: &TaskRoot, handler: &str) -> Result<Artifact, Failure> {
        let stop = Instant::now() + Duration::from_secs(10);
        let wanted = Wanted { limit_bytes: 1024, signature: false, apart: false, stop, attempts: 1 };
        match parse_in(root, handler)?.look(None, &wanted).await? {
            Look::Found(artifact) => Ok(*artifact),
            Look::Refused(_, failure) => Err(*failure),
            Look::Unchanged => panic!("nothing was known"),
        }
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
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("billing")).unwrap();
        for name in ["hello.wasm", "billing/refund.wasm", "readme.txt"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let failure = load(&TaskRoot::open(folder.path()).unwrap(), "helo").await.err().unwrap();
        assert_eq!(failure.error_type, ErrorType::GuestNotFound);
        assert!(failure.message.ends_with("holds `billing/refund`, `hello`"), "{failure}");
    }

    #[test]
    fn an_unknown_scheme_is_refused_with_those_that_are_known() {
        for reference in ["ftp://host/x.wasm", "file://relative.wasm"] {
            let failure = parse(reference).unwrap_err();
            assert!(failure.error_type == ErrorType::Config && failure.message.contains("hint: write "), "{failure}");
        }
    }
}
