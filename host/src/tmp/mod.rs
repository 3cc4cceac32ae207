//! What a guest's `/tmp` may hold: how much, how many, how deep.
//!
//! Whoever writes for a guest goes through a [`Quota`]. Two limits hold at once: what is left of the filesystem, less a reserve
//! ([`filesystem`]), and, where one is set, what the guest itself may keep there ([`ledger`]). Both are refused with `ENOSPC`, as a
//! full disk is, which programs know.

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
    limit_bytes: Option<u64>,
    filesystem: Filesystem,
    /// `None` where the filesystem is the only limit.
    ledger: Option<Mutex<Ledger>>,
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

/// What the limits ask of a file, folder or link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    device: u64,
    inode: u64,
    links: u64,
    bytes: u64,
}

impl Quota {
    /// `limit_bytes` is what guests may keep in the folder, as [`Stat`]s count; `None` where only the filesystem limits them.
    pub fn new(folder: &Path, limit_bytes: Option<u64>) -> Self {
        // Guests' places are told by the kernel, without links.
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        Self {
            limit_bytes,
            filesystem: Filesystem::new(&folder),
            ledger: limit_bytes.map(|bytes| Mutex::new(Ledger::new(bytes))),
            said: AtomicBool::new(false),
            folder,
        }
    }

    /// Where it is, without links.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes into a file. Returns how many bytes were written, which may be fewer.
    ///
    /// # Errors
    /// `ENOSPC` where the file would become larger than there is room for; whatever the kernel says.
    pub fn write(&self, file: &File, bytes: &[u8], at: At) -> io::Result<usize> {
        self.has_room(|| {
            self.filesystem.take_bytes(file, bytes.len() as u64, at)?;
            let Some(ledger) = self.ledger() else { return Ok(()) };
            let stat = Stat::of(&file.metadata()?);
            let begin = match at {
                At::Offset(offset) => offset,
                At::End => stat.bytes,
            };
            grow(ledger, stat, begin.saturating_add(bytes.len() as u64))
        })?;
        let written = match at {
            At::Offset(offset) => file.write_at(bytes, offset),
            At::End => Ok(pwritev2(file, &[IoSlice::new(bytes)], 0, ReadWriteFlags::APPEND)?),
        };
        self.settle(file)?;
        written
    }

    /// Makes a file longer or shorter.
    ///
    /// # Errors
    /// As for [`Quota::write`].
    pub fn set_len(&self, file: &File, bytes: u64) -> io::Result<()> {
        self.has_room(|| match self.ledger() {
            Some(ledger) => grow(ledger, Stat::of(&file.metadata()?), bytes),
            None => Ok(()),
        })?;
        let set = file.set_len(bytes);
        self.settle(file)?;
        set
    }

    /// Takes room for one more file, folder or link, with so many bytes.
    ///
    /// # Errors
    /// `ENOSPC` where there is none.
    pub fn may_add(&self, bytes: u64) -> io::Result<()> {
        self.has_room(|| {
            self.filesystem.take_file()?;
            let has_room = self.ledger().is_none_or(|mut ledger| ledger.has_room_for_another(bytes));
            if has_room { Ok(()) } else { Err(Errno::NOSPC.into()) }
        })
    }

    /// Whether it counts what guests make and remove: only then is it worth looking at that.
    pub fn counts(&self) -> bool {
        self.ledger.is_some()
    }

    /// Counts what a guest has just made.
    pub fn made(&self, stat: Stat) {
        if let Some(mut ledger) = self.ledger() {
            ledger.settle(stat);
        }
    }

    /// Counts a link more to what has all of these now.
    pub fn linked(&self, now: Stat) {
        if let Some(mut ledger) = self.ledger() {
            ledger.changed(Stat { links: now.links.saturating_sub(1), ..now }, now);
        }
    }

    /// Counts a link less to what had all of these before. The last one's file counts until nobody has it open.
    pub fn removed(&self, before: Stat) {
        if let Some(mut ledger) = self.ledger() {
            ledger.changed(before, Stat { links: before.links.saturating_sub(1), ..before });
        }
    }

    /// Takes note of an open file: what is removed takes room until nobody has it open. `is_new` says that the guest made it.
    ///
    /// # Errors
    /// When the file can't be looked at.
    pub fn opened(&self, file: &Arc<File>, is_new: bool) -> io::Result<()> {
        if let Some(mut ledger) = self.ledger() {
            ledger.opened(Stat::of(&file.metadata()?), file, is_new);
        }
        Ok(())
    }

    /// Counts a file as it is now: another instance may have changed it meanwhile.
    fn settle(&self, file: &File) -> io::Result<()> {
        if let Some(mut ledger) = self.ledger() {
            ledger.settle(Stat::of(&file.metadata()?));
        }
        Ok(())
    }

    fn has_room(&self, take: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let taken = take();
        let is_full = taken.as_ref().is_err_and(|error| error.raw_os_error() == Some(Errno::NOSPC.raw_os_error()));
        if is_full && !self.said.swap(true, Ordering::Relaxed) {
            match self.limit_bytes {
                Some(bytes) => warn!(
                    "a guest's `/tmp` is full: it may keep {} there, or {} files\nhint: let the guest remove what it no longer needs, or raise `tmp_limit`",
                    ByteSize::b(bytes),
                    ledger::ENTRIES_LIMIT
                ),
                None => warn!(
                    "a guest's `/tmp` is full\nhint: let the guest remove what it no longer needs, or raise the function's ephemeral storage"
                ),
            }
        }
        taken
    }

    fn ledger(&self) -> Option<MutexGuard<'_, Ledger>> {
        self.ledger.as_ref().map(|ledger| ledger.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn grow(mut ledger: MutexGuard<'_, Ledger>, stat: Stat, bytes: u64) -> io::Result<()> {
    if ledger.grow(stat, bytes) { Ok(()) } else { Err(Errno::NOSPC.into()) }
}

impl Stat {
    /// Of something that is open.
    pub fn of(metadata: &Metadata) -> Self {
        Self::new(metadata.dev(), metadata.ino(), metadata.nlink(), (!metadata.is_dir()).then_some(metadata.len()))
    }

    /// `bytes` is its length, and `None` for a folder.
    pub fn new(device: u64, inode: u64, links: u64, bytes: Option<u64>) -> Self {
        match bytes {
            Some(bytes) => Self { device, inode, links, bytes },
            // Its own `.` and its subfolders' `..` are no links that anybody made.
            None => Self { device, inode, links: links.min(1), bytes: BLOCK_BYTES },
        }
    }

    /// Whether both are of one file.
    pub fn is_same_file(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

#[cfg(test)]
mod tests;
