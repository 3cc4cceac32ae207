//! This module limits how deep directories are nested.
//!
//! A guest can use directory handles to nest directories deeper than the longest possible path. Nobody could then
//! remove them by their paths.
//!
//! See docs/decisions/27-directory-depth.md.

use std::{ffi::OsString, io, os::fd::AsRawFd, path::Path};

use cap_std::fs::Dir;
use rustix::io::Errno;

/// The maximum number of directories that are nested in each other, below the root.
pub const DEPTH_LIMIT: usize = 64;

/// The maximum number of entries that [`height`] reads. More would take too long for one call of a guest.
const ENTRIES_LOOKED_AT: usize = 100_000;
/// The maximum number of directories that [`height`] lists.
const DIRECTORIES_LOOKED_AT: usize = 2_000;

/// Returns how many levels `directory` is below `root`. Returns `usize::MAX` if it is so deep that the kernel can't
/// return its path.
///
/// # Errors
/// `ENOENT` if the directory is no longer below `root`.
pub fn depth(root: &Path, directory: &impl AsRawFd) -> io::Result<usize> {
    let path = match std::fs::read_link(format!("/proc/self/fd/{}", directory.as_raw_fd())) {
        Err(error) if error.raw_os_error() == Some(Errno::NAMETOOLONG.raw_os_error()) => return Ok(usize::MAX),
        path => path?,
    };
    match path.strip_prefix(root) {
        Ok(below) => Ok(below.components().count()),
        Err(_) => Err(Errno::NOENT.into()),
    }
}

/// Returns how many levels of directories are nested in this one; 0 if it has no subdirectories. Does not look deeper
/// than `limit` levels.
///
/// # Errors
/// `EXDEV` if the directory has too many entries to check. On this error, programs copy what they wanted to move.
pub fn height(directory: &Dir, limit: usize) -> io::Result<usize> {
    let mut left = Left { entries: ENTRIES_LOOKED_AT, directories: DIRECTORIES_LOOKED_AT };
    height_within(directory, limit, &mut left)
}

/// How many entries and directories may still be read.
struct Left {
    entries: usize,
    directories: usize,
}

fn height_within(directory: &Dir, limit: usize, left: &mut Left) -> io::Result<usize> {
    let mut highest = 0;
    // The listing is closed before any subdirectory is opened. So only one descriptor is open for each level.
    for name in directories(directory, left)? {
        let below = if limit > 1 { height_within(&directory.open_dir(name)?, limit - 1, left)? } else { 0 };
        highest = highest.max(1 + below);
        if highest >= limit {
            break;
        }
    }
    Ok(highest)
}

/// Returns the names of the subdirectories.
fn directories(directory: &Dir, left: &mut Left) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in directory.entries()? {
        left.entries = left.entries.checked_sub(1).ok_or(Errno::XDEV)?;
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            left.directories = left.directories.checked_sub(1).ok_or(Errno::XDEV)?;
            names.push(entry.file_name());
        }
    }
    Ok(names)
}
