//! Events that came truncated: the second chance that each has.
//!
//! See docs/decisions/08-truncated-events.md.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{client::ApiError, http1::HttpError, wire::EventHeaders};
use crate::failure::{ErrorType, Failure, chain};

/// How long a truncated event has to come again before its invocation fails.
pub(super) const SECOND_CHANCE: Duration = Duration::from_secs(1);

/// Holds back the failure of a truncated event until the event came again, or did not.
///
/// Until a reply is posted, the Runtime API delivers the same event again. Where it does not, the failure is posted, so
/// that the caller does not wait until the deadline.
#[derive(Default)]
pub(super) struct SecondChance {
    held_back: Option<HeldBack>,
    /// The request id of the event that was held back when the present one was requested.
    previous: Option<Bytes>,
}

/// Holds the failure of an event that arrived truncated.
pub(super) struct HeldBack {
    pub(super) headers: EventHeaders,
    /// When the event arrived.
    pub(super) at: Instant,
    pub(super) failure: Failure,
}

impl SecondChance {
    /// Notes that the next event is requested, and returns the request id of the event that is expected again.
    pub(super) fn expected(&mut self) -> Option<Bytes> {
        self.previous = self.held_back.as_ref().and_then(|held_back| held_back.headers.request_id().cloned());
        self.previous.clone()
    }

    /// Holds back the failure of an event that came truncated. Returns the failure when the event has no second chance:
    /// it had one, or it is larger than Lambda's limit and would be so again.
    pub(super) fn hold_back(&mut self, headers: &EventHeaders, at: Instant, error: &ApiError) -> Result<(), Failure> {
        let failure = failure(error);
        let may_be_whole = !matches!(error, ApiError::Http(HttpError::TooLarge(_)));
        if may_be_whole && headers.request_id().is_some() && self.previous.as_ref() != headers.request_id() {
            self.held_back = Some(HeldBack { headers: headers.clone(), at, failure });
            return Ok(());
        }
        Err(failure)
    }

    /// Forgets the failure: the event came again.
    pub(super) fn came_again(&mut self) {
        self.held_back = None;
    }

    /// Returns the failure that is now to be posted, if there is one.
    pub(super) fn take(&mut self) -> Option<HeldBack> {
        self.held_back.take()
    }
}

fn failure(error: &ApiError) -> Failure {
    let hint = match error {
        ApiError::Http(HttpError::TooLarge(_)) => "put the event's data into S3 and send where it is",
        _ => "invoke the function again",
    };
    Failure::new(ErrorType::InvalidEvent, format!("the event did not arrive whole: {}", chain(error))).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime_client::wire::REQUEST_ID;

    fn headers(id: &'static str) -> EventHeaders {
        let mut headers = EventHeaders::default();
        headers.insert(REQUEST_ID.as_str(), || Bytes::from_static(id.as_bytes()));
        headers
    }

    const TRUNCATED: ApiError = ApiError::Http(HttpError::Closed);

    #[test]
    fn an_event_has_one_second_chance() {
        let mut chance = SecondChance::default();
        assert_eq!(chance.expected(), None);
        assert!(chance.hold_back(&headers("1"), Instant::now(), &TRUNCATED).is_ok());
        assert_eq!(chance.expected().as_deref(), Some(&b"1"[..]));
        chance.came_again();
        assert!(chance.take().is_none());
        let failure = chance.hold_back(&headers("1"), Instant::now(), &TRUNCATED).unwrap_err();
        assert_eq!(failure.error_type, ErrorType::InvalidEvent);
    }

    #[test]
    fn an_event_that_does_not_come_again_fails_and_another_one_has_its_own_chance() {
        let mut chance = SecondChance::default();
        assert!(chance.hold_back(&headers("1"), Instant::now(), &TRUNCATED).is_ok());
        chance.expected();
        assert_eq!(chance.take().unwrap().headers, headers("1"));
        assert!(chance.hold_back(&headers("2"), Instant::now(), &TRUNCATED).is_ok());
    }

    #[test]
    fn what_is_too_large_or_has_no_id_has_no_second_chance() {
        let mut chance = SecondChance::default();
        assert!(chance.hold_back(&headers("1"), Instant::now(), &ApiError::Http(HttpError::TooLarge(1))).is_err());
        assert!(chance.hold_back(&EventHeaders::default(), Instant::now(), &TRUNCATED).is_err());
    }
}
