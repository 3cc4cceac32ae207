//! Decides when a refresh is due, and lets one run at a time.
//!
//! Refreshes are numbered from 1 as they begin. `begun` counts those that have begun and `ended` those that have ended,
//! so `begun - ended` is 0 when none is running, and else 1: [`RefreshGate::begin`] holds the lock while it checks and
//! counts. `ended` is a watch channel, so that waiting needs no lock. A refresh ends when its [`RunningRefresh`] is
//! dropped, also by a panic.
//!
//! See docs/decisions/13-refresh-clock.md.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::sync::watch;

use crate::{freeze_aware_instant::FreezeAwareInstant, lock::lock};

/// Lets one refresh of a handler run at a time.
pub(super) struct RefreshGate {
    state: Mutex<State>,
    /// The number of refreshes that have ended.
    ended: watch::Sender<u64>,
}

struct State {
    /// The number of refreshes that have begun.
    begun: u64,
    /// When the last one began.
    last: FreezeAwareInstant,
}

/// Stands for a refresh, which is running until this is dropped.
pub(super) struct RunningRefresh(Arc<RefreshGate>);

impl RefreshGate {
    /// Returns a gate for a handler that was loaded just now.
    pub(super) fn new() -> Arc<Self> {
        let state = State { begun: 0, last: FreezeAwareInstant::now() };
        Arc::new(Self { state: Mutex::new(state), ended: watch::Sender::new(0) })
    }

    /// Returns whether the last refresh began at least `interval` ago, and none is running.
    pub(super) fn is_due(&self, interval: Duration) -> bool {
        let state = self.lock();
        state.begun == *self.ended.borrow() && state.last.elapsed() >= interval
    }

    /// Begins a refresh, unless one is running.
    pub(super) fn begin(self: &Arc<Self>) -> Option<RunningRefresh> {
        let mut state = self.lock();
        if state.begun > *self.ended.borrow() {
            return None;
        }
        *state = State { begun: state.begun + 1, last: FreezeAwareInstant::now() };
        Some(RunningRefresh(self.clone()))
    }

    /// Waits for the end of a refresh that begins after this call, so that the caller sees everything that was
    /// published before it. A refresh that is running now may have missed that, so it does not count. `begin` begins a
    /// refresh if none is running.
    pub(super) async fn next(&self, begin: impl Fn()) {
        // Refreshes are numbered, so the next one to begin has this number.
        let wanted = self.lock().begun + 1;
        // Subscribed before the first check: an end in between is then noticed.
        let mut ended = self.ended.subscribe();
        loop {
            let so_far = *ended.borrow_and_update();
            if so_far >= wanted {
                return;
            }
            if self.lock().begun == so_far {
                begin();
            }
            // This fails only when there is no sender, and `self` has one.
            let _ = ended.changed().await;
        }
    }

    /// Waits until no refresh is running.
    pub(super) async fn idle(&self) {
        let mut ended = self.ended.subscribe();
        while self.lock().begun > *ended.borrow_and_update() {
            let _ = ended.changed().await;
        }
    }

    /// Returns the number of the refresh that is running.
    pub(super) fn running(&self) -> Option<u64> {
        let state = self.lock();
        (state.begun > *self.ended.borrow()).then_some(state.begun)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Drop for RunningRefresh {
    fn drop(&mut self) {
        self.0.ended.send_modify(|ended| *ended += 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_is_due_when_the_last_is_old_enough_and_none_is_running() {
        let gate = RefreshGate::new();
        assert!(gate.is_due(Duration::ZERO));
        assert!(!gate.is_due(Duration::from_secs(60)));
        let running = gate.begin().unwrap();
        assert!(!gate.is_due(Duration::ZERO));
        assert!(gate.begin().is_none());
        assert_eq!(gate.running(), Some(1));
        drop(running);
        assert!(gate.is_due(Duration::ZERO) && gate.running().is_none());
    }

    #[tokio::test]
    async fn the_next_refresh_is_not_the_one_that_is_running() {
        let gate = RefreshGate::new();
        let first = gate.begin().unwrap();
        let waiting = tokio::spawn({
            let gate = gate.clone();
            async move {
                let begin = || drop(gate.begin());
                gate.next(begin).await;
                gate.lock().begun
            }
        });
        tokio::task::yield_now().await;
        drop(first);
        assert_eq!(waiting.await.unwrap(), 2);
    }
}
