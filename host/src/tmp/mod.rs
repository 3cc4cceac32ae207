//! This module limits what a guest's `/tmp` may hold: the number of bytes, the number of files, and the depth of
//! directories.
//!
//! All writes for a guest go through a [`Quota`]. It enforces two limits at once: the room that the filesystem has
//! left, less a reserve, and, if it is set, what the guest may keep there. Without room, an operation fails with
//! `ENOSPC`, the error for a full disk, which programs handle.

mod depth;
mod filesystem;
mod ledger;
mod stat;

use std::{
    fs::{File, Metadata},
    io::{self, IoSlice},
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use bytesize::ByteSize;
use rustix::io::{Errno, ReadWriteFlags, pwritev2};
use tracing::warn;

pub use self::{
    depth::{DEPTH_LIMIT, depth, height},
    stat::{BLOCK_BYTES, Stat},
};
use self::{filesystem::Filesystem, ledger::Ledger};
use crate::lock::lock;

/// A `Quota` has the limits of one guest's `/tmp`. All instances of the guest share it, and so do the guests that
/// replace it in a swap.
#[derive(Debug)]
pub struct Quota {
    directory: PathBuf,
    filesystem: Filesystem,
    /// `None` if the filesystem is the only limit.
    ledger: Option<Mutex<Ledger>>,
    /// The lock on all names: whoever creates, moves or removes a name holds it.
    names: Arc<tokio::sync::Mutex<()>>,
    /// Whether the warning about a full `/tmp` was logged. It is logged once.
    is_warned: AtomicBool,
}

/// An `At` is the position in a file at which a write begins.
#[derive(Debug, Clone, Copy)]
pub enum At {
    /// This many bytes from the start of the file.
    Offset(u64),
    /// The end of the file at the time of the write.
    End,
}

impl Quota {
    /// Creates the limits for a directory. `limit_bytes` is what guests may keep in it; `None` if only the filesystem
    /// limits them.
    pub fn new(directory: &Path, limit_bytes: Option<u64>) -> Self {
        // `depth` compares this path with paths that the kernel returns. Those contain no symbolic links.
        let directory = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
        Self {
            filesystem: Filesystem::new(&directory),
            ledger: limit_bytes.map(|bytes| Mutex::new(Ledger::new(bytes))),
            names: Arc::default(),
            is_warned: AtomicBool::new(false),
            directory,
        }
    }

    /// Returns the directory's path, without symbolic links.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Locks all names: until the guard is dropped, no other instance can create, move or remove one. So what the
    /// caller reads of a name stays true.
    pub async fn names(&self) -> tokio::sync::OwnedMutexGuard<()> {
        self.names.clone().lock_owned().await
    }

    /// Writes to a file. Returns how many bytes were written, which is no more than there is room for.
    ///
    /// # Errors
    /// `ENOSPC` if there is no room at all; otherwise the kernel's error.
    pub fn write(&self, file: &Arc<File>, bytes: &[u8], at: At) -> io::Result<usize> {
        // An empty write changes nothing, but the kernel may still return an error.
        if bytes.is_empty() {
            return put(file, bytes, at);
        }
        self.take_bytes(file, bytes.len() as u64, at)?;
        if !self.is_counting() {
            return put(file, bytes, at);
        }
        let stat = Stat::of(&file.metadata()?);
        let (begin, end) = at.range(stat.bytes, bytes.len() as u64);
        let end = self.begin_change(file, stat, begin, end)?;
        let bytes = &bytes[..usize::try_from(end - begin).unwrap_or(usize::MAX).min(bytes.len())];
        let written = put(file, bytes, at);
        self.end_change(file)?;
        written
    }

    /// Changes the length of a file.
    ///
    /// # Errors
    /// `ENOSPC` if there is no room; otherwise the kernel's error.
    pub fn set_len(&self, file: &Arc<File>, bytes: u64) -> io::Result<()> {
        let stat = Stat::of(&file.metadata()?);
        self.begin_change(file, stat, bytes.saturating_sub(1), bytes)?;
        let set = file.set_len(bytes);
        self.end_change(file)?;
        set
    }

    /// Takes room for one more file, directory or link with `bytes` bytes. The filesystem must also have a block for
    /// its name.
    ///
    /// # Errors
    /// `ENOSPC` if there is no room.
    pub fn may_add(&self, bytes: u64) -> io::Result<()> {
        if !self.filesystem.take_file()? || !self.filesystem.take_bytes(BLOCK_BYTES)? {
            return Err(self.full_filesystem());
        }
        match self.ledger().is_none_or(|mut ledger| ledger.has_room_for_another(bytes)) {
            true => Ok(()),
            false => Err(self.at_limit()),
        }
    }

    /// Takes room for a name that moves to another directory, which may grow by it.
    ///
    /// # Errors
    /// `ENOSPC` if the filesystem is full, or guests already keep more than the limit allows.
    pub fn may_move(&self) -> io::Result<()> {
        if !self.filesystem.take_bytes(BLOCK_BYTES)? {
            return Err(self.full_filesystem());
        }
        if self.ledger().is_none_or(|mut ledger| ledger.is_within_limit()) { Ok(()) } else { Err(self.at_limit()) }
    }

    /// Returns whether files are counted. If not, callers need not read the state of names before and after a change.
    pub fn is_counting(&self) -> bool {
        self.ledger.is_some()
    }

    /// Counts a file or directory that a guest just created.
    pub fn made(&self, stat: Stat) {
        if let Some(mut ledger) = self.ledger() {
            ledger.made(stat);
        }
    }

    /// Counts the difference between two states: of a directory that gained or lost a name, or of a file that gained or
    /// lost a link. A file without links counts until no instance has it open.
    pub fn changed(&self, before: Stat, after: Stat) {
        if let Some(mut ledger) = self.ledger() {
            ledger.changed(before, after);
        }
    }

    /// Records an open file, so that it counts after its removal until it is closed.
    ///
    /// # Errors
    /// If the file's metadata can't be read.
    pub fn opened(&self, file: &Arc<File>) -> io::Result<()> {
        if let Some(mut ledger) = self.ledger() {
            ledger.opened(Stat::of(&file.metadata()?), file);
        }
        Ok(())
    }

    /// Takes room in the filesystem for a write of this many bytes. A write into blocks that the file already has needs
    /// none.
    fn take_bytes(&self, file: &File, bytes: u64, at: At) -> io::Result<()> {
        if self.filesystem.take_bytes(bytes)? {
            return Ok(());
        }
        if has_already(&file.metadata()?, bytes, at) { Ok(()) } else { Err(self.full_filesystem()) }
    }

    /// Reserves room for a change; see [`Ledger::begin_change`].
    fn begin_change(&self, file: &Arc<File>, stat: Stat, from: u64, to: u64) -> io::Result<u64> {
        let begun = self.ledger().map_or(Some(to), |mut ledger| ledger.begin_change(file, stat, from, to));
        begun.ok_or_else(|| self.at_limit())
    }

    /// Ends a change; see [`Ledger::end_change`].
    fn end_change(&self, file: &File) -> io::Result<()> {
        if let Some(mut ledger) = self.ledger() {
            ledger.end_change(Stat::of(&file.metadata()?));
        }
        Ok(())
    }

    /// Logs once that the filesystem is full, and returns the error for the guest.
    fn full_filesystem(&self) -> io::Error {
        if !self.is_warned.swap(true, Ordering::Relaxed) {
            warn!(
                "a guest's `/tmp` is full: the filesystem has no more room\n\
                 hint: let the guest remove what it no longer needs, or raise the function's ephemeral storage"
            );
        }
        Errno::NOSPC.into()
    }

    /// Logs once that guests have reached their limit, and returns the error for the guest.
    fn at_limit(&self) -> io::Error {
        if !self.is_warned.swap(true, Ordering::Relaxed) {
            match self.ledger() {
                Some(ledger) if ledger.has_too_many() => warn!(
                    "a guest's `/tmp` is full: it may keep {} files, directories and links there\n\
                     hint: let the guest remove what it no longer needs",
                    ledger::ENTRIES_LIMIT
                ),
                ledger => warn!(
                    "a guest's `/tmp` is full: it may keep {} there\n\
                     hint: let the guest remove what it no longer needs, or raise `tmp_limit`",
                    ByteSize::b(ledger.map_or(0, |ledger| ledger.limit_bytes))
                ),
            }
        }
        Errno::NOSPC.into()
    }

    fn ledger(&self) -> Option<MutexGuard<'_, Ledger>> {
        self.ledger.as_ref().map(lock)
    }
}

