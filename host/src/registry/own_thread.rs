//! Runs work on a thread of its own, which is abandoned if it can't be stopped.

use std::{future::Future, io, thread, time::Duration};

use tokio::{runtime::Builder, sync::oneshot, time::timeout};

use crate::failure::{ErrorType, Failure};

/// The maximum number of threads that the work has for reading and writing files.
const BLOCKING_THREADS: usize = 4;

/// Runs the work on a thread of its own, for at most `limit`.
///
/// # Errors
/// Returns [`ErrorType::Timeout`] if the work takes longer: the thread then ends when the work does. Returns
/// [`ErrorType::Internal`] if no thread can be started, or if the work panics.
pub(super) async fn on_own_thread<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
    limit: Duration,
) -> Result<T, Failure> {
    let internal =
        |what: String| Failure::new(ErrorType::Internal, what).hint("raise the function's memory, or report it");
    let (sender, receiver) = oneshot::channel();
    let started = thread::Builder::new().name("starter".to_owned()).spawn(move || {
        let mut builder = Builder::new_current_thread();
        match builder.enable_all().max_blocking_threads(BLOCKING_THREADS).build() {
            Ok(executor) => {
                drop(sender.send(Ok(executor.block_on(work))));
                executor.shutdown_background();
            }
            Err(error) => drop(sender.send(Err(error))),
        }
    });
    started.map_err(|error| internal(format!("no thread can be started: {error}")))?;
    match timeout(limit, receiver).await {
        Ok(Ok(done)) => done.map_err(|error: io::Error| internal(format!("no thread can be started: {error}"))),
        // The panic itself writes its message to the log.
        Ok(Err(_)) => Err(internal("the host failed".to_owned())),
        Err(_) => {
            let message =
                format!("the start could not be stopped within {} seconds, and was abandoned", limit.as_secs());
            Err(Failure::new(ErrorType::Timeout, message).hint("publish a guest that starts in time"))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[tokio::test]
    async fn work_in_time_returns_and_work_that_can_not_be_stopped_is_abandoned() {
        assert_eq!(on_own_thread(async { 1 }, Duration::from_secs(60)).await.unwrap(), 1);
        // It blocks its thread until the test is over.
        let (end, wait) = channel::<()>();
        let stuck = on_own_thread(async move { wait.recv().is_ok() }, Duration::from_millis(10)).await;
        assert_eq!(stuck.unwrap_err().error_type, ErrorType::Timeout);
        drop(end);
        assert_eq!(
            on_own_thread(async { panic!("a fault") }, Duration::from_secs(60))
                .await
                .map(|()| 1)
                .unwrap_err()
                .error_type,
            ErrorType::Internal
        );
    }
}
