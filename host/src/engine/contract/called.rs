//! Describes the end of a call.

use crate::response::Outcome;

/// Describes how an instance handled an event.
pub(in crate::engine) struct Called {
    pub(in crate::engine) outcome: Outcome,
    pub(in crate::engine) rest: Rest,
}

/// Says how the guest ended once its outcome was known.
pub(in crate::engine) enum Rest {
    /// It returned, so the instance can be used again.
    Ended,
    /// It was stopped.
    #[cfg(feature = "network")]
    Stopped,
    /// It faulted, which does not change the response.
    #[cfg(feature = "network")]
    Faulted(wasmtime::Error),
}

impl Called {
    pub(super) fn ended(outcome: Outcome) -> Self {
        Self { outcome, rest: Rest::Ended }
    }
}
