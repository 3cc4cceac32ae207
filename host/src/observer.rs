//! What is told about running guests: which one serves, their lines of output, and what they used.

use crate::digest::Digest;

/// Where a guest wrote a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// What one invocation used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// The largest size, in bytes, that the instance's linear memories and tables had together by the end of the invocation, with
    /// what the host keeps of the instance.
    pub memory_bytes: u64,
}

/// Hears what guests do while they run. Called on the invocation's own thread, before the guest goes on: what was heard
/// is not lost when the guest traps right after.
pub trait Observer: Send + Sync {
    /// From now on this guest serves new invocations.
    fn serving(&self, _guest: Digest) {}

    /// This guest is to answer the invocation.
    fn served_by(&self, _request_id: &str, _guest: Digest) {}

    /// A guest wrote a line (without its line end). There is no request id while an instance is being made.
    fn line(&self, request_id: Option<&str>, guest: Digest, stream: Stream, line: &str);

    /// An invocation is over, well or not.
    fn used(&self, _request_id: &str, _usage: Usage) {}
}
