//! This module finds the guest that serves a handler now, and keeps it up to date.
//!
//! ```text
//! Registry → GuestSlot → SourceState         what a refresh does with what it finds
//!        ↘          ↘ code, own_thread       how a newer guest is prepared
//!          RefreshGate, RefreshThread        when and where refreshes run
//! ```

mod code;
mod guest_slot;
mod own_thread;
mod refresh_gate;
mod refresh_thread;
mod request;
mod source_state;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::{sleep, timeout};
use tracing::debug;

use self::guest_slot::GuestSlot;
pub use self::{
    refresh_thread::RefreshThread,
    request::{INIT_LIMIT, LoadRequest},
};
use crate::{
    artifact_policy::Refresh,
    digest::Digest,
    engine::{Code, Engine, Guest, MemoryPool},
    failure::{ErrorType, Failure},
    observer::Observer,
    phase_timings::PhaseTimings,
    source::{Artifact, FetchOutcome, Revision},
};

/// Limits how long an invocation waits for a refresh of its own. It never waits longer than a quarter of its time.
const MAX_REFRESH_WAIT: Duration = Duration::from_secs(2);

/// The maximum number of fetches at the start while the artifact does not belong to the signature beside it, and the
/// pause between two of them.
const MAX_SIGNATURE_ATTEMPTS: u32 = 5;
const SIGNATURE_RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Holds the guest of one handler. An invocation gets its guest here once, and keeps it to its end.
pub struct Registry {
    slot: Arc<GuestSlot>,
    refresh_thread: RefreshThread,
}

impl Registry {
    /// Fetches and checks the guest, maps or compiles it, links it, and makes its first instance.
    ///
    /// # Errors
    /// Returns what keeps the handler from being served, as it is posted to the Runtime API.
    pub async fn load(
        engine: &Engine,
        request: LoadRequest,
        observer: Arc<dyn Observer>,
        refresh_thread: RefreshThread,
        timings: &mut PhaseTimings,
    ) -> Result<Self, Failure> {
        let margin = request.capabilities.policy.margin.min(INIT_LIMIT / 10);
        let stop = Instant::now() + request.init_limit.saturating_sub(margin);
        let loaded = load_code(engine, &request, &refresh_thread, stop, timings).await;
        let (code, revision, artifact) = loaded.map_err(Failure::within_limits)?;
        timings.record("code");
        let pool = MemoryPool::new(&request.capabilities, code.held_bytes());
        let left = stop.saturating_duration_since(Instant::now()).min(INIT_LIMIT - margin);
        let guest =
            Guest::load(engine, code, request.capabilities.clone(), observer.clone(), pool.clone(), left, timings)
                .await;
        let guest = guest.map_err(|error| error.into_failure(&request.handler).within_limits())?;
        debug!(handler = %request.handler, digest = %guest.digest(), "serving");
        observer.serving(guest.digest());
        let slot = GuestSlot::new(engine.clone(), request, observer, pool, guest, revision, artifact);
        Ok(Self { slot: Arc::new(slot), refresh_thread })
    }

    /// Returns how long before an invocation's deadline the guest is stopped.
    pub fn margin(&self) -> Duration {
        self.slot.request.capabilities.policy.margin
    }

    /// Returns the observer of this handler's guests and invocations.
    pub fn observer(&self) -> &dyn Observer {
        self.slot.observer()
    }

    /// Returns the guest for an invocation that has this much time `left`. Begins a refresh if one is due. With
    /// `refresh = "0s"` it waits for the end of that refresh, for at most 2 s and a quarter of `left`. Then the current
    /// guest serves.
    pub async fn get(&self, left: Duration) -> Arc<Guest> {
        match self.slot.request.policy.refresh {
            Refresh::Off => {}
            Refresh::EachTime => {
                let own = self.slot.refreshes.next(|| self.begin_refresh());
                let _ = timeout(MAX_REFRESH_WAIT.min(left / 4), own).await;
            }
            Refresh::Every(interval) if self.slot.refreshes.is_due(interval) => self.begin_refresh(),
            Refresh::Every(_) => {}
        }
        self.slot.current()
    }

    /// Refreshes now, if the source is on this machine, and returns when the refresh has ended.
    pub async fn refresh_now(&self) {
        if !self.slot.request.source.is_local() {
            return;
        }
        self.slot.refreshes.next(|| self.begin_refresh()).await;
    }

    /// Returns the number of the refresh that is running.
    pub fn running_refresh(&self) -> Option<u64> {
        self.slot.refreshes.running()
    }

    /// Waits until no refresh is running, for at most `limit`.
    pub async fn finish_refresh(&self, limit: Duration) {
        let _ = timeout(limit, self.slot.refreshes.idle()).await;
    }

    fn begin_refresh(&self) {
        let Some(running) = self.slot.refreshes.begin() else { return };
        let slot = self.slot.clone();
        self.refresh_thread.spawn(async move {
            slot.refresh().await;
            drop(running);
        });
    }
}

/// Fetches the artifact and makes machine code of it. Also returns the revision that was fetched, and the artifact's
/// digest if it was read.
async fn load_code(
    engine: &Engine,
    request: &LoadRequest,
    refresh_thread: &RefreshThread,
    stop: Instant,
    timings: &mut PhaseTimings,
) -> Result<(Code, Revision, Option<Digest>), Failure> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let artifact = fetch(request, refresh_thread, stop).await?;
        timings.record("source");
        let (revision, digest) = (artifact.revision.clone(), artifact.content.digest());
        match code::load(engine, request, artifact, stop).await {
            Ok(code) => return Ok((code, revision, digest)),
            // An artifact and its signature are not replaced in one step, so they may not belong together for a moment.
            Err(failure)
                if failure.error_type == ErrorType::Untrusted
                    && revision.has_signature()
                    && attempts < MAX_SIGNATURE_ATTEMPTS =>
            {
                sleep(SIGNATURE_RETRY_PAUSE).await;
            }
            Err(failure) => return Err(failure),
        }
    }
}

/// Fetches what the source has at the start.
async fn fetch(request: &LoadRequest, refresh_thread: &RefreshThread, stop: Instant) -> Result<Artifact, Failure> {
    let (source, options) = (request.source.clone(), request.fetch_options(stop, u32::MAX));
    let outcome = match source.is_local() {
        true => source.fetch(None, &options).await?,
        // Connections stay with the thread that made them.
        false => refresh_thread.run(async move { source.fetch(None, &options).await }).await??,
    };
    match outcome {
        FetchOutcome::Fetched(artifact) => Ok(*artifact),
        FetchOutcome::Rejected(_, failure) => Err(*failure),
        FetchOutcome::NotModified => {
            Err(Failure::new(ErrorType::Internal, "the source returned \"not modified\" to the first fetch")
                .hint("this is a fault of the host: please report it"))
        }
    }
}
