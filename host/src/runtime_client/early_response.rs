//! What was posted of an invocation before it ended.
//!
//! The end of a streamed response can be sent from any thread: by the worker, or by the one that takes its place.
//!
//! See docs/decisions/59-streamed-responses.md.

use std::sync::Mutex;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    client::ApiError,
    http1::{ChunkedEnd, HttpError},
    wire,
};
use crate::{
    lock::lock,
    response::{Outcome, Response},
};

/// What was posted of an invocation before it ended.
pub(super) struct EarlyResponse(Mutex<State>);

pub(super) enum State {
    /// The response is open.
    Open(ChunkedEnd),
    /// The response was posted, with this result. `None` once that was taken.
    Posted(Option<Result<(), ApiError>>),
}

impl EarlyResponse {
    pub(super) fn new(state: State) -> Self {
        Self(Mutex::new(state))
    }

    /// Ends a response that is complete, unless it has ended.
    pub(super) async fn complete(&self) {
        self.end(&Ok(Response::sent())).await;
    }

    /// Ends the response with the invocation, if it is still open, and returns how it was posted. A failure is posted
    /// in trailers, unless the response was complete.
    ///
    /// # Errors
    /// When the Runtime API can't be reached, or did not accept the response.
    pub(super) async fn finish(&self, outcome: &Outcome) -> Result<(), ApiError> {
        self.end(outcome).await;
        match &mut *lock(&self.0) {
            State::Posted(posted) => posted.take().unwrap_or(Ok(())),
            // Its end was begun elsewhere, and nobody knows what came of it.
            State::Open(_) => Err(ApiError::Http(HttpError::Closed)),
        }
    }

    async fn end(&self, outcome: &Outcome) {
        let end = match &*lock(&self.0) {
            State::Open(end) => end.clone(),
            State::Posted(_) => return,
        };
        let failure = outcome.as_ref().err().map(|failure| {
            [
                (wire::FUNCTION_ERROR_TYPE, wire::error_type_header(failure)),
                (wire::FUNCTION_ERROR_BODY, STANDARD.encode(wire::error_body(failure))),
            ]
        });
        let trailers = failure.as_ref().map_or(&[][..], |trailers| trailers);
        let Some(sent) = end.send(trailers).await else { return };
        let posted = match sent {
            Ok(head) if head.status.is_success() => Ok(()),
            Ok(head) => Err(ApiError::Status(head.status)),
            Err(error) => Err(ApiError::Http(error)),
        };
        *lock(&self.0) = State::Posted(Some(posted));
    }
}
