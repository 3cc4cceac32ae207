//! Implements the contract `http`: an event becomes a request for `wasi:http/incoming-handler`, and what the guest
//! responds goes back in the form of the event's front.
//!
//! The body of the response is read while the guest runs. As soon as it is complete, it is sent: what the guest does
//! after that is its own work, which the caller does not wait for.
//!
//! See docs/decisions/58-http-contract.md.

use std::{
    future::{Future as _, poll_fn},
    pin::{Pin, pin},
    sync::atomic::{AtomicBool, Ordering},
    task::Poll,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use http::{HeaderValue, response::Parts};
use http_body::Body as _;
use http_body_util::Full;
use tokio::{sync::oneshot, task::coop::unconstrained, time::timeout};
use wasmtime::{Result, Store, component::InstancePre};
use wasmtime_wasi_http::{
    WasiHttpView as _,
    p2::{
        bindings::{
            exports::wasi::http::incoming_handler,
            http::types::{ErrorCode, Scheme},
        },
        body::HyperOutgoingBody,
    },
};

use super::{
    called::{Called, Rest},
    lifecycle::Lifecycle,
};
use crate::{
    engine::{store_state::StoreState, wasi::http::keeps_too_many_requests},
    failure::{ErrorType, Failure},
    gateway::{Front, Gateway, Received},
    invocation::Invocation,
    response::{Body, Head, Outcome, Response},
    response_stream::ResponseWriter,
};

/// The maximum time in which a guest ends after its response has failed, if it is to have another request.
const GIVEN_UP_TIMEOUT: Duration = Duration::from_millis(100);

/// The media type of a streamed response that begins with its status and its headers. Source: the AWS page "Writing
/// response streaming-enabled Lambda functions".
const STREAM_TYPE: HeaderValue = HeaderValue::from_static("application/vnd.awslambda.http-integration-response");

/// A handler of requests that is ready to be instantiated, and where its functions are.
pub(in crate::engine) struct HttpHandler {
    pre: InstancePre<StoreState>,
    handler: incoming_handler::GuestIndices,
    lifecycle: Lifecycle,
}

impl HttpHandler {
    pub(super) fn new(pre: InstancePre<StoreState>, has_lifecycle: bool) -> Result<Self> {
        let handler = incoming_handler::GuestIndices::new(&pre)?;
        let lifecycle = Lifecycle::find(&pre, has_lifecycle)?;
        Ok(Self { pre, handler, lifecycle })
    }

    /// Returns whether the guest says that an instance may serve several requests, one after the other. A guest that
    /// has an `init` is made for that; no specification of WASI 0.2 promises it for others.
    pub(super) fn is_made_for_reuse(&self) -> bool {
        self.lifecycle.is_there()
    }

    /// Instantiates the handler, and runs its `init` if it has one. The inner error is the guest's own.
    pub(super) async fn start(
        &self,
        store: &mut Store<StoreState>,
    ) -> Result<Result<incoming_handler::Guest, Failure>> {
        let instance = self.pre.instantiate_async(&mut *store).await?;
        let handler = self.handler.load(&mut *store, &instance)?;
        Ok(self.lifecycle.init(store, &instance).await?.map(|()| handler))
    }
}

/// Has the handler respond to an event. The outcome's failure says why the event is no request, or why the response
/// can't be sent.
///
/// An instance that keeps too many requests is not used again: the host holds the events that they came in.
pub(super) async fn call(
    handler: &incoming_handler::Guest,
    store: &mut Store<StoreState>,
    invocation: &Invocation,
    gateway: &Gateway,
    writer: ResponseWriter,
) -> Result<Called> {
    let Called { outcome, rest } = respond(handler, store, invocation, gateway, writer).await?;
    let rest = match rest {
        Rest::Ended if keeps_too_many_requests(store.data_mut().table()) => Rest::Stopped,
        rest => rest,
    };
    Ok(Called { outcome, rest })
}

async fn respond(
    handler: &incoming_handler::Guest,
    store: &mut Store<StoreState>,
    invocation: &Invocation,
    gateway: &Gateway,
    writer: ResponseWriter,
) -> Result<Called> {
    let Received { request, front } = match gateway.request(&invocation.event, &invocation.context) {
        Ok(received) => received,
        Err(failure) => return Ok(Called::ended(Err(failure))),
    };
    let scheme = if request.uri().scheme() == Some(&http::uri::Scheme::HTTP) { Scheme::Http } else { Scheme::Https };
    let (sender, set) = oneshot::channel();
    store.data_mut().network.hooks.lets_host_in = true;
    let request = store.data_mut().http().new_incoming_request(scheme, request.map(Full::new));
    store.data_mut().network.hooks.lets_host_in = false;
    let (request, out) = (request?, store.data_mut().http().new_response_outparam(sender)?);
    let is_streamed = gateway.is_streamed && front.can_stream();
    store.data_mut().network.hooks.streams_response = is_streamed;
    let exchange = Exchange { is_streamed, front, has_ended: AtomicBool::new(false) };
    let mut handling = pin!(handler.call_handle(store, request, out));
    let mut responding = pin!(exchange.respond(set, writer));
    let raced = poll_fn(|cx| {
        // The guest comes first. When both are ready, its fault says more than what the fault did to the body.
        if let Poll::Ready(ended) = handling.as_mut().poll(cx) {
            return Poll::Ready(Raced::Ended(ended));
        }
        responding.as_mut().poll(cx).map(|(outcome, writer)| Raced::Responded(outcome, writer))
    });
    match raced.await {
        Raced::Ended(Ok(())) => {
            exchange.has_ended.store(true, Ordering::Relaxed);
            Ok(Called::ended(responding.await.0))
        }
        // The response may have been complete before. So it is with a response to HEAD, whose body some guests then
        // fail to write.
        Raced::Ended(Err(fault)) => {
            exchange.has_ended.store(true, Ordering::Relaxed);
            match responding.await.0 {
                Ok(response) => Ok(Called { outcome: Ok(response), rest: Rest::Faulted(fault) }),
                Err(_) => Err(fault),
            }
        }
        // A guest that gives its response up ends right after that, and can have the next request.
        Raced::Responded(Err(failure), _) => match timeout(GIVEN_UP_TIMEOUT, handling).await {
            Ok(Err(fault)) => Err(fault),
            Ok(Ok(())) => Ok(Called::ended(Err(failure))),
            Err(_) => Ok(Called { outcome: Err(failure), rest: Rest::Stopped }),
        },
        Raced::Responded(Ok(response), mut writer) => {
            // Most guests end right after their response. So only for the others it is sent before.
            match (&mut handling).now_or_never() {
                Some(Ok(())) => return Ok(Called::ended(Ok(response))),
                Some(Err(fault)) => return Ok(Called { outcome: Ok(response), rest: Rest::Faulted(fault) }),
                None => {}
            }
            let response = writer.send(response).unwrap_or_else(Response::sent);
            let rest = handling.await.map_or_else(Rest::Faulted, |()| Rest::Ended);
            Ok(Called { outcome: Ok(response), rest })
        }
    }
}

/// What happened first: the guest ended, or its response is complete or has failed.
enum Raced {
    Ended(Result<()>),
    Responded(Outcome, ResponseWriter),
}

/// One request and its response, while the guest runs.
struct Exchange {
    front: Front,
    is_streamed: bool,
    /// Whether the guest has ended, so that nothing more can come.
    has_ended: AtomicBool,
}

type Set = oneshot::Receiver<core::result::Result<http::Response<HyperOutgoingBody>, ErrorCode>>;

impl Exchange {
    /// Waits for the guest's response, and takes it to its end.
    async fn respond(&self, set: Set, mut writer: ResponseWriter) -> (Outcome, ResponseWriter) {
        // A guest that let go of the response may be about to fault, and one that ended may have kept it.
        let mut set = set.fuse();
        let set = poll_fn(|cx| match Pin::new(&mut set).poll(cx) {
            Poll::Ready(Ok(set)) => Poll::Ready(Some(set)),
            _ if self.has_ended.load(Ordering::Relaxed) => Poll::Ready(None),
            _ => Poll::Pending,
        });
        let outcome = match unconstrained(set).await {
            Some(Ok(response)) => {
                let (head, body) = response.into_parts();
                // A body that no caller gets is not waited for: some guests fail to write it.
                let body = if self.front.has_no_body(head.status) { None } else { Some(body) };
                if self.is_streamed {
                    self.stream(&head, body, &mut writer).await
                } else {
                    self.whole(&head, body).await
                }
            }
            Some(Err(code)) => Err(own_failure(&code)),
            None => Err(invalid("the guest ended without a response").hint("respond to each request")),
        };
        (outcome, writer)
    }

    async fn whole(&self, head: &Parts, mut body: Option<HyperOutgoingBody>) -> Outcome {
        let limit = self.front.body_limit_bytes();
        let mut whole = BytesMut::new();
        while let Some(piece) = self.piece(body.as_mut()).await? {
            if whole.len() + piece.len() > limit {
                let message =
                    format!("the response's body has more than {limit} bytes, which is the most that can be sent");
                return Err(Failure::response_too_large(message));
            }
            whole.extend_from_slice(&piece);
        }
        let text = self.front.response(head, &whole)?;
        Ok(Response { head: Head { content_type: "application/json" }, body: Body::Whole(text) })
    }

    async fn stream(&self, head: &Parts, mut body: Option<HyperOutgoingBody>, writer: &mut ResponseWriter) -> Outcome {
        let prelude = self.front.prelude(head)?;
        writer.open(STREAM_TYPE).and(writer.write(prelude).await).map_err(|error| writer.failure(error))?;
        while let Some(piece) = self.piece(body.as_mut()).await? {
            writer.write(piece).await.map_err(|error| writer.failure(error))?;
        }
        writer.end().await;
        Ok(Response::sent())
    }

    /// Waits for the next piece of a body. Returns `None` at its end.
    async fn piece(&self, body: Option<&mut HyperOutgoingBody>) -> core::result::Result<Option<Bytes>, Failure> {
        let Some(body) = body else { return Ok(None) };
        loop {
            let frame = poll_fn(|cx| match Pin::new(&mut *body).poll_frame(cx) {
                Poll::Pending if self.has_ended.load(Ordering::Relaxed) => {
                    Poll::Ready(Err(invalid("the guest ended before the end of the response's body")
                        .hint("finish the body of each response")))
                }
                polled => polled.map(|frame| {
                    frame.transpose().map_err(|error| {
                        invalid(format!("the response's body is not whole: {error}"))
                            .hint("its log may say why; write as many bytes as `content-length` says, and finish it")
                    })
                }),
            });
            match unconstrained(frame).await? {
                None => return Ok(None),
                // Trailers reach no front.
                Some(frame) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
            }
        }
    }
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure::new(ErrorType::InvalidResponse, message)
}

/// Returns the failure for an error with which the guest responded. It is the handler's own.
fn own_failure(code: &ErrorCode) -> Failure {
    let shown = format!("{code:?}");
    let shown = shown.strip_prefix("ErrorCode::").unwrap_or(&shown);
    let name: String = shown.chars().take_while(char::is_ascii_alphanumeric).collect();
    let ErrorCode::InternalError(Some(text)) = code else {
        let message = format!("the handler responded with the error `{shown}`");
        return Failure::new(ErrorType::of_handler(&name), message);
    };
    // Our SDKs put the type before the text, as `OrderNotFound: there is no such order`.
    let is_type = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_uppercase())
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'_')
    };
    match text.split_once(": ").filter(|(word, _)| is_type(word)) {
        Some((own_type, message)) => Failure::new(ErrorType::of_handler(own_type), message),
        None => Failure::new(ErrorType::of_handler(&name), text.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_guest_keeps_its_name_and_its_text() {
        let failure = own_failure(&ErrorCode::InternalError(Some("no such order".to_owned())));
        assert_eq!(
            (failure.error_type, failure.message.as_str()),
            (ErrorType::Handler("InternalError".to_owned()), "no such order")
        );
        let typed = own_failure(&ErrorCode::InternalError(Some("OrderNotFound: there is no 7".to_owned())));
        assert_eq!(typed.error_type, ErrorType::Handler("OrderNotFound".to_owned()));
        assert_eq!(typed.message, "there is no 7");
        let failure = own_failure(&ErrorCode::ConnectionTimeout);
        assert_eq!(failure.error_type, ErrorType::Handler("ConnectionTimeout".to_owned()));
    }
}
