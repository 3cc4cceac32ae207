//! Events that can't be completed, and come again.
//!
//! See docs/decisions/09-redelivered-events.md.

use std::time::Duration;

use tokio::time::sleep;

use super::wire::EventHeaders;
use crate::backoff::Backoff;

/// The first wait for another event; each further one is twice as long, up to the longest.
const INITIAL_WAIT: Duration = Duration::from_millis(10);
const MAX_WAIT: Duration = Duration::from_secs(1);

/// Remembers the last event whose reply the Runtime API did not accept, so that it does not run again.
///
/// Under the emulator such an event is delivered again at once, without end: a caller can choose a request id for which
/// no reply is ever accepted.
pub(super) struct RedeliveryGuard {
    last: Option<EventHeaders>,
    backoff: Backoff,
}

impl Default for RedeliveryGuard {
    fn default() -> Self {
        Self { last: None, backoff: Backoff::new(INITIAL_WAIT, MAX_WAIT) }
    }
}

impl RedeliveryGuard {
    /// Remembers an event whose reply was not accepted.
    pub(super) fn remember(&mut self, headers: EventHeaders) {
        self.last = Some(headers);
    }

    /// Forgets it: another event was completed.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Returns whether this is the remembered delivery once more.
    pub(super) fn is_redelivery(&self, headers: &EventHeaders) -> bool {
        self.last.as_ref().is_some_and(|last| last.is_same_delivery(headers))
    }

    /// Waits before the next event is requested, each time for longer.
    pub(super) async fn back_off(&mut self) {
        sleep(self.backoff.wait()).await;
    }
}
