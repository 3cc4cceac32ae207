//! The contract `event`: JSON text and a context in, JSON text or a typed error out.

use bytes::Bytes;
use wasmtime::{
    Result, Store,
    component::{Instance, InstancePre},
};

use crate::{
    engine::{
        bindings::{handler, lifecycle, types},
        state::State,
    },
    failure::{ErrorType, Failure},
    invocation::{Answer, CognitoIdentity, Context},
};

/// Where in a guest the contract's functions are.
pub(in crate::engine) struct Indices {
    handler: handler::GuestIndices,
    lifecycle: Option<lifecycle::GuestIndices>,
}

impl Indices {
    pub(super) fn new(pre: &InstancePre<State>, has_lifecycle: bool) -> Result<Self> {
        let handler = handler::GuestIndices::new(pre)?;
        let lifecycle = if has_lifecycle { Some(lifecycle::GuestIndices::new(pre)?) } else { None };
        Ok(Self { handler, lifecycle })
    }

    /// Runs the guest's `init`, if it has one. The inner error is the guest's own.
    pub(super) async fn start(
        &self,
        store: &mut Store<State>,
        instance: &Instance,
    ) -> Result<Result<handler::Guest, Failure>> {
        let handler = self.handler.load(&mut *store, instance)?;
        let Some(lifecycle) = &self.lifecycle else { return Ok(Ok(handler)) };
        let lifecycle = lifecycle.load(&mut *store, instance)?;
        let started = lifecycle.call_init(&mut *store).await?;
        Ok(started.map(|()| handler).map_err(Failure::from))
    }
}

/// The inner error is the handler's own, or says that it was not called.
pub(super) async fn call(
    handler: &handler::Guest,
    store: &mut Store<State>,
    event: &Bytes,
    context: Context,
) -> Result<Result<Answer, Failure>> {
    let event = match std::str::from_utf8(event) {
        Ok(event) => event,
        Err(error) => {
            let failure = Failure::new(ErrorType::InvalidEvent, format!("the event is not UTF-8: {error}"));
            return Ok(Err(failure.hint("send text, such as JSON, in UTF-8")));
        }
    };
    let answered = handler.call_handle(store, event, &types::Context::from(context)).await?;
    Ok(answered.map_err(Failure::from))
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
            error_type: ErrorType::of_handler(&error.error_type),
            message: error.error_message,
            stack_trace: error.stack_trace,
        }
    }
}
