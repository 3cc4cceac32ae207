//! This module describes artifacts, and the revisions by which a newer artifact is recognized.
//!
//! # Revisions
//!
//! A [`Revision`] identifies an artifact without reading it. Which of its validators are set depends on the source:
//!
//! | source | `artifact` | `companion` | `pending_signature`, if signatures are required |
//! | --- | --- | --- | --- |
//! | task root, `.wasm` file | the file | – | – |
//! | task root, `.cwasm` file | the file | the `.wasm` file beside it | – |
//! | a file elsewhere | the file | the `.minisig` file beside it | – |
//! | HTTPS | `ETag` and `Last-Modified` | – | the `.minisig` file beside it |
//! | S3 | `ETag` and version ID | – | the `.minisig` object beside it |
//! | OCI registry | the digest of the manifest, which may contain the signature | – | `Missing`, if the manifest contains none |
//!
//! One fetch compares the artifact and its companion. A pending signature is compared by a request of its own. The
//! registry clears it when another signature would make no difference: the artifact serves, or was rejected for another
//! reason than its signature.
//!
//! See docs/decisions/15-unchanged.md.

use std::{
    fs::{File, Metadata},
    io,
    os::{fd::AsRawFd as _, unix::fs::MetadataExt as _},
    path::PathBuf,
    time::{Duration, SystemTime},
};

use rustix::fs::{SealFlags, fcntl_add_seals};

use super::errors::REPLACE_BY_RENAME;
use crate::{
    digest::Digest,
    failure::{ErrorType, Failure},
    memory_file::memory_file,
};

/// A `FetchOutcome` is the result of a fetch.
pub enum FetchOutcome {
    /// The source still has the known revision.
    NotModified,
    /// The source may have a newer artifact.
    Fetched(Box<Artifact>),
    /// The source has a newer revision that is rejected without regard to its content. It need not be fetched again.
    Rejected(Box<Revision>, Box<Failure>),
}

/// An `Artifact` is what a source has of a guest.
pub struct Artifact {
    /// The guest.
    pub content: Content,
    /// The revision by which the next fetch recognizes a newer artifact.
    pub revision: Revision,
    /// The content's signature, if one was requested and there is one: the text of a `.minisig` file.
    pub signature: Option<String>,
}

/// `Content` is a guest in the form in which its source has it.
pub enum Content {
    /// A wasm file, or a file that claims to be one.
    Wasm(Blob),
    /// Machine code from outside the task root: the output of `guesthouse compile`, or a file that claims to be that.
    MachineCode(Blob),
    /// A `.cwasm` file in the task root, or why it can't be opened, and the `.wasm` file beside it, if there is one.
    Precompiled(Result<Precompiled, Failure>, Option<Blob>),
}

/// A `Blob` holds bytes and their digest.
pub struct Blob {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The digest of the bytes.
    pub digest: Digest,
}

/// `Precompiled` is a `.cwasm` file. It is not read but mapped.
pub struct Precompiled {
    /// The file, opened for reading.
    pub file: File,
    /// The path of the file, without symbolic links.
    pub path: PathBuf,
}

/// A `Revision` identifies an artifact without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// The validator of the artifact itself.
    pub artifact: Validator,
    /// The validator of the file beside the artifact that belongs to it, if one fetch compares both.
    pub companion: Option<Validator>,
    /// The validator of the detached signature, while the artifact is unsigned or wrongly signed: if the artifact is
    /// unchanged, only the signature is polled.
    pub pending_signature: Option<Validator>,
}

/// A `Validator` identifies the content of a file, object or manifest without reading it. Source of the term: RFC 9110,
/// section 8.8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Validator {
    /// There is no such file or object.
    Missing,
    /// The fingerprint of a file.
    File(FileFingerprint),
    /// The validators of an HTTP server's resource or of an S3 object. If a server sends neither, everything is fetched
    /// each time.
    Http {
        /// The header `ETag`, with its quotes.
        etag: Option<String>,
        /// The header `Last-Modified` as the server sent it, or S3's version ID.
        version: Option<String>,
    },
    /// The digest of an OCI manifest.
    Manifest(String),
}

/// A `FileFingerprint` identifies the content of a file without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFingerprint {
    modified: (i64, i64),
    bytes: u64,
    inode: u64,
    /// Whether the file was last written long enough before the fingerprint was taken.
    is_settled: bool,
}

/// The minimum age of a file's last change. A file that was written more recently may be written again without a new
/// modification time.
const SETTLED_AFTER: Duration = Duration::from_secs(2);

/// Returns whether a file claims to be machine code from `guesthouse compile`: whether it begins as an ELF image.
pub fn is_machine_code(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x7fELF")
}

impl FetchOutcome {
    /// Returns the outcome of a fetch that read an artifact.
    pub(super) fn fetched(content: Content, revision: Revision, signature: Option<String>) -> Self {
        Self::Fetched(Box::new(Artifact { content, revision, signature }))
    }

    /// Returns the outcome of a fetch that rejected an artifact.
    pub(super) fn rejected(revision: Revision, failure: impl Into<Box<Failure>>) -> Self {
        Self::Rejected(Box::new(revision), failure.into())
    }
}

