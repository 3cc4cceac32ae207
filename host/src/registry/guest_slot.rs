//! The guest that serves a handler, and how a newer one takes its place.
//!
//! See docs/decisions/17-one-memory-pool.md.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use tracing::{info, warn};

use super::{
    code,
    own_thread::on_own_thread,
    refresh_gate::RefreshGate,
    request::LoadRequest,
    source_state::{ATTEMPT_LIMIT, Attempt, Decision, Fetched, SourceState},
};
use crate::{
    digest::Digest,
    engine::{Code, Engine, Guest, MemoryPool},
    failure::{ErrorType, Failure},
    freeze_aware_instant::FreezeAwareInstant,
    lock::lock,
    observer::Observer,
    phase_timings::PhaseTimings,
    source::{Artifact, FetchOutcome, Revision},
};

/// The number of requests to a source that may recover, within one refresh.
const FETCH_ATTEMPTS: u32 = 3;

/// The longest time that a newer guest may take to start. The first one has as long for everything, fetching and
/// compiling included.
const START_LIMIT: Duration = Duration::from_secs(10);

/// How much later a start that can't be stopped is left behind.
const START_GRACE: Duration = Duration::from_secs(1);

/// Holds the guest that serves a handler, and what is known of its source.
pub(super) struct GuestSlot {
    pub(super) request: LoadRequest,
    pub(super) refreshes: Arc<RefreshGate>,
    engine: Engine,
    observer: Arc<dyn Observer>,
    /// The memory that all guests of this handler share, the one before and the one after a swap.
    pool: MemoryPool,
    current: Mutex<Arc<Guest>>,
    /// Belongs to the refresh that is running.
    source: tokio::sync::Mutex<SourceState>,
}

/// Holds what was prepared to serve.
enum Candidate {
    Guest(Box<Guest>),
    /// It is the guest that serves, in another form.
    Current,
}

impl GuestSlot {
    /// Returns a slot in which this guest serves. It was loaded from an artifact with this revision and this digest.
    pub(super) fn new(
        engine: Engine,
        request: LoadRequest,
        observer: Arc<dyn Observer>,
        pool: MemoryPool,
        guest: Guest,
        revision: Revision,
        artifact: Option<Digest>,
    ) -> Self {
        let source = SourceState::new(revision, artifact, request.is_watched);
        Self {
            request,
            refreshes: RefreshGate::new(),
            engine,
            observer,
            pool,
            current: Mutex::new(Arc::new(guest)),
            source: tokio::sync::Mutex::new(source),
        }
    }

    pub(super) fn observer(&self) -> &dyn Observer {
        &*self.observer
    }

    /// Returns the guest for a new invocation.
    pub(super) fn current(&self) -> Arc<Guest> {
        self.lock().clone()
    }

    /// Swaps to what the source has, if that is newer. Whatever goes wrong, the current guest keeps serving, and the
    /// log says so once.
    pub(super) async fn refresh(&self) {
        let mut source = self.source.lock().await;
        let begun = FreezeAwareInstant::now();
        let mut refreshed = self.refresh_once(&mut source).await;
        // A freeze may have taken all of the time, and the connections.
        if refreshed.is_err() && begun.elapsed() >= ATTEMPT_LIMIT {
            refreshed = self.refresh_once(&mut source).await;
        }
        while refreshed.is_ok() && source.should_retry_now() {
            refreshed = self.refresh_once(&mut source).await;
        }
        if let Err(failure) = refreshed {
            self.source_failed(&mut source, failure);
        }
    }

