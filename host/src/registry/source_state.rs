//! What is known of a handler's source, and what a refresh does with what it finds there.
//!
//! A refresh asks the source for what differs from a known revision. What comes next depends on the state and on the
//! outcome:
//!
//! | what the refresh found | what it does | the state afterwards |
//! | --- | --- | --- |
//! | not modified | nothing | as it was |
//! | the source can't be reached | logs it, once for a cause | as it was |
//! | rejected by the source (too large, a web page, …) | logs it, once for a cause | `Settled` at this revision |
//! | the artifact that serves | nothing | `Settled`, its signature no longer polled |
//! | the rejected artifact, with the same signature, out of attempts | nothing | `Settled`, its signature still polled |
//! | any other artifact | prepares a guest from it | by what came of that, as follows |
//! | … it is the guest that serves, in another form | nothing | `Settled` |
//! | … it can serve | swaps | `Settled` |
//! | … it failed, for a reason that lasts | logs it, once for a reason | `Settled`; `Host.Untrusted` keeps polling the signature |
//! | … it failed, for a reason that may pass | logs it, once for a reason | `Retrying`, until it is out of attempts |
//!
//! `Settled` asks for what is newer than its revision, so an unchanged artifact is not even fetched. `Retrying` knows
//! no revision, so the artifact is fetched again.
//!
//! See docs/decisions/16-rejected-artifacts.md.

use std::time::Duration;

use crate::{
    digest::Digest,
    failure::{ErrorType, Failure},
    source::Revision,
};

/// The longest time that one attempt may take: to fetch an artifact, to compile it and to start it. While the process
/// is frozen, time may or may not pass.
pub(super) const ATTEMPT_LIMIT: Duration = Duration::from_secs(60);

/// The number of attempts for an artifact that fails for a reason which may pass, and for one that took all the time
/// there is: each attempt uses all processors.
const MAX_ATTEMPTS: u32 = 10;
const MAX_SLOW_ATTEMPTS: u32 = 2;

/// In development somebody waits for a guest that was built again. It is tried again at once, and each time for twice
/// as long, up to this.
const MAX_WATCHED_ATTEMPT: Duration = Duration::from_secs(600);
const MAX_WATCHED_ATTEMPTS: u32 = 5;

/// Holds what refreshes have found out about a source.
pub(super) struct SourceState {
    progress: Progress,
    /// The digest of the artifact that serves; `None` where the artifact was mapped and not read.
    serving: Option<Digest>,
    rejected: Option<RejectedArtifact>,
    /// The last failure of the source itself, which was logged.
    last_failure: Option<Failure>,
    /// Somebody waits for each refresh, as in development.
    is_watched: bool,
}

/// Says how far the newest artifact of the source came.
enum Progress {
    /// It serves, or is known not to: nothing happens until the source has something newer than this revision.
    Settled(Revision),
    /// It failed for a reason that may pass: it is fetched again.
    Retrying,
}

/// Identifies an artifact that was rejected, and why.
struct RejectedArtifact {
    artifact: Option<Digest>,
    signature: Option<Digest>,
    reason: ErrorType,
    attempts: u32,
}

/// Identifies an artifact that was fetched.
#[derive(Clone)]
pub(super) struct Fetched {
    pub(super) revision: Revision,
    /// The digest of its content; `None` where the content is mapped and not read.
    pub(super) artifact: Option<Digest>,
    /// The digest of its signature, if it has one.
    pub(super) signature: Option<Digest>,
}

/// Says what to do with an artifact that was fetched.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Nothing: it serves, or was rejected for good.
    Skip,
    /// Prepare a guest from it.
    Prepare(Attempt),
}

/// Describes an attempt to prepare a guest from an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attempt {
    /// The longest time that it may take.
    pub(super) limit: Duration,
    /// Whether the artifact was not tried before.
    pub(super) is_first: bool,
}

impl SourceState {
    /// Returns the state in which the artifact from the start serves.
    pub(super) fn new(revision: Revision, serving: Option<Digest>, is_watched: bool) -> Self {
        let progress = Progress::Settled(revision.without_pending_signature());
        Self { progress, serving, rejected: None, last_failure: None, is_watched }
    }

    /// Returns the revision that the source need not send again.
    pub(super) fn known(&self) -> Option<&Revision> {
        match &self.progress {
            Progress::Settled(revision) => Some(revision),
            Progress::Retrying => None,
        }
    }

    /// Notes that the source could be reached.
    pub(super) fn reached(&mut self) {
        self.last_failure = None;
    }

