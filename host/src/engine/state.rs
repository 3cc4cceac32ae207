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
        Ok(Self { wasi: wasi.build(), table: ResourceTable::new(), memory, stdio })
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// The linear memories of one instance together: how large they are, and how large they may get. In bytes.
#[derive(Debug, Default)]
pub(super) struct Memory {
    limit: u64,
    pub(super) used: u64,
    /// Growth was refused since this was last set to false.
    pub(super) refused: bool,
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        let wanted = self.used.saturating_add((desired - current) as u64);
        if wanted > self.limit {
            self.refused = true;
            return Ok(false);
        }
        self.used = wanted;
        Ok(true)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        Ok(desired <= TABLE_LIMIT_ELEMENTS)
    }
}

/// How many elements one table may have. The largest guests seen (interpreters) need some ten thousand.
const TABLE_LIMIT_ELEMENTS: usize = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_grow_to_the_limit_together_and_not_beyond() {
        let mut memory = Memory { limit: 100, ..Memory::default() };
        assert!(memory.memory_growing(0, 60, None).unwrap());
        assert!(memory.memory_growing(0, 40, None).unwrap());
        assert!(!memory.refused);
        assert!(!memory.memory_growing(40, 41, None).unwrap());
        assert!(memory.refused);
        assert_eq!(memory.used, 100);
    }

    #[test]
    fn a_table_grows_to_the_limit_and_not_beyond() {
        let mut memory = Memory::default();
        assert!(memory.table_growing(0, TABLE_LIMIT_ELEMENTS, None).unwrap());
        assert!(!memory.table_growing(0, TABLE_LIMIT_ELEMENTS + 1, None).unwrap());
    }
}
