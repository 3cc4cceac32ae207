//! Describes files as the limits of `/tmp` count them.

use std::{fs::Metadata, os::unix::fs::MetadataExt as _};

/// The unit in which sizes are counted, in bytes, as filesystems allocate them. A new directory or symbolic link takes
/// one.
pub const BLOCK_BYTES: u64 = 4096;

/// A `Stat` identifies a file, directory or link, and has what counts of it: its length and its number of links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    pub(super) device: u64,
    pub(super) inode: u64,
    pub(super) links: u64,
    pub(super) bytes: u64,
}

impl Stat {
    /// Describes an open file or directory.
    pub fn of(metadata: &Metadata) -> Self {
        Self::new(metadata.dev(), metadata.ino(), metadata.nlink(), metadata.len(), metadata.is_dir())
    }

    /// Describes a file, directory or link. `bytes` is its length.
    pub fn new(device: u64, inode: u64, links: u64, bytes: u64, is_directory: bool) -> Self {
        // A directory's `.`, and the `..` in its subdirectories, are not links that a guest made.
        Self { device, inode, links: if is_directory { links.min(1) } else { links }, bytes }
    }

    /// Returns the same state with one link more, or one link less.
    pub fn with_links(self, more: i64) -> Self {
        Self { links: self.links.saturating_add_signed(more), ..self }
    }

    /// Returns whether both describe the same file.
    pub fn is_same_file(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}
