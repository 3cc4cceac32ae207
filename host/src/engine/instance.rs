//! This module runs one copy of a guest: a store with its memory.
//!
//! See docs/decisions/48-pinned-futures.md.

use std::{
    fs::File,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::timeout;
#[cfg(feature = "network")]
use tracing::warn;
use wasmtime::Store;

use super::{
    Engine,
    contract::{Callable, Called, Contract, Rest},
    fault::{self, FaultContext, Phase},
    stdio::Stdio,
    store_limiter::MemoryPool,
    store_state::StoreState,
    symbols::{self, Known},
};
use crate::{
    capabilities::Capabilities,
    digest::Digest,
    failure::{ErrorType, Failure},
    invocation::Invocation,
    observer::Observer,
    response::Outcome,
    response_stream::ResponseWriter,
};

/// Limits how many handles an instance may hold, including those to its own resources. Each takes some bytes of the
/// host's memory.
const HANDLE_LIMIT: usize = 32 * 1024;

/// Holds what all instances of a guest are made from.
pub(super) struct InstanceTemplate {
    pub(super) engine: Engine,
    pub(super) contract: Contract,
    pub(super) capabilities: Capabilities,
    pub(super) pool: MemoryPool,
    /// The most that the host keeps for each instance besides its memories and tables, in bytes.
    pub(super) state_bytes: u64,
    /// The file that holds the guest's code, if it has debug info.
    pub(super) debug_info: Option<Arc<File>>,
    /// The stack traces that are known already.
    pub(super) known: Known,
    pub(super) digest: Digest,
    pub(super) observer: Arc<dyn Observer>,
}

/// Describes how an instance handled an event.
pub(super) struct Handled {
    pub(super) outcome: Outcome,
    /// Whether the instance can handle another event. After a fault it can't.
    pub(super) is_reusable: bool,
}

impl Handled {
    fn fault(failure: Failure) -> Self {
        Self { outcome: Err(failure), is_reusable: false }
    }
}

/// One running copy of a guest. It serves one invocation at a time, because a call needs `&mut self`.
pub(super) struct Instance {
    store: Store<StoreState>,
    exports: Callable,
}

impl Instance {
    /// Instantiates the guest and runs its `init`, if it has one, for at most `limit`. What the guest prints meanwhile
    /// belongs to `invocation`, if there is one.
    pub(super) async fn start(
        template: &InstanceTemplate,
        invocation: Option<&Invocation>,
        limit: Duration,
    ) -> Result<Self, Failure> {
        let stdio =
            Stdio::new(template.observer.clone(), template.digest, template.capabilities.grants.metrics.clone());
        stdio.begin(invocation.map(|invocation| &invocation.context));
        let command_io = template.contract.command_io(invocation, &template.capabilities);
        let state = StoreState::new(&template.capabilities, template.pool.clone(), stdio, command_io);
        let mut state = state.map_err(|error| {
            let error_type = if invocation.is_some() { ErrorType::Internal } else { ErrorType::Config };
            Failure::new(error_type, format!("can't open the guest's `/tmp`: {error:#}"))
                .hint("make the directory readable and writable, or set `tmp = \"none\"`")
        })?;
        if !state.memory.charge(template.state_bytes) {
            let bytes = template.state_bytes;
            let message =
                format!("not enough memory for the {bytes} bytes that the host keeps for each instance of this guest");
            return Err(fault::out_of_memory(&message));
        }
        let mut store = Store::new(&template.engine.engine, state);
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(fault::RESPONSE_READ_LIMIT_BYTES);
        store.set_max_component_handles(HANDLE_LIMIT);
        store.epoch_deadline_async_yield_and_update(1);
        store.set_epoch_deadline(1);
        let stop = Instant::now() + limit;
        let started = timeout(limit, template.contract.start(&mut store)).await;
        let exports = match started {
            Ok(Ok(Ok(exports))) => Ok(exports),
            Ok(Ok(Err(own))) => Err(own),
            Ok(Err(error)) => return Err(faulted(template, store.data_mut(), error, Phase::Starting, stop).await),
            Err(_) if invocation.is_none() => Err(init_timed_out(limit)),
            Err(_) => Err(timed_out("the guest's start-up", limit)),
        };
        store.data().stdio.finish();
        Ok(Self { store, exports: exports? })
    }

    /// Handles one event within `limit`.
    pub(super) async fn handle(
        &mut self,
        template: &InstanceTemplate,
        invocation: Invocation,
        writer: ResponseWriter,
        limit: Duration,
    ) -> Handled {
        let store = &mut self.store;
        store.data_mut().memory.refused = false;
        store.data().stdio.begin(Some(&invocation.context));
        // The epoch advanced while the instance was idle, so its deadline is counted from now.
        store.set_epoch_deadline(1);
        let phase = self.exports.phase();
        let stop = Instant::now() + limit;
        let called = timeout(limit, pin!(self.exports.call(store, invocation, writer, &template.capabilities))).await;
        // Whoever reads the response learns that nothing more comes.
        store.data_mut().response = None;
        let handled = match called {
            Ok(Ok(Called { outcome, rest: Rest::Ended })) => Handled { outcome, is_reusable: true },
            #[cfg(feature = "network")]
            Ok(Ok(Called { outcome, rest: Rest::Stopped })) => {
                store.data().finish_failed();
                Handled { outcome, is_reusable: false }
            }
            #[cfg(feature = "network")]
            Ok(Ok(Called { outcome, rest: Rest::Faulted(error) })) => {
                let failure = Box::pin(faulted(template, store.data_mut(), error, phase, stop)).await;
                warn!("the guest failed after its response: {}", failure.within_limits());
                Handled { outcome, is_reusable: false }
            }
            // Boxed, because few invocations fault, and the future of each would be as large.
            Ok(Err(error)) => Handled::fault(Box::pin(faulted(template, store.data_mut(), error, phase, stop)).await),
            Err(_) => {
                store.data().finish_failed();
                Handled::fault(timed_out("the guest", limit))
            }
        };
        store.data().stdio.finish();
        handled
    }

    /// Returns the largest size that the linear memories and tables had together since the start, with what the host
    /// holds for the instance, in bytes.
    pub(super) fn peak_memory_bytes(&self) -> u64 {
        self.store.data().memory.used
    }
}

/// Returns the failure for an error of wasmtime's. The debug info is read until `stop` at the latest.
async fn faulted(
    template: &InstanceTemplate,
    state: &mut StoreState,
    error: wasmtime::Error,
    phase: Phase,
    stop: Instant,
) -> Failure {
    let context = FaultContext { last_words: state.finish_failed(), memory_refused: state.memory.refused, phase };
    let symbols = match &template.debug_info {
        Some(image) => symbols::at(&template.known, image.clone(), fault::offsets(&error), stop).await,
        None => Vec::new(),
    };
    fault::failure(&error, &context, symbols)
}

fn timed_out(what: &str, limit: Duration) -> Failure {
    let message = format!("{what} was stopped after {:.2} seconds, just before the deadline", limit.as_secs_f64());
    Failure::new(ErrorType::Timeout, message).hint("raise the function's timeout, or make the handler quicker")
}

fn init_timed_out(limit: Duration) -> Failure {
    let message = format!("the guest's start-up was stopped after {:.2} seconds, its time limit", limit.as_secs_f64());
    Failure::slow_start(message)
}
