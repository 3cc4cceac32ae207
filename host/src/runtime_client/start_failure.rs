//! Failures of the start that no guest and no settings explain.

use std::{io, time::Duration};

use crate::failure::{ErrorType, Failure};

/// Returns the failure of a start that panicked. The panic itself writes to the log what it was.
pub(super) fn panicked() -> Failure {
    Failure::new(ErrorType::Internal, "the host failed in the start").hint("its log says why: please report it")
}

/// Returns the failure of a start that could not be stopped within this time.
pub(super) fn stuck(limit: Duration) -> Failure {
    Failure::slow_start(format!("the guest's start-up could not be stopped within {:.2} seconds", limit.as_secs_f64()))
}

/// Returns the failure of a thread, or its executor, that could not be started.
pub(super) fn thread_failure(error: &io::Error) -> Failure {
    Failure::new(ErrorType::Internal, format!("can't start a thread: {error}"))
}
