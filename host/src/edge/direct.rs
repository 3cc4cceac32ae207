//! Our own loop over the Runtime API: take an event, answer it, take the next.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use bytes::Bytes;
use hyper::{
    StatusCode,
    header::{HeaderMap, HeaderValue},
};
use tokio::{task::JoinSet, time::sleep};
use tracing::warn;

use super::{
    Service,
    client::{ApiError, RuntimeApiClient},
    service::Reply,
    shutdown::{Ended, Shutdown},
    wire,
};
use crate::failure::{ErrorType, Failure, chain};

/// How often `/next` may fail in a row, and how long the first wait is; each further one is twice as long.
const ATTEMPTS: u32 = 8;
const FIRST_WAIT: Duration = Duration::from_millis(10);

/// The longest wait for an event that can be answered to come after one that can't.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Serves with `concurrency` workers, each with a connection of its own, until the Runtime API is gone or SIGTERM comes.
///
/// # Errors
/// What the last worker met. The others end with it: an environment that lost a worker is to be replaced.
pub async fn serve(authority: &str, service: Arc<Service>, concurrency: NonZeroUsize) -> Result<(), ApiError> {
    let shutdown = Shutdown::on_sigterm();
    if concurrency == NonZeroUsize::MIN {
        return work(RuntimeApiClient::new(authority), &service, shutdown).await;
    }
    let mut workers = JoinSet::new();
    for _ in 0..concurrency.get() {
        let (api, service, shutdown) = (RuntimeApiClient::new(authority), service.clone(), shutdown.clone());
        workers.spawn(async move { work(api, &service, shutdown).await });
    }
    // A worker that ends well does so because of SIGTERM, and then all do. One that fails takes the others with it.
    while let Some(ended) = workers.join_next().await {
        ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?;
    }
    Ok(())
}

async fn work(mut api: RuntimeApiClient, service: &Service, mut shutdown: Shutdown) -> Result<(), ApiError> {
    let mut unanswerable = Unanswerable::default();
    loop {
        let (headers, event) = match shutdown.or(next(&mut api)).await {
            Ended::Done(event) => event?,
            Ended::Shutdown => return Ok(()),
        };
        if unanswerable.is(&headers) {
            shutdown.or(unanswerable.wait()).await;
            continue;
        }
        let replied = match shutdown.or_soon_after(service.reply(&headers, event)).await {
            Ended::Done(replied) => replied,
            Ended::Shutdown => Reply::to(&headers, Err(Failure::new(ErrorType::Internal, "the environment ends"))),
        };
        let Some(reply) = replied else {
            unanswerable.remember(&headers);
            continue;
        };
        match api.answer(&reply.request_id, reply.invocation_id.as_ref(), reply.outcome).await {
            Ok(()) => unanswerable = Unanswerable::default(),
            // Lambda gave up on this invocation: too late, too large, or answered already. The next one is not affected.
            Err(error) => {
                warn!(request_id = ?reply.request_id, "the answer was not taken: {}", chain(&error));
                unanswerable.remember(&headers);
            }
        }
    }
}

/// The event whose answer was not taken last. Under the emulator it comes again at once, and would run again and again,
/// because a caller can choose a request id for which no answer is ever taken.
#[derive(Default)]
struct Unanswerable {
    /// Its request id and its deadline: a true retry of an event has another deadline.
    delivery: Option<[Option<HeaderValue>; 2]>,
    wait: Duration,
}

impl Unanswerable {
    fn remember(&mut self, headers: &HeaderMap) {
        *self = Self { delivery: Some(Self::delivery(headers)), wait: FIRST_WAIT };
    }

    fn is(&self, headers: &HeaderMap) -> bool {
        self.delivery.as_ref().is_some_and(|delivery| *delivery == Self::delivery(headers))
    }

    async fn wait(&mut self) {
        sleep(self.wait).await;
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
    }

    fn delivery(headers: &HeaderMap) -> [Option<HeaderValue>; 2] {
        [wire::REQUEST_ID, wire::DEADLINE_MS].map(|name| headers.get(name).cloned())
    }
}

/// Asks until there is an event. Asking again is safe: until it is answered, the same event comes.
async fn next(api: &mut RuntimeApiClient) -> Result<(HeaderMap, Bytes), ApiError> {
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
