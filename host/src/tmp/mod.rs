//! What a guest's `/tmp` may hold: how much, how many, how deep.
//!
//! Whoever writes for a guest goes through a [`Quota`]. Two limits hold at once: what is left of the filesystem, less a reserve, and,
//! where one is set, what the guest itself may keep there. Both are refused with `ENOSPC`, as a full disk is, which programs know.

mod depth;
mod filesystem;
mod ledger;

use std::{
    fs::{File, Metadata},
    io::{self, IoSlice},
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use bytesize::ByteSize;
use rustix::io::{Errno, ReadWriteFlags, pwritev2};
use tracing::warn;

pub use self::depth::{DEPTH_LIMIT, depth, height};
use self::{filesystem::Filesystem, ledger::Ledger};

/// The limits of one guest's `/tmp`. All instances of the guest share them, and so do the guests that take its place.
#[derive(Debug)]
pub struct Quota {
    folder: PathBuf,
    filesystem: Filesystem,
    /// `None` where the filesystem is the only limit.
    ledger: Option<Mutex<Ledger>>,
    /// Who makes, moves or removes something holds it.
    names: Arc<tokio::sync::Mutex<()>>,
    /// That there is no room is said once.
    said: AtomicBool,
}

/// As filesystems share out their room, in bytes: what a folder or symbolic link takes.
pub const BLOCK_BYTES: u64 = 4096;

/// Where in a file something is written.
#[derive(Debug, Clone, Copy)]
pub enum At {
    /// At this distance from its beginning, in bytes.
    Offset(u64),
    /// At its end, wherever that is by then.
    End,
}

/// What is counted of a file, folder or link: which one it is, and how large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    device: u64,
    inode: u64,
    links: u64,
    bytes: u64,
}

impl Quota {
    /// `limit_bytes` is what guests may keep in the folder; `None` where only the filesystem limits them.
    pub fn new(folder: &Path, limit_bytes: Option<u64>) -> Self {
        // The kernel tells guests' places without links.
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        Self {
            filesystem: Filesystem::new(&folder),
            ledger: limit_bytes.map(|bytes| Mutex::new(Ledger::new(bytes))),
            names: Arc::default(),
            said: AtomicBool::new(false),
            folder,
        }
    }

    /// Where it is, without links.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps other instances from making, moving or removing anything meanwhile: what was looked at before is still so afterwards.
    pub async fn names(&self) -> tokio::sync::OwnedMutexGuard<()> {
        self.names.clone().lock_owned().await
    }

