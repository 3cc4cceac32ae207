//! A second look at each invocation, from the supervisor's thread, which no guest can hold up.
//!
//! A guest that is to be stopped is stopped on its own thread, at the next point where it gives way. Between two such points there
//! can be a single instruction that fills gigabytes, a call that waits for a disk, or a log line that nobody reads. So where
//! an invocation is not over when half of the margin has passed, its worker is given up: another one takes its place on a thread
//! of its own, fails the invocation in time, and goes on to the next event. The one that was given up ends when it gets the
//! word again, and what it brings is dropped.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{
    client::ApiError,
    service::Reply,
    wire::{EventHeaders, InvocationKey},
    worker::Crew,
};
use crate::{
    engine::Spent,
    failure::{ErrorType, Failure},
    invocation::Budget,
};

/// An invocation is not given up sooner, however short its time is: clocks jump, a guest that answers at once may do so, and Lambda's
/// shortest timeout is a second.
const LEAST: Duration = Duration::from_millis(500);

/// How many workers may be given up and still be at what can't be stopped, besides as many as there are workers. Each holds a thread,
/// and the memory of an instance, for nothing. With one more the environment ends: Lambda makes another.
const MOST_GIVEN_UP: usize = 3;

/// What one worker has in flight.
#[derive(Default)]
pub struct Slot(Mutex<State>);

#[derive(Default)]
enum State {
    #[default]
    Idle,
    InFlight {
        overdue: Instant,
        key: InvocationKey,
    },
    GivenUp,
}

impl Slot {
    /// An invocation begins, for which there is so much time.
    pub fn begin(&self, headers: &EventHeaders, budget: Budget) {
        // Without an id there is nothing to answer.
        let Some(key) = headers.key() else { return };
        let in_time = budget.guest + budget.margin / 2;
        *self.lock() = State::InFlight { overdue: Instant::now() + in_time.max(LEAST), key };
    }

    /// It is over. `false` when its worker was given up meanwhile.
    pub fn end(&self) -> bool {
        let mut state = self.lock();
        let is_ours = !matches!(*state, State::GivenUp);
        if is_ours {
            *state = State::Idle;
        }
        is_ours
    }

    /// The reply to an invocation that is not over in time, whose worker is given up with this.
    fn give_up(&self) -> Option<Reply> {
        let mut state = self.lock();
        match &*state {
            State::InFlight { overdue, .. } if Instant::now() >= *overdue => {}
            _ => return None,
        }
        let State::InFlight { key, .. } = std::mem::replace(&mut *state, State::GivenUp) else { return None };
        Some(Reply { to: key, outcome: Err(overdue_failure()), spent: Spent::default() })
    }

    fn is_given_up(&self) -> bool {
        matches!(*self.lock(), State::GivenUp)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn overdue_failure() -> Failure {
    let message = "the guest could not be stopped in what it does, and was given up just before the deadline";
    Failure::new(ErrorType::Timeout, message).hint("raise the function's timeout, or make the handler quicker")
}

/// Replaces the workers whose invocations are not over in time. Where too many can't be stopped the environment ends on purpose, after
/// that was answered which is overdue now.
pub fn replace_overdue(crew: &Arc<Crew>) {
    let slots = crew.slots();
    for left in slots.iter().filter_map(|slot| slot.give_up()) {
        let given_up = slots.iter().filter(|slot| slot.is_given_up()).count();
        match given_up > crew.concurrency().get() + MOST_GIVEN_UP {
            true => crew.clone().end_with(left, ApiError::GivenUp(given_up)),
            false => crew.clone().work_on_a_thread(Some(left)),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn slot_with(guest: Duration) -> Slot {
        let slot = Slot::default();
        let mut headers = EventHeaders::default();
        headers.hear("Lambda-Runtime-Aws-Request-Id", Bytes::from_static(b"id-1"));
        slot.begin(&headers, Budget { guest, margin: Duration::ZERO });
        slot
    }

    #[test]
    fn an_invocation_that_is_over_in_time_keeps_its_worker() {
        let slot = slot_with(Duration::from_secs(60));
        assert!(slot.give_up().is_none());
        assert!(slot.end());
        assert!(slot.give_up().is_none());
    }

    #[test]
    fn one_that_is_overdue_loses_it_once_and_its_end_does_not_count() {
        let slot = slot_with(Duration::ZERO);
        std::thread::sleep(LEAST);
        assert_eq!(slot.give_up().map(|reply| reply.to.request_id), Some(Bytes::from_static(b"id-1")));
        assert!(slot.give_up().is_none());
        assert!(!slot.end());
    }
}
