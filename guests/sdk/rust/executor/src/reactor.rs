//! This module waits for the host, where tokio waits only for time.

use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use wasip2::{
    clocks::monotonic_clock,
    io::poll::{self, Pollable},
};

/// A wait for something of the host's. It is over when that is ready.
#[derive(Debug)]
pub struct Ready {
    id: u64,
    /// Where it is while nobody waits.
    pollable: Option<Pollable>,
}

struct Waiting {
    id: u64,
    pollable: Pollable,
    waker: Waker,
}

#[derive(Default)]
struct Reactor {
    waiting: Vec<Waiting>,
    driver: Option<Waker>,
    since: Option<Instant>,
}

thread_local! {
    static REACTOR: RefCell<Reactor> = RefCell::default();
}

impl Ready {
    /// A wait that has not begun.
    pub fn new(pollable: Pollable) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self { id: NEXT.fetch_add(1, Ordering::Relaxed), pollable: Some(pollable) }
    }

    /// Takes the pollable back from the reactor, if it is there.
    fn take(&mut self) -> Option<Pollable> {
        self.pollable.take().or_else(|| {
            // At the end of the instance there may be no reactor any more.
            REACTOR
                .try_with(|reactor| {
                    let waiting = &mut reactor.borrow_mut().waiting;
                    let at = waiting.iter().position(|waiting| waiting.id == self.id)?;
                    Some(waiting.swap_remove(at).pollable)
                })
                .ok()
                .flatten()
        })
    }
}

impl Future for Ready {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let Some(pollable) = self.take() else { return Poll::Ready(()) };
        if pollable.ready() {
            return Poll::Ready(());
        }
        let waiting = Waiting { id: self.id, pollable, waker: task.waker().clone() };
        REACTOR.with_borrow_mut(|reactor| reactor.waiting.push(waiting));
        Poll::Pending
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        // The host wants it to go before what it belongs to.
        drop(self.take());
    }
}

/// Notes who drives the function.
pub(crate) fn drives(waker: &Waker) {
    REACTOR.with_borrow_mut(|reactor| match &reactor.driver {
        Some(driver) if driver.will_wake(waker) => {}
        _ => reactor.driver = Some(waker.clone()),
    });
}

/// Waits until something of the host's is ready, when tokio has nothing to do but to wait. Where nobody waits for the
/// host, tokio waits for its next timer itself.
pub(crate) fn wait() {
    let woken: Vec<Waker> = REACTOR.with_borrow_mut(|reactor| {
        if reactor.waiting.is_empty() {
            reactor.since = None;
            return Vec::new();
        }
        let tick = tick(reactor.since.get_or_insert_with(Instant::now).elapsed());
        let timer = monotonic_clock::subscribe_duration(u64::try_from(tick.as_nanos()).unwrap_or(u64::MAX));
        let pollables: Vec<&Pollable> =
            reactor.waiting.iter().map(|waiting| &waiting.pollable).chain([&timer]).collect();
        let ready = poll::poll(&pollables);
        let woken = ready.iter().filter_map(|&at| reactor.waiting.get(at as usize));
        let mut woken: Vec<Waker> = woken.map(|waiting| waiting.waker.clone()).collect();
        if !woken.is_empty() {
            reactor.since = None;
        }
        // It makes tokio look at its timers, and not wait for the next.
        woken.extend(reactor.driver.clone());
        woken
    });
    woken.into_iter().for_each(Waker::wake);
}

/// Returns how long to wait before tokio looks at its timers again, which only tokio knows: the longer the wait already
/// is, the less it matters that a timer is late.
fn tick(waited: Duration) -> Duration {
    (waited / 16).clamp(Duration::from_millis(1), Duration::from_millis(10))
}
