//! One handler: its current guest, and what a look at its source does.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tracing::{info, warn};

use super::{LoadRequest, apart::apart, code, looks::Looks};
use crate::{
    digest::Digest,
    engine::{Budget, Code, Engine, Guest},
    failure::{ErrorType, Failure},
    laps::Laps,
    moment::Moment,
    observer::Observer,
    source::{Artifact, Look, UNREACHABLE, Version},
};

/// How long one look may take, and how often a source that may recover is asked meanwhile. While the process is frozen, time may or may
/// not pass.
const LOOK_LIMIT: Duration = Duration::from_secs(60);
const ATTEMPTS: u32 = 3;

/// How long a newer guest may take to start, as the first one may.
const START_LIMIT: Duration = Duration::from_secs(10);

/// How much later it is left behind where it can't be stopped.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often an artifact is tried that fails for a reason which may pass, and one that took all the time there is: with all processors.
const MOST_TRIES: u32 = 10;
const MOST_SLOW_TRIES: u32 = 2;

/// Where somebody waits for a guest that was built again, it is tried at once once more, and each time for twice as long, up to this.
const LONGEST_TRY: Duration = Duration::from_secs(600);
const MOST_WATCHED_TRIES: u32 = 5;

/// One handler: its current guest, and what is known of its source.
pub(super) struct Handler {
    pub(super) request: LoadRequest,
    pub(super) looks: Arc<Looks>,
    engine: Engine,
    observer: Arc<dyn Observer>,
    /// Of all its guests together.
    budget: Budget,
    current: Mutex<Arc<Guest>>,
    seen: Mutex<Seen>,
}

/// What looks have found. One look at a time has it.
#[derive(Default)]
struct Seen {
    /// Not to be fetched again.
    version: Option<Version>,
    /// The artifact that serves, where it is known by its bytes.
    serving: Option<Digest>,
    refused: Option<Refused>,
    /// What stood in the way of the last look, which was logged.
    trouble: Option<String>,
}

/// An artifact that was not taken.
struct Refused {
    artifact: Option<Digest>,
    signature: Option<Digest>,
    reason: ErrorType,
    /// How often it was tried.
    tries: u32,
}

/// A guest that is about to serve.
enum Next {
    Guest(Box<Guest>),
    /// It is the one that serves, in another form.
    Same,
}

impl Handler {
    pub(super) fn new(
        engine: Engine,
        request: LoadRequest,
        observer: Arc<dyn Observer>,
        budget: Budget,
        guest: Guest,
        version: Version,
        serving: Option<Digest>,
    ) -> Self {
        let seen = Seen { version: Some(version.without_awaited()), serving, ..Seen::default() };
        let (current, seen) = (Mutex::new(Arc::new(guest)), Mutex::new(seen));
        Self { request, looks: Looks::new(), engine, observer, budget, current, seen }
    }

    pub(super) fn observer(&self) -> &dyn Observer {
        &*self.observer
    }

    pub(super) fn current(&self) -> Arc<Guest> {
        self.lock().clone()
    }

    /// Looks whether the source has something newer, and changes over to it. Whatever goes wrong, the current guest goes on, and the log
    /// says so once.
    pub(super) async fn look(&self) {
        let mut seen = mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        let begun = Moment::now();
        let mut looked = self.look_with(&mut seen).await;
        // A freeze may have taken all of the look's time, and its connections.
        if looked.is_err() && begun.elapsed() >= LOOK_LIMIT {
            looked = self.look_with(&mut seen).await;
        }
        while looked.is_ok() && self.is_to_be_tried_again(&seen) {
            looked = self.look_with(&mut seen).await;
        }
        if let Err(failure) = looked {
            self.note_trouble(&mut seen, failure);
        }
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }

    /// Whether the newer guest only lacked time, and nothing but this look would have it tried again.
    fn is_to_be_tried_again(&self, seen: &Seen) -> bool {
        let refused = seen.refused.as_ref().filter(|refused| refused.reason == ErrorType::Timeout);
        self.request.is_watched && refused.is_some_and(|refused| !refused.is_final(true))
    }

    /// # Errors
    /// When the source can't be looked at.
    async fn look_with(&self, seen: &mut Seen) -> Result<(), Failure> {
        let mut laps = Laps::begin();
        let wanted = self.request.wanted(Instant::now() + LOOK_LIMIT, ATTEMPTS);
        let looked = self.request.source.look(seen.version.as_ref(), &wanted).await;
        let artifact = match looked {
            Ok(Look::Unchanged) => {
                seen.trouble = None;
                return Ok(());
            }
            Ok(Look::Found(artifact)) => artifact,
            Ok(Look::Refused(version, failure)) => {
                self.note_trouble(seen, *failure);
                seen.version = Some(*version);
                return Ok(());
            }
            Err(failure) => return Err(failure),
        };
        seen.trouble = None;
        laps.done("fetch");
        let (version, identity) = (artifact.version.clone(), artifact.content.digest());
        let signature = artifact.signature.as_ref().map(|text| Digest::of(text.as_bytes()));
        if identity.is_some() && identity == seen.serving {
            seen.version = Some(version.without_awaited());
            return Ok(());
        }
        let refused = seen.refused.as_ref().filter(|refused| refused.is(identity, signature));
        if identity.is_some() && refused.is_some_and(|refused| refused.is_final(self.request.is_watched)) {
            seen.version = Some(version);
            return Ok(());
        }
        let (from, bytes) = (self.current().digest(), artifact.content.size());
        let limit = refused.map_or(LOOK_LIMIT, |refused| refused.next_limit(self.request.is_watched));
        match self.prepare(*artifact, refused.is_none(), limit, &mut laps).await {
            Ok(Next::Same) => (seen.serving, seen.refused) = (identity, None),
            Ok(Next::Guest(guest)) => {
                let to = guest.digest();
                self.observer.serving(to);
                // The one before is freed with the last invocation that has it.
                let before = mem::replace(&mut *self.lock(), Arc::new(*guest));
                drop(before);
                (seen.serving, seen.refused) = (identity, None);
                info!(guest = %to.short(), "`{}` changed over from {from} to {to}, {bytes} bytes; in milliseconds: {laps}",
                    self.request.handler
                );
            }
            Err(failure) => {
                let before = refused.filter(|refused| refused.reason == failure.error_type);
                if before.is_none() {
                    let other = identity.map_or_else(|| "the newer artifact".to_owned(), |digest| digest.to_string());
                    warn!(guest = %from.short(), "`{}` stays at {from}: {other} is not taken: {failure}", self.request.handler);
                }
                let tries = before.map_or(1, |refused| refused.tries + 1);
                let awaits = failure.error_type == ErrorType::Untrusted;
                let refused = Refused { artifact: identity, signature, reason: failure.error_type, tries };
                let version = if awaits { version } else { version.without_awaited() };
                seen.version = Some(version).filter(|_| refused.is_final(self.request.is_watched));
                seen.refused = Some(refused);
                return Ok(());
            }
        }
        seen.version = Some(version.without_awaited());
        Ok(())
    }

