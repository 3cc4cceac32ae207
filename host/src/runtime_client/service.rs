//! What every runtime client does with an event: headers and bytes in, a response or a failure out, and one report.
//!
//! See docs/decisions/48-pinned-futures.md.

use std::{
    future::Future,
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::FutureExt as _;
use tracing::{debug, error, warn};

use super::{
    client::{ApiError, RuntimeApiClient},
    early_response::EarlyResponse,
    wire::{self, EventHeaders, InvocationKey},
};
use crate::{
    config::{Config, FunctionInfo},
    digest::Digest,
    engine::{Engine, Running},
    failure::{ErrorType, Failure},
    invocation::{PAYLOAD_LIMIT_BYTES, TimeBudget},
    lock::lock,
    observer::Observer,
    phase_timings::PhaseTimings,
    registry::{INIT_LIMIT, LoadRequest, RefreshThread, Registry},
    report::{InvocationReport, Start},
    response::{Outcome, Response},
    response_stream::ResponseWriter,
};

/// The longest wait for the log after a response was posted. There is no wait where nobody reads the log.
const LOG_WAIT: Duration = Duration::from_millis(100);

/// Serves one handler: it runs invocations for a runtime client.
pub struct Service {
    /// Holds the guest.
    pub registry: Registry,
    /// Describes the function in every invocation's context.
    pub function: FunctionInfo,
    /// Whether the environment has accepted an event.
    is_warm: AtomicBool,
    /// The timings of the start, until it is over.
    timings: Mutex<Option<PhaseTimings>>,
}

/// Identifies an invocation from the moment in which its event arrived.
#[derive(Clone)]
pub(super) struct Accepted {
    pub(super) key: InvocationKey,
    at: Instant,
    is_cold: bool,
    progress: Arc<Progress>,
}

/// How far an invocation has come.
#[derive(Default)]
struct Progress {
    /// The guest that runs it.
    guest: OnceLock<Digest>,
    /// What was posted before it ended.
    early: OnceLock<EarlyResponse>,
}

/// Holds what to post for an invocation.
///
/// However an invocation ends, it ends with exactly one reply, and every reply is [reported](Reply::report) exactly
/// once: that is where its report comes from.
pub(super) struct Reply {
    pub(super) accepted: Accepted,
    pub(super) outcome: Outcome,
    /// The instance, which is busy until the response's last byte was posted.
    running: Option<Running>,
}

impl Service {
    /// Returns a service whose start is not timed.
    pub fn new(registry: Registry, function: FunctionInfo) -> Self {
        Self { registry, function, is_warm: AtomicBool::default(), timings: Mutex::default() }
    }

    /// Does everything that comes before the first event.
    ///
    /// # Errors
    /// What keeps the handler from being served, as the Runtime API gets it.
    pub async fn load(config: &Config, observer: Arc<dyn Observer>, timings: PhaseTimings) -> Result<Self, Failure> {
        caught(Self::try_load(config, observer, timings)).await
    }

    async fn try_load(
        config: &Config,
        observer: Arc<dyn Observer>,
        mut timings: PhaseTimings,
    ) -> Result<Self, Failure> {
        let engine = Engine::new().map_err(|error| error.into_failure(&config.handler))?;
        timings.record("engine");
        let request = LoadRequest {
            handler: config.handler.clone(),
            source: config.source.clone(),
            policy: config.policy.clone(),
            capabilities: config.capabilities.clone(),
            init_limit: INIT_LIMIT,
            is_watched: false,
        };
        let registry = Registry::load(&engine, request, observer, RefreshThread::low_priority(), &mut timings).await?;
        Ok(Self { timings: Mutex::new(Some(timings)), ..Self::new(registry, config.function.clone()) })
    }

    /// Notes that the start is over: the first event is requested next.
    pub fn started(&self, last: &'static str) {
        if let Some(mut timings) = lock(&self.timings).take() {
            timings.record(last);
            debug!("the start took, in milliseconds: {timings}");
        }
    }

    /// Returns the time that there is for the invocation with these headers.
    pub fn budget(&self, headers: &EventHeaders) -> TimeBudget {
        headers.deadline().budget(self.registry.margin())
    }

    /// Returns the number of the refresh that is running.
    pub fn running_refresh(&self) -> Option<u64> {
        self.registry.running_refresh()
    }

    /// Waits until no refresh is running, within what is left of the time for the invocation with these headers, and at
    /// most `limit`.
    pub async fn finish_refresh(&self, headers: &EventHeaders, limit: Duration) {
        self.registry.finish_refresh(limit.min(self.budget(headers).guest)).await;
    }

    /// Waits for a little while until what guests printed is in the log. Lambda freezes the process when it requests
    /// the next event, and with it the lines that are still on their way.
    pub fn flush_log(&self) {
        self.registry.observer().flush(LOG_WAIT);
    }

    /// Accepts the event with these headers, which arrived at this time. Returns `None` when they name no invocation:
    /// nothing can be posted for it.
    pub(super) fn accept(&self, headers: &EventHeaders, at: Instant) -> Option<Accepted> {
        let Some(key) = headers.key() else {
            warn!("an event arrived without `{}` and can't be completed", wire::REQUEST_ID);
            return None;
        };
        Some(Accepted::new(key, at, !self.is_warm.swap(true, Ordering::Relaxed)))
    }

    /// Runs an accepted invocation to its response.
    ///
    /// `writer` sends a response that begins before the invocation ends.
    pub(super) async fn run(
        &self,
        accepted: Accepted,
        headers: &EventHeaders,
        event: Bytes,
        writer: ResponseWriter,
    ) -> Reply {
        let mut running = None;
        let outcome = {
            // Pinned, because a future of this size that is passed by value is copied several times.
            let handled = pin!(async {
                let invocation = headers.invocation(&accepted.key, event, &self.function);
                let guest = self.registry.get(self.budget(headers).guest).await;
                let _ = accepted.progress.guest.set(guest.digest());
                self.registry.observer().began(&invocation.context.request_id, guest.digest());
                running.insert(guest.begin(invocation, writer)).response().await
            });
            caught(handled).await.and_then(within_limit)
        };
        Reply { accepted, outcome, running }
    }
}

impl Accepted {
    pub(super) fn new(key: InvocationKey, at: Instant, is_cold: bool) -> Self {
        Self { key, at, is_cold, progress: Arc::default() }
    }

    /// Notes what was posted before the invocation ended.
    pub(super) fn respond_early(&self, response: EarlyResponse) -> &EarlyResponse {
        self.progress.early.get_or_init(|| response)
    }

    /// Posts how the invocation ended, or what is left of it to post.
    ///
    /// # Errors
    /// When the Runtime API can't be reached, or does not accept the post.
    pub(super) async fn post(&self, outcome: &Outcome, api: &mut RuntimeApiClient) -> Result<(), ApiError> {
        match self.progress.early.get() {
            Some(early) => early.finish(outcome).await,
            None => api.post_outcome(&self.key, outcome).await,
        }
    }
}

impl Reply {
    /// Returns the reply to an invocation that failed without, or apart from, its guest.
    pub(super) fn failed(accepted: Accepted, failure: Failure) -> Self {
        Self { accepted, outcome: Err(failure), running: None }
    }

    /// Reports the invocation, and logs its failure. This comes after the post: no caller should wait for a log that
    /// nobody reads.
    pub(super) fn report(&self, observer: &dyn Observer) {
        let Self { accepted, outcome, running } = self;
        let instance = running.as_ref().map(Running::instance);
        let request_id = wire::lossy(&accepted.key.request_id);
        let tenant_id = accepted.key.tenant_id.as_deref().map(wire::lossy);
        observer.finished(&InvocationReport {
            request_id: &request_id,
            tenant_id: tenant_id.as_deref(),
            failure: outcome.as_ref().err(),
            duration: accepted.at.elapsed(),
            start: if accepted.is_cold { Start::Cold } else { Start::Warm },
            guest: accepted.progress.guest.get().copied(),
            instance: instance.map(|instance| instance.origin),
            peak_memory_bytes: instance.and_then(|instance| instance.peak_memory_bytes),
        });
        if let Err(failure) = outcome {
            // The guest chose the text and the type. They must not look like the host's own.
            let whose = if matches!(failure.error_type, ErrorType::Handler(_)) { "the handler failed: " } else { "" };
            error!(%request_id, tenant_id = tenant_id.map(display), "{whose}{failure}");
        }
    }

    /// Ends the invocation. An instance that is not used again is dropped, which may take long.
    pub(super) fn end(self) {
        if let Some(running) = self.running {
            running.end();
        }
    }
}

/// Turns a panic of the host into a failure of the invocation in which it happens, or of the start. The panic itself
/// writes to the log what it was; the caller only learns that it happened. The instance in use is not used again.
async fn caught<T>(invocation: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    AssertUnwindSafe(invocation).catch_unwind().await.unwrap_or_else(|_| {
        Err(Failure::new(ErrorType::Internal, "the host failed").hint("its log says why: please report it"))
    })
}

fn within_limit(response: Response) -> Result<Response, Failure> {
    let (bytes, limit) = (response.body.len(), PAYLOAD_LIMIT_BYTES);
    if bytes <= limit {
        return Ok(response);
    }
    let message = format!("the response has {bytes} bytes, but Lambda takes at most {limit}");
    Err(Failure::response_too_large(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_of_the_host_is_a_failure_of_the_invocation_and_tells_the_caller_nothing() {
        let failure = caught::<()>(async { panic!("a secret of the host") }).await.unwrap_err();
        assert_eq!(failure.error_type, ErrorType::Internal);
        assert!(!failure.to_string().contains("secret"));
        assert_eq!(caught(async { Ok(1) }).await, Ok(1));
    }

    #[test]
    fn a_response_at_the_limit_passes_and_one_over_it_does_not() {
        let checked = |bytes: usize| within_limit("x".repeat(bytes).into()).map(|response| response.body.len());
        assert_eq!(checked(PAYLOAD_LIMIT_BYTES), Ok(PAYLOAD_LIMIT_BYTES));
        assert_eq!(checked(PAYLOAD_LIMIT_BYTES + 1).unwrap_err().error_type, ErrorType::ResponseSizeTooLarge);
    }
}
