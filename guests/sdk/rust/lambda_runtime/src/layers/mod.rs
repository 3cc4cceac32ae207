mod answer;
/// A span for each invocation.
pub mod trace;

pub(crate) use self::answer::AnswerService;
pub use self::trace::TracingLayer;
