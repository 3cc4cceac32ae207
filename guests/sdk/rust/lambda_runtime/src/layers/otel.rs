use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context as Task, Poll, ready},
};

use pin_project_lite::pin_project;
use tower::{Layer, Service};
use tracing::{Instrument as _, field::Empty, info_span, instrument::Instrumented};

use crate::LambdaInvocation;

/// The layer that puts a span around each invocation, with OpenTelemetry's names, and flushes after it.
pub struct OpenTelemetryLayer<F> {
    flush: F,
    trigger: OpenTelemetryFaasTrigger,
}

impl<F: Fn() + Clone> OpenTelemetryLayer<F> {
    /// Makes the layer of what flushes.
    pub fn new(flush: F) -> Self {
        Self { flush, trigger: OpenTelemetryFaasTrigger::default() }
    }

    /// Says what triggers the function.
    pub fn with_trigger(self, trigger: OpenTelemetryFaasTrigger) -> Self {
        Self { trigger, ..self }
    }
}

impl<S, F: Fn() + Clone> Layer<S> for OpenTelemetryLayer<F> {
    type Service = OpenTelemetryService<S, F>;

    fn layer(&self, inner: S) -> Self::Service {
        OpenTelemetryService { inner, flush: self.flush.clone(), trigger: self.trigger, is_cold: true }
    }
}

/// What [`OpenTelemetryLayer`] makes.
pub struct OpenTelemetryService<S, F> {
    inner: S,
    flush: F,
    trigger: OpenTelemetryFaasTrigger,
    is_cold: bool,
}

impl<S, F> Service<LambdaInvocation> for OpenTelemetryService<S, F>
where
    S: Service<LambdaInvocation, Response = ()>,
    F: Fn() + Clone,
{
    type Response = ();
    type Error = S::Error;
    type Future = OpenTelemetryFuture<Instrumented<S::Future>, F>;

    fn poll_ready(&mut self, task: &mut Task<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, invocation: LambdaInvocation) -> Self::Future {
        let (context, trigger) = (&invocation.context, self.trigger.to_string());
        let name = &context.env_config.function_name;
        let span = info_span!(
            "Lambda function invocation",
            "otel.name" = name,
            "otel.kind" = Empty,
            "faas.name" = name,
            "faas.trigger" = trigger,
            "faas.invocation_id" = context.request_id,
            "faas.coldstart" = self.is_cold,
            "tenant_id" = context.tenant_id,
        );
        self.is_cold = false;
        let future = span.in_scope(|| self.inner.call(invocation));
        OpenTelemetryFuture { future: Some(future.instrument(span)), flush: self.flush.clone() }
    }
}

pin_project! {
    /// The future of [`OpenTelemetryService`].
    pub struct OpenTelemetryFuture<Fut, F> {
        #[pin]
        future: Option<Fut>,
        flush: F,
    }
}

impl<Fut: Future, F: Fn()> Future for OpenTelemetryFuture<Fut, F> {
    type Output = Fut::Output;

    fn poll(self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Fut::Output> {
        let mut this = self.project();
        let output = ready!(this.future.as_mut().as_pin_mut().expect("polled after its end").poll(task));
        // The span ends with the future, and is to be among what is flushed.
        this.future.set(None);
        (this.flush)();
        Poll::Ready(output)
    }
}

/// What triggers a function, in OpenTelemetry's words.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub enum OpenTelemetryFaasTrigger {
    /// Something happened to data.
    #[default]
    Datasource,
    /// Somebody asks by HTTP.
    Http,
    /// A message came.
    PubSub,
    /// It is time.
    Timer,
    /// Something else.
    Other,
}

impl fmt::Display for OpenTelemetryFaasTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Datasource => "datasource",
            Self::Http => "http",
            Self::PubSub => "pubsub",
            Self::Timer => "timer",
            Self::Other => "other",
        })
    }
}
