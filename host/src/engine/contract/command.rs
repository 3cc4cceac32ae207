//! Implements the contract `command`: the event is on standard input, the response on standard output, and the context
//! in environment variables. Any program for WASI fulfils it.
//!
//! See docs/decisions/35-commands-run-as-modules.md.

use wasmtime::{Result, Store, TypedFunc, component};
use wasmtime_wasi::{
    I32Exit,
    p2::{
        bindings::{Command, CommandIndices},
        pipe::{MemoryInputPipe, MemoryOutputPipe},
    },
};

use crate::{
    engine::store_state::{CommandIo, StoreState},
    failure::{ErrorType, Failure},
    invocation::{Context, Invocation, PAYLOAD_LIMIT_BYTES},
    response::{Outcome, Response},
};

/// The prefix of the names of the context's environment variables. Only the host sets such variables.
const VARIABLE: &str = "LAMBDA_CONTEXT_";

/// The function that a core module exports if it is a command.
pub(in crate::engine) const START: &str = "_start";

/// The types of the functions that the host calls, as text.
#[cfg(feature = "compiler")]
pub(super) const START_TYPE: &str = "func()";
#[cfg(feature = "compiler")]
pub(super) const RUN_TYPE: &str = "func() -> result";

/// A command that is ready to be instantiated.
pub(in crate::engine) enum CommandPre {
    Component { pre: component::InstancePre<StoreState>, indices: CommandIndices },
    Module(wasmtime::InstancePre<StoreState>),
}

/// The function of an instance that the host calls.
pub(in crate::engine) enum Start {
    Component(Command),
    Module(TypedFunc<(), ()>),
}

impl CommandPre {
    pub(super) fn of_component(pre: component::InstancePre<StoreState>) -> Result<Self> {
        let indices = CommandIndices::new(&pre)?;
        Ok(Self::Component { pre, indices })
    }

    pub(super) async fn start(&self, store: &mut Store<StoreState>) -> Result<Start> {
        match self {
            Self::Component { pre, indices } => {
                let instance = pre.instantiate_async(&mut *store).await?;
                Ok(Start::Component(indices.load(store, &instance)?))
            }
            Self::Module(pre) => {
                let instance = pre.instantiate_async(&mut *store).await?;
                Ok(Start::Module(instance.get_typed_func(store, START)?))
            }
        }
    }
}

impl Start {
    async fn call(&self, store: &mut Store<StoreState>) -> Result<()> {
        match self {
            Self::Component(command) => match command.wasi_cli_run().call_run(store).await? {
                Ok(()) => Ok(()),
                // This is the same as a call of `exit` with status 1.
                Err(()) => Err(I32Exit(1).into()),
            },
            Self::Module(start) => start.call_async(store, ()).await,
        }
    }
}

/// Returns the input and output of an instance for an invocation. Without an invocation, the instance is only made to
/// see whether that works.
pub(super) fn command_io(invocation: Option<&Invocation>, arguments: &[String], env: &[(String, String)]) -> CommandIo {
    let event = invocation.map(|invocation| invocation.event.clone()).unwrap_or_default();
    let mut variables = invocation.map(|invocation| variables(&invocation.context)).unwrap_or_default();
    variables.extend(env.iter().filter(|(name, _)| !name.starts_with(VARIABLE)).cloned());
    CommandIo {
        stdin: MemoryInputPipe::new(event),
        // With one byte more, a response at the limit can be distinguished from a larger one.
        stdout: MemoryOutputPipe::new(PAYLOAD_LIMIT_BYTES + 1),
        arguments: std::iter::once("guest".to_owned()).chain(arguments.iter().cloned()).collect(),
        variables,
    }
}

/// Runs a command. The outcome's failure describes why the output can't be a response: it is too large, or the command
/// succeeded with output that is empty or not UTF-8.
pub(super) async fn call(start: &Start, store: &mut Store<StoreState>) -> Result<Outcome> {
    let ended = start.call(store).await;
    let stdout = store.data().stdout.as_ref().map(MemoryOutputPipe::contents).unwrap_or_default();
    if stdout.len() > PAYLOAD_LIMIT_BYTES {
        let message =
            format!("the response has more than {PAYLOAD_LIMIT_BYTES} bytes, which is the most that Lambda takes");
        return Ok(Err(Failure::response_too_large(message)));
    }
    match ended {
        Ok(()) => {}
        Err(error) if matches!(error.downcast_ref(), Some(I32Exit(0))) => {}
        Err(error) => return Err(error),
    }
    let failure = |message: String, hint| Err(Failure::new(ErrorType::InvalidResponse, message).hint(hint));
    Ok(match String::from_utf8(stdout.into()) {
        Ok(text) if text.is_empty() => failure(
            "the command ended well without a response".to_owned(),
            "print one to standard output, such as `null`, or exit with a failure",
        ),
        Ok(text) => Ok(Response::from(text)),
        Err(error) => {
            let message = format!("the command's response is not UTF-8: {}", error.utf8_error());
            failure(message, "print text to standard output, such as JSON, and bytes in base64")
        }
    })
}

/// Returns the context's fields as environment variables, by the names that they have in `wit/`. An absent field has no
/// variable.
fn variables(context: &Context) -> Vec<(String, String)> {
    let identity = context.identity.as_ref();
    let memory_limit = context.memory_limit_mib.to_string();
    let deadline = context.deadline.unix_ms.to_string();
    let fields = [
        ("REQUEST_ID", Some(&context.request_id)),
        ("FUNCTION_NAME", Some(&context.function_name)),
        ("FUNCTION_VERSION", Some(&context.function_version)),
        ("INVOKED_FUNCTION_ARN", Some(&context.invoked_function_arn)),
        ("MEMORY_LIMIT_MIB", Some(&memory_limit)),
        ("LOG_GROUP_NAME", Some(&context.log_group_name)),
        ("LOG_STREAM_NAME", Some(&context.log_stream_name)),
        ("DEADLINE_MS", Some(&deadline)),
        ("TRACE_ID", context.trace_id.as_ref()),
        ("CLIENT_CONTEXT", context.client_context.as_ref()),
        ("IDENTITY_ID", identity.map(|identity| &identity.identity_id)),
        ("IDENTITY_POOL_ID", identity.map(|identity| &identity.identity_pool_id)),
        ("TENANT_ID", context.tenant_id.as_ref()),
    ];
    let set = fields.into_iter().filter_map(|(name, value)| Some((format!("{VARIABLE}{name}"), value?.clone())));
    set.collect()
}
