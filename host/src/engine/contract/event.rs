//! Implements the contract `event`: JSON text and a context go in, JSON text or a typed error comes out.

use bytes::Bytes;
use wasmtime::{Result, Store, component::InstancePre};

use crate::{
    engine::{
        bindings::{handler, lifecycle, types},
        store_state::StoreState,
    },
    failure::{ErrorType, Failure},
    invocation::{CognitoIdentity, Context},
    response::{Outcome, Response},
};

/// The types of the functions that the host calls, as text. A test compares them with `wit/`.
#[cfg(feature = "compiler")]
pub(super) const HANDLE_TYPE: &str = "func(string, record { request-id: string, function-name: string, function-version: string, \
    invoked-function-arn: string, memory-limit-mib: u32, log-group-name: string, log-stream-name: string, deadline-ms: u64, \
    trace-id: option<string>, client-context: option<string>, \
    identity: option<record { identity-id: string, identity-pool-id: string }>, tenant-id: option<string> }) -> \
    result<string, record { error-type: string, error-message: string, stack-trace: list<string> }>";
#[cfg(feature = "compiler")]
pub(super) const INIT_TYPE: &str =
    "func() -> result<_, record { error-type: string, error-message: string, stack-trace: list<string> }>";

/// A handler that is ready to be instantiated, and where its functions are.
pub(in crate::engine) struct Handler {
    pre: InstancePre<StoreState>,
    handler: handler::GuestIndices,
    lifecycle: Option<lifecycle::GuestIndices>,
}

impl Handler {
    pub(super) fn new(pre: InstancePre<StoreState>, has_lifecycle: bool) -> Result<Self> {
        let handler = handler::GuestIndices::new(&pre)?;
        let lifecycle = if has_lifecycle { Some(lifecycle::GuestIndices::new(&pre)?) } else { None };
        Ok(Self { pre, handler, lifecycle })
    }

    /// Instantiates the handler, and runs its `init` if it has one. The inner error is the guest's own.
    pub(super) async fn start(&self, store: &mut Store<StoreState>) -> Result<Result<handler::Guest, Failure>> {
        let instance = self.pre.instantiate_async(&mut *store).await?;
        let handler = self.handler.load(&mut *store, &instance)?;
        let Some(lifecycle) = &self.lifecycle else { return Ok(Ok(handler)) };
        let lifecycle = lifecycle.load(&mut *store, &instance)?;
        let started = lifecycle.call_init(&mut *store).await?;
        Ok(started.map(|()| handler).map_err(Failure::from))
    }
}

/// Calls the handler. The outcome's failure is the handler's own, or describes why it was not called.
pub(super) async fn call(
    handler: &handler::Guest,
    store: &mut Store<StoreState>,
    event: &Bytes,
    context: Context,
) -> Result<Outcome> {
    let event = match std::str::from_utf8(event) {
        Ok(event) => event,
        Err(error) => {
            let failure = Failure::new(ErrorType::InvalidEvent, format!("the event is not UTF-8: {error}"));
            return Ok(Err(failure.hint("send text, such as JSON, in UTF-8")));
        }
    };
    let returned = handler.call_handle(store, event, &types::Context::from(context)).await?;
    Ok(returned.map(Response::from).map_err(Failure::from))
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
        let failure = Self::new(ErrorType::of_handler(&error.error_type), error.error_message);
        Self { stack_trace: error.stack_trace, ..failure }
    }
}
