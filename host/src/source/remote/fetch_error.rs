//! This module describes why a fetch failed, and whether another attempt can succeed.

use std::{fmt, time::Duration};

use reqwest::StatusCode;

use crate::{
    failure::{ErrorType, Failure, chain},
    source::artifact::Validator,
};

/// A `FetchError` is the reason why a fetch failed.
pub(super) enum FetchError {
    /// The next attempt may succeed.
    Transient(String),
    /// The next attempt would fail, too.
    Permanent(Failure),
    /// What has this validator is rejected, and need not be fetched again.
    Rejected(Validator, Box<Failure>),
}

impl FetchError {
    /// Turns a permanent error into the rejection of what has this validator.
    pub(super) fn for_validator(self, validator: &Validator) -> Self {
        match self {
            Self::Permanent(failure) => Self::Rejected(validator.clone(), Box::new(failure)),
            other => other,
        }
    }

    /// Returns the error for a response with a status that means that there is no body to use.
    pub(super) fn of_status(place: &impl fmt::Display, status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND | StatusCode::GONE => Self::Permanent(not_found(place)),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Self::Permanent(access_denied(place, status)),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => Self::Transient(describe(status)),
            status if status.is_server_error() => Self::Transient(describe(status)),
            status => Self::Permanent(unfetchable(place, &describe(status)).hint("check the reference")),
        }
    }

    /// Returns the error for a request that failed. The address is left out, because it may contain a secret.
    pub(super) fn of_request(place: &impl fmt::Display, error: reqwest::Error) -> Self {
        let error = error.without_url();
        match error.is_redirect() {
            true => Self::Permanent(
                unfetchable(place, &chain(&error))
                    .hint("name the place where the guest is, to which the server redirects"),
            ),
            false => Self::Transient(chain(&error)),
        }
    }
}

/// Returns the failure of a guest that was not fetched because each attempt had a transient error. The last of them and
/// the number of attempts are details: they may differ each time although the cause is the same.
pub(super) fn unavailable(place: &impl fmt::Display, last_error: &str, attempts: u32, elapsed: Duration) -> Failure {
    let times = if attempts == 1 { "once".to_owned() } else { format!("{attempts} times") };
    Failure::new(ErrorType::SourceUnavailable, format!("the guest `{place}` can't be reached"))
        .details(format!("{last_error}; tried {times} in {:.1} seconds", elapsed.as_secs_f64()))
        .hint("check that the function reaches it: its network, the address, and that something listens there")
}

/// Returns the failure of a guest that does not exist.
pub(super) fn not_found(place: &impl fmt::Display) -> Failure {
    Failure::new(ErrorType::GuestNotFound, format!("no such guest: `{place}`"))
        .hint("check the reference, and that the guest was uploaded")
}

/// Returns the failure of a guest that the host has no permission to read.
pub(super) fn access_denied(place: &impl fmt::Display, status: impl fmt::Display) -> Failure {
    let message = format!("access to the guest `{place}` is denied: the response is `{status}`");
    Failure::new(ErrorType::SourceUnavailable, message).hint(
        "allow the function's role to read it; S3 also sends this response for a missing object if the role may not \
         list the bucket",
    )
}

fn unfetchable(place: &impl fmt::Display, reason: &str) -> Failure {
    Failure::new(ErrorType::SourceUnavailable, format!("the guest `{place}` can't be fetched: {reason}"))
}

fn describe(status: StatusCode) -> String {
    format!("the response is `{status}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unavailable_guest_has_one_cause_however_its_attempts_failed() {
        let once = unavailable(&"s3://bucket/key", "refused", 1, Duration::from_millis(120));
        let often = unavailable(&"s3://bucket/key", "the response is `503`", 3, Duration::from_secs(2));
        assert!(once.has_cause_of(&often));
        assert!(!once.has_cause_of(&unavailable(&"s3://bucket/other", "refused", 1, Duration::ZERO)));
        assert_eq!(once.reason(), "the guest `s3://bucket/key` can't be reached: refused; tried once in 0.1 seconds");
    }
}
