//! This module queues the invocations of one function: they wait for a worker, and are then in flight.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard},
    time::Instant,
};

use bytes::Bytes;
use tokio::sync::{Notify, mpsc, oneshot, watch};

use crate::lock::lock;

/// Describes one call of a function, as its caller made it.
#[derive(Debug, Clone, Default)]
pub struct Call {
    /// The request id, which no other call in flight has.
    pub request_id: String,
    /// The event's bytes.
    pub event: Bytes,
    /// The client context, decoded from base64.
    pub client_context: Option<Vec<u8>>,
    /// The caller's identity: JSON with `cognitoIdentityId` and `cognitoIdentityPoolId`, as in the Runtime API.
    pub identity: Option<String>,
    /// The value of the header `X-Amz-Tenant-Id`.
    pub tenant_id: Option<String>,
    /// The value of the X-Ray header.
    pub trace_id: Option<String>,
}

/// Holds the result of an invocation.
pub(super) struct Reply {
    pub(super) posted: Posted,
    /// Signals that the worker requests its next event. Until then the worker may log.
    pub(super) over: watch::Receiver<()>,
}

/// Holds what the runtime client posted.
pub(super) enum Posted {
    Response(Bytes),
    Error(Bytes),
    Streamed(Streamed),
}

/// A response that arrives piece by piece.
pub(super) struct Streamed {
    /// The response's media type, as the worker named it.
    pub(super) content_type: Option<String>,
    /// The pieces. The channel is bounded, so the worker waits for whoever receives them. If it ends without
    /// [`Piece::End`] or [`Piece::Failed`], the worker's connection broke.
    pub(super) pieces: mpsc::Receiver<Piece>,
}

/// A part of a streamed response.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Bytes(Bytes),
    /// The response is complete.
    End,
    /// The response ends early, with this error object.
    Failed(Bytes),
}

/// The outcome of a worker's post.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Yes,
    /// No caller waits for this invocation any more, or there was none.
    Unknown,
}

#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    came: Notify,
}

#[derive(Default)]
struct State {
    /// Whether the workers have ended.
    closed: bool,
    waiting: VecDeque<Waiting>,
    in_flight: HashMap<String, oneshot::Sender<Reply>>,
}

struct Waiting {
    call: Call,
    started: oneshot::Sender<Instant>,
    posted: oneshot::Sender<Reply>,
}

/// Lets a caller wait for its invocation.
pub(super) struct Pending {
    /// Receives the time at which a worker took the call.
    pub(super) started: oneshot::Receiver<Instant>,
    pub(super) posted: oneshot::Receiver<Reply>,
}

impl Queue {
    /// Queues a call. If there are no workers, both channels of the returned value are closed.
    pub(super) fn push(&self, call: Call) -> Pending {
        let (started, started_receiver) = oneshot::channel();
        let (posted, posted_receiver) = oneshot::channel();
        let mut state = self.lock();
        if !state.closed {
            state.waiting.push_back(Waiting { call, started, posted });
        }
        drop(state);
        self.came.notify_one();
        Pending { started: started_receiver, posted: posted_receiver }
    }

    /// Waits for the next call, which is in flight from then on. If the worker disconnects while it waits, no call is
    /// lost. Returns `None` once the queue is closed.
    pub(super) async fn next(&self) -> Option<Call> {
        loop {
            let came = self.came.notified();
            if self.is_closed() {
                return None;
            }
            if let Some(call) = self.take() {
                return Some(call);
            }
            came.await;
        }
    }

    fn take(&self) -> Option<Call> {
        let mut state = self.lock();
        let Waiting { call, started, posted } = state.waiting.pop_front()?;
        if !state.waiting.is_empty() {
            self.came.notify_one();
        }
        state.in_flight.insert(call.request_id.clone(), posted);
        // The caller may have gone. The invocation continues nevertheless, as on Lambda.
        let _ = started.send(Instant::now());
        Some(call)
    }

    pub(super) fn post(&self, request_id: &str, reply: Reply) -> Taken {
        let caller = self.lock().in_flight.remove(request_id);
        match caller.map(|caller| caller.send(reply)) {
            Some(Ok(())) => Taken::Yes,
            _ => Taken::Unknown,
        }
    }

    /// Closes the queue once there are no workers any more, so that no caller waits for one.
    pub(super) fn close(&self) {
        *self.lock() = State { closed: true, ..State::default() };
        self.came.notify_waiters();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Forgets the caller of this invocation, which does not wait any more.
    pub(super) fn forget(&self, request_id: &str) {
        self.lock().in_flight.remove(request_id);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(request_id: &str) -> Call {
        Call { request_id: request_id.to_owned(), ..Call::default() }
    }

    fn reply(posted: Posted) -> Reply {
        Reply { posted, over: watch::channel(()).1 }
    }

    #[tokio::test]
    async fn calls_are_taken_in_order_and_get_one_reply() {
        let queue = Queue::default();
        let mut first = queue.push(call("1"));
        queue.push(call("2"));
        assert_eq!(queue.next().await.unwrap().request_id, "1");
        assert_eq!(queue.next().await.unwrap().request_id, "2");
        assert_eq!(queue.post("1", reply(Posted::Response(Bytes::from_static(b"a")))), Taken::Yes);
        assert_eq!(queue.post("1", reply(Posted::Response(Bytes::new()))), Taken::Unknown);
        assert!(first.started.try_recv().is_ok());
        assert!(matches!(first.posted.await.unwrap().posted, Posted::Response(body) if body == "a"));
    }

    #[tokio::test]
    async fn a_response_that_nobody_waits_for_is_unknown() {
        let queue = Queue::default();
        let _pending = queue.push(call("1"));
        queue.next().await;
        queue.forget("1");
        assert_eq!(queue.post("1", reply(Posted::Error(Bytes::new()))), Taken::Unknown);
    }

    #[tokio::test]
    async fn nobody_waits_for_workers_that_are_gone() {
        let queue = Queue::default();
        let (waiting, in_flight) = (queue.push(call("1")), queue.push(call("2")));
        queue.next().await;
        queue.close();
        for pending in [waiting, in_flight, queue.push(call("3"))] {
            assert!(pending.posted.await.is_err());
        }
    }
}
