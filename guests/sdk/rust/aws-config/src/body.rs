//! This module has bodies on their way to the host, and from it.

use std::{
    error::Error,
    future::{Future as _, poll_fn},
    io,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use guesthouse_executor::Ready;
use http_body::{Body, Frame};
use wasip2::{
    http::types::{IncomingBody, OutgoingBody},
    io::streams::{InputStream, StreamError},
};

/// Gives a request's body to the host. A host that does not take it all has a reason, which it gives as the response.
pub async fn send(body: SdkBody, outgoing: OutgoingBody) -> Result<(), Box<dyn Error + Send + Sync>> {
    let stream = outgoing.write().map_err(|()| "a request has one body")?;
    let mut body = pin!(body);
    'body: while let Some(frame) = poll_fn(|task| body.as_mut().poll_frame(task)).await {
        let Ok(data) = frame?.into_data() else { continue };
        let mut data = &data[..];
        while !data.is_empty() {
            let length = match stream.check_write() {
                Ok(0) => {
                    Ready::new(stream.subscribe()).await;
                    continue;
                }
                Ok(length) => usize::try_from(length).unwrap_or(usize::MAX).min(data.len()),
                Err(_) => break 'body,
            };
            let (now, later) = data.split_at(length);
            if stream.write(now).is_err() {
                break 'body;
            }
            data = later;
        }
    }
    drop(stream);
    // What is wrong with it is wrong with the exchange, and the response says so.
    let _ = OutgoingBody::finish(outgoing, None);
    Ok(())
}

/// The most that is taken from the host at once, in bytes.
const PIECE: u64 = 64 * 1024;

/// A response's body.
pub struct Incoming {
    // The host wants each of them to go before the next.
    wait: Option<Ready>,
    stream: Option<InputStream>,
    _body: IncomingBody,
}

impl Incoming {
    /// Makes one that has not been read.
    pub fn new(body: IncomingBody) -> Self {
        Self { wait: None, stream: body.stream().ok(), _body: body }
    }
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        loop {
            if let Some(wait) = &mut self.wait {
                ready!(Pin::new(wait).poll(task));
                self.wait = None;
            }
            let Some(stream) = &self.stream else { return Poll::Ready(None) };
            match stream.read(PIECE) {
                Ok(piece) if piece.is_empty() => {
                    let wait = Ready::new(stream.subscribe());
                    self.wait = Some(wait);
                }
                Ok(piece) => return Poll::Ready(Some(Ok(Frame::data(piece.into())))),
                Err(StreamError::Closed) => return Poll::Ready(None),
                Err(StreamError::LastOperationFailed(error)) => {
                    let error = io::Error::other(error.to_debug_string());
                    self.stream = None;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }
}