impl At {
    /// Returns the range that a write of `bytes` bytes covers in a file of this length.
    fn range(self, length: u64, bytes: u64) -> (u64, u64) {
        let begin = match self {
            Self::Offset(offset) => offset,
            Self::End => length,
        };
        (begin, begin.saturating_add(bytes))
    }
}

/// Returns whether a write stays within blocks that the file already has.
fn has_already(file: &Metadata, bytes: u64, at: At) -> bool {
    let has_no_holes = file.blocks().saturating_mul(512) >= file.len();
    has_no_holes && at.range(file.len(), bytes).1 <= file.len()
}

fn put(file: &File, bytes: &[u8], at: At) -> io::Result<usize> {
    match at {
        At::Offset(offset) => file.write_at(bytes, offset),
        At::End => append(file, bytes),
    }
}

/// Writes to the end of a file, whatever its length is by then.
fn append(file: &File, bytes: &[u8]) -> io::Result<usize> {
    match pwritev2(file, &[IoSlice::new(bytes)], 0, ReadWriteFlags::APPEND) {
        // Not every filesystem supports this flag. This fallback may overwrite what others append at the same time.
        Err(Errno::NOSYS | Errno::NOTSUP) => file.write_at(bytes, file.metadata()?.len()),
        written => Ok(written?),
    }
}

#[cfg(test)]
mod tests;
