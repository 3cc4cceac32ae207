//! This module passes a response's body on, and returns its connection to the pool at the end.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::{
    runtime::Handle,
    sync::OwnedSemaphorePermit,
    time::{Instant, Sleep, sleep},
};

use super::{
    connect::Sender,
    pool::{Key, Pool},
};
use crate::network::Error;

/// The body of a response. The host holds one frame of it at a time, so the server waits while the guest does not read.
pub struct ResponseBody {
    body: Incoming,
    /// The connection, until the body has ended.
    connection: Option<Connection>,
    pause: Option<Pause>,
}

/// A connection whose response has not ended.
pub(super) struct Connection {
    pub(super) sender: Sender,
    pub(super) key: Key,
    pub(super) pool: Arc<Pool>,
    /// The request's share of the instance's limit.
    pub(super) permit: OwnedSemaphorePermit,
}

/// The longest time in which nothing may come, as the guest wishes it.
struct Pause {
    limit: Duration,
    end: Pin<Box<Sleep>>,
}

impl ResponseBody {
    pub(super) fn new(body: Incoming, connection: Connection, longest_pause: Option<Duration>) -> Self {
        let pause = longest_pause.map(|limit| Pause { limit, end: Box::pin(sleep(limit)) });
        let mut new = Self { body, connection: Some(connection), pause };
        if new.body.is_end_stream() {
            new.release();
        }
        new
    }

    /// Returns the connection to the pool.
    fn release(&mut self) {
        let (Some(Connection { mut sender, key, pool, permit }), Ok(executor)) =
            (self.connection.take(), Handle::try_current())
        else {
            return;
        };
        drop(permit);
        if sender.is_ready() {
            pool.put(key, sender);
        } else {
            // The task that drives the connection has yet to see that the response has ended.
            executor.spawn(async move {
                if sender.ready().await.is_ok() {
                    pool.put(key, sender);
                }
            });
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) else {
            if let Some(pause) = &mut self.pause {
                ready!(pause.end.as_mut().poll(context));
                return Poll::Ready(Some(Err(Error::BetweenBytesTimeout)));
            }
            return Poll::Pending;
        };
        if let Some(pause) = &mut self.pause {
            let end = Instant::now() + pause.limit;
            pause.end.as_mut().reset(end);
        }
        let is_end = match &frame {
            None => true,
            // Nothing comes after trailers, and nobody asks whether something does.
            Some(Ok(frame)) => frame.is_trailers() || self.body.is_end_stream(),
            Some(Err(_)) => false,
        };
        if is_end {
            self.release();
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Error::from)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
