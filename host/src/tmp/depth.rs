//! How deep folders are nested.
//!
//! A guest that goes from folder to folder by handles can nest them deeper than any path is long. Nobody can then remove them by
//! their paths.

use std::{fs::File, io, os::fd::AsRawFd as _, path::Path};

use cap_std::fs::Dir;
use rustix::io::Errno;

/// How many folders may be nested in each other.
pub const DEPTH_LIMIT: usize = 64;

/// How many entries are looked at to tell how much is nested in a folder. More take too long for one call of a guest.
const ENTRIES_LIMIT: usize = 100_000;

/// How many folders below `root` this one is.
///
/// # Errors
/// `ENAMETOOLONG` where no path leads there, and `ENOENT` where it is not below `root` any more.
pub fn depth(root: &Path, folder: &File) -> io::Result<usize> {
    let path = std::fs::read_link(format!("/proc/self/fd/{}", folder.as_raw_fd()))?;
    match path.strip_prefix(root) {
        Ok(below) => Ok(below.components().count()),
        Err(_) => Err(Errno::NOENT.into()),
    }
}

/// How many folders are nested in this one, at most: 0 where it has none. Looks no deeper than `limit`.
///
/// # Errors
/// `ENOTEMPTY` where there is too much to look at.
pub fn height(folder: &Dir, limit: usize) -> io::Result<usize> {
    height_within(folder, limit, &mut { ENTRIES_LIMIT })
}

fn height_within(folder: &Dir, limit: usize, entries_left: &mut usize) -> io::Result<usize> {
    let mut highest = 0;
    for entry in folder.entries()? {
        *entries_left = entries_left.checked_sub(1).ok_or(Errno::NOTEMPTY)?;
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            let below = if limit > 1 { height_within(&entry.open_dir()?, limit - 1, entries_left)? } else { 0 };
            highest = highest.max(1 + below);
            if highest >= limit {
                break;
            }
        }
    }
    Ok(highest)
}
