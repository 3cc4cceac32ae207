//! Our own edge: workers that take an event, answer it, and take the next.

use std::{num::NonZeroUsize, sync::Arc};

use tokio::sync::mpsc;

use super::{
    Service, Threads,
    client::ApiError,
    shutdown::{LAST_GRACE, Shutdown},
    worker::Crew,
};

/// Serves with `concurrency` workers, each with a connection of its own, until the Runtime API is gone or SIGTERM comes.
///
/// A lone worker works on the caller's thread. Several have `threads` of their own on Lambda, so that none has to wait for what a
/// guest of another does on its thread.
///
/// # Errors
/// What the first worker to fail met. The others end with it, after what they have in flight: an environment that lost a
/// worker is to be replaced.
pub async fn serve(
    authority: &str,
    service: Arc<Service>,
    concurrency: NonZeroUsize,
    threads: Threads,
) -> Result<(), ApiError> {
    let mut shutdown = Shutdown::on_sigterm();
    let (ends, mut ended) = mpsc::unbounded_channel();
    let crew = Arc::new(Crew::new(authority, service, shutdown.clone(), ends));
    let mut failure = None;
    let ending = shutdown.clone();
    let served = async {
        if concurrency == NonZeroUsize::MIN {
            crew.clone().work(None).await;
        } else {
            (0..concurrency.get()).for_each(|_| match threads {
                Threads::Own => crew.clone().work_on_a_thread(None),
                Threads::Shared => drop(tokio::spawn(crew.clone().work(None))),
            });
        }
        // Each worker ends once, or the one that took its place does.
        for _ in 0..concurrency.get() {
            if let Some(Err(error)) = ended.recv().await {
                failure.get_or_insert(error);
                ending.begin();
            }
        }
    };
    shutdown.or_after(LAST_GRACE, served).await;
    failure.map_or(Ok(()), Err)
}
