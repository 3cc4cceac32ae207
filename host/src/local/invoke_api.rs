//! This module serves the Invoke API, as callers know it from Lambda and the emulator.
//!
//! Error bodies and headers are those of the service, so that the AWS command line and SDKs raise the exceptions that
//! their users know. Source: the AWS page "Invoke" of the Lambda API reference.

use std::{
    convert::Infallible,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::{Body as _, Incoming},
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use serde::de::IgnoredAny;
use serde_json::json;
use tokio::net::TcpListener;
use tracing::{debug, warn};
use uuid::Uuid;

use super::{Call, Functions, Outcome, RequestIdInUse, accept, arn, caller};
use crate::{failure::Failure, invocation::PAYLOAD_LIMIT_BYTES, runtime_client::wire};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const INVOCATION_TYPE: HeaderName = HeaderName::from_static("x-amz-invocation-type");
const LOG_TYPE: HeaderName = HeaderName::from_static("x-amz-log-type");
const LOG_RESULT: HeaderName = HeaderName::from_static("x-amz-log-result");
const CLIENT_CONTEXT: HeaderName = HeaderName::from_static("x-amz-client-context");
const COGNITO_IDENTITY: HeaderName = HeaderName::from_static("x-amz-cognito-identity");
const TENANT_ID: HeaderName = HeaderName::from_static("x-amz-tenant-id");
const FUNCTION_ERROR: HeaderName = HeaderName::from_static("x-amz-function-error");
const EXECUTED_VERSION: HeaderName = HeaderName::from_static("x-amz-executed-version");

/// The maximum size of an asynchronous event, in bytes.
const ASYNC_LIMIT_BYTES: usize = 1024 * 1024;

/// How much of a body that is too large is read before the response, in bytes. Callers may read a response only after
/// they have sent the body.
const DRAIN_LIMIT_BYTES: usize = 64 * 1024 * 1024;

type HttpResponse = Response<Full<Bytes>>;

/// Serves callers until the future is dropped.
pub async fn serve(listener: TcpListener, functions: Arc<Functions>) {
    loop {
        let stream = accept(&listener).await;
        let functions = functions.clone();
        let respond = service_fn(move |request| {
            let functions = functions.clone();
            async move { Ok::<_, Infallible>(respond(&functions, request).await) }
        });
        tokio::spawn(async move {
            if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), respond).await {
                debug!("a caller's connection ended: {error}");
            }
        });
    }
}

