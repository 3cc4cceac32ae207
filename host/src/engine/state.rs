//! What a store holds for one instance.

use wasmtime::{ResourceLimiter, Result};
use wasmtime_wasi::{FsPerms, ResourceTable, WasiCtx, WasiCtxView, WasiView};

use super::stdio::Stdio;
use crate::{
    capabilities::{Access, Capabilities},
    observer::Stream,
};

/// What a store holds for one instance.
pub(super) struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    pub(super) memory: Memory,
    pub(super) stdio: Stdio,
}

impl State {
    /// # Errors
    /// When the folder that becomes `/tmp` can't be opened.
    pub(super) fn new(capabilities: &Capabilities, stdio: Stdio) -> Result<Self> {
        let mut wasi = WasiCtx::builder();
        // Files are answered from `/tmp`, which is local: handing each access to another thread costs far more.
        wasi.allow_blocking_current_thread(true)
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .envs(&capabilities.env)
            .stdout(stdio.stream(Stream::Stdout))
            .stderr(stdio.stream(Stream::Stderr));
        if let Some(tmp) = &capabilities.tmp {
            let permissions = match tmp.access {
                Access::ReadWrite => FsPerms::ReadWrite,
                Access::ReadOnly => FsPerms::ReadOnly,
            };
            wasi.preopened_dir(&tmp.host_path, "/tmp", permissions)?;
        }
        let memory = Memory { limit: capabilities.memory_bytes.unwrap_or(u64::MAX), ..Memory::default() };
        let mut table = ResourceTable::new();
        table.set_max_capacity(capabilities.handles);
        Ok(Self { wasi: wasi.build(), table, memory, stdio })
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// What one instance's linear memories and tables take together, and how much they may. In bytes.
#[derive(Debug, Default)]
pub(super) struct Memory {
    limit: u64,
    pub(super) used: u64,
    /// Growth was refused since this was last set to false.
    pub(super) refused: bool,
    /// What was granted last, to be taken back when the growth fails all the same.
    last: u64,
}

/// Components are made of some tens of core modules at most, each with a memory and a table.
const CORE_INSTANCE_LIMIT: usize = 1_000;

/// What an element of a table takes, in bytes.
const ELEMENT_BYTES: usize = size_of::<usize>();

impl Memory {
    fn grow(&mut self, current: usize, desired: usize, maximum: Option<usize>, unit_bytes: usize) -> bool {
        self.last = 0;
        // The guest's own limit: that it is kept is no sign of too little memory.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return false;
        }
        let more = (desired.saturating_sub(current) as u64).saturating_mul(unit_bytes as u64);
        let wanted = self.used.saturating_add(more);
        if wanted > self.limit {
            self.refused = true;
            return false;
        }
        (self.used, self.last) = (wanted, more);
        true
    }

    fn take_back(&mut self) {
        self.used -= std::mem::take(&mut self.last);
        self.refused = true;
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        Ok(self.grow(current, desired, maximum, 1))
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> Result<()> {
        self.take_back();
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        Ok(self.grow(current, desired, maximum, ELEMENT_BYTES))
    }

    fn table_grow_failed(&mut self, _: wasmtime::Error) -> Result<()> {
        self.take_back();
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

    #[test]
    fn memories_and_tables_grow_to_the_limit_together_and_not_beyond() {
        let mut memory = Memory { limit: 100, ..Memory::default() };
        assert!(memory.memory_growing(0, 60, None).unwrap());
        assert!(memory.table_growing(0, 5, None).unwrap());
        assert!(!memory.refused);
        assert!(!memory.memory_growing(60, 61, None).unwrap());
        assert!(memory.refused);
        assert_eq!(memory.used, 100);
    }

    #[test]
    fn growth_beyond_the_guests_own_limit_is_not_counted_and_no_lack_of_memory() {
        let mut memory = Memory { limit: 100, ..Memory::default() };
        assert!(!memory.memory_growing(10, 20, Some(15)).unwrap());
        assert_eq!((memory.used, memory.refused), (0, false));
    }

    #[test]
    fn growth_that_fails_is_taken_back() {
        let mut memory = Memory { limit: 100, ..Memory::default() };
        assert!(memory.memory_growing(0, 60, None).unwrap());
        memory.memory_grow_failed(wasmtime::Error::msg("no more")).unwrap();
        assert_eq!((memory.used, memory.refused), (0, true));
    }
}
