//! The invocation that one worker has in flight, as the watchdog sees it.
//!
//! ```text
//! Idle ──begin──▶ Running ──end──▶ Idle
//!                    └──abandon_if_overdue──▶ Abandoned (its worker ends when the guest's call returns)
//! ```

use std::{
    mem,
    sync::{Mutex, MutexGuard},
    time::{Duration, Instant},
};

use super::service::Accepted;
use crate::{invocation::TimeBudget, lock::lock};

/// The shortest time after which an invocation is overdue, even if its deadline has passed: clocks jump, and a quick
/// guest may still respond. Lambda's shortest timeout is a second.
const MIN_TIME: Duration = Duration::from_millis(500);

/// Holds the invocation that one worker has in flight.
#[derive(Default)]
pub(super) struct InFlight(Mutex<State>);

#[derive(Default)]
enum State {
    #[default]
    Idle,
    Running {
        overdue: Instant,
        accepted: Accepted,
    },
    Abandoned,
}

impl InFlight {
    /// Notes that an invocation begins, which has this much time.
    pub(super) fn begin(&self, accepted: Accepted, budget: TimeBudget) {
        let in_time = budget.guest + budget.margin / 2;
        *self.lock() = State::Running { overdue: Instant::now() + in_time.max(MIN_TIME), accepted };
    }

    /// Notes that the invocation is over. Returns `false` when its worker was abandoned meanwhile.
    pub(super) fn end(&self) -> bool {
        let mut state = self.lock();
        let is_ours = !matches!(*state, State::Abandoned);
        if is_ours {
            *state = State::Idle;
        }
        is_ours
    }

    /// Abandons the worker if its invocation is overdue, and returns that invocation.
    pub(super) fn abandon_if_overdue(&self) -> Option<Accepted> {
        let mut state = self.lock();
        match &*state {
            State::Running { overdue, .. } if Instant::now() >= *overdue => {}
            _ => return None,
        }
        match mem::replace(&mut *state, State::Abandoned) {
            State::Running { accepted, .. } => Some(accepted),
            State::Idle | State::Abandoned => None,
        }
    }

    pub(super) fn is_abandoned(&self) -> bool {
        matches!(*self.lock(), State::Abandoned)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::runtime_client::wire::{EventHeaders, REQUEST_ID};

    fn in_flight_for(guest: Duration) -> InFlight {
        let mut headers = EventHeaders::default();
        headers.insert(REQUEST_ID.as_str(), || Bytes::from_static(b"id-1"));
        let in_flight = InFlight::default();
        in_flight.begin(
            Accepted::new(headers.key().unwrap(), Instant::now(), false),
            TimeBudget { guest, margin: Duration::ZERO },
        );
        in_flight
    }

    #[test]
    fn an_invocation_that_ends_in_time_keeps_its_worker() {
        let in_flight = in_flight_for(Duration::from_secs(60));
        assert!(in_flight.abandon_if_overdue().is_none());
        assert!(in_flight.end());
        assert!(in_flight.abandon_if_overdue().is_none());
    }

    #[test]
    fn an_overdue_invocation_loses_its_worker_once_and_its_end_does_not_count() {
        let in_flight = in_flight_for(Duration::ZERO);
        std::thread::sleep(MIN_TIME);
        assert_eq!(in_flight.abandon_if_overdue().unwrap().key.request_id, "id-1");
        assert!(in_flight.abandon_if_overdue().is_none() && in_flight.is_abandoned());
        assert!(!in_flight.end());
    }
}
