//! The host's side of the Runtime API: events in, answers out, by our own loop or by AWS's.

mod client;
mod direct;
mod head;
mod http;
#[cfg(feature = "lambda-runtime")]
mod official;
mod service;
mod shutdown;
mod watch;
pub mod wire;
mod worker;

use std::{io, num::NonZeroUsize, sync::Arc, time::Duration};

use tokio::runtime::{Builder, Runtime};
use tracing::error;

use self::client::RuntimeApiClient;
pub use self::service::Service;
use crate::{
    config::EdgeKind,
    failure::{Failure, chain},
};

/// Where several workers of our own loop work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threads {
    /// Each on its own.
    Own,
    /// On those of the executor, where there are many functions.
    Shared,
}

/// How many threads an executor may have besides its own: one compiles at first, and later files are read and written there for
/// guests that do not wait for them.
const BLOCKING_THREADS: usize = 4;

/// The executor on which [`serve`] is to be called on Lambda.
///
/// # Errors
/// When no thread can be started.
pub fn executor(kind: EdgeKind, concurrency: NonZeroUsize) -> io::Result<Runtime> {
    let mut builder = match kind {
        // Waking another thread costs more than all else in the loop.
        EdgeKind::Direct => Builder::new_current_thread(),
        #[cfg(feature = "lambda-runtime")]
        EdgeKind::LambdaRuntime => official::executor(concurrency),
    };
    #[cfg(not(feature = "lambda-runtime"))]
    let _ = concurrency;
    builder.max_blocking_threads(BLOCKING_THREADS).thread_keep_alive(Duration::from_millis(100)).enable_all().build()
}

/// Serves events until the Runtime API is gone.
///
/// # Errors
/// What ended it.
pub async fn serve(
    kind: EdgeKind,
    authority: &str,
    service: Arc<Service>,
    concurrency: NonZeroUsize,
    threads: Threads,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    match kind {
        EdgeKind::Direct => Ok(direct::serve(authority, service, concurrency, threads).await?),
        #[cfg(feature = "lambda-runtime")]
        EdgeKind::LambdaRuntime => official::serve(authority, service).await,
    }
}

/// Tells Lambda why the host can't start.
pub async fn report_init_failure(authority: &str, failure: &Failure) {
    if let Err(unheard) = RuntimeApiClient::new(authority).init_error(failure).await {
        error!("the Runtime API did not take the init error: {}", chain(&unheard));
    }
}
