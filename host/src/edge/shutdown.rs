//! The end of the environment.
//!
//! Lambda sends SIGTERM to an environment that has an extension, and SIGKILL half a second after it at the earliest. Source:
//! the AWS page "Lambda execution environment", section "Shutdown phase".

use std::{future::Future, time::Duration};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    time::sleep,
};
use tracing::{info, warn};

/// What an invocation in flight still gets.
pub const INVOCATION_GRACE: Duration = Duration::from_millis(150);

/// What everything together still gets, the post of what became of the invocation included.
pub const LAST_GRACE: Duration = Duration::from_millis(250);

/// Tells the workers that the end has come. Cheap to clone.
#[derive(Clone)]
pub struct Shutdown(watch::Receiver<bool>);

/// How a wait came to its end.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended<T> {
    Done(T),
    Shutdown,
}

impl Shutdown {
    /// Comes with SIGTERM.
    pub fn on_sigterm() -> Self {
        let (sender, receiver) = watch::channel(false);
        match signal(SignalKind::terminate()) {
            Ok(mut terminated) => {
                tokio::spawn(async move {
                    terminated.recv().await;
                    info!("ending, as Lambda asks");
                    sender.send_replace(true);
                    // The receivers learn of a sender that is gone as of a signal, so it stays to the end.
                    sender.closed().await;
                });
            }
            Err(error) => warn!("SIGTERM will end the process without notice: {error}"),
        }
        Self(receiver)
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
        if self.0.wait_for(|come| *come).await.is_err() {
            // There is no signal to wait for.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = INVOCATION_GRACE;

    fn shutdown() -> (watch::Sender<bool>, Shutdown) {
        let (sender, receiver) = watch::channel(false);
        (sender, Shutdown(receiver))
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_done_in_time_is_done_and_what_is_not_is_given_up() {
        let (sender, mut shutdown) = shutdown();
        sender.send_replace(true);
        assert_eq!(shutdown.or(std::future::pending::<()>()).await, Ended::Shutdown);
        assert_eq!(shutdown.or_after(GRACE, sleep(GRACE / 2)).await, Ended::Done(()));
        assert_eq!(shutdown.or_after(GRACE, sleep(GRACE * 2)).await, Ended::Shutdown);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_signal_everything_is_waited_for() {
        let (sender, mut shutdown) = shutdown();
        assert_eq!(shutdown.or(sleep(GRACE * 2)).await, Ended::Done(()));
        drop(sender);
        assert_eq!(shutdown.or_after(GRACE, sleep(GRACE * 2)).await, Ended::Done(()));
    }
}