async fn respond(functions: &Arc<Functions>, request: Request<Incoming>) -> HttpResponse {
    let given = request.headers().get(&REQUEST_ID).and_then(|id| id.to_str().ok()).filter(|id| is_id(id));
    let request_id = given.map_or_else(|| Uuid::new_v4().to_string(), str::to_owned);
    let mut response = invoke(functions, &request_id, request).await.unwrap_or_else(Refusal::into_response);
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// Returns whether the text can be a request id, which becomes part of paths and headers.
fn is_id(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

async fn invoke(
    functions: &Arc<Functions>,
    request_id: &str,
    request: Request<Incoming>,
) -> Result<HttpResponse, Refusal> {
    if let Some(reason) = caller::refusal(request.headers()) {
        return Err(Refusal::caller(reason));
    }
    let name = function_name(request.uri().path()).ok_or_else(|| Refusal::no_route(request.uri().path()))?;
    if request.method() != Method::POST {
        return Err(Refusal::no_method(request.method()));
    }
    if functions.get(&name).is_none() {
        let known: Vec<String> = functions.all().into_iter().map(|(name, _)| name).collect();
        warn!("there is no function `{name}`, only `{}`", known.join("`, `"));
        return Err(Refusal::not_found(&name));
    }
    let headers = request.headers().clone();
    let kind = Kind::of(&headers)?;
    let event = read(request, kind.limit()).await?;
    if !event.is_empty() {
        serde_json::from_slice::<IgnoredAny>(&event).map_err(|error| Refusal::not_json(&error))?;
    }
    let call = Call {
        request_id: request_id.to_owned(),
        event,
        client_context: client_context(&headers)?,
        identity: text(&headers, &COGNITO_IDENTITY),
        tenant_id: text(&headers, &TENANT_ID),
        trace_id: Some(text(&headers, &TRACE_ID).unwrap_or_else(trace_id)),
    };
    if kind == Kind::DryRun {
        return Ok(empty(StatusCode::NO_CONTENT));
    }
    // The invocation has a task of its own, because it continues if its caller disconnects.
    let functions = functions.clone();
    let called = tokio::spawn(async move {
        match &*functions.get(&name)? {
            Ok(function) => Some(function.call(call).await),
            Err(failure) => Some(Ok(init_failed(failure))),
        }
    });
    if kind == Kind::Event {
        return Ok(empty(StatusCode::ACCEPTED));
    }
    let called = called.await.ok().flatten().ok_or_else(Refusal::service)?;
    let outcome = called.map_err(|RequestIdInUse| Refusal::in_use(request_id))?;
    Ok(response(outcome, text(&headers, &LOG_TYPE).as_deref() == Some("Tail")))
}

fn response(outcome: Outcome, with_log: bool) -> HttpResponse {
    let Outcome { result, log_tail } = outcome;
    let failed = result.is_err();
    let (Ok(body) | Err(body)) = result;
    let mut response = Response::new(Full::new(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(EXECUTED_VERSION, HeaderValue::from_static("$LATEST"));
    if failed {
        headers.insert(FUNCTION_ERROR, HeaderValue::from_static("Unhandled"));
    }
    if let Ok(log) = HeaderValue::from_str(&BASE64_STANDARD.encode(log_tail))
        && with_log
    {
        headers.insert(LOG_RESULT, log);
    }
    response
}

/// Returns the outcome of an invocation of a function that can't start. It contains the reason, as on Lambda.
fn init_failed(failure: &Failure) -> Outcome {
    Outcome { result: Err(wire::error_body(failure)), log_tail: format!("{failure}\n").into_bytes() }
}

/// Selects what the caller waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    RequestResponse,
    Event,
    DryRun,
}

impl Kind {
    fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        match text(headers, &INVOCATION_TYPE).as_deref() {
            None | Some("RequestResponse") => Ok(Self::RequestResponse),
            Some("Event") => Ok(Self::Event),
            Some("DryRun") => Ok(Self::DryRun),
            Some(other) => Err(Refusal::invalid_type(other)),
        }
    }

    fn limit(self) -> usize {
        match self {
            Self::Event => ASYNC_LIMIT_BYTES,
            Self::RequestResponse | Self::DryRun => PAYLOAD_LIMIT_BYTES,
        }
    }
}

/// Reads the body, unless it is larger than `limit`.
async fn read(request: Request<Incoming>, limit: usize) -> Result<Bytes, Refusal> {
    let mut body = request.into_body();
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut kept = BytesMut::with_capacity(announced.min(limit));
    let mut seen = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Refusal::broke_off())?.into_data() else { continue };
        seen += data.len();
        if seen <= limit {
            kept.extend_from_slice(&data);
        } else if seen > DRAIN_LIMIT_BYTES {
            break;
        }
    }
    if seen > limit { Err(Refusal::too_large(limit)) } else { Ok(kept.freeze()) }
}

/// Returns the function's name from an invocation's path, which may also contain an ARN, a part of one, or a version.
fn function_name(path: &str) -> Option<String> {
    let name = path.strip_prefix("/2015-03-31/functions/")?.strip_suffix("/invocations")?;
    let name = percent_decode_str(name).decode_utf8().ok()?;
    let after_arn = name.rsplit_once("function:").map_or(&*name, |(_, name)| name);
    let unqualified = after_arn.split(':').next()?;
    (!unqualified.is_empty()).then(|| unqualified.to_owned())
}

/// Returns a header's value as text.
fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name).map(|value| wire::lossy(value.as_bytes()).into_owned())
}

fn client_context(headers: &HeaderMap) -> Result<Option<Vec<u8>>, Refusal> {
    let Some(encoded) = headers.get(&CLIENT_CONTEXT) else { return Ok(None) };
    BASE64_STANDARD.decode(encoded).map(Some).map_err(|_| Refusal::bad_client_context())
}

