//! Limits how much memory instances may take: each one, and all instances of a handler's guests together.
//!
//! See docs/decisions/17-one-memory-pool.md.
//! See docs/decisions/22-failed-growth.md.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use wasmtime::{ResourceLimiter, Result};

use crate::capabilities::Capabilities;

/// Holds how much memory is left for all instances of a handler's guests together, in bytes. However much each instance
/// may take, together they never take more than this.
///
/// `Ordering::Relaxed` is enough for the counter: each update is a single atomic read-modify-write of this one counter,
/// and orders no other memory.
#[derive(Debug, Clone)]
pub struct MemoryPool(Arc<AtomicU64>);

/// Returns the process's resident memory, in bytes, or 0 if it can't be read.
pub fn resident_bytes() -> u64 {
    // `statm` counts pages: first all, then those in memory. The readable `status` takes the kernel as long to write as
    // a guest takes to map.
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * rustix::param::page_size() as u64
}

impl MemoryPool {
    /// Creates the pool from what the capabilities grant. If the process already has more in memory than was planned
    /// for the host, the excess is subtracted. The `held_bytes` of code that is held in memory count in full, whether
    /// they were touched or not.
    pub fn new(capabilities: &Capabilities, held_bytes: u64) -> Self {
        let taken = resident_bytes().saturating_add(held_bytes);
        let over = capabilities.limits.host_memory_bytes.map_or(0, |reckoned| taken.saturating_sub(reckoned));
        Self::of(capabilities.limits.total_memory_bytes.map(|bytes| bytes.saturating_sub(over)))
    }

    /// Creates a pool of this size. `None` sets no limit.
    fn of(bytes: Option<u64>) -> Self {
        Self(Arc::new(AtomicU64::new(bytes.unwrap_or(u64::MAX))))
    }

    /// Takes this many bytes from the pool. Returns `false`, and takes nothing, if fewer are left.
    fn take(&self, bytes: u64) -> bool {
        self.0.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }

    fn give_back(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Limits what one instance's linear memories and tables take together with what the host keeps for the instance. All
/// sizes are in bytes.
#[derive(Debug)]
pub(super) struct StoreLimiter {
    limit: u64,
    pool: MemoryPool,
    pub(super) used: u64,
    /// Whether the last request for memory was refused.
    pub(super) refused: bool,
}

/// Limits how many instances of core modules, how many memories and how many tables one instance of a guest may have.
/// What they take is counted as well.
const CORE_INSTANCE_LIMIT: usize = 1_000;

/// The size of an element of a table, in bytes.
const ELEMENT_BYTES: usize = size_of::<usize>();

impl StoreLimiter {
    /// Creates the limiter of one instance. `limit` is for this instance alone.
    pub(super) fn new(limit: Option<u64>, pool: MemoryPool) -> Self {
        Self { limit: limit.unwrap_or(u64::MAX), pool, used: 0, refused: false }
    }

    /// Counts what the host itself keeps for the instance, in bytes. Returns `false` if there is not enough memory for
    /// it.
    pub(super) fn charge(&mut self, bytes: u64) -> bool {
        self.grow(0, usize::try_from(bytes).unwrap_or(usize::MAX), None, 1)
    }

    fn grow(&mut self, current: usize, desired: usize, maximum: Option<usize>, unit_bytes: usize) -> bool {
        // This is the guest's own limit. If it refuses growth, that is no sign of too little memory.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return false;
        }
        let more = (desired.saturating_sub(current) as u64).saturating_mul(unit_bytes as u64);
        let wanted = self.used.saturating_add(more);
        self.refused = wanted > self.limit || !self.pool.take(more);
        if !self.refused {
            self.used = wanted;
        }
        !self.refused
    }

    /// Records that growth failed. Nothing is returned to the pool, because wasmtime also reports failures for which
    /// nothing was granted, and a guest can cause those. They count as refused memory too.
    fn growth_failed(&mut self) {
        self.refused = true;
    }
}

impl Drop for StoreLimiter {
    fn drop(&mut self) {
        self.pool.give_back(self.used);
    }
}

impl ResourceLimiter for StoreLimiter {
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

    fn memory(limit: u64) -> StoreLimiter {
        StoreLimiter::new(Some(limit), MemoryPool::of(None))
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
        let pool = MemoryPool::of(Some(100));
        let (mut one, mut other) = (StoreLimiter::new(Some(80), pool.clone()), StoreLimiter::new(Some(80), pool));
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
        let pool = MemoryPool::of(Some(100));
        let mut memory = StoreLimiter::new(Some(100), pool.clone());
        assert!(memory.memory_growing(0, 60, None).unwrap());
        memory.memory_grow_failed(wasmtime::Error::msg("no more")).unwrap();
        memory.table_grow_failed(wasmtime::Error::msg("no more")).unwrap();
        assert_eq!((memory.used, memory.refused), (60, true));
        assert!(!pool.take(41) && pool.take(40));
    }
}
