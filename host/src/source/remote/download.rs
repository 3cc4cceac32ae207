//! This module reads the bodies of responses, up to a limit.

use std::fmt;

use reqwest::Response;

use super::fetch_error::FetchError;
use crate::source::{artifact::Validator, errors::too_large};

/// A `Download` is the result of one conditional request.
pub(super) enum Download {
    /// The server still has what the request named.
    NotModified,
    /// The server sent what it has.
    Complete {
        /// The body.
        bytes: Vec<u8>,
        /// The validator of the body.
        validator: Validator,
        /// The signature, if the source has it in the artifact's own metadata: the text of a `.minisig` file.
        signature: Option<String>,
    },
}

/// A `Body` collects the chunks of a body, and fails before it holds more than the limit.
pub(super) struct Body {
    place: String,
    pub(super) bytes: Vec<u8>,
    limit_bytes: u64,
}

impl Body {
    /// Returns an empty body.
    ///
    /// # Errors
    /// If the announced length is above the limit.
    pub(super) fn new(place: String, announced_bytes: Option<u64>, limit_bytes: u64) -> Result<Self, FetchError> {
        let body = Self { place, bytes: Vec::new(), limit_bytes };
        match announced_bytes {
            Some(bytes) if bytes > limit_bytes => Err(body.too_large()),
            _ => Ok(body),
        }
    }

    /// Appends a chunk.
    ///
    /// # Errors
    /// If the body would be larger than the limit.
    pub(super) fn push(&mut self, chunk: &[u8]) -> Result<(), FetchError> {
        if (self.bytes.len() + chunk.len()) as u64 > self.limit_bytes {
            return Err(self.too_large());
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    fn too_large(&self) -> FetchError {
        FetchError::Permanent(too_large(&self.place, self.limit_bytes))
    }
}

/// Reads the whole body of a response.
///
/// # Errors
/// If the body is larger than the limit, or does not arrive whole.
pub(super) async fn read(
    mut response: Response,
    place: &impl fmt::Display,
    limit_bytes: u64,
) -> Result<Vec<u8>, FetchError> {
    let mut body = Body::new(place.to_string(), response.content_length(), limit_bytes)?;
    while let Some(chunk) = response.chunk().await.map_err(|error| FetchError::of_request(place, error))? {
        body.push(&chunk)?;
    }
    Ok(body.bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_at_the_limit_is_read_and_one_over_it_is_rejected_before_it_is_held() {
        let mut body = Body::new("x".to_owned(), None, 10).ok().unwrap();
        assert!(body.push(&[0; 10]).is_ok());
        assert!(body.push(&[0]).is_err());
        assert!(Body::new("x".to_owned(), Some(10), 10).is_ok());
        assert!(Body::new("x".to_owned(), Some(11), 10).is_err());
    }
}
