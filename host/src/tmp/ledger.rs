//! What guests keep in a folder, file by file.
//!
//! A file or folder counts with its length, in whole blocks, and with one block at least; each further link counts as one block. What
//! was there before a guest had to do with it does not count, only what the guest adds. What others remove of a guest's goes on
//! counting until its inode is used again: nobody tells of it.

use std::{
    collections::HashMap,
    fs::File,
    sync::{Arc, Weak},
};

use super::{BLOCK_BYTES, Stat};

/// How many files and folders may count at a time: each takes some two hundred bytes of the host's memory.
pub(super) const ENTRIES_LIMIT: usize = 65_536;

#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) limit_bytes: u64,
    used_bytes: u64,
    /// By device and inode.
    entries: HashMap<(u64, u64), Entry>,
}

#[derive(Debug, Default)]
struct Entry {
    counted_bytes: u64,
    /// What it had when a guest first had to do with it.
    others_bytes: u64,
    /// How many changes are under way. Until they have ended, what they may need counts.
    changes: usize,
    /// Who may still read or write it when it is removed.
    open: Vec<Weak<File>>,
    is_removed: bool,
}

impl Ledger {
    pub(super) fn new(limit_bytes: u64) -> Self {
        Self { limit_bytes, used_bytes: 0, entries: HashMap::new() }
    }

    /// How far a file may be written that is to be written from `from` to `to`: less far than `to` where there is no room for all of it,
    /// and `None` where there is no room at all.
    ///
    /// It counts as if that were written, until [`Ledger::end_change`] says how long the file is.
    pub(super) fn begin_change(&mut self, file: &Arc<File>, stat: Stat, from: u64, to: u64) -> Option<u64> {
        let has_entry = self.entries.contains_key(&key(stat));
        if !has_entry && !self.has_room_for_another(0) {
            return None;
        }
        let has = self.entries.entry(key(stat)).or_insert_with(|| Entry::of_others(stat));
        let has_bytes = has.counted_bytes.saturating_add(has.others_bytes);
        let wanted = cost(Stat { bytes: to, ..stat }).saturating_sub(has_bytes);
        let room = self.room(wanted);
        // Others' files that are as they were may have been forgotten meanwhile.
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

    /// Ends what [`Ledger::begin_change`] began.
    pub(super) fn end_change(&mut self, stat: Stat) {
        if let Some(entry) = self.entries.get_mut(&key(stat)) {
            entry.changes = entry.changes.saturating_sub(1);
        }
        self.settle(stat);
    }

    /// Whether there is room for one more file, folder or link with so many bytes.
    pub(super) fn has_room_for_another(&mut self, bytes: u64) -> bool {
        if self.entries.len() >= ENTRIES_LIMIT {
            self.sweep();
        }
        self.entries.len() < ENTRIES_LIMIT && self.room(bytes) >= bytes
    }

    /// Whether it is the number of files that there is no room for, and not their bytes.
    pub(super) fn has_too_many(&self) -> bool {
        self.entries.len() >= ENTRIES_LIMIT
    }

    /// Counts what a guest has just made. Whatever had its inode before is gone.
    pub(super) fn made(&mut self, stat: Stat) {
        self.forget(stat);
        self.entries.insert(key(stat), Entry::default());
        self.settle(stat);
    }

    /// Whether guests have no more than they may.
    pub(super) fn is_within_limit(&mut self) -> bool {
        self.room(1);
        self.used_bytes <= self.limit_bytes
    }

    /// Counts by how much it has become more than it was, or less.
    pub(super) fn changed(&mut self, before: Stat, after: Stat) {
        let counted_bytes = self.entries.entry(key(before)).or_insert_with(|| Entry::of_others(before)).counted_bytes;
        self.settle(after);
        // What is still open may have been written to since it was looked at.
        if after.links == 0
            && let Some(entry) = self.entries.get_mut(&key(after))
            && entry.counted_bytes < counted_bytes
        {
            self.used_bytes += counted_bytes - entry.counted_bytes;
            entry.counted_bytes = counted_bytes;
        }
    }

    /// Counts it as it is now, if it counts at all, and until it is closed.
    pub(super) fn opened(&mut self, stat: Stat, file: &Arc<File>) {
        self.settle(stat);
        if let Some(entry) = self.entries.get_mut(&key(stat)) {
            entry.note(file);
        }
    }

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

    fn forget(&mut self, stat: Stat) {
        if let Some(entry) = self.entries.remove(&key(stat)) {
            self.used_bytes = self.used_bytes.saturating_sub(entry.counted_bytes);
        }
    }

    /// What may still be added, in bytes. Looks for more where that is not as much as is wanted.
    fn room(&mut self, wanted: u64) -> u64 {
        if self.limit_bytes.saturating_sub(self.used_bytes) < wanted {
            self.sweep();
        }
        self.limit_bytes.saturating_sub(self.used_bytes)
    }

    /// Forgets removed files that nobody has open any more, and others' that are no more than they were.
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
    /// What is in it already is others'.
    fn of_others(stat: Stat) -> Self {
        Self { others_bytes: cost(stat), ..Self::default() }
    }

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

/// What it takes, in bytes.
fn cost(stat: Stat) -> u64 {
    let length = stat.bytes.checked_next_multiple_of(BLOCK_BYTES).unwrap_or(u64::MAX);
    match stat.links {
        0 => length,
        links => length.max(BLOCK_BYTES).saturating_add((links - 1).saturating_mul(BLOCK_BYTES)),
    }
}
