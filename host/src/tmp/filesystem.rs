//! What is left of a filesystem, less a reserve.
//!
//! Lambda's `/tmp` is a filesystem of its own, of the size of the function's ephemeral storage. Extensions write there too; what is
//! kept back is for them.

use std::{
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use rustix::fs::{StatVfs, statvfs};

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

    /// Takes room for so many bytes, if there is so much.
    pub(super) fn take_bytes(&self, bytes: u64) -> io::Result<bool> {
        self.take(&self.bytes, bytes, LEASE_BYTES, |stat| {
            let all = stat.f_blocks.saturating_mul(stat.f_frsize);
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            free.saturating_sub(RESERVE_BYTES.min(all / RESERVE_PART))
        })
    }

    /// Takes room for one file, folder or link, if there is any.
    pub(super) fn take_file(&self) -> io::Result<bool> {
        self.take(&self.files, 1, LEASE_FILES, |stat| match stat.f_files {
            // It makes them as it goes.
            0 => u64::MAX,
            all => stat.f_favail.saturating_sub(RESERVE_FILES.min(all / RESERVE_PART)),
        })
    }

    /// What is left of a lease after `wanted` is for those who come next.
    fn take(&self, left: &AtomicU64, wanted: u64, lease: u64, free: impl FnOnce(&StatVfs) -> u64) -> io::Result<bool> {
        let take = |left: u64| left.checked_sub(wanted);
        if left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
            return Ok(true);
        }
        let free = free(&statvfs(&self.folder)?);
        let has_room = wanted <= free;
        left.store(if has_room { lease.min(free - wanted) } else { 0 }, Ordering::Relaxed);
        Ok(has_room)
    }
}
