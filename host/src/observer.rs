//! This module has the interface through which others learn what happens here: which guest serves, what guests print,
//! and how each invocation ended.

use std::time::Duration;

use crate::{digest::Digest, report::InvocationReport};

/// The maximum size of a line, in bytes. CloudWatch cuts events at 256 KiB, including what the host puts in front of a
/// line. So the host logs a longer line in pieces.
pub const LINE_LIMIT_BYTES: usize = 255 * 1024;

/// A `Line` is one line that a guest printed.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// The invocation to which the line belongs. `None` while an instance is being created.
    pub request_id: Option<&'a str>,
    /// The invocation's tenant, in a function with tenant isolation.
    pub tenant_id: Option<&'a str>,
    /// The guest that printed the line.
    pub guest: Digest,
    /// The text, without the line end.
    pub text: &'a str,
    /// Whether the guest's language runtime reports a failure with this line: a panic, a stack trace or a failed
    /// assertion.
    pub is_of_failure: bool,
    /// The CloudWatch namespaces of the metrics that the guest may write.
    pub metrics: &'a [String],
}

/// An `Observer` receives what guests print and how invocations end. `line` is called on the invocation's own thread,
/// before the guest continues. So nothing is lost if the guest traps right afterwards.
pub trait Observer: Send + Sync {
    /// Called when this guest begins to serve new invocations.
    fn serving(&self, _guest: Digest) {}

    /// Called for each line that a guest prints.
    fn line(&self, line: &Line<'_>);

    /// Returns whether guests should wait before they print more, because many lines are not written yet.
    fn is_behind(&self) -> bool {
        false
    }

    /// Waits until all lines so far are written, but no longer than `limit`.
    fn flush(&self, _limit: Duration) {}

    /// Called when the guest for an invocation was chosen, before it handles the event.
    fn began(&self, _request_id: &str, _guest: Digest) {}

    /// Called once for each event that was accepted, after its reply was posted, however the invocation ended. It is
    /// not called if the process ends first: when the time after SIGTERM is over, or when no thread can be started.
    fn finished(&self, _report: &InvocationReport<'_>) {}
}
