//! One running copy of a guest: a store with its memory.

use std::time::Duration;

use tokio::time::timeout;
use wasmtime::{Store, component::Instance as Linked};

use super::{
    Guest,
    bindings::{handler, types},
    fault::{self, Circumstances},
    state::State,
    stdio::Stdio,
};
use crate::{
    failure::{ErrorType, Failure},
    invocation::{Answer, CognitoIdentity, Context, Invocation},
    observer::Usage,
};

/// One running copy of a guest. It serves one invocation at a time, which its ownership sees to.
pub(super) struct Instance {
    store: Store<State>,
    handler: handler::Guest,
}

impl Instance {
    /// Instantiates the guest and runs its `init`, if it has one.
    pub(super) async fn start(guest: &Guest) -> Result<Self, Failure> {
        let stdio = Stdio::new(guest.observer.clone());
        let state = State::new(&guest.capabilities, stdio)
            .map_err(|error| Failure::new(ErrorType::Config, format!("can't open the guest's `/tmp`: {error:#}")))?;
        let mut store = Store::new(guest.pre.engine(), state);
        store.limiter(|state| &mut state.memory);
        store.epoch_deadline_async_yield_and_update(1);
        let linked = match guest.pre.instantiate_async(&mut store).await {
            Ok(linked) => linked,
            Err(error) => return Err(faulted(&mut store, &error)),
        };
        let handler = guest.handler.load(&mut store, &linked).map_err(|error| faulted(&mut store, &error))?;
        init(guest, &mut store, &linked).await?;
        store.data().stdio.finish();
        Ok(Self { store, handler })
    }

    /// Answers one event. The outer error means that this instance is not to be used again.
    pub(super) async fn handle(
        &mut self,
        guest: &Guest,
        invocation: Invocation,
    ) -> Result<Result<Answer, Failure>, Failure> {
        let Invocation { event, context } = invocation;
        let event = std::str::from_utf8(&event)
            .map_err(|error| Failure::new(ErrorType::InvalidEvent, format!("the event is not UTF-8: {error}")));
        let event = match event {
            Ok(event) => event,
            Err(failure) => return Ok(Err(failure)),
        };
        let request_id = context.request_id.clone();
        let budget = context.deadline.budget(guest.capabilities.margin);
        let context = types::Context::from(context);

        let store = &mut self.store;
        store.data_mut().memory.refused = false;
        store.data().stdio.begin(&request_id);
        let called = timeout(budget, self.handler.call_handle(&mut *store, event, &context)).await;
        let answered = match called {
            Ok(Ok(answered)) => {
                store.data().stdio.finish();
                Ok(answered.map_err(Failure::from))
            }
            Ok(Err(error)) => Err(faulted(store, &error)),
            Err(_) => Err(timed_out(store, budget)),
        };
        let usage = Usage { memory_bytes: store.data().memory.used };
        guest.observer.used(&request_id, usage);
        answered
    }
}

async fn init(guest: &Guest, store: &mut Store<State>, linked: &Linked) -> Result<(), Failure> {
    let Some(lifecycle) = &guest.lifecycle else { return Ok(()) };
    let lifecycle = lifecycle.load(&mut *store, linked).map_err(|error| faulted(store, &error))?;
    match lifecycle.call_init(&mut *store).await {
        Ok(prepared) => prepared.map_err(Failure::from),
        Err(error) => Err(faulted(store, &error)),
    }
}

fn faulted(store: &mut Store<State>, error: &wasmtime::Error) -> Failure {
    let circumstances =
        Circumstances { last_stderr_line: store.data().stdio.finish(), memory_refused: store.data().memory.refused };
    fault::failure(error, &circumstances)
}

fn timed_out(store: &mut Store<State>, budget: Duration) -> Failure {
    store.data().stdio.finish();
    let message = format!("the guest was stopped after {:.2} seconds, just before the deadline", budget.as_secs_f64());
    Failure::new(ErrorType::Timeout, message).hint("raise the function's timeout, or make the handler quicker")
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
            error_type: ErrorType::Handler(error.error_type),
            message: error.error_message,
            stack_trace: error.stack_trace,
        }
    }
}
