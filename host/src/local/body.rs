//! This module reads bodies of requests, and makes those of responses, which are whole or are sent as they come.

use std::io;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, TryStreamExt as _};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Body as _, Frame, Incoming};

/// The body of a response. If it ends with an error, the connection is closed, so that the caller sees that it is
/// incomplete.
pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// How much of a body that is too large is read before the response, in bytes. Callers may read a response only after
/// they have sent the body.
const DRAIN_LIMIT_BYTES: usize = 64 * 1024 * 1024;

/// The reasons why a body can't be read.
pub(super) enum ReadError {
    TooLarge,
    BrokeOff,
}

/// Reads the body, unless it is larger than `limit`.
pub(super) async fn read(mut body: Incoming, limit: usize) -> Result<Bytes, ReadError> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut kept = BytesMut::with_capacity(announced.min(limit));
    let mut seen = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| ReadError::BrokeOff)?.into_data() else { continue };
        seen += data.len();
        if seen <= limit {
            kept.extend_from_slice(&data);
        } else if seen > DRAIN_LIMIT_BYTES {
            break;
        }
    }
    if seen > limit { Err(ReadError::TooLarge) } else { Ok(kept.freeze()) }
}

/// Returns a body that is complete.
pub(super) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// Returns a body of the bytes that come, each of which is sent at once.
pub(super) fn stream(bytes: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Body {
    StreamBody::new(bytes.map_ok(Frame::data)).boxed_unsync()
}