    /// # Errors
    /// When the source can't be reached.
    async fn refresh_once(&self, source: &mut SourceState) -> Result<(), Failure> {
        let mut timings = PhaseTimings::start();
        let options = self.request.fetch_options(Instant::now() + ATTEMPT_LIMIT, FETCH_ATTEMPTS);
        let artifact = match self.request.source.fetch(source.known(), &options).await? {
            FetchOutcome::NotModified => {
                source.reached();
                return Ok(());
            }
            FetchOutcome::Rejected(revision, failure) => {
                self.source_failed(source, *failure);
                source.rejected_by_source(*revision);
                return Ok(());
            }
            FetchOutcome::Fetched(artifact) => *artifact,
        };
        source.reached();
        timings.record("fetch");
        let fetched = Fetched {
            revision: artifact.revision.clone(),
            artifact: artifact.content.digest(),
            signature: artifact.signature.as_ref().map(|text| Digest::of(text.as_bytes())),
        };
        let Decision::Prepare(attempt) = source.decide(&fetched) else { return Ok(()) };
        let bytes = artifact.content.size();
        match self.prepare(artifact, attempt, &mut timings).await {
            Ok(Candidate::Current) => source.serves(fetched),
            Ok(Candidate::Guest(guest)) => {
                self.swap(*guest, bytes, &timings);
                source.serves(fetched);
            }
            Err(failure) => {
                let artifact = fetched.artifact;
                if source.preparation_failed(fetched, failure.error_type.clone()) {
                    self.log_rejection(artifact, &failure);
                }
            }
        }
        Ok(())
    }

    /// Prepares a guest: does everything that can fail.
    async fn prepare(
        &self,
        artifact: Artifact,
        attempt: Attempt,
        timings: &mut PhaseTimings,
    ) -> Result<Candidate, Failure> {
        let stop = Instant::now() + attempt.limit;
        let code = code::load(&self.engine, &self.request, artifact, stop).await?;
        timings.record("code");
        let current = self.current();
        if code.source() == current.digest() {
            return Ok(Candidate::Current);
        }
        let guest = match self.start(code.clone(), timings).await {
            // When idle instances use up the memory, the newer guest needs it more.
            Err(failure) if failure.error_type == ErrorType::OutOfMemory && attempt.is_first => {
                current.release_idle();
                self.start(code, timings).await?
            }
            started => started?,
        };
        Ok(Candidate::Guest(Box::new(guest)))
    }

    /// Starts a newer guest on a thread of its own. A start that can't be stopped is left behind, so that the next
    /// refresh does not wait for it.
    async fn start(&self, code: Code, timings: &mut PhaseTimings) -> Result<Guest, Failure> {
        let capabilities = self.request.capabilities.clone();
        let (engine, observer, pool) = (self.engine.clone(), self.observer.clone(), self.pool.clone());
        let mut own_timings = timings.clone();
        let load = async move {
            let guest = Guest::load(&engine, code, capabilities, observer, pool, START_LIMIT, &mut own_timings).await;
            (guest, own_timings)
        };
        let (guest, own_timings) = on_own_thread(load, START_LIMIT + START_GRACE).await?;
        *timings = own_timings;
        guest.map_err(|error| error.into_failure(&self.request.handler).within_limits())
    }

    /// Makes this guest serve new invocations.
    fn swap(&self, guest: Guest, bytes: u64, timings: &PhaseTimings) {
        let (from, to) = (self.current().digest(), guest.digest());
        self.observer.serving(to);
        // The one before is freed with the last invocation that has it, and not while the lock is held.
        let before = mem::replace(&mut *self.lock(), Arc::new(guest));
        drop(before);
        info!(
            guest = %to.short(),
            "`{}` swapped from {from} to {to}, {bytes} bytes; in milliseconds: {timings}",
            self.request.handler
        );
    }

    fn log_rejection(&self, artifact: Option<Digest>, failure: &Failure) {
        let from = self.current().digest();
        let newer = artifact.map_or_else(|| "the newer artifact".to_owned(), |digest| digest.to_string());
        warn!(guest = %from.short(), "`{}` stays at {from}: {newer} is rejected: {failure}", self.request.handler);
    }

    fn source_failed(&self, source: &mut SourceState, failure: Failure) {
        if source.source_failed(&failure) {
            let (failure, from) = (failure.within_limits(), self.current().digest());
            warn!(guest = %from.short(), "`{}` stays at {from}: the refresh failed: {failure}", self.request.handler);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Arc<Guest>> {
        lock(&self.current)
    }
}
