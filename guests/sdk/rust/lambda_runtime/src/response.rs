//! This module has what handlers may return.

use std::{
    fmt::Debug,
    io::{ErrorKind, Write as _},
    pin::Pin,
    task::{Context as Task, Poll, ready},
};

use bytes::Bytes;
use guesthouse_executor::{HttpHead, ResponseStream, StreamError};
use http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
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
    /// Whether the response may come in pieces. A guest where none does has nothing of what sends them.
    #[doc(hidden)]
    const MAY_STREAM: bool = true;

    /// Makes the response.
    fn into_response(self) -> FunctionResponse<B, S>;
}

impl<B, S> IntoFunctionResponse<B, S> for FunctionResponse<B, S> {
    fn into_response(self) -> FunctionResponse<B, S> {
        self
    }
}

impl<B: Serialize> IntoFunctionResponse<B, Body> for B {
    const MAY_STREAM: bool = false;

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

/// A response whose pieces are sent as they come.
pub(crate) struct Sending<S> {
    response: StreamResponse<S>,
    /// Where the pieces go, once the head was sent.
    to: Option<ResponseStream>,
}

impl<S> From<StreamResponse<S>> for Sending<S> {
    fn from(response: StreamResponse<S>) -> Self {
        Self { response, to: None }
    }
}

impl<S, D, E> Sending<S>
where
    S: Stream<Item = Result<D, E>> + Unpin,
    D: Into<Bytes>,
    E: Into<Error>,
{
    /// Sends the head at once, and the pieces up to the last one. If nobody receives them any more, the rest is left.
    pub fn poll(&mut self, task: &mut Task<'_>) -> Poll<Result<(), Diagnostic>> {
        let to = match &mut self.to {
            Some(to) => to,
            to => match ResponseStream::open_http(&head(&self.response.metadata_prelude)) {
                Ok(opened) => to.insert(opened),
                Err(StreamError::Closed) => return Poll::Ready(Ok(())),
                Err(error) => return Poll::Ready(Err(Error::from(error).into())),
            },
        };
        while let Some(piece) = ready!(Pin::new(&mut self.response.stream).poll_next(task)) {
            match piece.map(|piece| to.write_all(&piece.into())) {
                Ok(Ok(())) => {}
                Ok(Err(error)) if error.kind() == ErrorKind::BrokenPipe => break,
                Ok(Err(error)) => return Poll::Ready(Err(Error::from(error).into())),
                Err(error) => return Poll::Ready(Err(error.into().into())),
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// Returns the head as it is sent. A header's bytes that are no text can't be.
fn head(prelude: &MetadataPrelude) -> HttpHead {
    let mut head = HttpHead::new(prelude.status_code.as_u16());
    for (name, value) in &prelude.headers {
        head = head.header(name.as_str(), &String::from_utf8_lossy(value.as_bytes()));
    }
    if !prelude.headers.contains_key(CONTENT_TYPE) {
        head = head.header(CONTENT_TYPE.as_str(), "application/octet-stream");
    }
    prelude.cookies.iter().fold(head, |head, cookie| head.cookie(cookie))
}