    /// Notes a failure of the source. Returns whether it is to be logged: not when the last one had the same cause.
    pub(super) fn source_failed(&mut self, failure: &Failure) -> bool {
        let is_news = !self.last_failure.as_ref().is_some_and(|last| last.has_cause_of(failure));
        self.last_failure = Some(failure.clone());
        is_news
    }

    /// Notes that the source has a revision that it rejects itself.
    pub(super) fn rejected_by_source(&mut self, revision: Revision) {
        self.progress = Progress::Settled(revision);
    }

    /// Decides what to do with an artifact that was fetched.
    pub(super) fn decide(&mut self, fetched: &Fetched) -> Decision {
        if fetched.artifact.is_some() && fetched.artifact == self.serving {
            self.progress = Progress::Settled(fetched.revision.clone().without_pending_signature());
            return Decision::Skip;
        }
        match self.rejection_of(fetched) {
            Some(rejected) if fetched.artifact.is_some() && rejected.is_final(self.is_watched) => {
                self.progress = Progress::Settled(fetched.revision.clone());
                Decision::Skip
            }
            Some(rejected) => {
                Decision::Prepare(Attempt { limit: rejected.next_limit(self.is_watched), is_first: false })
            }
            None => Decision::Prepare(Attempt { limit: ATTEMPT_LIMIT, is_first: true }),
        }
    }

    /// Notes that the guest of this artifact serves now, or has served before in another form.
    pub(super) fn serves(&mut self, fetched: Fetched) {
        self.progress = Progress::Settled(fetched.revision.without_pending_signature());
        (self.serving, self.rejected) = (fetched.artifact, None);
    }

    /// Notes that no guest could be prepared from this artifact. Returns whether that is to be logged: not when it
    /// failed before for the same reason.
    pub(super) fn preparation_failed(&mut self, fetched: Fetched, reason: ErrorType) -> bool {
        let before = self.rejection_of(&fetched).filter(|rejected| rejected.reason == reason);
        let attempts = before.map_or(1, |rejected| rejected.attempts + 1);
        let is_news = before.is_none();
        let Fetched { revision, artifact, signature } = fetched;
        // Another signature may make it trusted.
        let revision = match reason {
            ErrorType::Untrusted => revision,
            _ => revision.without_pending_signature(),
        };
        let rejected = RejectedArtifact { artifact, signature, reason, attempts };
        self.progress = match rejected.is_final(self.is_watched) {
            true => Progress::Settled(revision),
            false => Progress::Retrying,
        };
        self.rejected = Some(rejected);
        is_news
    }

    /// Returns whether the refresh should try once more at once: somebody waits for it, and the newest artifact only
    /// lacked time.
    pub(super) fn should_retry_now(&self) -> bool {
        let lacked_time = self.rejected.as_ref().is_some_and(|rejected| rejected.reason == ErrorType::Timeout);
        self.is_watched && lacked_time && matches!(self.progress, Progress::Retrying)
    }

    fn rejection_of(&self, fetched: &Fetched) -> Option<&RejectedArtifact> {
        self.rejected
            .as_ref()
            .filter(|rejected| (rejected.artifact, rejected.signature) == (fetched.artifact, fetched.signature))
    }
}

impl RejectedArtifact {
    /// Returns whether the artifact is out of attempts. Memory that is in use now may be free later, and time may have
    /// passed in a freeze.
    fn is_final(&self, is_watched: bool) -> bool {
        match self.reason {
            ErrorType::OutOfMemory | ErrorType::Internal => self.attempts >= MAX_ATTEMPTS,
            ErrorType::Timeout if is_watched => self.attempts >= MAX_WATCHED_ATTEMPTS,
            ErrorType::Timeout => self.attempts >= MAX_SLOW_ATTEMPTS,
            _ => true,
        }
    }

