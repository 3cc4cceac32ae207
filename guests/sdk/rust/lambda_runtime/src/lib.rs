//! This crate stands in for the crate `lambda_runtime` in guests of Guesthouse: a function that was written for it is
//! built as a guest, with the same `main`. Events come from the host that runs the guest, and not from Lambda's Runtime
//! API. Where it differs:
//!
//! * A panic is not caught: it costs the instance, and the next event gets a new one.
//! * A response in pieces is sent when it is complete.
//! * There is no signal before the end, and no snapshot: what is registered for them is never called.

mod context;
mod deserializer;
/// Errors of functions, as their callers see them.
pub mod diagnostic;
mod invocation;
/// Tower layers around the whole of an invocation.
pub mod layers;
mod response;
mod runtime;
/// Hooks around Lambda's snapshots.
pub mod snapstart;
/// Responses in pieces.
pub mod streaming;
/// Log lines. It has all of the crate `tracing`, and a subscriber for Lambda.
#[cfg(feature = "tracing")]
pub mod tracing;

use std::{fmt::Debug, future::Future, pin::Pin};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio_stream::Stream;
pub use tower::{self, Service, service_fn};

pub use self::{
    context::{ClientApplication, ClientContext, CognitoIdentity, Config, Context},
    diagnostic::Diagnostic,
    invocation::{LambdaEvent, LambdaInvocation},
    response::{FunctionResponse, IntoFunctionResponse, MetadataPrelude, StreamResponse},
    runtime::Runtime,
    snapstart::SnapStartResource,
};

/// Any error.
pub type Error = Box<dyn std::error::Error + Send + Sync + 'static>;

/// A boxed future.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Answers events with a handler, for ever.
///
/// # Errors
///
/// It fails when the handler says that it will never be ready again.
pub async fn run<A, F, R, B, S, D, E>(handler: F) -> Result<(), Error>
where
    F: Service<LambdaEvent<A>, Response = R>,
    F::Future: Future<Output = Result<R, F::Error>>,
    F::Error: Into<Diagnostic> + Debug,
    A: for<'de> Deserialize<'de>,
    R: IntoFunctionResponse<B, S>,
    B: Serialize,
    S: Stream<Item = Result<D, E>> + Unpin + Send + 'static,
    D: Into<Bytes> + Send,
    E: Into<Error> + Send + Debug,
{
    Runtime::new(handler).layer(layers::TracingLayer::new()).run().await
}

/// Does the same as [`run`]: a guest gets one event at a time, and as many at once have as many guests.
///
/// # Errors
///
/// It fails when the handler says that it will never be ready again.
#[cfg(feature = "concurrency-tokio")]
pub async fn run_concurrent<A, F, R, B, S, D, E>(handler: F) -> Result<(), Error>
where
    F: Service<LambdaEvent<A>, Response = R> + Clone + Send + 'static,
    F::Future: Future<Output = Result<R, F::Error>> + Send + 'static,
    F::Error: Into<Diagnostic> + Debug,
    A: for<'de> Deserialize<'de> + Send + 'static,
    R: IntoFunctionResponse<B, S> + Send + 'static,
    B: Serialize + Send + 'static,
    S: Stream<Item = Result<D, E>> + Unpin + Send + 'static,
    D: Into<Bytes> + Send + 'static,
    E: Into<Error> + Send + Debug + 'static,
{
    run(handler).await
}

/// Makes a handler of a function that takes the event and the context apart.
#[deprecated(note = "use `service_fn` and `LambdaEvent`")]
pub fn handler_fn<A, F, Fut>(function: F) -> tower::util::ServiceFn<impl Fn(LambdaEvent<A>) -> Fut>
where
    F: Fn(A, Context) -> Fut,
{
    service_fn(move |event: LambdaEvent<A>| function(event.payload, event.context))
}

/// Takes what is to be done before the end. A guest does not learn of its end, so it is kept and never called.
#[cfg(feature = "graceful-shutdown")]
pub async fn spawn_graceful_shutdown_handler<Fut>(shutdown_hook: impl FnOnce() -> Fut + Send + 'static)
where
    Fut: Future<Output = ()> + Send + 'static,
{
    // What it holds, such as a log's writer, is to live as long as the guest.
    std::mem::forget(shutdown_hook);
}
