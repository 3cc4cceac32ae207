//! Refreshes that Lambda froze.
//!
//! Lambda freezes the process when it requests the next event. A refresh that was running then stops with it, and its
//! connections do not outlive a long freeze. In an environment with little to do no refresh would ever finish. So a
//! refresh that was frozen is finished after the next response was posted, when no caller waits for it, before the
//! environment requests another event.
//!
//! See docs/decisions/14-frozen-refresh.md.

use std::time::Duration;

use super::{service::Service, wire::EventHeaders};
use crate::freeze_aware_instant::FreezeAwareInstant;

/// A refresh that was running before and after a wait of this length was frozen.
const FROZEN_THRESHOLD: Duration = Duration::from_secs(1);

/// The longest wait for a frozen refresh, in which the environment is billed.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// Tells which refresh was frozen while its worker waited for an event. Each is waited for once.
#[derive(Default)]
pub(super) struct FrozenRefresh {
    frozen: Option<u64>,
    waited_for: Option<u64>,
}

/// Holds what was running when the next event was requested.
pub(super) struct Requested {
    refresh: Option<u64>,
    at: FreezeAwareInstant,
}

impl FrozenRefresh {
    /// Notes that the next event is requested.
    pub(super) fn requested(service: &Service) -> Requested {
        Requested { refresh: service.running_refresh(), at: FreezeAwareInstant::now() }
    }

    /// Notes that the event came.
    pub(super) fn event_came(&mut self, requested: &Requested) {
        self.frozen = requested.refresh.filter(|_| requested.at.elapsed() >= FROZEN_THRESHOLD);
    }

    /// Finishes the refresh that was frozen, if it is still running, in what is left of the time for the invocation
    /// with these headers.
    pub(super) async fn finish(&mut self, service: &Service, headers: &EventHeaders) {
        if self.frozen.is_some() && self.frozen == service.running_refresh() && self.frozen != self.waited_for {
            self.waited_for = self.frozen;
            service.finish_refresh(headers, MAX_WAIT).await;
        }
    }
}
