//! The timeout that starts again with each read or write.
//!
//! See docs/decisions/03-one-timer-per-connection.md.

use std::{
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use tokio::time::{Instant, Sleep, sleep};

use super::{HttpError, READ_TIMEOUT};

/// Waits for [`READ_TIMEOUT`], and not longer.
///
/// One timer serves all waits of a connection. It is only looked at when it fires, and is then set to what is left of
/// the current wait: to set a new timer for each wait costs more than most waits.
pub(super) struct IdleTimeout(Pin<Box<Sleep>>);

impl IdleTimeout {
    pub(super) fn new() -> Self {
        Self(Box::pin(sleep(READ_TIMEOUT)))
    }

    /// Returns what the future does.
    ///
    /// # Errors
    /// Those of the future, and [`HttpError::ReadTimeout`] when it takes too long.
    pub(super) async fn limit<T>(&mut self, future: impl Future<Output = io::Result<T>>) -> Result<T, HttpError> {
        let mut future = pin!(future);
        let mut started = None;
        poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(done.map_err(HttpError::from)),
            Poll::Pending => {
                let end = *started.get_or_insert_with(Instant::now) + READ_TIMEOUT;
                self.poll_until(cx, end).map(|()| Err(HttpError::ReadTimeout))
            }
        })
        .await
    }

    fn poll_until(&mut self, cx: &mut Context<'_>, end: Instant) -> Poll<()> {
        loop {
            ready!(self.0.as_mut().poll(cx));
            if Instant::now() >= end {
                return Poll::Ready(());
            }
            self.0.as_mut().reset(end);
        }
    }
}
