//! When a look is due, and that there is one at a time.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

use crate::moment::Moment;

/// The looks of one handler, numbered from 1.
pub(super) struct Looks {
    state: Mutex<State>,
    /// How many have ended.
    ended: watch::Sender<u64>,
}

struct State {
    /// How many have begun.
    begun: u64,
    last: Moment,
}

/// A look is under way until this is dropped, whatever becomes of it.
pub(super) struct UnderWay(Arc<Looks>);

impl Looks {
    /// The one at the start is just over.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State { begun: 0, last: Moment::now() }), ended: watch::Sender::new(0) })
    }

    /// Whether the last one began so long ago, and none is under way.
    pub(super) fn are_due(&self, every: Duration) -> bool {
        let state = self.lock();
        state.begun == *self.ended.borrow() && state.last.elapsed() >= every
    }

    /// Begins one, unless one is under way.
    pub(super) fn begin(self: &Arc<Self>) -> Option<UnderWay> {
        let mut state = self.lock();
        if state.begun > *self.ended.borrow() {
            return None;
        }
        *state = State { begun: state.begun + 1, last: Moment::now() };
        Some(UnderWay(self.clone()))
    }

    /// Waits for the end of one that has not begun yet. `begin` begins one.
    pub(super) async fn one_more(&self, begin: impl Fn()) {
        let wanted = self.lock().begun + 1;
        let mut ended = self.ended.subscribe();
        loop {
            let so_far = *ended.borrow_and_update();
            if so_far >= wanted {
                return;
            }
            if self.lock().begun == so_far {
                begin();
            }
            // The sender is this very struct's.
            let _ = ended.changed().await;
        }
    }

    /// Waits until none is under way.
    pub(super) async fn none(&self) {
        let mut ended = self.ended.subscribe();
        while self.lock().begun > *ended.borrow_and_update() {
            let _ = ended.changed().await;
        }
    }

    /// The number of the one that is.
    pub(super) fn under_way(&self) -> Option<u64> {
        let state = self.lock();
        (state.begun > *self.ended.borrow()).then_some(state.begun)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.ended.send_modify(|ended| *ended += 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_is_due_when_the_last_is_old_enough_and_none_is_under_way() {
        let looks = Looks::new();
        assert!(looks.are_due(Duration::ZERO));
        assert!(!looks.are_due(Duration::from_secs(60)));
        let under_way = looks.begin().unwrap();
        assert!(!looks.are_due(Duration::ZERO));
        assert!(looks.begin().is_none());
        assert_eq!(looks.under_way(), Some(1));
        drop(under_way);
        assert!(looks.are_due(Duration::ZERO) && looks.under_way().is_none());
    }

    #[tokio::test]
    async fn one_that_is_under_way_is_not_the_one_more_that_is_waited_for() {
        let looks = Looks::new();
        let first = looks.begin().unwrap();
        let own = tokio::spawn({
            let looks = looks.clone();
            async move {
                let begin = || drop(looks.begin());
                looks.one_more(begin).await;
                looks.lock().begun
            }
        });
        tokio::task::yield_now().await;
        drop(first);
        assert_eq!(own.await.unwrap(), 2);
    }
}
