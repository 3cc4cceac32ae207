//! This module serves the Runtime API of one local function.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, sync::watch};
use tracing::debug;

use super::{
    Records, accept, caller,
    queue::{Call, Posted, Queue, Reply, Taken},
};
use crate::{invocation::Deadline, logs::Output as _, runtime_client::wire};

/// A `RuntimeApi` is the Runtime API of one function.
pub(super) struct RuntimeApi {
    pub(super) queue: Arc<Queue>,
    pub(super) arn: String,
    pub(super) timeout: Duration,
    pub(super) records: Arc<Records>,
}

const BASE: &str = "/2018-06-01/runtime/";

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
                if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), respond).await {
                    debug!("a worker's connection ended: {error}");
                }
            });
        }
    }

    /// Responds to one request. `asked` signals each request for an event on this connection.
    async fn route(&self, request: Request<Incoming>, asked: &watch::Sender<()>) -> Response<Full<Bytes>> {
        // A web page could otherwise take events, and respond to them.
        if caller::refusal(request.headers()).is_some() {
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
            (&Method::POST, ["invocation", id, "response"]) => self.post(id, request, Posted::Response, asked).await,
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

    async fn post(
        &self,
        id: &str,
        request: Request<Incoming>,
        kind: fn(Bytes) -> Posted,
        asked: &watch::Sender<()>,
    ) -> Response<Full<Bytes>> {
        let id = percent_encoding::percent_decode_str(id).decode_utf8_lossy().into_owned();
        let Ok(body) = request.into_body().collect().await else {
            return status(
                StatusCode::BAD_REQUEST,
                r#"{"errorType":"InvalidBody","errorMessage":"the request body is incomplete"}"#,
            );
        };
        let reply = Reply { posted: kind(body.to_bytes()), over: asked.subscribe() };
        match self.queue.post(&id, reply) {
            Taken::Yes => status(StatusCode::ACCEPTED, r#"{"status":"OK"}"#),
            Taken::Unknown => {
                status(StatusCode::GONE, r#"{"errorType":"InvokeTimeout","errorMessage":"Invoke timeout"}"#)
            }
        }
    }
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
