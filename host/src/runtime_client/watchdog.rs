//! The watchdog: it abandons workers whose guest can't be stopped, from the supervisor's thread, which no guest can
//! hold up.
//!
//! A guest is stopped on its own thread, at the next point where it yields. Between two such points there can be a
//! single instruction that fills gigabytes, a call that waits for a disk, or a log line that nobody reads. So when an
//! invocation is still running after half of the margin, its worker is abandoned: another worker takes its place on a
//! thread of its own, fails the invocation in time, and takes the next event. The abandoned worker ends when its guest
//! returns, and its result is dropped.
//!
//! With a concurrency of 1 the abandoned worker's thread is also the one that ran the start, so nothing else may depend
//! on that thread: SIGTERM and the watchdog live on the supervisor's.
//!
//! See docs/decisions/06-watchdog.md. See docs/decisions/07-abandoned-workers-are-bounded.md.

use std::sync::Arc;

use super::{in_flight::InFlight, service::Reply};
use crate::failure::{ErrorType, Failure};

/// The maximum number of abandoned workers whose guests are still running, on top of one for each worker there is to
/// be. Each holds a thread and the memory of an instance for nothing. With one more, the environment ends and Lambda
/// makes another.
const MAX_ABANDONED: usize = 3;

/// Says what to do about an overdue invocation.
pub(super) enum Verdict {
    /// Start another worker, which posts this reply first.
    Replace(Reply),
    /// End the environment after this reply: so many workers are abandoned and still running.
    End(Reply, usize),
}

/// Abandons the workers whose invocations are overdue, and returns what to do about each.
pub(super) fn abandon_overdue(in_flight: &[Arc<InFlight>], concurrency: usize) -> Vec<Verdict> {
    let overdue = in_flight.iter().filter_map(|in_flight| in_flight.abandon_if_overdue());
    let verdicts = overdue.map(|accepted| {
        let reply = Reply::failed(accepted, overdue_failure());
        let abandoned = in_flight.iter().filter(|in_flight| in_flight.is_abandoned()).count();
        match abandoned > concurrency + MAX_ABANDONED {
            true => Verdict::End(reply, abandoned),
            false => Verdict::Replace(reply),
        }
    });
    verdicts.collect()
}

fn overdue_failure() -> Failure {
    let message = "the guest could not be stopped in time, and was abandoned just before the deadline";
    Failure::new(ErrorType::Timeout, message).hint("raise the function's timeout, or make the handler quicker")
}
