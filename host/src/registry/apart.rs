//! Work on a thread of its own, which is left behind where it can't be stopped.

use std::{future::Future, io, thread, time::Duration};

use tokio::{runtime::Builder, sync::oneshot, time::timeout};

use crate::failure::{ErrorType, Failure};

/// How many threads the work may have besides, to read and write files.
const BLOCKING_THREADS: usize = 4;

/// Does the work on a thread of its own, for at most `limit`.
///
/// # Errors
/// [`ErrorType::Timeout`] where it is not done by then: the thread ends when the work does. [`ErrorType::Internal`] when no thread
/// can be started, or the work panics.
pub(super) async fn apart<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
    limit: Duration,
) -> Result<T, Failure> {
    let internal =
        |what: String| Failure::new(ErrorType::Internal, what).hint("raise the function's memory, or report it");
    let (tell, told) = oneshot::channel();
    let started = thread::Builder::new().name("starter".to_owned()).spawn(move || {
        let mut builder = Builder::new_current_thread();
        match builder.enable_all().max_blocking_threads(BLOCKING_THREADS).build() {
            Ok(executor) => {
                drop(tell.send(Ok(executor.block_on(work))));
                executor.shutdown_background();
            }
            Err(error) => drop(tell.send(Err(error))),
        }
    });
    started.map_err(|error| internal(format!("no thread can be started: {error}")))?;
    match timeout(limit, told).await {
        Ok(Ok(done)) => done.map_err(|error: io::Error| internal(format!("no thread can be started: {error}"))),
        // What it was is in the log, where the panic itself writes it.
        Ok(Err(_)) => Err(internal("the host failed".to_owned())),
        Err(_) => {
            let message =
                format!("it could not be stopped in what it does in {} seconds, and was left behind", limit.as_secs());
            Err(Failure::new(ErrorType::Timeout, message).hint("publish a guest that starts in time"))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[tokio::test]
    async fn what_is_done_in_time_is_done_and_what_can_not_be_stopped_is_left_behind() {
        assert_eq!(apart(async { 1 }, Duration::from_secs(60)).await.unwrap(), 1);
        // It gives way to nobody until the test is over.
        let (end, wait) = channel::<()>();
        let stuck = apart(async move { wait.recv().is_ok() }, Duration::from_millis(10)).await;
        assert_eq!(stuck.unwrap_err().error_type, ErrorType::Timeout);
        drop(end);
        assert_eq!(
            apart(async { panic!("a fault") }, Duration::from_secs(60)).await.map(|()| 1).unwrap_err().error_type,
            ErrorType::Internal
        );
    }
}
