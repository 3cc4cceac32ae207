//! Our own loop over the Runtime API: take an event, answer it, take the next.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use hyper::StatusCode;
use tokio::{task::JoinSet, time::sleep};
use tracing::{error, warn};

use super::{
    Service,
    client::{ApiError, RuntimeApi},
};

/// How often `/next` may fail in a row, and how long the first wait is; each further one is twice as long.
const ATTEMPTS: u32 = 8;
const FIRST_WAIT: Duration = Duration::from_millis(10);

/// Serves with `concurrency` workers, each with a connection of its own, until the Runtime API is gone.
///
/// # Errors
/// What the last worker met. The others end with it: an environment that lost a worker is to be replaced.
pub async fn serve(authority: &str, service: Arc<Service>, concurrency: NonZeroUsize) -> Result<(), ApiError> {
    if concurrency == NonZeroUsize::MIN {
        return work(RuntimeApi::new(authority), &service).await;
    }
    let mut workers = JoinSet::new();
    for _ in 0..concurrency.get() {
        let (api, service) = (RuntimeApi::new(authority), service.clone());
        workers.spawn(async move { work(api, &service).await });
    }
    match workers.join_next().await {
        Some(Ok(ended)) => ended,
        Some(Err(panicked)) => std::panic::resume_unwind(panicked.into_panic()),
        None => Ok(()),
    }
}

async fn work(mut api: RuntimeApi, service: &Service) -> Result<(), ApiError> {
    loop {
        let (headers, event) = next(&mut api).await?;
        let Some(reply) = service.reply(&headers, event).await else { continue };
        let request_id = reply.request_id;
        match api.answer(&request_id, reply.invocation_id.as_ref(), reply.outcome).await {
            Ok(()) => {}
            // Lambda gave up on this invocation: too late, too large, or answered already. The next one is not affected.
            Err(ApiError::Status(status)) => warn!(%request_id, "Lambda did not take the answer: {status}"),
            Err(error) => error!(%request_id, "the answer is lost: {}", chain(&error)),
        }
    }
}

/// Asks until there is an event. Asking again is safe: until it is answered, the same event comes.
async fn next(api: &mut RuntimeApi) -> Result<(hyper::HeaderMap, bytes::Bytes), ApiError> {
    let mut wait = FIRST_WAIT;
    for _ in 1..ATTEMPTS {
        match api.next().await {
            // The Runtime API's words for "the container is broken" and "this runtime is in the wrong state".
            Err(ApiError::Status(status @ (StatusCode::INTERNAL_SERVER_ERROR | StatusCode::FORBIDDEN))) => {
                return Err(ApiError::Status(status));
            }
            Err(error) => {
                warn!("no next event: {}; trying again in {wait:?}", chain(&error));
                sleep(wait).await;
                wait *= 2;
            }
            Ok(event) => return Ok(event),
        }
    }
    api.next().await
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
