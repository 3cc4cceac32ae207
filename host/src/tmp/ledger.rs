//! This module counts what guests keep in a directory, file by file.
//!
//! * A file or directory counts with its length in whole blocks, and with at least one block. Each further link counts
//!   as one block.
//! * What a file had before a guest first changed it does not count; only what guests add does.
//! * A removed file counts until no instance has it open any more.
//! * A guest's file that another process removes counts until its inode is reused, because nothing reports the removal.
//!
//! A write is counted in two steps. [`Ledger::begin_change`] reserves what the write may need. [`Ledger::end_change`]
//! replaces the reservation with the file's actual size, once no other change of the file is in progress.
//!
//! See docs/decisions/26-tmp-ledger.md.

use std::{
    collections::HashMap,
    fs::File,
    sync::{Arc, Weak},
};

use super::stat::{BLOCK_BYTES, Stat};

/// The maximum number of files and directories that count. Each takes about 200 bytes of the host's memory.
pub(super) const ENTRIES_LIMIT: usize = 65_536;

/// A `Ledger` counts the bytes and files that guests keep in a directory.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) limit_bytes: u64,
    used_bytes: u64,
    /// The key is the device and the inode.
    entries: HashMap<(u64, u64), Entry>,
}

/// Describes one file or directory that guests have created or changed.
#[derive(Debug, Default)]
struct Entry {
    /// How much of `used_bytes` is for this entry.
    counted_bytes: u64,
    /// The size when a guest first changed it, which does not count.
    others_bytes: u64,
    /// The number of changes in progress. While there are any, `counted_bytes` does not shrink.
    changes: usize,
    /// The open files through which a guest can still read or write it after its removal.
    open: Vec<Weak<File>>,
    is_removed: bool,
}

impl Ledger {
    pub(super) fn new(limit_bytes: u64) -> Self {
        Self { limit_bytes, used_bytes: 0, entries: HashMap::new() }
    }

    /// Reserves room for a write from `from` to `to`, which are offsets in the file. Returns how far the write may go:
    /// less far than `to` if there is not enough room, or `None` if there is no room at all.
    ///
    /// The reserved bytes count until [`Ledger::end_change`] receives the file's actual length.
    pub(super) fn begin_change(&mut self, file: &Arc<File>, stat: Stat, from: u64, to: u64) -> Option<u64> {
        let has_entry = self.entries.contains_key(&key(stat));
        if !has_entry && !self.has_room_for_another(0) {
            return None;
        }
        let has = self.entries.entry(key(stat)).or_insert_with(|| Entry::of_others(stat));
        let has_bytes = has.counted_bytes.saturating_add(has.others_bytes);
        let wanted = cost(Stat { bytes: to, ..stat }).saturating_sub(has_bytes);
        let room = self.room(wanted);
        // `room` may have swept the entry: those of files that nobody has changed are removed.
        let entry = self.entries.entry(key(stat)).or_insert_with(|| Entry::of_others(stat));
        let may_cost = entry.counted_bytes.saturating_add(entry.others_bytes).saturating_add(room);
        let longest = (may_cost / BLOCK_BYTES).saturating_mul(BLOCK_BYTES).max(stat.bytes);
        let end = to.min(longest);
        if end < to && end <= from {
            return None;
        }
        let counts = cost(Stat { bytes: end.max(stat.bytes), ..stat }).saturating_sub(entry.others_bytes);
        let more = counts.saturating_sub(entry.counted_bytes);
        entry.counted_bytes += more;
        entry.changes += 1;
        entry.note(file);
        self.used_bytes = self.used_bytes.saturating_add(more);
        Some(end)
    }

    /// Ends a change that [`Ledger::begin_change`] began. `stat` is the file's state after the change.
    pub(super) fn end_change(&mut self, stat: Stat) {
        if let Some(entry) = self.entries.get_mut(&key(stat)) {
            entry.changes = entry.changes.saturating_sub(1);
        }
        self.settle(stat);
    }

    /// Returns whether there is room for one more file, directory or link with this many bytes.
    pub(super) fn has_room_for_another(&mut self, bytes: u64) -> bool {
        if self.entries.len() >= ENTRIES_LIMIT {
            self.sweep();
        }
        self.entries.len() < ENTRIES_LIMIT && self.room(bytes) >= bytes
    }

