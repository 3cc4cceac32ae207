//! How deep folders are nested.
//!
//! A guest that goes from folder to folder by handles can nest them deeper than any path is long. Nobody can then remove them by
//! their paths.

use std::{ffi::OsString, io, os::fd::AsRawFd, path::Path};

use cap_std::fs::Dir;
use rustix::io::Errno;

/// How many folders may be nested in each other.
pub const DEPTH_LIMIT: usize = 64;

/// How many entries and how many folders are looked at to tell how much is nested in a folder. More take too long for one call of a
/// guest's.
const ENTRIES_LOOKED_AT: usize = 100_000;
const FOLDERS_LOOKED_AT: usize = 2_000;

/// How many folders below `root` this one is. No path leads to the deepest.
///
/// # Errors
/// `ENOENT` where it is not below `root` any more.
pub fn depth(root: &Path, folder: &impl AsRawFd) -> io::Result<usize> {
    let path = match std::fs::read_link(format!("/proc/self/fd/{}", folder.as_raw_fd())) {
        Err(error) if error.raw_os_error() == Some(Errno::NAMETOOLONG.raw_os_error()) => return Ok(usize::MAX),
        path => path?,
    };
    match path.strip_prefix(root) {
        Ok(below) => Ok(below.components().count()),
        Err(_) => Err(Errno::NOENT.into()),
    }
}

/// How many folders are nested in this one, at most: 0 where it has none. It looks no deeper than `limit`.
///
/// # Errors
/// `EXDEV` where there is too much to look at. Programs then copy what they can't move.
pub fn height(folder: &Dir, limit: usize) -> io::Result<usize> {
    let mut left = Left { entries: ENTRIES_LOOKED_AT, folders: FOLDERS_LOOKED_AT };
    height_within(folder, limit, &mut left)
}

/// What may still be looked at.
struct Left {
    entries: usize,
    folders: usize,
}

fn height_within(folder: &Dir, limit: usize, left: &mut Left) -> io::Result<usize> {
    let mut highest = 0;
    // The listing is closed before the first of them is opened: one descriptor is open for each folder on the way down.
    for name in folders(folder, left)? {
        let below = if limit > 1 { height_within(&folder.open_dir(name)?, limit - 1, left)? } else { 0 };
        highest = highest.max(1 + below);
        if highest >= limit {
            break;
        }
    }
    Ok(highest)
}

fn folders(folder: &Dir, left: &mut Left) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in folder.entries()? {
        left.entries = left.entries.checked_sub(1).ok_or(Errno::XDEV)?;
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            left.folders = left.folders.checked_sub(1).ok_or(Errno::XDEV)?;
            names.push(entry.file_name());
        }
    }
    Ok(names)
}
