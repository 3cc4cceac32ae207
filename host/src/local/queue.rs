//! The invocations of one function: waiting for a worker, then in flight.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use bytes::Bytes;
use tokio::sync::{Notify, oneshot, watch};

/// One call of a function, as its caller made it.
#[derive(Debug, Clone, Default)]
pub struct Call {
    /// No other call under way has it.
    pub request_id: String,
    /// The payload.
    pub event: Bytes,
    /// After base64.
    pub client_context: Option<Vec<u8>>,
    /// JSON with `cognitoIdentityId` and `cognitoIdentityPoolId`, as the Runtime API carries it.
    pub identity: Option<String>,
    /// The header `X-Amz-Tenant-Id`.
    pub tenant_id: Option<String>,
    /// The X-Ray header's value.
    pub trace_id: Option<String>,
}

/// What came of an invocation.
pub(super) struct Reply {
    pub(super) posted: Posted,
    /// Tells when its worker asks for the next event. Until then the worker may log.
    pub(super) over: watch::Receiver<()>,
}

/// What the runtime posted.
pub(super) enum Posted {
    Answer(Bytes),
    Error(Bytes),
}

/// What a worker's post met.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Yes,
    /// Nobody waits for it any more, or never did.
    Unknown,
}

#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    came: Notify,
}

#[derive(Default)]
struct State {
    /// There are no workers any more.
    closed: bool,
    waiting: VecDeque<Waiting>,
    in_flight: HashMap<String, oneshot::Sender<Reply>>,
}

struct Waiting {
    call: Call,
    started: oneshot::Sender<Instant>,
    posted: oneshot::Sender<Reply>,
}

/// The caller's end of an invocation.
pub(super) struct Pending {
    /// Tells when a worker took it.
    pub(super) started: oneshot::Receiver<Instant>,
    pub(super) posted: oneshot::Receiver<Reply>,
}

impl Queue {
    /// Both ends of what it returns are closed when there are no workers.
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

    /// Waits for the next call. From then on it is in flight. A worker that goes away while it waits loses nothing. `None` when there
    /// are to be no workers any more.
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
        // The caller may be gone; the invocation goes on, as it does on Lambda.
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

    /// There are no workers any more: nobody is to wait for one.
    pub(super) fn close(&self) {
        *self.lock() = State { closed: true, ..State::default() };
        self.came.notify_waiters();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Nobody waits for this one any more.
    pub(super) fn give_up(&self, request_id: &str) {
        self.lock().in_flight.remove(request_id);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
    async fn calls_are_taken_in_order_and_answered_once() {
        let queue = Queue::default();
        let mut first = queue.push(call("1"));
        queue.push(call("2"));
        assert_eq!(queue.next().await.unwrap().request_id, "1");
        assert_eq!(queue.next().await.unwrap().request_id, "2");
        assert_eq!(queue.post("1", reply(Posted::Answer(Bytes::from_static(b"a")))), Taken::Yes);
        assert_eq!(queue.post("1", reply(Posted::Answer(Bytes::new()))), Taken::Unknown);
        assert!(first.started.try_recv().is_ok());
        assert!(matches!(first.posted.await.unwrap().posted, Posted::Answer(answer) if answer == "a"));
    }

    #[tokio::test]
    async fn an_answer_that_nobody_waits_for_is_unknown() {
        let queue = Queue::default();
        let _pending = queue.push(call("1"));
        queue.next().await;
        queue.give_up("1");
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
