//! What is left of a filesystem, less a reserve.
//!
//! Lambda's `/tmp` is a filesystem of its own, of the size of the function's ephemeral storage. Extensions write there too; what is
//! kept back is for them.

use std::{
    fs::File,
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use rustix::{
    fs::{StatVfs, statvfs},
    io::Errno,
};

use super::At;

/// At most so much is kept back, and at most a sixteenth of all there is: bytes, and files.
const RESERVE_BYTES: u64 = 16 * 1024 * 1024;
const RESERVE_FILES: u64 = 1024;
const RESERVE_PART: u64 = 16;

/// How much may be written before the filesystem is asked again: bytes, and files.
const LEASE_BYTES: u64 = 4 * 1024 * 1024;
const LEASE_FILES: u64 = 64;

/// What is left of a filesystem, less a reserve. It is not asked each time.
#[derive(Debug)]
pub(super) struct Filesystem {
    folder: PathBuf,
    bytes: AtomicU64,
    files: AtomicU64,
}

impl Filesystem {
    /// The one that this folder is in.
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), bytes: AtomicU64::new(0), files: AtomicU64::new(0) }
    }

    /// Takes room for so many bytes at this place of the file, unless it has the room already.
    ///
    /// # Errors
    /// `ENOSPC`.
    pub(super) fn take_bytes(&self, file: &File, bytes: u64, at: At) -> io::Result<()> {
        if take(&self.bytes, bytes) {
            return Ok(());
        }
        if self.lease(&self.bytes, bytes, LEASE_BYTES, |stat| {
            let all = stat.f_blocks.saturating_mul(stat.f_frsize);
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            free.saturating_sub(RESERVE_BYTES.min(all / RESERVE_PART))
        })? {
            return Ok(());
        }
        let metadata = file.metadata()?;
        let has_no_holes = metadata.blocks().saturating_mul(512) >= metadata.len();
        match at {
            At::Offset(offset) if has_no_holes && offset.saturating_add(bytes) <= metadata.len() => Ok(()),
            _ => Err(Errno::NOSPC.into()),
        }
    }

    /// Takes room for one file, folder or link.
    ///
    /// # Errors
    /// `ENOSPC`.
    pub(super) fn take_file(&self) -> io::Result<()> {
        let has_room = take(&self.files, 1)
            || self.lease(&self.files, 1, LEASE_FILES, |stat| match stat.f_files {
                // It makes them as it goes.
                0 => u64::MAX,
                all => stat.f_favail.saturating_sub(RESERVE_FILES.min(all / RESERVE_PART)),
            })?;
        if has_room { Ok(()) } else { Err(Errno::NOSPC.into()) }
    }

    /// Asks the filesystem. What is left of the lease after `wanted` is for those who come next.
    fn lease(&self, left: &AtomicU64, wanted: u64, lease: u64, free: impl FnOnce(&StatVfs) -> u64) -> io::Result<bool> {
        let free = free(&statvfs(&self.folder)?);
        let is_enough = wanted <= free;
        left.store(if is_enough { lease.min(free - wanted) } else { 0 }, Ordering::Relaxed);
        Ok(is_enough)
    }
}

fn take(left: &AtomicU64, wanted: u64) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(wanted)).is_ok()
}
