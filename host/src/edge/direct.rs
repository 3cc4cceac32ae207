//! Our own loop over the Runtime API: take an event, answer it, take the next.

use std::{num::NonZeroUsize, pin::pin, sync::Arc, time::Duration};

use hyper::{
    StatusCode,
    header::{HeaderMap, HeaderValue},
};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};
use tracing::warn;

use super::{
    Service,
    client::{ApiError, Next, RuntimeApiClient},
    service::Reply,
    shutdown::{Ended, INVOCATION_GRACE, LAST_GRACE, Shutdown},
    wire,
};
use crate::failure::{ErrorType, Failure, chain};

/// How often `/next` may fail in a row, and how long the first wait is; each further one is twice as long.
const ATTEMPTS: u32 = 8;
const FIRST_WAIT: Duration = Duration::from_millis(10);

/// The longest wait for an event that can be answered to come after one that can't.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// How long an event that was cut off has to come again, before its invocation is answered with an error.
const SECOND_CHANCE: Duration = Duration::from_secs(1);

/// Serves with `concurrency` workers, each with a connection of its own, until the Runtime API is gone or SIGTERM comes.
///
/// # Errors
/// What the last worker met. The others end with it: an environment that lost a worker is to be replaced.
pub async fn serve(authority: &str, service: Arc<Service>, concurrency: NonZeroUsize) -> Result<(), ApiError> {
    let shutdown = Shutdown::on_sigterm();
    let served = async {
        if concurrency == NonZeroUsize::MIN {
            return work(authority, &service, shutdown.clone()).await;
        }
        let mut workers = JoinSet::new();
        for _ in 0..concurrency.get() {
            let (authority, service, shutdown) = (authority.to_owned(), service.clone(), shutdown.clone());
            workers.spawn(async move { work(&authority, &service, shutdown).await });
        }
        // A worker that ends well does so because of SIGTERM, and then all do. One that fails takes the others with it.
        while let Some(ended) = workers.join_next().await {
            ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?;
        }
        Ok(())
    };
    match shutdown.clone().or_after(LAST_GRACE, served).await {
        Ended::Done(served) => served,
        Ended::Shutdown => Ok(()),
    }
}

async fn work(authority: &str, service: &Service, mut shutdown: Shutdown) -> Result<(), ApiError> {
    let mut api = RuntimeApiClient::new(authority);
    let mut unanswerable = Unanswerable::default();
    let mut cut_off = None;
    loop {
        let last_cut_off = cut_off.as_ref().map(|reply: &Reply| reply.request_id.clone());
        let Next { headers, event } = match shutdown.or(next(&mut api, authority, cut_off.take())).await {
            Ended::Done(next) => next?,
            Ended::Shutdown => return Ok(()),
        };
        if unanswerable.is(&headers) {
            shutdown.or(unanswerable.wait()).await;
            continue;
        }
        let replied = match event {
            Ok(event) => match shutdown.or_after(INVOCATION_GRACE, service.reply(&headers, event)).await {
                Ended::Done(replied) => replied,
                Ended::Shutdown => Reply::to(&headers, Err(Failure::new(ErrorType::Internal, "the environment ends"))),
            },
            Err(error) => {
                let failed = Reply::to(&headers, Err(not_whole(&error)));
                let would_be_the_same = matches!(error, ApiError::TooLarge(_));
                if !would_be_the_same && last_cut_off.as_ref() != headers.get(wire::REQUEST_ID) {
                    warn!("an event was cut off: {}", chain(&error));
                    cut_off = failed;
                    continue;
                }
                failed
            }
        };
        let Some(reply) = replied else {
            unanswerable.remember(&headers);
            continue;
        };
        match post(&mut api, reply).await {
            Ok(()) => unanswerable = Unanswerable::default(),
            Err(_) => unanswerable.remember(&headers),
        }
    }
}

async fn post(api: &mut RuntimeApiClient, reply: Reply) -> Result<(), ApiError> {
    let Reply { request_id, invocation_id, outcome } = reply;
    let posted = api.answer(&request_id, invocation_id.as_ref(), outcome).await;
    if let Err(error) = &posted {
        // Lambda gave up on this invocation: too late, too large, or answered already. The next one is not affected.
        warn!(?request_id, "the answer was not taken: {}", chain(error));
    }
    posted
}

fn not_whole(error: &ApiError) -> Failure {
    let hint = match error {
        ApiError::TooLarge(_) => "put the event's data into S3 and send where it is",
        _ => "invoke the function again",
    };
    Failure::new(ErrorType::InvalidEvent, format!("the event did not come whole: {}", chain(error))).hint(hint)
}

/// Asks until there is an event. One that was `cut_off` before, whose failure this is, gets a second chance: until an event is
/// answered, the Runtime API gives the same one again. Where it does not, the failure is posted, so that the caller need not
/// wait until the deadline.
async fn next(api: &mut RuntimeApiClient, authority: &str, cut_off: Option<Reply>) -> Result<Next, ApiError> {
    let Some(failed) = cut_off else { return ask(api).await };
    let mut asking = pin!(ask(api));
    let asked = timeout(SECOND_CHANCE, &mut asking).await;
    let asked = match asked {
        Ok(Ok(next)) if next.headers.get(wire::REQUEST_ID) == Some(&failed.request_id) => return Ok(next),
        asked => asked,
    };
    // On a connection of its own: the other one may be waiting for an event. How it went is in the log by then.
    let _ = post(&mut RuntimeApiClient::new(authority), failed).await;
    match asked {
        Ok(next) => next,
        Err(_) => asking.await,
    }
}

async fn ask(api: &mut RuntimeApiClient) -> Result<Next, ApiError> {
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
            Ok(next) => return Ok(next),
        }
    }
    api.next().await
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
