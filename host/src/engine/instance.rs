//! One running copy of a guest: a store with its memory.

use std::time::{Duration, Instant};

use tokio::time::timeout;
use wasmtime::Store;

use super::{
    Guest,
    contract::Exports,
    fault::{self, Circumstances, Doing},
    state::State,
    stdio::Stdio,
    symbols,
};
use crate::{
    failure::{ErrorType, Failure},
    invocation::{Answer, Invocation},
    observer::Usage,
};

/// How many handles an instance may hold, those to resources of its own making included: each takes some bytes of the host's.
const HANDLE_LIMIT: usize = 32 * 1024;

/// One running copy of a guest. It serves one invocation at a time, which its ownership sees to.
pub(super) struct Instance {
    store: Store<State>,
    exports: Exports,
}

impl Instance {
    /// Instantiates the guest and runs its `init`, if it has one, for at most `limit`. What the guest prints meanwhile
    /// belongs to the invocation for which it is made, if there is one.
    pub(super) async fn start(
        guest: &Guest,
        invocation: Option<&Invocation>,
        limit: Duration,
    ) -> Result<Self, Failure> {
        let stdio = Stdio::new(guest.observer.clone(), guest.digest, guest.capabilities.metrics.clone());
        stdio.begin(invocation.map(|invocation| &invocation.context));
        let surroundings = guest.contract.surroundings(invocation, &guest.capabilities);
        let state = State::new(&guest.capabilities, guest.budget.clone(), stdio, surroundings);
        let mut state = state.map_err(|error| {
            let error_type = if invocation.is_some() { ErrorType::Internal } else { ErrorType::Config };
            Failure::new(error_type, format!("can't open the guest's `/tmp`: {error:#}"))
                .hint("make the folder readable and writable, or set `tmp = \"none\"`")
        })?;
        if !state.memory.charge(guest.state_bytes) {
            let message = "there is not even memory for what the host keeps of an instance of this guest";
            return Err(fault::out_of_memory(message));
        }
        let mut store = Store::new(&guest.engine.engine, state);
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(fault::ANSWER_READ_LIMIT_BYTES);
        store.set_max_component_handles(HANDLE_LIMIT);
        store.epoch_deadline_async_yield_and_update(1);
        store.set_epoch_deadline(1);
        let stop = Instant::now() + limit;
        let started = timeout(limit, guest.contract.start(&mut store)).await;
        let exports = match started {
            Ok(Ok(Ok(exports))) => Ok(exports),
            Ok(Ok(Err(own))) => Err(own),
            Ok(Err(error)) => return Err(faulted(guest, store.data_mut(), error, Doing::Starting, stop).await),
            Err(_) if invocation.is_none() => Err(init_timed_out(limit)),
            Err(_) => Err(timed_out("the guest's start-up", limit)),
        };
        store.data().stdio.finish();
        Ok(Self { store, exports: exports? })
    }

    /// Answers one event within `limit`. The outer error means that this instance is not to be used again.
    pub(super) async fn handle(
        &mut self,
        guest: &Guest,
        invocation: Invocation,
        limit: Duration,
    ) -> Result<Result<Answer, Failure>, Failure> {
        let request_id = invocation.context.request_id.clone();
        let store = &mut self.store;
        store.data_mut().memory.refused = false;
        store.data().stdio.begin(Some(&invocation.context));
        // Counted from now: while the instance waited, the epoch went on.
        store.set_epoch_deadline(1);
        let doing = self.exports.doing();
        let stop = Instant::now() + limit;
        let called = timeout(limit, self.exports.call(store, invocation)).await;
        let answered = match called {
            Ok(Ok(answered)) => Ok(answered),
            Ok(Err(error)) => Err(faulted(guest, store.data_mut(), error, doing, stop).await),
            Err(_) => {
                store.data().finish_failed();
                Err(timed_out("the guest", limit))
            }
        };
        store.data().stdio.finish();
        let usage = Usage { memory_bytes: store.data().memory.used };
        guest.observer.used(&request_id, usage);
        answered
    }
}

/// `stop` is when nothing more is to be found out.
async fn faulted(guest: &Guest, state: &mut State, error: wasmtime::Error, doing: Doing, stop: Instant) -> Failure {
    let circumstances =
        Circumstances { last_words: state.finish_failed(), memory_refused: state.memory.refused, doing };
    let symbols = match &guest.debug_info {
        Some(image) => symbols::at(&guest.known, image.clone(), fault::offsets(&error), stop).await,
        None => Vec::new(),
    };
    fault::failure(&error, &circumstances, symbols)
}

fn timed_out(what: &str, limit: Duration) -> Failure {
    let message = format!("{what} was stopped after {:.2} seconds, just before the deadline", limit.as_secs_f64());
    Failure::new(ErrorType::Timeout, message).hint("raise the function's timeout, or make the handler quicker")
}

fn init_timed_out(limit: Duration) -> Failure {
    let message =
        format!("the guest's start-up was stopped after {:.2} seconds, which is all there is", limit.as_secs_f64());
    Failure::slow_start(message)
}
