//! This module serves the Runtime API of one local function.

use std::{convert::Infallible, sync::Arc, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::{Body, Incoming},
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
};
use tracing::debug;

use super::{
    Records, accept, caller,
    parts::{error_object, too_large},
    queue::{Call, Piece, Posted, Queue, Reply, Streamed, Taken},
};
use crate::{
    invocation::{Deadline, PAYLOAD_LIMIT_BYTES},
    logs::Output as _,
    response_stream::STREAM_LIMIT_BYTES,
    runtime_client::wire::{self, FUNCTION_ERROR_BODY, RESPONSE_MODE},
};

/// A `RuntimeApi` is the Runtime API of one function.
pub(super) struct RuntimeApi {
    pub(super) queue: Arc<Queue>,
    pub(super) arn: String,
    pub(super) timeout: Duration,
    pub(super) records: Arc<Records>,
}

const BASE: &str = "/2018-06-01/runtime/";

/// The maximum size of a streamed response's trailers, in bytes. The error object in them has up to 1 MiB.
const TRAILERS_LIMIT_BYTES: usize = 2 * 1024 * 1024;

/// The number of pieces of a streamed response that wait for its caller. A worker that is further ahead waits, too.
const PIECES_IN_BETWEEN: usize = 2;

impl RuntimeApi {
    /// Serves the function's workers until the process ends.
    pub(super) async fn serve(self: Arc<Self>, listener: TcpListener) {
        loop {
            let stream = accept(&listener).await;
            let (api, asked) = (self.clone(), watch::Sender::new(()));
            let respond = service_fn(move |request| {
                let (api, asked) = (api.clone(), asked.clone());
                async move { Ok::<_, Infallible>(api.route(request, &asked).await) }
            });
            tokio::spawn(async move {
                // This is logged at debug level only, because the worker logs the reason itself.
                let mut server = http1::Builder::new();
                server.max_header_size(TRAILERS_LIMIT_BYTES);
                if let Err(error) = server.serve_connection(TokioIo::new(stream), respond).await {
                    debug!("a worker's connection ended: {error}");
                }
            });
        }
    }

