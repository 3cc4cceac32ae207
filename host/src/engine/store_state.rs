//! Defines what a store holds for one instance.
//!
//! See docs/decisions/25-files-on-own-thread.md.

use std::sync::Arc;

use wasmtime::{Result, component::Resource};
use wasmtime_wasi::{
    FsPerms, ResourceTable, WasiCtx, WasiCtxView, WasiView,
    p2::pipe::{MemoryInputPipe, MemoryOutputPipe},
};

#[cfg(feature = "network")]
use wasmtime_wasi_http::{WasiHttpCtxView, WasiHttpView};
#[cfg(feature = "network")]
use wasmtime_wasi_tls::{WasiTlsCtxView, WasiTlsView};

#[cfg(feature = "network")]
use super::wasi::network_state::NetworkState;
use super::{
    stdio::{LastWords, Stdio, Stream},
    store_limiter::{MemoryPool, StoreLimiter},
    wasi::{host_quota::HostQuota, limits::RANDOM_LIMIT_BYTES, preview1::descriptors::Descriptors},
};
use crate::{
    capabilities::{Access, Capabilities},
    response_stream::ResponseWriter,
    tmp::Quota,
};

/// Holds the state of one instance.
pub(super) struct StoreState {
    wasi: WasiCtx,
    table: ResourceTable,
    pub(super) memory: StoreLimiter,
    pub(super) held: HostQuota,
    /// What a core module has open; `None` until it first calls WASI.
    pub(super) descriptors: Option<Descriptors>,
    pub(super) stdio: Stdio,
    /// The limits of `/tmp`, if the guest has one.
    pub(super) quota: Option<Arc<Quota>>,
    /// A command's standard output, which is its response and does not go to the log.
    pub(super) stdout: Option<MemoryOutputPipe>,
    /// The response that the guest may write in pieces, while it handles an event.
    pub(super) response: Option<ResponseWriter>,
    /// What the instance has of the network.
    #[cfg(feature = "network")]
    pub(super) network: NetworkState,
}

/// Describes the input and output of a command, which runs for one invocation.
pub(super) struct CommandIo {
    pub(super) stdin: MemoryInputPipe,
    pub(super) stdout: MemoryOutputPipe,
    pub(super) arguments: Vec<String>,
    /// The environment variables. They replace those of the capabilities.
    pub(super) variables: Vec<(String, String)>,
}

/// How many of WASI's resources an instance may have open for each file: the file itself, streams over it, and
/// pollables that wait for these.
const RESOURCES_BY_FILE: usize = 4;

impl StoreState {
    /// Creates the state of a new instance.
    ///
    /// # Errors
    /// Fails if the directory that becomes `/tmp` can't be opened.
    pub(super) fn new(
        capabilities: &Capabilities,
        pool: MemoryPool,
        stdio: Stdio,
        command_io: Option<CommandIo>,
    ) -> Result<Self> {
        let mut wasi = WasiCtx::builder();
        // Files are in `/tmp`, which is local: passing each access to another thread would cost far more than the
        // access.
        wasi.allow_blocking_current_thread(true)
            .max_random_size(RANDOM_LIMIT_BYTES)
            .stderr(stdio.stream(Stream::Stderr));
        let stdout = match command_io {
            Some(CommandIo { stdin, stdout, arguments, variables }) => {
                wasi.stdin(stdin).stdout(stdout.clone()).args(&arguments).envs(&variables);
                Some(stdout)
            }
            None => {
                wasi.stdout(stdio.stream(Stream::Stdout)).envs(&capabilities.grants.env);
                None
            }
        };
        #[cfg(feature = "network")]
        let network = NetworkState::new(capabilities, &mut wasi);
        if let Some(tmp) = &capabilities.grants.tmp {
            let permissions = match tmp.access {
                Access::ReadWrite => FsPerms::ReadWrite,
                Access::ReadOnly => FsPerms::ReadOnly,
            };
            wasi.preopened_dir(tmp.quota.directory(), "/tmp", permissions)?;
        }
        let memory = StoreLimiter::new(capabilities.limits.memory_bytes, pool);
        let mut table = ResourceTable::new();
        table.set_max_capacity(capabilities.limits.handles.saturating_mul(RESOURCES_BY_FILE));
        let quota = capabilities.grants.tmp.as_ref().map(|tmp| tmp.quota.clone());
        let held = HostQuota::new(capabilities.limits.handles);
        Ok(Self {
            wasi: wasi.build(),
            table,
            memory,
            held,
            descriptors: None,
            stdio,
            quota,
            stdout,
            response: None,
            #[cfg(feature = "network")]
            network,
        })
    }

    /// Checks that the guest has this resource open.
    ///
    /// # Errors
    /// Fails if it does not, which means that the guest made up the handle.
    pub(super) fn has_open<T: 'static>(&self, resource: &Resource<T>) -> Result<()> {
        Ok(self.table.get(resource).map(drop)?)
    }

    /// Ends the output of a call that failed, and returns what the guest wrote last.
    pub(super) fn finish_failed(&self) -> LastWords {
        let stdout = self.stdout.as_ref().map(MemoryOutputPipe::contents);
        self.stdio.finish_failed(stdout.as_deref())
    }

    /// Returns the table of WASI's resources that the guest has open.
    pub(super) fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }
}

impl WasiView for StoreState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

#[cfg(feature = "network")]
impl WasiHttpView for StoreState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let NetworkState { http, hooks, .. } = &mut self.network;
        WasiHttpCtxView { hooks, table: &mut self.table, ctx: http }
    }
}

#[cfg(feature = "network")]
impl WasiTlsView for StoreState {
    fn tls(&mut self) -> WasiTlsCtxView<'_> {
        WasiTlsCtxView { table: &mut self.table, ctx: &mut self.network.tls }
    }
}
