//! This module has what handlers may return.

use std::{
    fmt::Debug,
    pin::Pin,
    str,
    task::{Context as Task, Poll, ready},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{
    HeaderMap, StatusCode,
    header::{CONTENT_TYPE, HeaderValue},
};
use serde::{Deserialize, Serialize};
use tokio_stream::Stream;

use crate::{Diagnostic, Error, streaming::Body};

/// A response as a whole, or in pieces.
pub enum FunctionResponse<B, S> {
    /// A response as a whole, which serde writes.
    BufferedResponse(B),
    /// A response in pieces.
    StreamingResponse(StreamResponse<S>),
}

/// What handlers may return.
pub trait IntoFunctionResponse<B, S> {
    /// Makes the response.
    fn into_response(self) -> FunctionResponse<B, S>;
}

impl<B, S> IntoFunctionResponse<B, S> for FunctionResponse<B, S> {
    fn into_response(self) -> FunctionResponse<B, S> {
        self
    }
}

impl<B: Serialize> IntoFunctionResponse<B, Body> for B {
    fn into_response(self) -> FunctionResponse<B, Body> {
        FunctionResponse::BufferedResponse(self)
    }
}

impl<S, D, E> IntoFunctionResponse<(), S> for StreamResponse<S>
where
    S: Stream<Item = Result<D, E>> + Unpin + Send + 'static,
    D: Into<Bytes> + Send,
    E: Into<Error> + Send + Debug,
{
    fn into_response(self) -> FunctionResponse<(), S> {
        FunctionResponse::StreamingResponse(self)
    }
}

/// An HTTP response whose body comes in pieces.
#[derive(Debug)]
pub struct StreamResponse<S> {
    /// All but the body.
    pub metadata_prelude: MetadataPrelude,
    /// The body.
    pub stream: S,
}

impl<S, D, E> From<S> for StreamResponse<S>
where
    S: Stream<Item = Result<D, E>> + Unpin + Send + 'static,
    D: Into<Bytes> + Send,
    E: Into<Error> + Send + Debug,
{
    fn from(stream: S) -> Self {
        Self { metadata_prelude: MetadataPrelude::default(), stream }
    }
}

/// All of an HTTP response but its body.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetadataPrelude {
    /// The status.
    #[serde(with = "http_serde::status_code")]
    pub status_code: StatusCode,
    /// The headers.
    #[serde(with = "http_serde::header_map")]
    pub headers: HeaderMap,
    /// The cookies, which have no header of their own here.
    pub cookies: Vec<String>,
}

/// A response whose pieces are collected.
pub(crate) struct Collected<S> {
    response: StreamResponse<S>,
    body: Vec<u8>,
}

impl<S> From<StreamResponse<S>> for Collected<S> {
    fn from(response: StreamResponse<S>) -> Self {
        Self { response, body: Vec::new() }
    }
}

impl<S, D, E> Collected<S>
where
    S: Stream<Item = Result<D, E>> + Unpin,
    D: Into<Bytes>,
    E: Into<Error>,
{
    /// Waits for the last piece.
    pub fn poll(&mut self, task: &mut Task<'_>) -> Poll<Result<Complete, Diagnostic>> {
        while let Some(piece) = ready!(Pin::new(&mut self.response.stream).poll_next(task)) {
            match piece {
                Ok(piece) => self.body.extend_from_slice(&piece.into()),
                Err(error) => return Poll::Ready(Err(error.into().into())),
            }
        }
        let mut prelude = std::mem::take(&mut self.response.metadata_prelude);
        let default = HeaderValue::from_static("application/octet-stream");
        prelude.headers.entry(CONTENT_TYPE).or_insert(default);
        Poll::Ready(Ok(Complete::new(prelude, &self.body)))
    }
}

/// The whole of an HTTP response, in the form that function URLs and API Gateway take where nothing is streamed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Complete {
    #[serde(flatten)]
    prelude: MetadataPrelude,
    body: String,
    is_base64_encoded: bool,
}

impl Complete {
    fn new(prelude: MetadataPrelude, body: &[u8]) -> Self {
        match str::from_utf8(body) {
            Ok(text) => Self { prelude, body: text.to_owned(), is_base64_encoded: false },
            Err(_) => Self { prelude, body: BASE64_STANDARD.encode(body), is_base64_encoded: true },
        }
    }
}
