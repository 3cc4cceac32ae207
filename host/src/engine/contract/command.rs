//! The contract `command`: the event on standard input, the answer on standard output, the context in variables. Any program for
//! WASI keeps it.

use wasmtime::{Result, Store, TypedFunc, component};
use wasmtime_wasi::{
    I32Exit,
    p2::{
        bindings::{Command, CommandIndices},
        pipe::{MemoryInputPipe, MemoryOutputPipe},
    },
};

use crate::{
    engine::state::{State, Surroundings},
    failure::{ErrorType, Failure},
    invocation::{Answer, Context, Invocation, PAYLOAD_LIMIT_BYTES},
};

/// How the names of the context's variables begin. Only the host sets such variables.
const VARIABLE: &str = "LAMBDA_CONTEXT_";

/// What a core module exports that is a program.
pub(in crate::engine) const START: &str = "_start";

/// The types of what is called, as text.
#[cfg(feature = "compiler")]
pub(super) const START_TYPE: &str = "func()";
#[cfg(feature = "compiler")]
pub(super) const RUN_TYPE: &str = "func() -> result";

/// A program ready to be instantiated.
pub(in crate::engine) enum Program {
    Component { pre: component::InstancePre<State>, indices: CommandIndices },
    Module(wasmtime::InstancePre<State>),
}

/// What of an instance is called.
pub(in crate::engine) enum Start {
    Component(Command),
    Module(TypedFunc<(), ()>),
}

impl Program {
    pub(super) fn of_component(pre: component::InstancePre<State>) -> Result<Self> {
        let indices = CommandIndices::new(&pre)?;
        Ok(Self::Component { pre, indices })
    }

    pub(super) async fn start(&self, store: &mut Store<State>) -> Result<Start> {
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
    async fn call(&self, store: &mut Store<State>) -> Result<()> {
        match self {
            Self::Component(command) => match command.wasi_cli_run().call_run(store).await? {
                Ok(()) => Ok(()),
                // As if it had called `exit`.
                Err(()) => Err(I32Exit(1).into()),
            },
            Self::Module(start) => start.call_async(store, ()).await,
        }
    }
}

/// What an instance gets for an invocation; for none, an instance is only made to see that it can be.
pub(super) fn surroundings(
    invocation: Option<&Invocation>,
    arguments: &[String],
    env: &[(String, String)],
) -> Surroundings {
    let event = invocation.map(|invocation| invocation.event.clone()).unwrap_or_default();
    let mut variables = invocation.map(|invocation| variables(&invocation.context)).unwrap_or_default();
    variables.extend(env.iter().filter(|(name, _)| !name.starts_with(VARIABLE)).cloned());
    Surroundings {
        stdin: MemoryInputPipe::new(event),
        // One byte more, to tell an answer at the limit from one that is larger.
        stdout: MemoryOutputPipe::new(PAYLOAD_LIMIT_BYTES + 1),
        arguments: std::iter::once("guest".to_owned()).chain(arguments.iter().cloned()).collect(),
        variables,
    }
}

/// The inner error says why there is no answer although the program ended well.
pub(super) async fn call(start: &Start, store: &mut Store<State>) -> Result<Result<Answer, Failure>> {
    let ended = start.call(store).await;
    let stdout = store.data().stdout.as_ref().map(MemoryOutputPipe::contents).unwrap_or_default();
    if stdout.len() > PAYLOAD_LIMIT_BYTES {
        let message =
            format!("the answer has more than {PAYLOAD_LIMIT_BYTES} bytes, which is the most that Lambda takes");
        return Ok(Err(Failure::response_too_large(message)));
    }
    match ended {
        Ok(()) => {}
        Err(error) if matches!(error.downcast_ref(), Some(I32Exit(0))) => {}
        Err(error) => return Err(error),
    }
    let failure = |message: String, hint| Err(Failure::new(ErrorType::InvalidResponse, message).hint(hint));
    Ok(match String::from_utf8(stdout.into()) {
        Ok(answer) if answer.is_empty() => failure(
            "the command ended well without an answer".to_owned(),
            "print one to standard output, such as `null`, or exit with a failure",
        ),
        Ok(answer) => Ok(answer),
        Err(error) => {
            let message = format!("the command's answer is not UTF-8: {}", error.utf8_error());
            failure(message, "print text to standard output, such as JSON, and bytes in base64")
        }
    })
}

/// The context's fields, by the names they have in `wit/`. What is absent has no variable.
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
