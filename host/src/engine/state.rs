//! What a store holds for one instance.

use std::sync::Arc;

use wasmtime::{Result, component::Resource};
use wasmtime_wasi::{
    FsPerms, ResourceTable, WasiCtx, WasiCtxView, WasiView,
    p2::pipe::{MemoryInputPipe, MemoryOutputPipe},
};

use super::{
    memory::{Budget, Memory},
    stdio::Stdio,
    wasi::{Held, RANDOM_LIMIT_BYTES},
};
use crate::{
    capabilities::{Access, Capabilities},
    observer::Stream,
    tmp::Quota,
};

/// What a store holds for one instance.
pub(super) struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    pub(super) memory: Memory,
    pub(super) held: Held,
    pub(super) stdio: Stdio,
    /// What `/tmp` may hold, where the guest has it.
    pub(super) quota: Option<Arc<Quota>>,
    /// What it wrote to standard output, where that is the answer and not the log's.
    pub(super) stdout: Option<MemoryOutputPipe>,
}

/// What a program gets that is run for one invocation.
pub(super) struct Program {
    pub(super) stdin: MemoryInputPipe,
    pub(super) stdout: MemoryOutputPipe,
    pub(super) arguments: Vec<String>,
    /// In the place of those that guests get otherwise.
    pub(super) variables: Vec<(String, String)>,
}

impl State {
    /// # Errors
    /// When the folder that becomes `/tmp` can't be opened.
    pub(super) fn new(
        capabilities: &Capabilities,
        budget: Budget,
        stdio: Stdio,
        program: Option<Program>,
    ) -> Result<Self> {
        let mut wasi = WasiCtx::builder();
        // Files are answered from `/tmp`, which is local: handing each access to another thread costs far more.
        wasi.allow_blocking_current_thread(true)
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .max_random_size(RANDOM_LIMIT_BYTES)
            .stderr(stdio.stream(Stream::Stderr));
        let stdout = match program {
            Some(Program { stdin, stdout, arguments, variables }) => {
                wasi.stdin(stdin).stdout(stdout.clone()).args(&arguments).envs(&variables);
                Some(stdout)
            }
            None => {
                wasi.stdout(stdio.stream(Stream::Stdout)).envs(&capabilities.env);
                None
            }
        };
        if let Some(tmp) = &capabilities.tmp {
            let permissions = match tmp.access {
                Access::ReadWrite => FsPerms::ReadWrite,
                Access::ReadOnly => FsPerms::ReadOnly,
            };
            wasi.preopened_dir(tmp.quota.folder(), "/tmp", permissions)?;
        }
        let memory = Memory::new(capabilities.memory_bytes, budget);
        let mut table = ResourceTable::new();
        table.set_max_capacity(capabilities.handles);
        let quota = capabilities.tmp.as_ref().map(|tmp| tmp.quota.clone());
        Ok(Self { wasi: wasi.build(), table, memory, held: Held::default(), stdio, quota, stdout })
    }

    /// # Errors
    /// When the guest has no such thing open, which it then only made up.
    pub(super) fn has_open<T: 'static>(&self, resource: &Resource<T>) -> Result<()> {
        Ok(self.table.get(resource).map(drop)?)
    }

    /// What the guest has open of WASI.
    pub(super) fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}
