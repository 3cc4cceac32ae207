//! Why something was not fetched, and whether it is worth another try.

use std::{fmt, time::Duration};

use reqwest::StatusCode;

use crate::{
    failure::{ErrorType, Failure, chain},
    source::{UNREACHABLE, artifact::Mark},
};

/// Why something was not fetched.
pub(super) enum Trouble {
    /// The next try may go better.
    Passing(String),
    /// It will not.
    Lasting(Failure),
    /// Nor for this version of it.
    Refused(Mark, Failure),
}

impl Trouble {
    /// What lasts is about what has this mark.
    pub(super) fn about(self, mark: &Mark) -> Self {
        match self {
            Self::Lasting(failure) => Self::Refused(mark.clone(), failure),
            other => other,
        }
    }

    /// What the answer's status says of the place, if it says that there is nothing to read.
    pub(super) fn of_status(place: &impl fmt::Display, status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND | StatusCode::GONE => Self::Lasting(not_found(place)),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Self::Lasting(not_allowed(place, status)),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => Self::Passing(answered(status)),
            status if status.is_server_error() => Self::Passing(answered(status)),
            status => Self::Lasting(
                Failure::new(
                    ErrorType::SourceUnavailable,
                    format!("the guest `{place}` can't be had: {}", answered(status)),
                )
                .hint("check the reference"),
            ),
        }
    }

    /// What became of a request. The address is left out, for it may hold a secret.
    pub(super) fn of_request(place: &impl fmt::Display, error: reqwest::Error) -> Self {
        let error = error.without_url();
        match error.is_redirect() {
            true => Self::Lasting(
                Failure::new(
                    ErrorType::SourceUnavailable,
                    format!("the guest `{place}` can't be had: {}", chain(&error)),
                )
                .hint("name the place where the guest is, to which the server redirects"),
            ),
            false => Self::Passing(chain(&error)),
        }
    }
}

pub(super) fn unavailable(place: &impl fmt::Display, reason: &str, tried: u32, within: Duration) -> Failure {
    let times = if tried == 1 { "once".to_owned() } else { format!("{tried} times") };
    let message =
        format!("the guest `{place}` {UNREACHABLE}: {reason}; tried {times} in {:.1} seconds", within.as_secs_f64());
    Failure::new(ErrorType::SourceUnavailable, message)
        .hint("check that the function reaches it: its network, the address, and that something listens there")
}

pub(super) fn not_found(place: &impl fmt::Display) -> Failure {
    Failure::new(ErrorType::GuestNotFound, format!("no such guest: `{place}`"))
        .hint("check the reference, and that the guest was uploaded")
}

pub(super) fn not_allowed(place: &impl fmt::Display, status: impl fmt::Display) -> Failure {
    Failure::new(ErrorType::SourceUnavailable, format!("the guest `{place}` may not be read: the answer is `{status}`"))
        .hint("allow the function's role to read it; S3 says this of a missing object, too, where the role may not list the bucket")
}

fn answered(status: StatusCode) -> String {
    format!("the answer is `{status}`")
}