    /// Responds to one request. `asked` signals each request for an event on this connection.
    async fn route(&self, request: Request<Incoming>, asked: &watch::Sender<()>) -> Response<Full<Bytes>> {
        // A web page could otherwise take events, and respond to them.
        if caller::api_refusal(request.headers()).is_some() {
            return status(
                StatusCode::FORBIDDEN,
                r#"{"errorType":"Forbidden","errorMessage":"only the host may use the Runtime API"}"#,
            );
        }
        let path = request.uri().path().strip_prefix(BASE).unwrap_or_default().to_owned();
        let parts: Vec<&str> = path.split('/').collect();
        match (request.method(), parts.as_slice()) {
            (&Method::GET, ["invocation", "next"]) => {
                asked.send_replace(());
                match self.queue.next().await {
                    Some(call) => self.event(call),
                    // A worker ends when it receives this status.
                    None => status(
                        StatusCode::FORBIDDEN,
                        r#"{"errorType":"Forbidden","errorMessage":"the function is gone"}"#,
                    ),
                }
            }
            (&Method::POST, ["invocation", id, "response"]) => match response_mode(request.headers()) {
                Some(Mode::Buffered) => self.post(id, request, Posted::Response, asked).await,
                Some(Mode::Streaming) => self.stream(id, request, asked).await,
                None => status(
                    StatusCode::BAD_REQUEST,
                    r#"{"errorType":"InvalidFunctionResponseMode","errorMessage":"the response mode is neither `buffered` nor `streaming`"}"#,
                ),
            },
            (&Method::POST, ["invocation", id, "error"]) => self.post(id, request, Posted::Error, asked).await,
            (&Method::POST, ["init", "error"]) => status(StatusCode::ACCEPTED, r#"{"status":"OK"}"#),
            _ => status(StatusCode::NOT_FOUND, r#"{"errorType":"NotFound","errorMessage":"no such route"}"#),
        }
    }

    fn event(&self, call: Call) -> Response<Full<Bytes>> {
        let id = &call.request_id;
        self.records.write(Some(id), &format!("START RequestId: {id} Version: $LATEST\n"));
        let mut response = Response::new(Full::new(call.event));
        let headers = response.headers_mut();
        let mut set = |name: HeaderName, value: Option<&[u8]>| {
            if let Some(value) = value.and_then(header_value) {
                headers.insert(name, value);
            }
        };
        let deadline = Deadline::after(self.timeout).unix_ms.to_string();
        set(CONTENT_TYPE, Some(b"application/json"));
        set(wire::REQUEST_ID, Some(call.request_id.as_bytes()));
        set(wire::DEADLINE_MS, Some(deadline.as_bytes()));
        set(wire::INVOKED_FUNCTION_ARN, Some(self.arn.as_bytes()));
        set(wire::TRACE_ID, call.trace_id.as_deref().map(str::as_bytes));
        set(wire::CLIENT_CONTEXT, call.client_context.as_deref());
        set(wire::COGNITO_IDENTITY, call.identity.as_deref().map(str::as_bytes));
        set(wire::TENANT_ID, call.tenant_id.as_deref().map(str::as_bytes));
        set(wire::INVOCATION_ID, Some(call.request_id.as_bytes()));
        response
    }

    /// Takes a response or an error object whole.
    async fn post(
        &self,
        id: &str,
        request: Request<Incoming>,
        kind: fn(Bytes) -> Posted,
        asked: &watch::Sender<()>,
    ) -> Response<Full<Bytes>> {
        let (posted, accepted) = match Limited::new(request.into_body(), PAYLOAD_LIMIT_BYTES).collect().await {
            Ok(body) => (kind(body.to_bytes()), status(StatusCode::ACCEPTED, r#"{"status":"OK"}"#)),
            Err(error) if error.is::<LengthLimitError>() => {
                (Posted::Error(too_large(PAYLOAD_LIMIT_BYTES)), size_refused())
            }
            Err(_) => return broke_off(),
        };
        match self.queue.post(&decoded(id), Reply { posted, over: asked.subscribe() }) {
            Taken::Yes => accepted,
            Taken::Unknown => gone(),
        }
    }

    /// Takes a response piece by piece, as fast as its caller receives it.
    async fn stream(&self, id: &str, request: Request<Incoming>, asked: &watch::Sender<()>) -> Response<Full<Bytes>> {
        let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let (to, pieces) = mpsc::channel(PIECES_IN_BETWEEN);
        let posted = Posted::Streamed(Streamed { content_type: content_type.map(str::to_owned), pieces });
        if self.queue.post(&decoded(id), Reply { posted, over: asked.subscribe() }) == Taken::Unknown {
            return gone();
        }
        let passed_on = tokio::select! {
            passed_on = pass_on(request.into_body(), &to) => passed_on,
            () = to.closed() => Err(Broken::NobodyReceives),
        };
        let (last, response) = match passed_on {
            Ok(last) => (last, status(StatusCode::ACCEPTED, r#"{"status":"OK"}"#)),
            Err(Broken::NobodyReceives) => return gone(),
            Err(Broken::TooLarge) => (Piece::Failed(too_large(STREAM_LIMIT_BYTES)), size_refused()),
            Err(Broken::BrokeOff) => (Piece::Failed(broken_stream()), broke_off()),
        };
        match to.send(last).await {
            Ok(()) => response,
            Err(_) => gone(),
        }
    }
}

/// The reasons why a streamed response ends early.
enum Broken {
    /// The caller's time is over.
    NobodyReceives,
    TooLarge,
    BrokeOff,
}

/// Sends the pieces on, and returns the last one, which tells how the response ended.
async fn pass_on(mut body: impl Body<Data = Bytes> + Unpin, to: &mpsc::Sender<Piece>) -> Result<Piece, Broken> {
    let mut size = 0;
    while let Some(frame) = body.frame().await {
        match frame.map_err(|_| Broken::BrokeOff)?.into_data() {
            Ok(data) => {
                size += data.len();
                if size > STREAM_LIMIT_BYTES {
                    return Err(Broken::TooLarge);
                }
                to.send(Piece::Bytes(data)).await.map_err(|_| Broken::NobodyReceives)?;
            }
            Err(frame) => {
                if let Some(error) = frame.into_trailers().ok().as_ref().and_then(error_in) {
                    return Ok(Piece::Failed(error));
                }
            }
        }
    }
    Ok(Piece::End)
}

/// Returns the error object that the trailers of a streamed response contain.
fn error_in(trailers: &HeaderMap) -> Option<Bytes> {
    let error_type = trailers.get(wire::FUNCTION_ERROR_TYPE);
    let body = trailers.get(FUNCTION_ERROR_BODY).and_then(|body| BASE64_STANDARD.decode(body).ok());
    match (body, error_type) {
        (Some(body), _) => Some(body.into()),
        (None, Some(error_type)) => {
            Some(error_object(&wire::lossy(error_type.as_bytes()), "the response ended with an error"))
        }
        (None, None) => None,
    }
}

/// Returns the error object of a streamed response whose connection broke.
pub(super) fn broken_stream() -> Bytes {
    error_object("Runtime.TruncatedResponse", "the worker's connection broke in the middle of the response")
}

/// The two ways in which a worker posts a response.
enum Mode {
    Buffered,
    Streaming,
}

fn response_mode(headers: &HeaderMap) -> Option<Mode> {
    match headers.get(RESPONSE_MODE).map(|mode| mode.as_bytes().to_ascii_lowercase()).as_deref() {
        None | Some(b"buffered") => Some(Mode::Buffered),
        Some(b"streaming") => Some(Mode::Streaming),
        Some(_) => None,
    }
}

fn decoded(id: &str) -> String {
    percent_encoding::percent_decode_str(id).decode_utf8_lossy().into_owned()
}

/// Returns a header's value. Bytes that HTTP does not allow in a header become spaces, as in the emulator.
fn header_value(bytes: &[u8]) -> Option<HeaderValue> {
    let clean: Vec<u8> = bytes.iter().map(|&byte| if byte < b' ' || byte == 0x7f { b' ' } else { byte }).collect();
    HeaderValue::from_bytes(&clean).ok()
}

fn status(status: StatusCode, body: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn gone() -> Response<Full<Bytes>> {
    status(StatusCode::GONE, r#"{"errorType":"InvokeTimeout","errorMessage":"Invoke timeout"}"#)
}

fn broke_off() -> Response<Full<Bytes>> {
    status(StatusCode::BAD_REQUEST, r#"{"errorType":"InvalidBody","errorMessage":"the request body is incomplete"}"#)
}

fn size_refused() -> Response<Full<Bytes>> {
    status(
        StatusCode::PAYLOAD_TOO_LARGE,
        r#"{"errorType":"RequestEntityTooLarge","errorMessage":"the response is too large"}"#,
    )
}

#[cfg(test)]
mod tests {
    use std::{
        future::poll_fn,
        io,
        pin::pin,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use futures_util::stream;
    use http_body_util::StreamBody;
    use hyper::body::Frame;

    use super::*;

    type Frames = Vec<io::Result<Frame<Bytes>>>;

    fn data(size: usize) -> io::Result<Frame<Bytes>> {
        Ok(Frame::data(vec![0; size].into()))
    }

    fn trailers(pairs: &[(&'static str, &str)]) -> io::Result<Frame<Bytes>> {
        let pairs = pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        Ok(Frame::trailers(pairs.collect()))
    }

    /// Returns how a response of these frames ends, and how many pieces were passed on.
    async fn passed_on(frames: Frames) -> (Result<Piece, Broken>, usize) {
        let (to, mut pieces) = mpsc::channel(frames.len() + 1);
        let last = pass_on(StreamBody::new(stream::iter(frames)), &to).await;
        drop(to);
        let mut count = 0;
        while pieces.recv().await.is_some() {
            count += 1;
        }
        (last, count)
    }

    #[tokio::test]
    async fn a_response_ends_well_or_with_the_error_in_its_trailers() {
        assert!(matches!(passed_on(vec![data(1), data(2)]).await, (Ok(Piece::End), 2)));
        assert!(matches!(passed_on(vec![data(1), trailers(&[("x", "y")])]).await, (Ok(Piece::End), 1)));
        let error = [
            ("lambda-runtime-function-error-type", "Oops"),
            ("lambda-runtime-function-error-body", "eyJlcnJvclR5cGUiOiJPb3BzIn0="),
        ];
        let (last, _) = passed_on(vec![data(1), trailers(&error)]).await;
        assert_eq!(last.ok(), Some(Piece::Failed(Bytes::from_static(br#"{"errorType":"Oops"}"#))));
        let (last, _) = passed_on(vec![trailers(&error[..1])]).await;
        let Ok(Piece::Failed(error)) = last else { panic!("it failed") };
        assert!(String::from_utf8_lossy(&error).contains(r#""errorType":"Oops""#), "{error:?}");
    }

    #[tokio::test]
    async fn a_connection_that_breaks_ends_the_response() {
        let broken = Err(io::ErrorKind::UnexpectedEof.into());
        assert!(matches!(passed_on(vec![data(1), broken]).await, (Err(Broken::BrokeOff), 1)));
    }

    #[tokio::test]
    async fn two_hundred_mib_are_passed_on_and_one_byte_more_is_not() {
        let piece = Bytes::from(vec![0; 1024 * 1024]);
        let all = || (0..200).map(|_| Ok(Frame::data(piece.clone())));
        assert!(matches!(passed_on(all().collect()).await, (Ok(Piece::End), 200)));
        assert!(matches!(passed_on(all().chain([data(1)]).collect()).await, (Err(Broken::TooLarge), 200)));
    }

    #[tokio::test]
    async fn a_worker_waits_for_a_caller_that_receives_nothing() {
        let taken = AtomicUsize::new(0);
        let endless = stream::repeat_with(|| {
            taken.fetch_add(1, Ordering::Relaxed);
            data(1)
        });
        let (to, mut pieces) = mpsc::channel(PIECES_IN_BETWEEN);
        let mut passing_on = pin!(pass_on(StreamBody::new(endless), &to));
        for received in 1..4 {
            let waits = poll_fn(|context| std::task::Poll::Ready(passing_on.as_mut().poll(context).is_pending())).await;
            assert!(waits);
            assert_eq!(taken.load(Ordering::Relaxed), PIECES_IN_BETWEEN + received);
            pieces.recv().await.unwrap();
        }
        drop(pieces);
        assert!(matches!(passing_on.await, Err(Broken::NobodyReceives)));
    }

    #[test]
    fn a_response_is_buffered_or_streaming() {
        let mode =
            |value: &'static str| response_mode(&[(RESPONSE_MODE, value.parse().unwrap())].into_iter().collect());
        assert!(matches!(response_mode(&HeaderMap::new()), Some(Mode::Buffered)));
        assert!(matches!((mode("buffered"), mode("Streaming")), (Some(Mode::Buffered), Some(Mode::Streaming))));
        assert!(mode("slowly").is_none());
    }
}
