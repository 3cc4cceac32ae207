//! What is told about running guests: which one serves, their lines of output, and what they used.

use std::time::Duration;

use crate::digest::Digest;

/// CloudWatch cuts events at 256 KiB, what stands in front of them included: a longer line is handed on, and written, in pieces. In bytes.
pub const LINE_LIMIT_BYTES: usize = 255 * 1024;

/// What one invocation used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// The largest size, in bytes, that the instance's linear memories and tables had together by the end of the invocation, with
    /// what the host keeps of the instance.
    pub memory_bytes: u64,
}

/// What a guest wrote, up to a line's end.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// The invocation to which it belongs; none while an instance is being made.
    pub request_id: Option<&'a str>,
    /// Whose the invocation is, in a function with tenant isolation.
    pub tenant_id: Option<&'a str>,
    /// Who wrote it.
    pub guest: Digest,
    /// Without the line's end.
    pub text: &'a str,
    /// It is what the language's own runtime says when it fails: a panic, a stack trace, a failed assertion.
    pub is_of_failure: bool,
    /// The namespaces in CloudWatch of the metrics that the guest may write.
    pub metrics: &'a [String],
}

/// Hears what guests do while they run. Called on the invocation's own thread, before the guest goes on: what was heard
/// is not lost when the guest traps right after.
pub trait Observer: Send + Sync {
    /// From now on this guest serves new invocations.
    fn serving(&self, _guest: Digest) {}

    /// This guest is to answer the invocation.
    fn served_by(&self, _request_id: &str, _guest: Digest) {}

    /// A guest wrote a line.
    fn line(&self, line: &Line<'_>);

    /// Whether it is worth waiting before more is said: much of what was heard is still on its way to where it is to go.
    fn is_behind(&self) -> bool {
        false
    }

    /// Waits until what was heard is where it is to go, at most so long.
    fn flush(&self, _limit: Duration) {}

    /// An invocation is over, well or not.
    fn used(&self, _request_id: &str, _usage: Usage) {}
}
