//! This module describes what a handler returns: a head and a body.

use bytes::Bytes;

use crate::failure::Failure;

/// The end of an invocation for its caller: a response, or a failure.
pub type Outcome = Result<Response, Failure>;

/// Holds what a handler returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The description of the body.
    pub head: Head,
    /// The payload, as the handler wrote it: the host does not parse it.
    pub body: Body,
}

/// Describes the body of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The media type that is sent to the Runtime API.
    pub content_type: &'static str,
}

/// Holds the body of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// A body that is known whole before any of it is sent.
    Whole(Bytes),
    /// A body that was sent while the guest ran; see [`crate::response_stream`].
    Sent,
}

impl Body {
    /// Returns the size of what is still to be sent, in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Whole(bytes) => bytes.len(),
            Self::Sent => 0,
        }
    }

    /// Returns whether nothing is to be sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Response {
    /// Returns the response whose bytes were sent while the guest ran.
    #[must_use]
    pub fn sent() -> Self {
        Self { head: Head { content_type: "" }, body: Body::Sent }
    }
}

/// Makes a response of a text, usually JSON, as the contracts `event` and `command` return it.
impl From<String> for Response {
    fn from(text: String) -> Self {
        Self { head: Head { content_type: "application/json" }, body: Body::Whole(text.into()) }
    }
}
