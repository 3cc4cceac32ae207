//! How much memory instances may take: each for itself, and all of a guest's together.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use wasmtime::{ResourceLimiter, Result};

use crate::capabilities::Capabilities;

/// What is left for all instances of a handler's guests together, in bytes. However much each may take, they never take more than this.
#[derive(Debug, Clone)]
pub struct Budget(Arc<AtomicU64>);

/// What the process has in memory now, in bytes; 0 where it can't be told.
pub fn resident_bytes() -> u64 {
    // In pages: all, and those in memory. The kernel writes the readable `status` for as long as it takes to map a guest.
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * rustix::param::page_size() as u64
}

impl Budget {
    /// What the capabilities grant, less what the process has in memory now that was not reckoned with. So much of code that is held in
    /// memory counts, whether it was touched or not.
    pub fn new(capabilities: &Capabilities, held_bytes: u64) -> Self {
        let taken = resident_bytes().saturating_add(held_bytes);
        let over = capabilities.host_memory_bytes.map_or(0, |reckoned| taken.saturating_sub(reckoned));
        Self::of(capabilities.total_memory_bytes.map(|bytes| bytes.saturating_sub(over)))
    }

    /// `None` sets no limit.
    fn of(bytes: Option<u64>) -> Self {
        Self(Arc::new(AtomicU64::new(bytes.unwrap_or(u64::MAX))))
    }

    /// Whether there were so many left, which now are taken.
    fn take(&self, bytes: u64) -> bool {
        self.0.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }

    fn give_back(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// What one instance's linear memories and tables take together, with what the host keeps of it, and how much they may. In
/// bytes.
#[derive(Debug)]
pub(super) struct Memory {
    limit: u64,
    budget: Budget,
    pub(super) used: u64,
    /// The last growth that was asked for was refused.
    pub(super) refused: bool,
}

/// How many instances of core modules, memories and tables one instance of a guest may have. What they take is counted besides.
const CORE_INSTANCE_LIMIT: usize = 1_000;

/// What an element of a table takes, in bytes.
const ELEMENT_BYTES: usize = size_of::<usize>();

impl Memory {
    /// `limit` is for this instance alone.
    pub(super) fn new(limit: Option<u64>, budget: Budget) -> Self {
        Self { limit: limit.unwrap_or(u64::MAX), budget, used: 0, refused: false }
    }

    /// Takes so many bytes for what the host itself keeps of the instance. Whether there were so many.
    pub(super) fn charge(&mut self, bytes: u64) -> bool {
        self.grow(0, usize::try_from(bytes).unwrap_or(usize::MAX), None, 1)
    }

    fn grow(&mut self, current: usize, desired: usize, maximum: Option<usize>, unit_bytes: usize) -> bool {
        // The guest's own limit: that it is kept is no sign of too little memory.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return false;
        }
        let more = (desired.saturating_sub(current) as u64).saturating_mul(unit_bytes as u64);
        let wanted = self.used.saturating_add(more);
        self.refused = wanted > self.limit || !self.budget.take(more);
        if !self.refused {
            self.used = wanted;
        }
        !self.refused
    }

    /// What was granted is not given back: a guest can bring about failures that nothing was granted for.
    fn growth_failed(&mut self) {
        self.refused = true;
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.budget.give_back(self.used);
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        Ok(self.grow(current, desired, maximum, 1))
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> Result<()> {
        self.growth_failed();
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        Ok(self.grow(current, desired, maximum, ELEMENT_BYTES))
    }

    fn table_grow_failed(&mut self, _: wasmtime::Error) -> Result<()> {
        self.growth_failed();
        Ok(())
    }

    fn instances(&self) -> usize {
        CORE_INSTANCE_LIMIT
    }

    fn memories(&self) -> usize {
        CORE_INSTANCE_LIMIT
    }

    fn tables(&self) -> usize {
        CORE_INSTANCE_LIMIT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(limit: u64) -> Memory {
        Memory::new(Some(limit), Budget::of(None))
    }

    #[test]
    fn memories_and_tables_grow_to_the_limit_together_and_not_beyond() {
        let mut memory = memory(100);
        assert!(memory.memory_growing(0, 60, None).unwrap());
        assert!(memory.table_growing(0, 5, None).unwrap());
        assert!(!memory.refused);
        assert!(!memory.memory_growing(60, 61, None).unwrap());
        assert!(memory.refused);
        assert_eq!(memory.used, 100);
    }

    #[test]
    fn all_instances_grow_to_the_budget_together_and_one_that_ends_gives_back_what_it_had() {
        let budget = Budget::of(Some(100));
        let (mut one, mut other) = (Memory::new(Some(80), budget.clone()), Memory::new(Some(80), budget));
        assert!(one.memory_growing(0, 80, None).unwrap());
        assert!(other.memory_growing(0, 20, None).unwrap());
        assert!(!other.memory_growing(20, 21, None).unwrap());
        assert!(other.refused);
        drop(one);
        assert!(other.memory_growing(20, 80, None).unwrap());
        assert!(!other.refused, "what was refused once and granted later is no lack of memory");
    }

    #[test]
    fn growth_beyond_the_guests_own_limit_is_not_counted_and_no_lack_of_memory() {
        let mut memory = memory(100);
        assert!(!memory.memory_growing(10, 20, Some(15)).unwrap());
        assert_eq!((memory.used, memory.refused), (0, false));
    }

    #[test]
    fn growth_that_fails_gives_nothing_back() {
        let budget = Budget::of(Some(100));
        let mut memory = Memory::new(Some(100), budget.clone());
        assert!(memory.memory_growing(0, 60, None).unwrap());
        memory.memory_grow_failed(wasmtime::Error::msg("no more")).unwrap();
        memory.table_grow_failed(wasmtime::Error::msg("no more")).unwrap();
        assert_eq!((memory.used, memory.refused), (60, true));
        assert!(!budget.take(41) && budget.take(40));
    }
}