    /// Writes into a file. Returns how many bytes were written: no more than there is room for.
    ///
    /// # Errors
    /// `ENOSPC` where there is no room at all; whatever the kernel says.
    pub fn write(&self, file: &Arc<File>, bytes: &[u8], at: At) -> io::Result<usize> {
        // Nothing is written, but whether anything may be is told.
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

    /// Makes a file longer or shorter.
    ///
    /// # Errors
    /// `ENOSPC` where there is no room; whatever the kernel says.
    pub fn set_len(&self, file: &Arc<File>, bytes: u64) -> io::Result<()> {
        let stat = Stat::of(&file.metadata()?);
        self.begin_change(file, stat, bytes.saturating_sub(1), bytes)?;
        let set = file.set_len(bytes);
        self.end_change(file)?;
        set
    }

    /// Takes room for one more file, folder or link, whose name takes some, too. `bytes` is what it has itself.
    ///
    /// # Errors
    /// `ENOSPC` where there is none.
    pub fn may_add(&self, bytes: u64) -> io::Result<()> {
        if !self.filesystem.take_file()? || !self.filesystem.take_bytes(BLOCK_BYTES)? {
            return Err(self.full_filesystem());
        }
        match self.ledger().is_none_or(|mut ledger| ledger.has_room_for_another(bytes)) {
            true => Ok(()),
            false => Err(self.at_limit()),
        }
    }

    /// Takes room for a name in another folder, which may become larger by it.
    ///
    /// # Errors
    /// `ENOSPC` where there is already more than there may be.
    pub fn may_move(&self) -> io::Result<()> {
        if !self.filesystem.take_bytes(BLOCK_BYTES)? {
            return Err(self.full_filesystem());
        }
        if self.ledger().is_none_or(|mut ledger| ledger.is_within_limit()) { Ok(()) } else { Err(self.at_limit()) }
    }

    /// Whether it counts what guests make and remove: only then is it worth looking at that.
    pub fn is_counting(&self) -> bool {
        self.ledger.is_some()
    }

    /// Counts what a guest has just made.
    pub fn made(&self, stat: Stat) {
        if let Some(mut ledger) = self.ledger() {
            ledger.made(stat);
        }
    }

    /// Counts by how much something has become more than it was, or less: a folder by a name, a file by a link. What has no link any
    /// more counts until nobody has it open.
    pub fn changed(&self, before: Stat, after: Stat) {
        if let Some(mut ledger) = self.ledger() {
            ledger.changed(before, after);
        }
    }

    /// Takes note of an open file: once it is removed, it counts until it is closed.
    ///
    /// # Errors
    /// When the file can't be looked at.
    pub fn opened(&self, file: &Arc<File>) -> io::Result<()> {
        if let Some(mut ledger) = self.ledger() {
            ledger.opened(Stat::of(&file.metadata()?), file);
        }
        Ok(())
    }

    /// Takes the filesystem's room for so many bytes here, unless the file has that already.
    fn take_bytes(&self, file: &File, bytes: u64, at: At) -> io::Result<()> {
        if self.filesystem.take_bytes(bytes)? {
            return Ok(());
        }
        if has_already(&file.metadata()?, bytes, at) { Ok(()) } else { Err(self.full_filesystem()) }
    }

    /// See [`Ledger::begin_change`].
    fn begin_change(&self, file: &Arc<File>, stat: Stat, from: u64, to: u64) -> io::Result<u64> {
        let begun = self.ledger().map_or(Some(to), |mut ledger| ledger.begin_change(file, stat, from, to));
        begun.ok_or_else(|| self.at_limit())
    }

    fn end_change(&self, file: &File) -> io::Result<()> {
        if let Some(mut ledger) = self.ledger() {
            ledger.end_change(Stat::of(&file.metadata()?));
        }
        Ok(())
    }

    fn full_filesystem(&self) -> io::Error {
        if !self.said.swap(true, Ordering::Relaxed) {
            warn!(
                "a guest's `/tmp` is full: the filesystem has no more room\nhint: let the guest remove what it no longer needs, or raise the function's ephemeral storage"
            );
        }
        Errno::NOSPC.into()
    }

    fn at_limit(&self) -> io::Error {
        if !self.said.swap(true, Ordering::Relaxed) {
            match self.ledger() {
                Some(ledger) if ledger.has_too_many() => warn!(
                    "a guest's `/tmp` is full: it may keep {} files, folders and links there\nhint: let the guest remove what it no longer needs",
                    ledger::ENTRIES_LIMIT
                ),
                ledger => warn!(
                    "a guest's `/tmp` is full: it may keep {} there\nhint: let the guest remove what it no longer needs, or raise `tmp_limit`",
                    ByteSize::b(ledger.map_or(0, |ledger| ledger.limit_bytes))
                ),
            }
        }
        Errno::NOSPC.into()
    }

    fn ledger(&self) -> Option<MutexGuard<'_, Ledger>> {
        self.ledger.as_ref().map(|ledger| ledger.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl At {
    /// From where to where so many bytes go in a file that is so long.
    fn range(self, length: u64, bytes: u64) -> (u64, u64) {
        let begin = match self {
            Self::Offset(offset) => offset,
            Self::End => length,
        };
        (begin, begin.saturating_add(bytes))
    }
}

/// Whether so many bytes here take nothing that the file has not taken yet.
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

fn append(file: &File, bytes: &[u8]) -> io::Result<usize> {
    match pwritev2(file, &[IoSlice::new(bytes)], 0, ReadWriteFlags::APPEND) {
        // Not every filesystem can. What others append at the same moment is then written over.
        Err(Errno::NOSYS | Errno::NOTSUP) => file.write_at(bytes, file.metadata()?.len()),
        written => Ok(written?),
    }
}

impl Stat {
    /// Of something that is open.
    pub fn of(metadata: &Metadata) -> Self {
        Self::new(metadata.dev(), metadata.ino(), metadata.nlink(), metadata.len(), metadata.is_dir())
    }

    /// `bytes` is its length.
    pub fn new(device: u64, inode: u64, links: u64, bytes: u64, is_folder: bool) -> Self {
        // A folder's own `.` and its subfolders' `..` are no links that anybody made.
        Self { device, inode, links: if is_folder { links.min(1) } else { links }, bytes }
    }

    /// The same with a link more, or one less.
    pub fn with_links(self, more: i64) -> Self {
        Self { links: self.links.saturating_add_signed(more), ..self }
    }

    /// Whether both are of one file.
    pub fn is_same_file(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

#[cfg(test)]
mod tests;
