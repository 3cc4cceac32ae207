use std::task::{Context as Task, Poll};

use tower::{Layer, Service};
use tracing::{Instrument as _, Span, info_span, instrument::Instrumented};

use crate::{Context, Error, LambdaInvocation};

/// The layer that puts a span around each invocation, with the request's id.
#[derive(Debug, Clone, Default)]
pub struct TracingLayer {}

impl TracingLayer {
    /// Makes the layer.
    pub fn new() -> Self {
        Self::default()
    }
}

impl<S> Layer<S> for TracingLayer {
    type Service = TracingService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TracingService { inner }
    }
}

/// What [`TracingLayer`] makes.
#[derive(Debug, Clone)]
pub struct TracingService<S> {
    inner: S,
}

impl<S> Service<LambdaInvocation> for TracingService<S>
where
    S: Service<LambdaInvocation, Response = (), Error = Error>,
{
    type Response = ();
    type Error = Error;
    type Future = Instrumented<S::Future>;

    fn poll_ready(&mut self, task: &mut Task<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, invocation: LambdaInvocation) -> Self::Future {
        let span = request_span(&invocation.context);
        let future = span.in_scope(|| self.inner.call(invocation));
        future.instrument(span)
    }
}

/// Makes the span of an invocation.
pub fn request_span(context: &Context) -> Span {
    const NAME: &str = "Lambda runtime invoke";
    let request = &context.request_id;
    // A field that is only declared would be in every line.
    match (&context.xray_trace_id, &context.tenant_id) {
        (Some(trace), Some(tenant)) => info_span!(NAME, requestId = request, xrayTraceId = trace, tenantId = tenant),
        (Some(trace), None) => info_span!(NAME, requestId = request, xrayTraceId = trace),
        (None, Some(tenant)) => info_span!(NAME, requestId = request, tenantId = tenant),
        (None, None) => info_span!(NAME, requestId = request),
    }
}