/// Returns a new trace id in X-Ray's format: version, seconds since the epoch, 24 hexadecimal digits of a random UUID;
/// not sampled.
fn trace_id() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let random = Uuid::new_v4().simple().to_string();
    format!("Root=1-{seconds:08x}-{};Parent={};Sampled=0", &random[..24], &Uuid::new_v4().simple().to_string()[..16])
}

fn empty(status: StatusCode) -> HttpResponse {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

/// Describes why a request is refused, with the service's error types.
struct Refusal {
    status: StatusCode,
    error_type: &'static str,
    message: String,
}

impl Refusal {
    fn new(status: StatusCode, error_type: &'static str, message: impl Into<String>) -> Self {
        Self { status, error_type, message: message.into() }
    }

    fn no_route(path: &str) -> Self {
        let message = format!("No such path: {path}; use POST at /2015-03-31/functions/NAME/invocations");
        Self::new(StatusCode::NOT_FOUND, "UnknownOperationException", message)
    }

    fn no_method(method: &Method) -> Self {
        let message = format!("Method {method} is not allowed: use POST");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "UnknownOperationException", message)
    }

    fn not_found(name: &str) -> Self {
        let message = format!("Function not found: {}", arn(name));
        Self::new(StatusCode::NOT_FOUND, "ResourceNotFoundException", message)
    }

    fn too_large(limit: usize) -> Self {
        let message = format!("Request must be smaller than {limit} bytes for the InvokeFunction operation");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException", message)
    }

    fn broke_off() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidRequestContentException", "The request body is incomplete")
    }

    fn caller(reason: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "AccessDeniedException", format!("This is a local Lambda: {reason}"))
    }

    fn in_use(request_id: &str) -> Self {
        let message = format!("An invocation with the request id {request_id} is in flight");
        Self::new(StatusCode::CONFLICT, "ResourceConflictException", message)
    }

    fn not_json(error: &serde_json::Error) -> Self {
        let message = format!("Could not parse request body into json: {error}");
        Self::new(StatusCode::BAD_REQUEST, "InvalidRequestContentException", message)
    }

    fn bad_client_context() -> Self {
        let message = "Client context must be a valid Base64-encoded JSON object.";
        Self::new(StatusCode::BAD_REQUEST, "InvalidRequestContentException", message)
    }

    fn invalid_type(found: &str) -> Self {
        let message = format!("Unsupported invocation type {found:?}: use RequestResponse, Event or DryRun");
        Self::new(StatusCode::BAD_REQUEST, "InvalidParameterValueException", message)
    }

    fn service() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "ServiceException", "The invocation ended without a result")
    }

    fn into_response(self) -> HttpResponse {
        let side = if self.status.is_server_error() { "Service" } else { "User" };
        let body = json!({"Type": side, "message": self.message, "Message": self.message}).to_string();
        let mut response = Response::new(Full::new(Bytes::from(body)));
        *response.status_mut() = self.status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response.headers_mut().insert(ERROR_TYPE, HeaderValue::from_static(self.error_type));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_named_by_its_name_its_arn_or_part_of_it() {
        let named = |name: &str| function_name(&format!("/2015-03-31/functions/{name}/invocations"));
        for name in [
            "hello",
            "hello:$LATEST",
            "arn:aws:lambda:us-east-1:012345678912:function:hello",
            "012345678912:function:hello:1",
        ] {
            assert_eq!(named(name).as_deref(), Some("hello"), "{name}");
        }
        assert_eq!(named("billing%2Frefund").as_deref(), Some("billing/refund"));
        assert_eq!(named(""), None);
        assert_eq!(function_name("/2015-03-31/functions/hello"), None);
    }

    #[test]
    fn a_request_id_of_the_callers_is_taken_only_if_it_fits_into_a_path() {
        assert!(is_id("my-req-id"));
        for bad in ["", "a/b", "a b", "a\u{e9}", &"x".repeat(129)] {
            assert!(!is_id(bad), "{bad}");
        }
    }
}
