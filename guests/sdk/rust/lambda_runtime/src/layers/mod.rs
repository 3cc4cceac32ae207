mod answer;
#[cfg(feature = "opentelemetry")]
mod otel;
/// A span for each invocation.
pub mod trace;

pub(crate) use self::answer::AnswerService;
#[cfg(feature = "opentelemetry")]
pub use self::otel::{OpenTelemetryFaasTrigger, OpenTelemetryLayer};
pub use self::trace::TracingLayer;
