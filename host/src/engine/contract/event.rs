//! Implements the contract `event`: JSON text and a context go in, JSON text or a typed error comes out. A guest may
//! write its response in pieces instead; see `engine/response_interface.rs`.

use bytes::Bytes;
use wasmtime::{Result, Store, component::InstancePre};

use super::lifecycle::Lifecycle;
use crate::{
    engine::{
        bindings::{handler, types},
        store_state::StoreState,
    },
    failure::{ErrorType, Failure},
    invocation::{CognitoIdentity, Context},
    response::{Outcome, Response},
    response_stream::{ResponseWriter, WriteError},
};

/// The type of the function that the host calls, as text. A test compares it with `wit/`.
#[cfg(feature = "compiler")]
pub(super) const HANDLE_TYPE: &str = "func(string, record { request-id: string, function-name: string, function-version: string, \
    invoked-function-arn: string, memory-limit-mib: u32, log-group-name: string, log-stream-name: string, deadline-ms: u64, \
    trace-id: option<string>, client-context: option<string>, \
    identity: option<record { identity-id: string, identity-pool-id: string }>, tenant-id: option<string> }) -> \
    result<string, record { error-type: string, error-message: string, stack-trace: list<string> }>";

/// A handler that is ready to be instantiated, and where its functions are.
pub(in crate::engine) struct Handler {
    pre: InstancePre<StoreState>,
    handler: handler::GuestIndices,
    lifecycle: Lifecycle,
}

impl Handler {
    pub(super) fn new(pre: InstancePre<StoreState>, has_lifecycle: bool) -> Result<Self> {
        let handler = handler::GuestIndices::new(&pre)?;
        let lifecycle = Lifecycle::find(&pre, has_lifecycle)?;
        Ok(Self { pre, handler, lifecycle })
    }

    /// Instantiates the handler, and runs its `init` if it has one. The inner error is the guest's own.
    pub(super) async fn start(&self, store: &mut Store<StoreState>) -> Result<Result<handler::Guest, Failure>> {
        let instance = self.pre.instantiate_async(&mut *store).await?;
        let handler = self.handler.load(&mut *store, &instance)?;
        Ok(self.lifecycle.init(store, &instance).await?.map(|()| handler))
    }
}

/// Calls the handler. The outcome's failure is the handler's own, or describes why it was not called.
pub(super) async fn call(
    handler: &handler::Guest,
    store: &mut Store<StoreState>,
    event: &Bytes,
    context: Context,
    writer: ResponseWriter,
) -> Result<Outcome> {
    let event = match std::str::from_utf8(event) {
        Ok(event) => event,
        Err(error) => {
            let failure = Failure::new(ErrorType::InvalidEvent, format!("the event is not UTF-8: {error}"));
            return Ok(Err(failure.hint("send text, such as JSON, in UTF-8")));
        }
    };
    store.data_mut().response = Some(writer);
    let returned = handler.call_handle(&mut *store, event, &types::Context::from(context)).await;
    let writer = store.data_mut().response.take();
    let returned = returned?.map(Response::from).map_err(Failure::from);
    Ok(match writer {
        Some(writer) if writer.is_over_limit() => Err(writer.failure(WriteError::Closed)),
        Some(writer) if writer.has_begun() => returned.map(|_| Response::sent()),
        _ => returned,
    })
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
