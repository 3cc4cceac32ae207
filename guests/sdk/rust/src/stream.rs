//! This module streams responses.

use std::{collections::BTreeMap, fmt, io};

use serde::Serialize;

use crate::internal::streaming::guesthouse::lambda::response_stream::{self, StreamError as Wire};

/// The response of the event that is being handled, sent while the handler makes it.
///
/// ```no_run
/// # use guesthouse_guest::{Context, Error, HttpHead, ResponseStream, handler};
/// use std::io::Write as _;
///
/// fn report(_event: serde_json::Value, _context: Context) -> Result<(), Error> {
///     let head = HttpHead::new(200).header("content-type", "text/csv");
///     let mut response = ResponseStream::open_http(&head)?;
///     for row in 0..1_000_000 {
///         writeln!(response, "{row},{}", row * row)?;
///     }
///     Ok(())
/// }
/// # handler!(report);
/// # fn main() {}
/// ```
///
/// What the handler returns is not sent then. An error that it returns ends the response with that error.
///
/// Each write goes to the host at once, and waits until the host has taken it, so a slow caller slows the guest down.
/// Put a [`std::io::BufWriter`] around it for many small ones.
///
/// A guest that never opens one has none of this: hosts before 0.2 run it.
#[derive(Debug)]
pub struct ResponseStream(());

impl ResponseStream {
    /// Begins a response of this media type.
    ///
    /// # Errors
    ///
    /// It fails when the event's response was opened already, and when the media type can't stand in a header.
    pub fn open(content_type: &str) -> Result<Self, StreamError> {
        response_stream::open(content_type)?;
        Ok(Self(()))
    }

    /// Begins an HTTP response with a body, as function URLs and API Gateway take it where they stream responses.
    ///
    /// # Errors
    ///
    /// It fails when the event's response was opened already.
    pub fn open_http(head: &HttpHead) -> Result<Self, StreamError> {
        let stream = Self::open(PRELUDE_TYPE)?;
        response_stream::write(&head.prelude())?;
        Ok(stream)
    }
}

impl io::Write for ResponseStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        response_stream::write(bytes).map_err(StreamError::from)?;
        Ok(bytes.len())
    }

    /// There is nothing to do: what was written is on its way.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const PRELUDE_TYPE: &str = "application/vnd.awslambda.http-integration-response";
/// What separates the head from the body.
const SEPARATOR: [u8; 8] = [0; 8];

/// All of an HTTP response but its body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpHead {
    status_code: u16,
    headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<String>,
}

impl HttpHead {
    /// Makes one without headers.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self { status_code: status, headers: BTreeMap::new(), cookies: Vec::new() }
    }

    /// Adds a header. Values under one name become one, with a comma between them.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers
            .entry(name.to_ascii_lowercase())
            .and_modify(|values| {
                values.push_str(", ");
                values.push_str(value);
            })
            .or_insert_with(|| value.to_owned());
        self
    }

    /// Adds a cookie, as the value of a header `set-cookie`.
    #[must_use]
    pub fn cookie(mut self, cookie: &str) -> Self {
        self.cookies.push(cookie.to_owned());
        self
    }

    fn prelude(&self) -> Vec<u8> {
        // Text and numbers in maps whose keys are text can always be written.
        let mut prelude = serde_json::to_vec(self).unwrap_or_default();
        prelude.extend_from_slice(&SEPARATOR);
        prelude
    }
}

/// Why a response can't be streamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamError {
    /// No event is being handled, or its response was opened already.
    WrongState,
    /// The media type can't stand in a header.
    InvalidContentType,
    /// Nobody receives the rest: the caller, the time or the limit of the size ended the response.
    Closed,
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WrongState => "no event is being handled, or its response was opened already",
            Self::InvalidContentType => "the response's content type can't stand in a header",
            Self::Closed => "nobody receives the rest of the response",
        })
    }
}

impl std::error::Error for StreamError {}

impl From<Wire> for StreamError {
    fn from(wire: Wire) -> Self {
        match wire {
            Wire::WrongState => Self::WrongState,
            Wire::InvalidContentType => Self::InvalidContentType,
            Wire::Closed => Self::Closed,
        }
    }
}

impl From<StreamError> for io::Error {
    fn from(error: StreamError) -> Self {
        let kind = match error {
            StreamError::Closed => io::ErrorKind::BrokenPipe,
            StreamError::WrongState | StreamError::InvalidContentType => io::ErrorKind::InvalidInput,
        };
        Self::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_is_json_and_eight_zeros() {
        let head = HttpHead::new(201).header("Accept", "a").header("accept", "b").cookie("c=1; Path=/").cookie("d=2");
        let expected = br#"{"statusCode":201,"headers":{"accept":"a, b"},"cookies":["c=1; Path=/","d=2"]}"#;
        assert_eq!(head.prelude(), [&expected[..], &[0; 8]].concat());
        assert_eq!(HttpHead::new(200).prelude(), [&br#"{"statusCode":200,"headers":{}}"#[..], &[0; 8]].concat());
    }

    #[test]
    fn a_stream_that_nobody_receives_is_a_broken_pipe() {
        let error = io::Error::from(StreamError::Closed);
        assert_eq!((error.kind(), error.to_string()), (io::ErrorKind::BrokenPipe, StreamError::Closed.to_string()));
    }
}
