//! Runs one invocation, and posts its response while the guest runs if it begins before the invocation ends.
//!
//! The guest and the post share the worker's thread. A guest that can't be stopped holds up both.
//!
//! See docs/decisions/59-streamed-responses.md.

use std::{
    pin::{Pin, pin},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::{Either, OptionFuture, select};
use tokio::time::timeout;
use tracing::warn;

use super::{
    client::RuntimeApiClient,
    early_response::{EarlyResponse, State},
    http1::ChunkedBody,
    service::{Accepted, Reply, Service},
    wire::EventHeaders,
};
use crate::{
    failure::{ErrorType, Failure, chain},
    response_stream::{Begun, Piece, ResponseStream, response_stream},
};

/// The longest time for the last piece of a response that failed. Its caller may have stopped to read.
const LAST_PIECE_TIMEOUT: Duration = Duration::from_millis(20);

/// Runs an accepted invocation to its end, and posts its response meanwhile if it begins before. `is_abandoned` tells
/// whether another posts the invocation's failure.
pub(super) async fn run(
    service: &Service,
    api: &mut RuntimeApiClient,
    accepted: Accepted,
    headers: &EventHeaders,
    event: Bytes,
    is_abandoned: impl Fn() -> bool,
) -> Reply {
    let (writer, mut reader) = response_stream();
    let mut running = pin!(service.run(accepted.clone(), headers, event, writer));
    let (begun, ended) = match select(running.as_mut(), pin!(reader.begun())).await {
        Either::Left((reply, _)) => (None, Some(reply)),
        Either::Right((begun, _)) => (Some(begun), None),
    };
    let begun = begun.or_else(|| reader.begun_before_the_end());
    let running = pin!(async {
        match ended {
            Some(reply) => reply,
            None => running.await,
        }
    });
    let Some(begun) = begun.filter(|_| !is_abandoned()) else { return running.await };
    match begun {
        Begun::Whole(response) => {
            // The guest waits until its response is posted, so that no thread that it holds up delays the caller.
            let posted = api.post_outcome(&accepted.key, &Ok(response)).await;
            accepted.respond_early(EarlyResponse::new(State::Posted(Some(posted))));
            running.await
        }
        Begun::Stream(stream) => match api.begin_stream(&accepted.key, stream.content_type.as_bytes()).await {
            Ok(body) => {
                let early = accepted.respond_early(EarlyResponse::new(State::Open(body.end())));
                let left = || service.budget(headers).guest;
                streamed(running, stream, body, early, left).await
            }
            Err(error) => {
                warn!("a streamed response can't be posted: {}", chain(&error));
                drop(stream);
                let mut reply = running.await;
                if reply.outcome.is_ok() {
                    let message = "the response could not be sent to the Runtime API";
                    reply.outcome = Err(Failure::new(ErrorType::Internal, message));
                }
                reply
            }
        },
    }
}

/// Sends the pieces of a response as they come, until the invocation ends.
async fn streamed(
    mut running: Pin<&mut impl Future<Output = Reply>>,
    stream: ResponseStream,
    body: ChunkedBody,
    early: &EarlyResponse,
    left: impl Fn() -> Duration,
) -> Reply {
    let mut sending = Box::pin(send_pieces(stream, body, early));
    // The post comes first: a piece is sent before the guest goes on.
    let (mut reply, rest) = match select(&mut sending, running.as_mut()).await {
        Either::Left(((), _)) => (running.await, None),
        Either::Right((reply, _)) => (reply, Some(sending)),
    };
    // What the guest wrote last may still be on its way.
    let rest = OptionFuture::from(rest);
    if reply.outcome.is_err() {
        let _ = timeout(LAST_PIECE_TIMEOUT, rest).await;
        return reply;
    }
    // A slow caller has the invocation's time, and costs no worker.
    let end = async {
        rest.await;
        early.complete().await;
    };
    if timeout(left(), end).await.is_err() {
        let message = "the caller did not take the whole response before the deadline";
        let failure = Failure::new(ErrorType::Timeout, message).hint("raise the function's timeout");
        reply.outcome = Err(failure);
    }
    reply
}

async fn send_pieces(mut stream: ResponseStream, mut body: ChunkedBody, early: &EarlyResponse) {
    while let Some(piece) = stream.next().await {
        match piece {
            Piece::Bytes(bytes) => {
                // The guest learns of an error when it writes the next piece.
                if body.send(&bytes).await.is_err() {
                    return;
                }
            }
            Piece::End => return early.complete().await,
        }
    }
}
