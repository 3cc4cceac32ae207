//! This module tells a request whose body is still being sent from one whose response does not come.

use std::{
    pin::{Pin, pin},
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, timeout_at};

use super::request::{BodyError, RequestBody};
use crate::{lock::lock, network::Error};

/// The time at which a request last went on. Cheap to clone.
#[derive(Clone)]
pub struct Progress(Arc<Mutex<Instant>>);

impl Progress {
    /// Returns a progress that begins now.
    pub fn begin() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    /// Notes that the request goes on.
    pub fn note(&self) {
        *lock(&self.0) = Instant::now();
    }

    /// Waits for a response. It has to begin within `limit`, counted from when the request last went on.
    ///
    /// # Errors
    /// Returns [`Error::FirstByteTimeout`] if it does not.
    pub async fn within<T>(&self, limit: Duration, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let mut work = pin!(work);
        loop {
            let end = *lock(&self.0) + limit;
            match timeout_at(end, work.as_mut()).await {
                Ok(done) => return done,
                Err(_) if *lock(&self.0) + limit > end => {}
                Err(_) => return Err(Error::FirstByteTimeout),
            }
        }
    }
}

/// The body of a request, of which each piece counts as progress.
pub struct Watched {
    body: RequestBody,
    progress: Progress,
}

impl Watched {
    /// Returns the body with its progress.
    pub fn new(body: RequestBody, progress: Progress) -> Self {
        Self { body, progress }
    }
}

impl Body for Watched {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if polled.is_ready() {
            self.progress.note();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_response_has_its_time_from_when_the_request_last_went_on() {
        let progress = Progress::begin();
        let sent = progress.clone();
        let slow = async move {
            for _ in 0..5 {
                tokio::time::sleep(Duration::from_secs(1)).await;
                sent.note();
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(())
        };
        assert!(progress.within(Duration::from_secs(2), slow).await.is_ok());
        let never = std::future::pending::<Result<(), Error>>();
        let limit = Duration::from_secs(2);
        assert!(matches!(Progress::begin().within(limit, never).await, Err(Error::FirstByteTimeout)));
    }
}
