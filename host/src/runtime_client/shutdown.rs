//! The shutdown of the environment.
//!
//! Lambda sends SIGTERM to an environment that has an extension, and SIGKILL some time after it: half a second with an
//! internal extension, part of which may be over before the signal arrives. Source: the AWS page "Lambda execution
//! environment", section "Shutdown phase".
//!
//! See docs/decisions/48-pinned-futures.md.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::{sync::watch, time::sleep};

/// The time that an invocation in flight still gets.
pub const INVOCATION_GRACE: Duration = Duration::from_millis(120);

/// The time that everything still gets together, the post of the invocation's reply included.
pub const SHUTDOWN_LIMIT: Duration = Duration::from_millis(200);

/// Tells the workers that the environment shuts down. Clones share their state and are cheap.
#[derive(Clone)]
pub struct Shutdown {
    begun: watch::Receiver<bool>,
    begin: Arc<watch::Sender<bool>>,
}

/// Says how a wait ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Waited<T> {
    /// The future was done.
    Done(T),
    /// The environment shut down first.
    Shutdown,
}

impl Shutdown {
    pub fn new() -> Self {
        let (begin, begun) = watch::channel(false);
        Self { begun, begin: Arc::new(begin) }
    }

    /// Begins the shutdown.
    pub fn begin(&self) {
        self.begin.send_replace(true);
    }

    /// Returns whether the shutdown has begun.
    pub fn has_begun(&self) -> bool {
        *self.begun.borrow()
    }

    /// Runs the future until it is done or the shutdown begins. The future is pinned by the caller, because a future of
    /// several kilobytes that is passed by value is copied several times.
    pub async fn run_until_shutdown<T>(&mut self, future: impl Future<Output = T> + Unpin) -> Waited<T> {
        tokio::select! {
            biased;
            done = future => Waited::Done(done),
            () = self.begun() => Waited::Shutdown,
        }
    }

    /// Runs the future until it is done or the grace period after the beginning of the shutdown is over.
    pub async fn run_until_grace_ends<T>(
        &mut self,
        grace: Duration,
        future: impl Future<Output = T> + Unpin,
    ) -> Waited<T> {
        let grace_ends = async {
            self.begun().await;
            sleep(grace).await;
        };
        tokio::select! {
            biased;
            done = future => Waited::Done(done),
            () = grace_ends => Waited::Shutdown,
        }
    }

    async fn begun(&mut self) {
        // This fails only when there is no sender, and `self` has one.
        let _ = self.begun.wait_for(|begun| *begun).await;
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    const GRACE: Duration = INVOCATION_GRACE;

    #[tokio::test(start_paused = true)]
    async fn what_is_done_in_time_is_done_and_what_is_not_is_dropped() {
        let mut shutdown = Shutdown::new();
        shutdown.begin();
        assert_eq!(shutdown.run_until_shutdown(std::future::pending::<()>()).await, Waited::Shutdown);
        assert_eq!(shutdown.run_until_grace_ends(GRACE, pin!(sleep(GRACE / 2))).await, Waited::Done(()));
        assert_eq!(shutdown.run_until_grace_ends(GRACE, pin!(sleep(GRACE * 2))).await, Waited::Shutdown);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_signal_everything_is_waited_for() {
        let mut shutdown = Shutdown::new();
        assert_eq!(shutdown.run_until_shutdown(pin!(sleep(GRACE * 2))).await, Waited::Done(()));
        assert_eq!(shutdown.run_until_grace_ends(GRACE, pin!(sleep(GRACE * 2))).await, Waited::Done(()));
    }
}
