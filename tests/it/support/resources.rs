//! What a process holds, and that it does not hold more and more.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{PATIENCE, Program};

/// What a process holds.
#[derive(Debug, Clone, Copy)]
pub struct Resources {
    pub files: usize,
    pub threads: u64,
    pub resident_kib: u64,
    pub mappings: usize,
}

impl Resources {
    pub fn of(program: &Program) -> Self {
        Self {
            files: program.open_files(),
            threads: program.threads(),
            resident_kib: program.resident_kib(),
            mappings: program.mappings(),
        }
    }

    /// As much more of each.
    pub fn and(self, more: Room) -> Self {
        Self {
            files: self.files + more.files,
            threads: self.threads + more.threads,
            resident_kib: self.resident_kib + self.resident_kib * more.memory_percent / 100 + more.memory_kib,
            mappings: self.mappings + more.mappings,
        }
    }

    fn is_within(self, most: Self) -> bool {
        self.files <= most.files
            && self.threads <= most.threads
            && self.resident_kib <= most.resident_kib
            && self.mappings <= most.mappings
    }
}

/// How much more a process may hold later on. Threads that are about to end, and what the allocator keeps, come and go:
/// a test repeats what may leave something behind often enough that this would not hold it.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    pub files: usize,
    pub threads: u64,
    pub memory_percent: u64,
    pub memory_kib: u64,
    pub mappings: usize,
}

impl Room {
    /// What is enough where nothing stays.
    pub const USUAL: Self = Self { files: 8, threads: 6, memory_percent: 10, memory_kib: 2048, mappings: 100 };
}

/// Waits until the process holds no more than that; fails when it goes on holding more.
pub fn wait_until_within(program: &Program, most: Resources, what: &str) -> Resources {
    let begun = Instant::now();
    loop {
        let now = Resources::of(program);
        if now.is_within(most) {
            return now;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: {now:?} after {PATIENCE:?}, where {most:?} is the most");
        thread::sleep(Duration::from_millis(20));
    }
}
