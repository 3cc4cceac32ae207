//! One worker: it requests an event, runs it, delivers the reply, and requests the next event.
//!
//! An event's life:
//!
//! 1. *requested*: `next_event` waits for it, with retries when the Runtime API fails;
//! 2. *redelivered*: the Runtime API did not accept the last reply to it; it does not run a second time (see
//!    `redelivery`);
//! 3. *truncated*: it did not arrive whole; its failure is held back while it may come again (see `truncated`);
//! 4. *accepted*: `run` has the guest handle it, which ends with a reply: a response or a failure;
//! 5. *abandoned*: the guest could not be stopped; another worker posts the failure and this one ends (see `watchdog`);
//! 6. *delivered*: `deliver` posts the reply, reports the invocation and ends it;
//! 7. *refused*: the Runtime API did not accept the reply; the delivery is remembered.
//!
//! SIGTERM interrupts steps 1 to 4 (see `shutdown`): the invocation in flight gets a grace period, then a failure.
//!
//! See docs/decisions/48-pinned-futures.md.

use std::{
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::StatusCode;
use tokio::time::{sleep, timeout};
use tracing::warn;

use super::{
    client::{ApiError, Next, RuntimeApiClient},
    frozen_refresh::FrozenRefresh,
    in_flight::InFlight,
    redelivery::RedeliveryGuard,
    running,
    service::{Accepted, Reply, Service},
    shutdown::{INVOCATION_GRACE, Shutdown, Waited},
    truncated::{HeldBack, SECOND_CHANCE, SecondChance},
    wire::{self, EventHeaders},
};
use crate::{
    backoff::Backoff,
    failure::{ErrorType, Failure, chain},
};

/// The maximum number of failures of `/next` in a row, and the first wait after one; each further wait is twice as
/// long.
const MAX_ATTEMPTS: u32 = 8;
const INITIAL_BACKOFF: Duration = Duration::from_millis(10);

/// Holds what all workers of an environment share.
#[derive(Clone)]
pub(super) struct Shared {
    /// The host and port of the Runtime API.
    pub(super) authority: String,
    pub(super) service: Arc<Service>,
    pub(super) shutdown: Shutdown,
}

/// Requests events one at a time, and completes each before the next.
pub(super) struct Worker {
    authority: String,
    service: Arc<Service>,
    shutdown: Shutdown,
    api: RuntimeApiClient,
    in_flight: Arc<InFlight>,
    second_chance: SecondChance,
    redelivery: RedeliveryGuard,
    frozen_refresh: FrozenRefresh,
}

/// Says how a worker ended.
pub(super) enum WorkerExit {
    /// It ended with the environment.
    Served(Result<(), ApiError>),
    /// It was abandoned: another worker has its place.
    Abandoned,
}

/// Says that the worker was abandoned while the guest ran.
struct Abandoned;

impl Worker {
    pub(super) fn new(shared: Shared, in_flight: Arc<InFlight>) -> Self {
        let Shared { authority, service, shutdown } = shared;
        Self {
            api: RuntimeApiClient::new(&authority),
            authority,
            service,
            shutdown,
            in_flight,
            second_chance: SecondChance::default(),
            redelivery: RedeliveryGuard::default(),
            frozen_refresh: FrozenRefresh::default(),
        }
    }

    /// Works until the environment ends. First posts the reply of an abandoned worker, if there is one.
    pub(super) async fn work(mut self, first: Option<Reply>) -> WorkerExit {
        if let Some(reply) = first {
            // `deliver` logs how the post went.
            let _ = deliver(&mut self.api, &self.service, reply).await;
        }
        // The first request shows whether the Runtime API can be reached.
        let _ = self.api.connect().await;
        self.service.started("runtime client");
        self.service.flush_log();
        let mut shutdown = self.shutdown.clone();
        loop {
            let waited = {
                let next = pin!(self.next_event());
                shutdown.run_until_shutdown(next).await
            };
            let Next { headers, event } = match waited {
                Waited::Done(Ok(next)) => next,
                Waited::Done(Err(error)) => return WorkerExit::Served(Err(error)),
                Waited::Shutdown => {
                    fail(&self.authority, &self.service, self.second_chance.take()).await;
                    return WorkerExit::Served(Ok(()));
                }
            };
            match self.run(&headers, event).await {
                Ok(Some(reply)) => self.deliver(headers, reply).await,
                Ok(None) => {}
                Err(Abandoned) => return WorkerExit::Abandoned,
            }
        }
    }

    /// Waits for the next event. Posts the failure of a truncated event when another event comes, or none for a while.
    async fn next_event(&mut self) -> Result<Next, ApiError> {
        let requested = FrozenRefresh::requested(&self.service);
        let next = match self.second_chance.expected() {
            None => request(&mut self.api, &self.shutdown).await,
            Some(request_id) => {
                let mut requesting = pin!(request(&mut self.api, &self.shutdown));
                let came = timeout(SECOND_CHANCE, &mut requesting).await;
                match &came {
                    Ok(Ok(next)) if next.headers.request_id() == Some(&request_id) => self.second_chance.came_again(),
                    _ => fail(&self.authority, &self.service, self.second_chance.take()).await,
                }
                match came {
                    Ok(next) => next,
                    Err(_) => requesting.await,
                }
            }
        };
        self.frozen_refresh.event_came(&requested);
        next
    }

    /// Has the guest handle the event, unless it came truncated, or comes again after a reply that was not accepted.
    /// Returns the reply to deliver. `None` if there is none, or not yet.
    async fn run(
        &mut self,
        headers: &EventHeaders,
        event: Result<Bytes, ApiError>,
    ) -> Result<Option<Reply>, Abandoned> {
        let arrived = Instant::now();
        if self.redelivery.is_redelivery(headers) {
            self.shutdown.run_until_shutdown(pin!(self.redelivery.back_off())).await;
            return Ok(None);
        }
        let event = match event {
            Ok(event) => Ok(event),
            Err(error) => match self.second_chance.hold_back(headers, arrived, &error) {
                Ok(()) => {
                    warn!("an event was truncated: {}", chain(&error));
                    return Ok(None);
                }
                Err(failure) => Err(failure),
            },
        };
        let Some(accepted) = self.service.accept(headers, arrived) else {
            self.shutdown.run_until_shutdown(pin!(self.redelivery.back_off())).await;
            return Ok(None);
        };
        match event {
            Ok(event) => self.run_whole(accepted, headers, event).await.map(Some),
            Err(failure) => Ok(Some(Reply::failed(accepted, failure))),
        }
    }

    async fn run_whole(
        &mut self,
        accepted: Accepted,
        headers: &EventHeaders,
        event: Bytes,
    ) -> Result<Reply, Abandoned> {
        self.in_flight.begin(accepted.clone(), self.service.budget(headers));
        let is_abandoned = || self.in_flight.is_abandoned();
        let running = pin!(running::run(&self.service, &mut self.api, accepted.clone(), headers, event, is_abandoned));
        let ran = self.shutdown.run_until_grace_ends(INVOCATION_GRACE, running).await;
        if !self.in_flight.end() {
            return Err(Abandoned);
        }
        Ok(match ran {
            Waited::Done(reply) => reply,
            Waited::Shutdown => Reply::failed(accepted, shutting_down_failure()),
        })
    }

    /// Posts the reply, and does what had to wait until the caller has it.
    async fn deliver(&mut self, headers: EventHeaders, reply: Reply) {
        let delivered = deliver(&mut self.api, &self.service, reply).await;
        self.service.flush_log();
        {
            let finishing = pin!(self.frozen_refresh.finish(&self.service, &headers));
            self.shutdown.run_until_shutdown(finishing).await;
        }
        match delivered {
            Ok(()) => self.redelivery.reset(),
            Err(_) => self.redelivery.remember(headers),
        }
    }
}

/// Requests the next event, again and again where the Runtime API may recover.
async fn request(api: &mut RuntimeApiClient, shutdown: &Shutdown) -> Result<Next, ApiError> {
    let mut backoff = Backoff::new(INITIAL_BACKOFF, Duration::MAX);
    for _ in 1..MAX_ATTEMPTS {
        match api.next().await {
            // With these the Runtime API says that the container is broken, or the runtime in the wrong state.
            Err(ApiError::Status(status @ (StatusCode::INTERNAL_SERVER_ERROR | StatusCode::FORBIDDEN))) => {
                return Err(ApiError::Status(status));
            }
            // At the environment's end the Runtime API may be gone already.
            Err(error) if shutdown.has_begun() => return Err(error),
            Err(error) => {
                let wait = backoff.wait();
                warn!("no next event: {}; trying again in {wait:?}", chain(&error));
                sleep(wait).await;
            }
            Ok(next) => return Ok(next),
        }
    }
    api.next().await
}

/// Posts a reply, then reports its invocation and ends it.
///
/// # Errors
/// When the Runtime API did not accept the reply. The next invocation is not affected.
pub(super) async fn deliver(api: &mut RuntimeApiClient, service: &Service, reply: Reply) -> Result<(), ApiError> {
    let posted = reply.accepted.post(&reply.outcome, api).await;
    reply.report(service.registry.observer());
    if let Err(error) = &posted {
        // Lambda gave up on this invocation: too late, too large, or completed already.
        warn!(request_id = %wire::lossy(&reply.accepted.key.request_id), "the response was not accepted: {}", chain(error));
    }
    reply.end();
    posted
}

/// Posts a failure that was held back, on a connection of its own: the worker's may be waiting for an event.
async fn fail(authority: &str, service: &Service, held_back: Option<HeldBack>) {
    let Some(HeldBack { headers, at, failure }) = held_back else { return };
    if let Some(accepted) = service.accept(&headers, at) {
        // `deliver` logs how the post went.
        let _ = deliver(&mut RuntimeApiClient::new(authority), service, Reply::failed(accepted, failure)).await;
    }
}

fn shutting_down_failure() -> Failure {
    Failure::new(ErrorType::Internal, "the environment is shutting down").hint("invoke the function again")
}
