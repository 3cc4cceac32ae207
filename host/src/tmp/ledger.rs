//! What guests keep in a folder, file by file.
//!
//! A file counts with its length, in blocks; a folder, a symbolic link and each link more to a file with one block. What was there before a guest had to do with it does
//! not count, only what the guest adds. What others remove of a guest's goes on counting until its inode is used again: nobody tells
//! of it.

use std::{
    collections::HashMap,
    fs::File,
    sync::{Arc, Weak},
};

use super::{BLOCK_BYTES, Stat};

/// How many files, folders and links may count at a time: each takes some hundred bytes of the host's memory.
pub(super) const ENTRIES_LIMIT: usize = 65_536;

#[derive(Debug)]
pub(super) struct Ledger {
    limit_bytes: u64,
    used_bytes: u64,
    /// By device and inode.
    entries: HashMap<(u64, u64), Entry>,
}

#[derive(Debug, Default)]
struct Entry {
    counted_bytes: u64,
    /// What it had when a guest first had to do with it.
    others_bytes: u64,
    /// Who may still read or write it when it is removed.
    open: Vec<Weak<File>>,
    is_removed: bool,
}

impl Ledger {
    pub(super) fn new(limit_bytes: u64) -> Self {
        Self { limit_bytes, used_bytes: 0, entries: HashMap::new() }
    }

    /// Whether a file may become this long. It counts as if it were from now on, until it is settled.
    pub(super) fn grow(&mut self, stat: Stat, bytes: u64) -> bool {
        let Entry { counted_bytes, others_bytes, .. } = *self.seen(stat);
        let wanted =
            cost(Stat { bytes: bytes.max(stat.bytes), ..stat }).saturating_sub(others_bytes).max(counted_bytes);
        if !self.has_room_for(wanted - counted_bytes) {
            return false;
        }
        self.seen(stat).counted_bytes = wanted;
        self.used_bytes += wanted - counted_bytes;
        true
    }

    /// Whether there is room for one more file, folder or link with so many bytes.
    pub(super) fn has_room_for_another(&mut self, bytes: u64) -> bool {
        if self.entries.len() >= ENTRIES_LIMIT {
            self.sweep();
        }
        self.entries.len() < ENTRIES_LIMIT && self.has_room_for(bytes)
    }

    /// Counts what is as it is. What was never seen before is the guest's.
    pub(super) fn settle(&mut self, stat: Stat) {
        let entry = self.entries.entry(key(stat)).or_default();
        let counts = cost(stat).saturating_sub(entry.others_bytes);
        self.used_bytes = self.used_bytes.saturating_sub(entry.counted_bytes).saturating_add(counts);
        entry.counted_bytes = counts;
        entry.is_removed = stat.links == 0;
        if entry.is_removed && !entry.is_open() {
            self.used_bytes = self.used_bytes.saturating_sub(counts);
            self.entries.remove(&key(stat));
        }
    }

    /// Counts what is not the guest's own, or may not be: only what it becomes more by is.
    pub(super) fn changed(&mut self, before: Stat, after: Stat) {
        self.seen(before);
        self.settle(after);
    }

    pub(super) fn opened(&mut self, stat: Stat, file: &Arc<File>, is_new: bool) {
        if is_new || self.entries.contains_key(&key(stat)) {
            self.settle(stat);
        }
        let entry = self.seen(stat);
        entry.open.retain(|open| open.strong_count() > 0);
        entry.open.push(Arc::downgrade(file));
    }

    /// Its entry. What is in the file already, when there is none yet, is others'.
    fn seen(&mut self, stat: Stat) -> &mut Entry {
        let others_bytes = cost(stat);
        self.entries.entry(key(stat)).or_insert_with(|| Entry { others_bytes, ..Entry::default() })
    }

    fn has_room_for(&mut self, bytes: u64) -> bool {
        if self.used_bytes.saturating_add(bytes) > self.limit_bytes {
            self.sweep();
        }
        bytes == 0 || self.used_bytes.saturating_add(bytes) <= self.limit_bytes
    }

    /// Forgets removed files that nobody has open any more, and others' files that are as they were.
    fn sweep(&mut self) {
        self.entries.retain(|_, entry| {
            let is_kept = !entry.is_removed && entry.counted_bytes > 0 || entry.is_open();
            if !is_kept {
                self.used_bytes = self.used_bytes.saturating_sub(entry.counted_bytes);
            }
            is_kept
        });
    }
}

impl Entry {
    fn is_open(&self) -> bool {
        self.open.iter().any(|open| open.strong_count() > 0)
    }
}

fn key(stat: Stat) -> (u64, u64) {
    (stat.device, stat.inode)
}

/// What it takes, in bytes.
fn cost(stat: Stat) -> u64 {
    let length = stat.bytes.checked_next_multiple_of(BLOCK_BYTES).unwrap_or(u64::MAX);
    length.saturating_add(stat.links.saturating_sub(1).saturating_mul(BLOCK_BYTES))
}
