//! This module has the loop that answers events.

use std::{env, fmt::Debug, future::Future, sync::Arc};

use bytes::Bytes;
use guesthouse_executor::next_event;
use serde::{Deserialize, Serialize};
use tokio_stream::Stream;
use tower::{Layer, Service, ServiceExt as _};

use crate::{
    Diagnostic, Error, IntoFunctionResponse, LambdaEvent, LambdaInvocation, SnapStartResource, layers::AnswerService,
};

/// A handler in its layers, which answers events.
pub struct Runtime<S> {
    service: S,
}

impl<F, A, R, B, S, D, E> Runtime<AnswerService<F, A, R, B, S>>
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
    /// Makes it of a handler, without a layer.
    pub fn new(handler: F) -> Self {
        Self { service: AnswerService::new(handler) }
    }
}

impl<S> Runtime<S> {
    /// Puts a layer around all that there is.
    pub fn layer<L>(self, layer: L) -> Runtime<L::Service>
    where
        L: Layer<S>,
        L::Service: Service<LambdaInvocation, Response = (), Error = Error>,
    {
        Runtime { service: layer.layer(self.service) }
    }

    /// Says whether Lambda restores this from a snapshot, which it never does with a guest.
    pub fn is_snapstart(&self) -> bool {
        false
    }

    /// Takes what has to do something around a snapshot, of which there is none.
    pub fn register_snapstart_resource(self, resource: Arc<dyn SnapStartResource>) -> Self {
        drop(resource);
        self
    }
}

impl<S> Runtime<S>
where
    S: Service<LambdaInvocation, Response = (), Error = Error>,
{
    /// Answers events, for ever.
    ///
    /// # Errors
    ///
    /// It fails when a layer does, or will never be ready again.
    pub async fn run(mut self) -> Result<(), Error> {
        loop {
            let invocation = LambdaInvocation::from(next_event().await);
            note_trace(invocation.context.xray_trace_id.as_deref());
            self.service.ready().await?.call(invocation).await?;
        }
    }

    /// Does the same as [`run`](Self::run).
    ///
    /// # Errors
    ///
    /// It fails when a layer does, or will never be ready again.
    #[cfg(feature = "concurrency-tokio")]
    pub async fn run_concurrent(self) -> Result<(), Error>
    where
        S: Clone + Send + 'static,
        S::Future: Send,
    {
        self.run().await
    }
}

/// Sets the variable from which libraries take the trace.
fn note_trace(trace: Option<&str>) {
    const NAME: &str = "_X_AMZN_TRACE_ID";
    // SAFETY: wasm has one thread, so nobody reads the environment meanwhile.
    unsafe {
        match trace {
            Some(trace) => env::set_var(NAME, trace),
            None => env::remove_var(NAME),
        }
    }
}
