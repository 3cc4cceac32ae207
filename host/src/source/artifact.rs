//! What a source has of a guest, and how it is told that it has something newer.

use std::{
    fs::{File, Metadata},
    io,
    os::{fd::AsRawFd as _, unix::fs::MetadataExt as _},
    path::PathBuf,
    time::{Duration, SystemTime},
};

use rustix::fs::{SealFlags, fcntl_add_seals};

use crate::{
    digest::Digest,
    failure::{ErrorType, Failure},
    memory_file::memory_file,
};

/// What came of a look at a source.
pub enum Look {
    /// It has what it had.
    Unchanged,
    /// It may have something newer.
    Found(Box<Artifact>),
    /// It has something newer that is not taken, whatever is in it. It need not be asked for again.
    Refused(Box<Version>, Box<Failure>),
}

/// What a source has of a guest.
pub struct Artifact {
    /// The guest.
    pub content: Content,
    /// To be told again by.
    pub version: Version,
    /// Of the content, where one was asked for and there is one: the text of a `.minisig` file.
    pub signature: Option<String>,
}

/// A guest as its source has it.
pub enum Content {
    /// What its own build wrote, or what claims to be it.
    Wasm(Blob),
    /// From outside the task root: what `guesthouse compile` made of that, or what claims to be it.
    MachineCode(Blob),
    /// From the task root: the same, or why it can't be opened, and the `.wasm` file if it is there, too.
    Precompiled(Result<Precompiled, Failure>, Option<Blob>),
}

/// Bytes and their digest.
pub struct Blob {
    /// All of them.
    pub bytes: Vec<u8>,
    /// By which they are known.
    pub digest: Digest,
}

/// A `.cwasm` file, which is not read but mapped.
pub struct Precompiled {
    /// Opened for reading.
    pub file: File,
    /// Where it is, symbolic links followed.
    pub path: PathBuf,
}

/// How an artifact is told from a newer one without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Of the artifact itself.
    pub artifact: Mark,
    /// Of the file beside it that belongs to it, where one look tells both.
    pub companion: Option<Mark>,
    /// Of the signature beside it, where that is asked for by itself: the artifact waits for another.
    pub awaited: Option<Mark>,
}

/// How a file, object or manifest is told from a newer one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// It is not there.
    Missing,
    /// Of a file.
    File(Stamp),
    /// Of an HTTP server's resource or an S3 object. A server that tells neither is asked for everything each time.
    Http {
        /// With its quotes.
        etag: Option<String>,
        /// The header `Last-Modified` as the server wrote it, or S3's version id.
        revision: Option<String>,
    },
    /// The digest of an OCI manifest.
    Manifest(String),
}

/// What tells a file from a newer one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    modified: (i64, i64),
    bytes: u64,
    inode: u64,
    /// It had not just been written.
    is_settled: bool,
}

/// A file that was written so recently may be written again without its time being another.
const SETTLES_IN: Duration = Duration::from_secs(2);

/// Whether it claims to be what `guesthouse compile` makes, which is told by its beginning: an ELF image's.
pub fn is_machine_code(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x7fELF")
}

impl Content {
    /// What was fetched from outside the task root.
    pub fn fetched(bytes: Vec<u8>) -> Self {
        let is_machine_code = is_machine_code(&bytes);
        let blob = Blob::new(bytes);
        if is_machine_code { Self::MachineCode(blob) } else { Self::Wasm(blob) }
    }

    /// The digest of what is at hand. That of the task root's machine code is not: it is mapped, and not read.
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Self::Wasm(blob) | Self::MachineCode(blob) => Some(blob.digest),
            Self::Precompiled(..) => None,
        }
    }

    /// How much was read, in bytes.
    pub fn size(&self) -> u64 {
        match self {
            Self::Wasm(blob) | Self::MachineCode(blob) | Self::Precompiled(_, Some(blob)) => blob.bytes.len() as u64,
            Self::Precompiled(Ok(precompiled), None) => precompiled.file.metadata().map_or(0, |file| file.len()),
            Self::Precompiled(Err(_), None) => 0,
        }
    }
}

impl Blob {
    /// Takes the digest.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { digest: Digest::of(&bytes), bytes }
    }
}

impl Precompiled {
    /// # Errors
    /// When the system does not tell where the file is.
    pub(super) fn new(file: File) -> io::Result<Self> {
        // The system's word for where this very file is, whatever led to it.
        let path = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()));
        let path = path.map_err(|error| io::Error::other(format!("`/proc` does not tell where it is: {error}")))?;
        Ok(Self { file, path })
    }

    /// The same bytes in memory that nobody else can change.
    ///
    /// # Errors
    /// [`ErrorType::Internal`] when there is no such memory.
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

    /// A file that may be written to while it is mapped is copied first.
    ///
    /// # Errors
    /// When it can't be read, or there is no memory for it.
    pub(super) fn apart(self) -> Result<Self, Failure> {
        let mut bytes = Vec::new();
        let read = io::Read::read_to_end(&mut &self.file, &mut bytes);
        read.map_err(|error| {
            let message = format!("the machine code `{}` can't be read: {error}", self.path.display());
            Failure::new(ErrorType::SourceUnavailable, message).hint("write it beside its place and rename it")
        })?;
        Ok(Self { file: Self::in_memory(&bytes)?.file, path: self.path })
    }
}

impl Version {
    /// That of an artifact which need not wait for a signature.
    #[must_use]
    pub fn without_awaited(self) -> Self {
        Self { awaited: None, ..self }
    }

    /// Whether there is a signature beside the artifact, which is exchanged by itself.
    pub fn has_signature(&self) -> bool {
        [&self.companion, &self.awaited].iter().any(|mark| mark.as_ref().is_some_and(|mark| *mark != Mark::Missing))
    }

    /// Whether what has the version `now` is the same for certain.
    pub(super) fn is_still(&self, now: &Self) -> bool {
        let companion = match (&self.companion, &now.companion) {
            (None, _) => true,
            (Some(companion), now) => now.as_ref().is_some_and(|now| companion.is_still(now)),
        };
        companion && self.artifact.is_still(&now.artifact)
    }
}

impl Mark {
    /// That of an open file.
    ///
    /// # Errors
    /// When it can't be told.
    pub(super) fn of(file: &File) -> io::Result<Self> {
        file.metadata().map(|metadata| Self::File(Stamp::new(&metadata)))
    }

    /// Whether what has the mark `now` is the same for certain.
    pub(super) fn is_still(&self, now: &Self) -> bool {
        match (self, now) {
            (Self::File(stamp), Self::File(now)) => stamp == now && stamp.is_settled,
            (Self::Http { etag: None, revision: None }, _) => false,
            _ => self == now,
        }
    }
}

impl Stamp {
    pub(super) fn new(file: &Metadata) -> Self {
        let age = file.modified().ok().and_then(|modified| SystemTime::now().duration_since(modified).ok());
        Self {
            modified: (file.mtime(), file.mtime_nsec()),
            bytes: file.len(),
            inode: file.ino(),
            is_settled: age.is_some_and(|age| age > SETTLES_IN),
        }
    }
}