impl Content {
    /// Returns the content of a file from outside the task root.
    pub(super) fn from_bytes(bytes: Vec<u8>) -> Self {
        let is_machine_code = is_machine_code(&bytes);
        let blob = Blob::new(bytes);
        if is_machine_code { Self::MachineCode(blob) } else { Self::Wasm(blob) }
    }

    /// Returns the digest of the bytes that were read. A `.cwasm` file in the task root has none: it is mapped and not
    /// read.
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Self::Wasm(blob) | Self::MachineCode(blob) => Some(blob.digest),
            Self::Precompiled(..) => None,
        }
    }

    /// Returns the number of bytes that were read, or else the size of the file to map.
    pub fn size(&self) -> u64 {
        match self {
            Self::Wasm(blob) | Self::MachineCode(blob) | Self::Precompiled(_, Some(blob)) => blob.bytes.len() as u64,
            Self::Precompiled(Ok(precompiled), None) => precompiled.file.metadata().map_or(0, |file| file.len()),
            Self::Precompiled(Err(_), None) => 0,
        }
    }
}

impl Blob {
    /// Returns these bytes with their digest.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { digest: Digest::of(&bytes), bytes }
    }
}

impl Precompiled {
    /// Returns an open file together with its path.
    ///
    /// # Errors
    /// If the system does not provide the path.
    pub(super) fn new(file: File) -> io::Result<Self> {
        // The kernel knows the path of this very file, even if its name or a symbolic link changed since it was opened.
        let path = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()));
        let path = path.map_err(|error| io::Error::other(format!("its path can't be read from `/proc`: {error}")))?;
        Ok(Self { file, path })
    }

    /// Copies bytes to a file in memory that nothing can change any more.
    ///
    /// # Errors
    /// [`ErrorType::Internal`] if the system can't create the file.
    pub fn in_memory(bytes: &[u8]) -> Result<Self, Failure> {
        let written = memory_file("guest", bytes).and_then(|file| {
            fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL)?;
            Self::new(file)
        });
        written.map_err(|error| {
            Failure::new(ErrorType::Internal, format!("the machine code can't be kept in memory: {error}"))
                .hint("raise the function's memory")
        })
    }

    /// Replaces the file by a copy in memory. Its path stays that of the original.
    ///
    /// # Errors
    /// [`ErrorType::SourceUnavailable`] if the file can't be read; those of [`Self::in_memory`].
    pub(super) fn snapshot(self) -> Result<Self, Failure> {
        let mut bytes = Vec::new();
        let read = io::Read::read_to_end(&mut &self.file, &mut bytes);
        read.map_err(|error| {
            let message = format!("the machine code `{}` can't be read: {error}", self.path.display());
            Failure::new(ErrorType::SourceUnavailable, message).hint(REPLACE_BY_RENAME)
        })?;
        Ok(Self { file: Self::in_memory(&bytes)?.file, path: self.path })
    }
}

impl Revision {
    /// Returns the revision of an artifact without a companion and without a pending signature.
    pub(super) fn of(artifact: Validator) -> Self {
        Self { artifact, companion: None, pending_signature: None }
    }

    /// Returns the same revision without a pending signature.
    #[must_use]
    pub fn without_pending_signature(self) -> Self {
        Self { pending_signature: None, ..self }
    }

    /// Returns whether there is a file beside the artifact that is replaced separately from it, such as its signature.
    pub fn has_signature(&self) -> bool {
        [&self.companion, &self.pending_signature].into_iter().flatten().any(|beside| *beside != Validator::Missing)
    }

    /// Returns whether the artifact with the revision `now` is certainly the same one. The pending signature is not
    /// compared.
    pub(super) fn matches(&self, now: &Self) -> bool {
        let companion = match (&self.companion, &now.companion) {
            (None, _) => true,
            (Some(companion), now) => now.as_ref().is_some_and(|now| companion.matches(now)),
        };
        companion && self.artifact.matches(&now.artifact)
    }
}

impl Validator {
    /// Returns the validator of an open file.
    ///
    /// # Errors
    /// If the system does not return the file's metadata.
    pub(super) fn of(file: &File) -> io::Result<Self> {
        file.metadata().map(|metadata| Self::File(FileFingerprint::new(&metadata)))
    }

    /// Returns whether the content with the validator `now` is certainly the same.
    pub(super) fn matches(&self, now: &Self) -> bool {
        match (self, now) {
            (Self::File(fingerprint), Self::File(now)) => fingerprint == now && fingerprint.is_settled,
            (Self::Http { etag: None, version: None }, _) => false,
            _ => self == now,
        }
    }
}

impl FileFingerprint {
    fn new(file: &Metadata) -> Self {
        let age = file.modified().ok().and_then(|modified| SystemTime::now().duration_since(modified).ok());
        Self {
            modified: (file.mtime(), file.mtime_nsec()),
            bytes: file.len(),
            inode: file.ino(),
            is_settled: age.is_some_and(|age| age > SETTLED_AFTER),
        }
    }
}
