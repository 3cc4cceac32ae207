//! One running copy of a guest: a store with its memory.

use std::time::Duration;

use tokio::time::timeout;
use wasmtime::Store;

use super::{
    Guest,
    bindings::{handler, types},
    fault::{self, Circumstances, Doing},
    state::State,
    stdio::Stdio,
};
use crate::{
    failure::{ErrorType, Failure},
    invocation::{Answer, CognitoIdentity, Context, Invocation},
    observer::Usage,
};

/// How many handles an instance may hold, those to resources of its own making included: each takes some bytes of the host's.
const HANDLE_LIMIT: usize = 32 * 1024;

/// One running copy of a guest. It serves one invocation at a time, which its ownership sees to.
pub(super) struct Instance {
    store: Store<State>,
    handler: handler::Guest,
}

impl Instance {
    /// Instantiates the guest and runs its `init`, if it has one, for at most `limit`. What the guest prints meanwhile
    /// belongs to the invocation for which it is made, if there is one.
    pub(super) async fn start(guest: &Guest, request_id: Option<&str>, limit: Duration) -> Result<Self, Failure> {
        let stdio = Stdio::new(guest.observer.clone(), guest.digest);
        stdio.begin(request_id);
        let mut state = State::new(&guest.capabilities, guest.budget.clone(), stdio).map_err(|error| {
            let error_type = if request_id.is_some() { ErrorType::Internal } else { ErrorType::Config };
            Failure::new(error_type, format!("can't open the guest's `/tmp`: {error:#}"))
                .hint("make the folder readable and writable, or set `tmp = \"none\"`")
        })?;
        if !state.memory.charge(guest.inspected.state_bytes) {
            let message = "there is not even memory for what the host keeps of an instance of this guest";
            return Err(fault::out_of_memory(message));
        }
        let mut store = Store::new(guest.pre.engine(), state);
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(fault::ANSWER_READ_LIMIT_BYTES);
        store.set_max_component_handles(HANDLE_LIMIT);
        store.epoch_deadline_async_yield_and_update(1);
        store.set_epoch_deadline(1);
        let started = timeout(limit, prepare(guest, &mut store)).await;
        let handler = match started {
            Ok(Ok(Ok(handler))) => Ok(handler),
            Ok(Ok(Err(own))) => Err(own),
            Ok(Err(error)) => return Err(faulted(guest, &store, &error, Doing::Starting)),
            Err(_) if request_id.is_none() => Err(init_timed_out(limit)),
            Err(_) => Err(timed_out("the guest's start-up", limit)),
        };
        store.data().stdio.finish();
        Ok(Self { store, handler: handler? })
    }

    /// Answers one event within `limit`. The outer error means that this instance is not to be used again.
    pub(super) async fn handle(
        &mut self,
        guest: &Guest,
        invocation: Invocation,
        limit: Duration,
    ) -> Result<Result<Answer, Failure>, Failure> {
        let Invocation { event, context } = invocation;
        let event = match std::str::from_utf8(&event) {
            Ok(event) => event,
            Err(error) => {
                let failure = Failure::new(ErrorType::InvalidEvent, format!("the event is not UTF-8: {error}"));
                return Ok(Err(failure.hint("send text, such as JSON, in UTF-8")));
            }
        };
        let request_id = context.request_id.clone();
        let context = types::Context::from(context);

        let store = &mut self.store;
        store.data_mut().memory.refused = false;
        store.data().stdio.begin(Some(&request_id));
        // Counted from now: while the instance waited, the epoch went on.
        store.set_epoch_deadline(1);
        let called = timeout(limit, self.handler.call_handle(&mut *store, event, &context)).await;
        let answered = match called {
            Ok(Ok(answered)) => Ok(answered.map_err(Failure::from)),
            Ok(Err(error)) => Err(faulted(guest, store, &error, Doing::Answering)),
            Err(_) => Err(timed_out("the guest", limit)),
        };
        store.data().stdio.finish();
        let usage = Usage { memory_bytes: store.data().memory.used };
        guest.observer.used(&request_id, usage);
        answered
    }
}

/// Runs all of a guest's code that comes before its first event. The inner error is the guest's own.
async fn prepare(guest: &Guest, store: &mut Store<State>) -> wasmtime::Result<Result<handler::Guest, Failure>> {
    let linked = guest.pre.instantiate_async(&mut *store).await?;
    let handler = guest.handler.load(&mut *store, &linked)?;
    let Some(lifecycle) = &guest.lifecycle else { return Ok(Ok(handler)) };
    let lifecycle = lifecycle.load(&mut *store, &linked)?;
    let prepared = lifecycle.call_init(&mut *store).await?;
    Ok(prepared.map(|()| handler).map_err(Failure::from))
}

fn faulted(guest: &Guest, store: &Store<State>, error: &wasmtime::Error, doing: Doing) -> Failure {
    let State { stdio, memory, .. } = store.data();
    let circumstances = Circumstances { last_stderr_line: stdio.finish(), memory_refused: memory.refused, doing };
    fault::failure(error, &circumstances, &guest.inspected.debug_info)
}

fn timed_out(what: &str, limit: Duration) -> Failure {
    let message = format!("{what} was stopped after {:.2} seconds, just before the deadline", limit.as_secs_f64());
    Failure::new(ErrorType::Timeout, message).hint("raise the function's timeout, or make the handler quicker")
}

fn init_timed_out(limit: Duration) -> Failure {
    let message =
        format!("the guest's start-up was stopped after {:.2} seconds, which is all there is", limit.as_secs_f64());
    Failure::new(ErrorType::Timeout, message)
        .hint("do less before the first event: what is only needed now and then can wait")
}

impl From<Context> for types::Context {
    fn from(context: Context) -> Self {
        Self {
            request_id: context.request_id,
            function_name: context.function_name,
            function_version: context.function_version,
            invoked_function_arn: context.invoked_function_arn,
            memory_limit_mib: context.memory_limit_mib,
            log_group_name: context.log_group_name,
            log_stream_name: context.log_stream_name,
            deadline_ms: context.deadline.unix_ms,
            trace_id: context.trace_id,
            client_context: context.client_context,
            identity: context.identity.map(types::CognitoIdentity::from),
            tenant_id: context.tenant_id,
        }
    }
}

impl From<CognitoIdentity> for types::CognitoIdentity {
    fn from(identity: CognitoIdentity) -> Self {
        Self { identity_id: identity.identity_id, identity_pool_id: identity.identity_pool_id }
    }
}

impl From<types::HandlerError> for Failure {
    fn from(error: types::HandlerError) -> Self {
        Self {
            error_type: ErrorType::of_handler(error.error_type),
            message: error.error_message,
            stack_trace: error.stack_trace,
        }
    }
}
