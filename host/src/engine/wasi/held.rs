//! What an instance has open that makes the host hold something.

use std::{collections::HashMap, sync::Arc};

/// How much the host may hold for what an instance has open, in bytes: some 40,000 entries of folders that are listed.
const HELD_LIMIT_BYTES: usize = 4 * 1024 * 1024;

/// What an instance has open of the host's files and memory, by its number in the table of resources.
#[derive(Debug)]
pub(in crate::engine) struct Held {
    open: HashMap<u32, Open>,
    files: usize,
    files_limit: usize,
}

#[derive(Debug, Default)]
struct Open {
    bytes: usize,
    /// Shared by a file and the streams over it: the last of them closes it.
    file: Option<Arc<()>>,
}

impl Held {
    /// `files_limit` is how many files and folders may be open at a time.
    pub(in crate::engine) fn new(files_limit: usize) -> Self {
        Self { open: HashMap::new(), files: 0, files_limit }
    }

    /// Whether one more file or folder may be opened.
    pub(super) fn has_room_for_file(&self) -> bool {
        self.files < self.files_limit
    }

    /// How much the host may still hold, in bytes.
    pub(super) fn left(&self) -> usize {
        HELD_LIMIT_BYTES.saturating_sub(self.open.values().map(|open| open.bytes).sum())
    }

    pub(super) fn opened_file(&mut self, rep: u32) {
        self.files += 1;
        self.open.insert(rep, Open { bytes: 0, file: Some(Arc::default()) });
    }

    /// A stream keeps its file open.
    pub(super) fn opened_stream(&mut self, rep: u32, file: u32) {
        let file = self.open.get(&file).and_then(|open| open.file.clone());
        self.open.insert(rep, Open { bytes: 0, file });
    }

    /// A listing, with what it takes in bytes.
    pub(super) fn opened_listing(&mut self, rep: u32, bytes: usize) {
        self.open.entry(rep).or_default().bytes = bytes;
    }

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
        let mut held = Held::new(2);
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
        let mut held = Held::new(2);
        held.opened_listing(1, HELD_LIMIT_BYTES - 10);
        assert_eq!(held.left(), 10);
        held.opened_listing(2, 10);
        assert_eq!(held.left(), 0);
        held.closed(1);
        assert_eq!(held.left(), HELD_LIMIT_BYTES - 10);
    }
}
