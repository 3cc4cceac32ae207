//! This module tracks how much room a filesystem has left, less a reserve.
//!
//! Lambda's `/tmp` is a filesystem of its own, with the size of the function's ephemeral storage. Extensions write to
//! it, too; the reserve is for them.
//!
//! See docs/decisions/26-tmp-ledger.md.

use std::{
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use rustix::fs::{StatVfs, statvfs};

/// The maximum size of the reserve, in bytes.
const RESERVE_BYTES: u64 = 16 * 1024 * 1024;
/// The maximum size of the reserve, in files.
const RESERVE_FILES: u64 = 1024;
/// The reserve is at most this fraction (1/16) of all bytes, or of all files.
const RESERVE_PART: u64 = 16;

/// The number of bytes that may be written before the filesystem's free space is read again.
const LEASE_BYTES: u64 = 4 * 1024 * 1024;
/// The number of files that may be created before the filesystem's free inodes are read again.
const LEASE_FILES: u64 = 64;

/// A `Filesystem` tracks the free space of a filesystem, less a reserve. It takes free space in leases, so that it need
/// not call `statvfs` for each write.
#[derive(Debug)]
pub(super) struct Filesystem {
    directory: PathBuf,
    bytes: AtomicU64,
    files: AtomicU64,
}

impl Filesystem {
    /// Tracks the filesystem of this directory.
    pub(super) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), bytes: AtomicU64::new(0), files: AtomicU64::new(0) }
    }

    /// Takes room for this many bytes. Returns whether the filesystem has it.
    pub(super) fn take_bytes(&self, bytes: u64) -> io::Result<bool> {
        self.take(&self.bytes, bytes, LEASE_BYTES, |stat| {
            let all = stat.f_blocks.saturating_mul(stat.f_frsize);
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            free.saturating_sub(RESERVE_BYTES.min(all / RESERVE_PART))
        })
    }

    /// Takes room for one file, directory or link. Returns whether the filesystem has it.
    pub(super) fn take_file(&self) -> io::Result<bool> {
        self.take(&self.files, 1, LEASE_FILES, |stat| match stat.f_files {
            // The filesystem creates inodes as it needs them, and reports no number.
            0 => u64::MAX,
            all => stat.f_favail.saturating_sub(RESERVE_FILES.min(all / RESERVE_PART)),
        })
    }

    /// Takes `wanted` from the lease `left`. If the lease is too small, calls `statvfs` and starts a new one.
    fn take(&self, left: &AtomicU64, wanted: u64, lease: u64, free: impl FnOnce(&StatVfs) -> u64) -> io::Result<bool> {
        let take = |left: u64| left.checked_sub(wanted);
        if left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
            return Ok(true);
        }
        let free = free(&statvfs(&self.directory)?);
        let has_room = wanted <= free;
        left.store(if has_room { lease.min(free - wanted) } else { 0 }, Ordering::Relaxed);
        Ok(has_room)
    }
}