    /// Returns how long the next attempt may take.
    fn next_limit(&self, is_watched: bool) -> Duration {
        match self.reason {
            ErrorType::Timeout if is_watched => {
                (ATTEMPT_LIMIT * 2_u32.saturating_pow(self.attempts)).min(MAX_WATCHED_ATTEMPT)
            }
            _ => ATTEMPT_LIMIT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Validator;

    fn fetched(artifact: &str, signature: &str) -> Fetched {
        let digest = |text: &str| (!text.is_empty()).then(|| Digest::of(text.as_bytes()));
        let pending_signature = Some(Validator::Missing);
        let revision =
            Revision { artifact: Validator::Manifest(artifact.to_owned()), companion: None, pending_signature };
        Fetched { revision, artifact: digest(artifact), signature: digest(signature) }
    }

    fn state(is_watched: bool) -> SourceState {
        let first = fetched("v1", "");
        SourceState::new(first.revision, first.artifact, is_watched)
    }

    const FIRST: Decision = Decision::Prepare(Attempt { limit: ATTEMPT_LIMIT, is_first: true });
    const AGAIN: Decision = Decision::Prepare(Attempt { limit: ATTEMPT_LIMIT, is_first: false });

    /// What happens to the artifact `v2` after it failed so often for this reason, and whether its revision, and its
    /// signature, are known.
    #[test]
    fn a_failed_artifact_is_tried_again_as_often_as_its_reason_is_worth() {
        use ErrorType::{Internal, InvalidGuest, OutOfMemory, Timeout, Untrusted};
        for (reason, failures, decision, is_settled, polls_signature) in [
            (InvalidGuest, 1, Decision::Skip, true, false),
            (Untrusted, 1, Decision::Skip, true, true),
            (Timeout, 1, AGAIN, false, false),
            (Timeout, MAX_SLOW_ATTEMPTS, Decision::Skip, true, false),
            (OutOfMemory, 1, AGAIN, false, false),
            (OutOfMemory, MAX_ATTEMPTS - 1, AGAIN, false, false),
            (OutOfMemory, MAX_ATTEMPTS, Decision::Skip, true, false),
            (Internal, MAX_ATTEMPTS, Decision::Skip, true, false),
        ] {
            let mut state = state(false);
            let newer = fetched("v2", "");
            assert_eq!(state.decide(&newer), FIRST);
            for attempt in 1..=failures {
                let is_news = state.preparation_failed(newer.clone(), reason.clone());
                assert_eq!(is_news, attempt == 1, "a reason is logged once");
            }
            let known = state.known();
            assert_eq!(known.is_some(), is_settled, "{reason:?} {failures}");
            let polls = known.is_some_and(|revision| revision.pending_signature.is_some());
            assert_eq!(polls, polls_signature, "{reason:?}");
            assert_eq!(state.decide(&newer), decision, "{reason:?} {failures}");
            assert_eq!(state.decide(&fetched("v3", "")), FIRST, "another artifact is another matter");
        }
    }

    #[test]
    fn another_signature_gives_a_rejected_artifact_another_attempt() {
        let mut state = state(false);
        assert!(state.preparation_failed(fetched("v2", ""), ErrorType::Untrusted));
        assert_eq!(state.decide(&fetched("v2", "signed")), FIRST);
    }

    #[test]
    fn the_artifact_that_serves_is_skipped_and_its_signature_is_not_polled() {
        let mut state = state(false);
        assert_eq!(state.decide(&fetched("v1", "")), Decision::Skip);
        state.serves(fetched("v2", "signed"));
        assert_eq!(state.decide(&fetched("v2", "")), Decision::Skip);
        assert!(state.known().unwrap().pending_signature.is_none());
        assert_eq!(state.decide(&fetched("v1", "")), FIRST);
    }

    #[test]
    fn mapped_machine_code_is_prepared_whenever_its_file_changes() {
        let mut state = state(false);
        let mapped = Fetched { artifact: None, ..fetched("v2", "") };
        assert!(state.preparation_failed(mapped.clone(), ErrorType::InvalidGuest));
        assert_eq!(state.decide(&mapped), AGAIN);
    }

    #[test]
    fn a_cause_is_logged_until_the_source_is_reached_or_another_one_comes() {
        let mut state = state(false);
        let failure = |what: &str, details: &str| Failure::new(ErrorType::SourceUnavailable, what).details(details);
        assert!(state.source_failed(&failure("gone", "1")));
        assert!(!state.source_failed(&failure("gone", "2")));
        assert!(state.source_failed(&failure("refused", "3")));
        state.reached();
        assert!(state.source_failed(&failure("refused", "4")));
    }

    #[test]
    fn where_somebody_waits_an_artifact_that_lacked_time_has_twice_as_much_each_time() {
        let (mut watched, newer) = (state(true), fetched("v2", ""));
        for seconds in [120, 240, 480, 600] {
            watched.preparation_failed(newer.clone(), ErrorType::Timeout);
            assert!(watched.should_retry_now());
            let limit = Duration::from_secs(seconds);
            assert_eq!(watched.decide(&newer), Decision::Prepare(Attempt { limit, is_first: false }));
        }
        watched.preparation_failed(newer.clone(), ErrorType::Timeout);
        assert!(!watched.should_retry_now());
        let mut unwatched = state(false);
        unwatched.preparation_failed(newer, ErrorType::Timeout);
        assert!(!unwatched.should_retry_now());
    }
}