    /// Returns whether the number of files is at its limit, and not the number of bytes.
    pub(super) fn has_too_many(&self) -> bool {
        self.entries.len() >= ENTRIES_LIMIT
    }

    /// Counts a file or directory that a guest just created. An older entry with the same inode is removed, because its
    /// file no longer exists.
    pub(super) fn made(&mut self, stat: Stat) {
        self.forget(stat);
        self.entries.insert(key(stat), Entry::default());
        self.settle(stat);
    }

    /// Returns whether guests keep no more than the limit allows.
    pub(super) fn is_within_limit(&mut self) -> bool {
        self.room(1);
        self.used_bytes <= self.limit_bytes
    }

    /// Counts the difference between two states of a file or directory.
    pub(super) fn changed(&mut self, before: Stat, after: Stat) {
        let counted_bytes = self.entries.entry(key(before)).or_insert_with(|| Entry::of_others(before)).counted_bytes;
        self.settle(after);
        // If the file is still open, a guest may have written to it since its length was read. So the larger count
        // stays.
        if after.links == 0
            && let Some(entry) = self.entries.get_mut(&key(after))
            && entry.counted_bytes < counted_bytes
        {
            self.used_bytes += counted_bytes - entry.counted_bytes;
            entry.counted_bytes = counted_bytes;
        }
    }

    /// Counts an open file as it is now, if it has an entry. It counts until it is closed.
    pub(super) fn opened(&mut self, stat: Stat, file: &Arc<File>) {
        self.settle(stat);
        if let Some(entry) = self.entries.get_mut(&key(stat)) {
            entry.note(file);
        }
    }

    /// Counts the file's current state, if it has an entry. Removes the entry if the file is gone.
    fn settle(&mut self, stat: Stat) {
        let Some(entry) = self.entries.get_mut(&key(stat)) else { return };
        let mut counts = cost(stat).saturating_sub(entry.others_bytes);
        if entry.changes > 0 {
            counts = counts.max(entry.counted_bytes);
        }
        self.used_bytes = self.used_bytes.saturating_sub(entry.counted_bytes).saturating_add(counts);
        entry.counted_bytes = counts;
        entry.is_removed = stat.links == 0;
        if entry.is_removed && !entry.is_open() {
            self.forget(stat);
        }
    }

    /// Removes an entry, and no longer counts its bytes.
    fn forget(&mut self, stat: Stat) {
        if let Some(entry) = self.entries.remove(&key(stat)) {
            self.used_bytes = self.used_bytes.saturating_sub(entry.counted_bytes);
        }
    }

    /// Returns how many bytes may still be added. If that is less than `wanted`, sweeps first.
    fn room(&mut self, wanted: u64) -> u64 {
        if self.limit_bytes.saturating_sub(self.used_bytes) < wanted {
            self.sweep();
        }
        self.limit_bytes.saturating_sub(self.used_bytes)
    }

    /// Removes the entries of removed files that are no longer open, and of files to which guests have added nothing.
    fn sweep(&mut self) {
        self.entries.retain(|_, entry| {
            entry.open.retain(|open| open.strong_count() > 0);
            let is_kept = entry.is_open() || !entry.is_removed && entry.counted_bytes > 0;
            if !is_kept {
                self.used_bytes = self.used_bytes.saturating_sub(entry.counted_bytes);
            }
            is_kept
        });
    }
}

impl Entry {
    /// Creates an entry whose current size does not count.
    fn of_others(stat: Stat) -> Self {
        Self { others_bytes: cost(stat), ..Self::default() }
    }

    /// Records that this file is open.
    fn note(&mut self, file: &Arc<File>) {
        let is_known = self.open.iter().any(|open| std::ptr::eq(open.as_ptr(), Arc::as_ptr(file)));
        if !is_known {
            self.open.retain(|open| open.strong_count() > 0);
            self.open.push(Arc::downgrade(file));
        }
    }

    fn is_open(&self) -> bool {
        self.open.iter().any(|open| open.strong_count() > 0)
    }
}

fn key(stat: Stat) -> (u64, u64) {
    (stat.device, stat.inode)
}

/// Returns how many bytes a file counts for.
fn cost(stat: Stat) -> u64 {
    let length = stat.bytes.checked_next_multiple_of(BLOCK_BYTES).unwrap_or(u64::MAX);
    match stat.links {
        0 => length,
        links => length.max(BLOCK_BYTES).saturating_add((links - 1).saturating_mul(BLOCK_BYTES)),
    }
}
