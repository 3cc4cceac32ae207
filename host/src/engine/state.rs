//! What a store holds for one instance.

use std::sync::Arc;

use wasmtime::{Result, component::Resource};
use wasmtime_wasi::{
    FsPerms, ResourceTable, WasiCtx, WasiCtxView, WasiView,
    p2::pipe::{MemoryInputPipe, MemoryOutputPipe},
};

use super::{
    memory::{Budget, Memory},
    stdio::{LastWords, Stdio, Stream},
    wasi::{Descriptors, Held, RANDOM_LIMIT_BYTES},
};
use crate::{
    capabilities::{Access, Capabilities},
    tmp::Quota,
};

/// What a store holds for one instance.
pub(super) struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    pub(super) memory: Memory,
    pub(super) held: Held,
    /// What a core module has open, once it has called WASI.
    pub(super) descriptors: Option<Descriptors>,
    pub(super) stdio: Stdio,
    /// What `/tmp` may hold, where the guest has it.
    pub(super) quota: Option<Arc<Quota>>,
    /// What it wrote to standard output, where that is the answer and not the log's.
    pub(super) stdout: Option<MemoryOutputPipe>,
}

/// What a program gets that is run for one invocation.
pub(super) struct Surroundings {
    pub(super) stdin: MemoryInputPipe,
    pub(super) stdout: MemoryOutputPipe,
    pub(super) arguments: Vec<String>,
    /// In the place of those that guests get otherwise.
    pub(super) variables: Vec<(String, String)>,
}

/// How many things of WASI an instance may have open for each file: the file itself, streams over it, and what waits for them.
const RESOURCES_BY_FILE: usize = 4;

impl State {
    /// # Errors
    /// When the folder that becomes `/tmp` can't be opened.
    pub(super) fn new(
        capabilities: &Capabilities,
        budget: Budget,
        stdio: Stdio,
        surroundings: Option<Surroundings>,
    ) -> Result<Self> {
        let mut wasi = WasiCtx::builder();
        // Files are answered from `/tmp`, which is local: handing each access to another thread costs far more.
        wasi.allow_blocking_current_thread(true)
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .max_random_size(RANDOM_LIMIT_BYTES)
            .stderr(stdio.stream(Stream::Stderr));
        let stdout = match surroundings {
            Some(Surroundings { stdin, stdout, arguments, variables }) => {
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
        table.set_max_capacity(capabilities.handles.saturating_mul(RESOURCES_BY_FILE));
        let quota = capabilities.tmp.as_ref().map(|tmp| tmp.quota.clone());
        let held = Held::new(capabilities.handles);
        Ok(Self { wasi: wasi.build(), table, memory, held, descriptors: None, stdio, quota, stdout })
    }

    /// # Errors
    /// When the guest has no such thing open, which it then only made up.
    pub(super) fn has_open<T: 'static>(&self, resource: &Resource<T>) -> Result<()> {
        Ok(self.table.get(resource).map(drop)?)
    }

    /// Ends the output of a call that failed.
    pub(super) fn finish_failed(&self) -> LastWords {
        let stdout = self.stdout.as_ref().map(MemoryOutputPipe::contents);
        self.stdio.finish_failed(stdout.as_deref())
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