    /// All that can fail.
    async fn prepare(
        &self,
        artifact: Artifact,
        is_first_try: bool,
        limit: Duration,
        laps: &mut Laps,
    ) -> Result<Next, Failure> {
        let stop = Instant::now() + limit;
        let code = code::load(&self.engine, &self.request, artifact, stop).await?;
        laps.done("code");
        let current = self.current();
        if code.source() == current.digest() {
            return Ok(Next::Same);
        }
        let guest = match self.start(code.clone(), laps).await {
            // Where the memory is used up by what waits for work, it is of more use to the next guest.
            Err(failure) if failure.error_type == ErrorType::OutOfMemory && is_first_try => {
                current.release_idle();
                self.start(code, laps).await?
            }
            loaded => loaded?,
        };
        Ok(Next::Guest(Box::new(guest)))
    }

    /// Starts a newer guest, where what can't be stopped is left behind: the next look is not to wait for it.
    async fn start(&self, code: Code, laps: &mut Laps) -> Result<Guest, Failure> {
        let capabilities = self.request.capabilities.clone();
        let (engine, observer, budget) = (self.engine.clone(), self.observer.clone(), self.budget.clone());
        let mut own_laps = laps.clone();
        let load = async move {
            let guest = Guest::load(&engine, code, capabilities, observer, budget, START_LIMIT, &mut own_laps).await;
            (guest, own_laps)
        };
        let (guest, own_laps) = apart(load, START_LIMIT + PATIENCE).await?;
        *laps = own_laps;
        guest.map_err(|error| error.into_failure(&self.request.handler).within_limits())
    }

    fn note_trouble(&self, seen: &mut Seen, failure: Failure) {
        let what = failure.message.split(UNREACHABLE).next().unwrap_or_default().to_owned();
        if seen.trouble.as_ref() != Some(&what) {
            let failure = failure.within_limits();
            let from = self.current().digest();
            warn!(guest = %from.short(), "`{}` stays at {from}: no newer guest can be had: {failure}", self.request.handler);
        }
        seen.trouble = Some(what);
    }

    fn lock(&self) -> MutexGuard<'_, Arc<Guest>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Refused {
    /// Whether it is about this artifact with this signature.
    fn is(&self, artifact: Option<Digest>, signature: Option<Digest>) -> bool {
        (self.artifact, self.signature) == (artifact, signature)
    }

    /// Whether it is not tried again. Memory that is in use now may be free later, and time may have passed in a freeze.
    fn is_final(&self, is_watched: bool) -> bool {
        match self.reason {
            ErrorType::OutOfMemory | ErrorType::Internal => self.tries >= MOST_TRIES,
            ErrorType::Timeout if is_watched => self.tries >= MOST_WATCHED_TRIES,
            ErrorType::Timeout => self.tries >= MOST_SLOW_TRIES,
            _ => true,
        }
    }

    /// How long it may take the next time.
    fn next_limit(&self, is_watched: bool) -> Duration {
        match self.reason {
            ErrorType::Timeout if is_watched => (LOOK_LIMIT * 2_u32.saturating_pow(self.tries)).min(LONGEST_TRY),
            _ => LOOK_LIMIT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(reason: ErrorType, tries: u32) -> Refused {
        Refused { artifact: None, signature: None, reason, tries }
    }

    #[test]
    fn what_only_lacked_time_is_tried_again_and_where_somebody_waits_for_it_for_longer_each_time() {
        for (is_watched, tries) in [(false, MOST_SLOW_TRIES), (true, MOST_WATCHED_TRIES)] {
            assert!(!refused(ErrorType::Timeout, tries - 1).is_final(is_watched));
            assert!(refused(ErrorType::Timeout, tries).is_final(is_watched));
            assert!(refused(ErrorType::InvalidGuest, 1).is_final(is_watched));
        }
        let seconds = |is_watched, tries| refused(ErrorType::Timeout, tries).next_limit(is_watched).as_secs();
        assert_eq!([1, 2, 3, 4].map(|tries| seconds(true, tries)), [120, 240, 480, 600]);
        assert_eq!(seconds(false, 1), 60);
        assert_eq!(refused(ErrorType::OutOfMemory, 1).next_limit(true), LOOK_LIMIT);
    }
}
