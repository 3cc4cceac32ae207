//! This module counts the files and memory that the host holds for what an instance has open.

use std::{collections::HashMap, sync::Arc};

/// The maximum size of all open directory listings of one instance, in bytes. It is enough for about 40,000 entries
/// with names of 40 bytes.
const HELD_LIMIT_BYTES: usize = 4 * 1024 * 1024;

/// A `HostQuota` counts an instance's open files, and the bytes that the host holds for it. The key is the resource's
/// index in the resource table (`rep`).
#[derive(Debug)]
pub(in crate::engine) struct HostQuota {
    open: HashMap<u32, Open>,
    files: usize,
    files_limit: usize,
}

/// Describes one open resource that counts.
#[derive(Debug, Default)]
struct Open {
    bytes: usize,
    /// Shared by a file and the streams over it. The file counts as open until the last of them is closed.
    file: Option<Arc<()>>,
}

impl HostQuota {
    /// Creates a quota that allows `files_limit` files and directories to be open at once.
    pub(in crate::engine) fn new(files_limit: usize) -> Self {
        Self { open: HashMap::new(), files: 0, files_limit }
    }

    /// Returns whether one more file or directory may be opened.
    pub(super) fn has_room_for_file(&self) -> bool {
        self.files < self.files_limit
    }

    /// Returns how many more bytes the host may hold.
    pub(super) fn left(&self) -> usize {
        HELD_LIMIT_BYTES.saturating_sub(self.open.values().map(|open| open.bytes).sum())
    }

    /// Counts an open file or directory.
    pub(super) fn opened_file(&mut self, rep: u32) {
        self.files += 1;
        self.open.insert(rep, Open { bytes: 0, file: Some(Arc::default()) });
    }

    /// Counts a stream over a file, which keeps the file open.
    pub(super) fn opened_stream(&mut self, rep: u32, file: u32) {
        let file = self.open.get(&file).and_then(|open| open.file.clone());
        self.open.insert(rep, Open { bytes: 0, file });
    }

    /// Counts a directory listing of `bytes` bytes.
    pub(super) fn opened_listing(&mut self, rep: u32, bytes: usize) {
        self.open.entry(rep).or_default().bytes = bytes;
    }

    /// Stops counting a resource. Resources that were never counted are ignored.
    pub(super) fn closed(&mut self, rep: u32) {
        let closed = self.open.remove(&rep).and_then(|open| open.file);
        if closed.and_then(Arc::into_inner).is_some() {
            self.files -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_open_until_it_and_the_streams_over_it_are_closed() {
        let mut held = HostQuota::new(2);
        held.opened_file(1);
        held.opened_stream(2, 1);
        held.opened_file(3);
        assert!(!held.has_room_for_file());
        held.closed(1);
        assert!(!held.has_room_for_file(), "the stream is still open");
        held.closed(2);
        assert!(held.has_room_for_file());
        held.closed(2);
        held.closed(3);
        assert_eq!(held.files, 0);
    }

    #[test]
    fn listings_take_what_is_left_and_give_it_back() {
        let mut held = HostQuota::new(2);
        held.opened_listing(1, HELD_LIMIT_BYTES - 10);
        assert_eq!(held.left(), 10);
        held.opened_listing(2, 10);
        assert_eq!(held.left(), 0);
        held.closed(1);
        assert_eq!(held.left(), HELD_LIMIT_BYTES - 10);
    }
}
