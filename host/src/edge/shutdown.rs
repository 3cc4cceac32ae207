//! The end of the environment.
//!
//! Lambda sends SIGTERM to an environment that has an extension, and SIGKILL some time after it: half a second with an internal
//! extension, of which a part may be gone before the signal comes. Source:
//! the AWS page "Lambda execution environment", section "Shutdown phase".

use std::{future::Future, sync::Arc, time::Duration};

use tokio::{sync::watch, time::sleep};

/// What an invocation in flight still gets.
pub const INVOCATION_GRACE: Duration = Duration::from_millis(120);

/// What everything together still gets, the post of what became of the invocation included.
pub const LAST_GRACE: Duration = Duration::from_millis(200);

/// Tells the workers that the end has come. Cheap to clone.
#[derive(Clone)]
pub struct Shutdown {
    begun: watch::Receiver<bool>,
    begin: Arc<watch::Sender<bool>>,
}

/// How a wait came to its end.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended<T> {
    Done(T),
    Shutdown,
}

impl Shutdown {
    pub fn new() -> Self {
        let (begin, begun) = watch::channel(false);
        Self { begun, begin: Arc::new(begin) }
    }

    /// The end comes now.
    pub fn begin(&self) {
        self.begin.send_replace(true);
    }

    /// Whether the end has come.
    pub fn has_begun(&self) -> bool {
        *self.begun.borrow()
    }

    /// Waits for something that may be given up at once.
    pub async fn or<T>(&mut self, future: impl Future<Output = T>) -> Ended<T> {
        tokio::select! {
            biased;
            done = future => Ended::Done(done),
            () = self.come() => Ended::Shutdown,
        }
    }

    /// Waits for something that is given up only when it is not done so long after the end has come.
    pub async fn or_after<T>(&mut self, grace: Duration, future: impl Future<Output = T>) -> Ended<T> {
        let soon_after = async {
            self.come().await;
            sleep(grace).await;
        };
        tokio::select! {
            biased;
            done = future => Ended::Done(done),
            () = soon_after => Ended::Shutdown,
        }
    }

    async fn come(&mut self) {
        // It fails only where there is no sender, and we have one.
        let _ = self.begun.wait_for(|begun| *begun).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = INVOCATION_GRACE;

    #[tokio::test(start_paused = true)]
    async fn what_is_done_in_time_is_done_and_what_is_not_is_given_up() {
        let mut shutdown = Shutdown::new();
        shutdown.begin();
        assert_eq!(shutdown.or(std::future::pending::<()>()).await, Ended::Shutdown);
        assert_eq!(shutdown.or_after(GRACE, sleep(GRACE / 2)).await, Ended::Done(()));
        assert_eq!(shutdown.or_after(GRACE, sleep(GRACE * 2)).await, Ended::Shutdown);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_signal_everything_is_waited_for() {
        let mut shutdown = Shutdown::new();
        assert_eq!(shutdown.or(sleep(GRACE * 2)).await, Ended::Done(()));
        assert_eq!(shutdown.or_after(GRACE, sleep(GRACE * 2)).await, Ended::Done(()));
    }
}
