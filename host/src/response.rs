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
}

impl Body {
    /// Returns the size, in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Whole(bytes) => bytes.len(),
        }
    }

    /// Returns whether the size is 0.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Makes a response of a text, usually JSON, as the contracts `event` and `command` return it.
impl From<String> for Response {
    fn from(text: String) -> Self {
        Self { head: Head { content_type: "application/json" }, body: Body::Whole(text.into()) }
    }
}
