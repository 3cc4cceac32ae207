//! This module serves the Invoke API, as callers know it from Lambda and the emulator.
//!
//! Error bodies and headers are those of the service, so that the AWS command line and SDKs raise the exceptions that
//! their users know. Source: the AWS page "Invoke" of the Lambda API reference.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use futures_util::stream;
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
};
use percent_encoding::percent_decode_str;
use serde::de::IgnoredAny;
use tracing::warn;

use super::{
    Call, Functions, Outcome, RequestIdInUse,
    body::{self, Body, ReadError},
    caller, event_stream, ids,
    parts::{Part, Parts},
    refusal::Refusal,
};
use crate::{invocation::PAYLOAD_LIMIT_BYTES, runtime_client::wire};

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

/// Responds to a request with this id.
pub(super) async fn respond(functions: &Functions, request_id: &str, request: Request<Incoming>) -> Response<Body> {
    invoke(functions, request_id, request).await.unwrap_or_else(Refusal::into_response)
}

async fn invoke(
    functions: &Functions,
    request_id: &str,
    request: Request<Incoming>,
) -> Result<Response<Body>, Refusal> {
    if let Some(reason) = caller::api_refusal(request.headers()) {
        return Err(Refusal::caller(reason));
    }
    let (operation, name) = operation(request.uri().path()).ok_or_else(|| Refusal::no_route(request.uri().path()))?;
    if request.method() != Method::POST {
        return Err(Refusal::no_method(request.method()));
    }
    let Some(function) = functions.get(&name) else {
        let known: Vec<String> = functions.all().into_iter().map(|(name, _)| name).collect();
        warn!("there is no function `{name}`, only `{}`", known.join("`, `"));
        return Err(Refusal::not_found(&name));
    };
    let headers = request.headers().clone();
    let kind = Kind::of(&headers, operation)?;
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
        trace_id: Some(ids::trace_id(&headers)),
    };
    if kind == Kind::DryRun {
        return Ok(empty(StatusCode::NO_CONTENT));
    }
    let parts = Functions::call(&function, call).map_err(|RequestIdInUse| Refusal::in_use(request_id))?;
    if kind == Kind::Event {
        return Ok(empty(StatusCode::ACCEPTED));
    }
    let with_log = text(&headers, &LOG_TYPE).as_deref() == Some("Tail");
    Ok(match operation {
        Operation::Invoke => response(parts.collected().await, with_log),
        Operation::InvokeWithResponseStream => stream(parts, with_log),
    })
}

fn response(outcome: Outcome, with_log: bool) -> Response<Body> {
    let Outcome { result, log_tail } = outcome;
    let failed = result.is_err();
    let (Ok(bytes) | Err(bytes)) = result;
    let mut response = Response::new(body::full(bytes));
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

/// Returns a response that begins at once, and has the parts as they come.
fn stream(parts: Parts, with_log: bool) -> Response<Body> {
    let messages = stream::unfold(Some(parts), move |parts| async move {
        let mut parts = parts?;
        loop {
            let messages = match parts.next().await {
                Part::Begins(_) => continue,
                Part::Whole(bytes) | Part::Bytes(bytes) => event_stream::chunks(&bytes),
                Part::End(ended) => return Some((Ok(event_stream::complete(&ended, with_log)), None)),
            };
            if !messages.is_empty() {
                return Some((Ok(messages), Some(parts)));
            }
        }
    });
    let mut response = Response::new(body::stream(messages));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(event_stream::MEDIA_TYPE));
    headers.insert(EXECUTED_VERSION, HeaderValue::from_static("$LATEST"));
    response
}

/// The operations of Lambda's API that are served.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Operation {
    Invoke,
    InvokeWithResponseStream,
}

/// Selects what the caller waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    RequestResponse,
    Event,
    DryRun,
}

impl Kind {
    fn of(headers: &HeaderMap, operation: Operation) -> Result<Self, Refusal> {
        match text(headers, &INVOCATION_TYPE).as_deref() {
            None | Some("RequestResponse") => Ok(Self::RequestResponse),
            Some("Event") if operation == Operation::Invoke => Ok(Self::Event),
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

/// Reads the event.
async fn read(request: Request<Incoming>, limit: usize) -> Result<Bytes, Refusal> {
    body::read(request.into_body(), limit).await.map_err(|error| match error {
        ReadError::TooLarge => Refusal::too_large(limit),
        ReadError::BrokeOff => Refusal::broke_off(),
    })
}

/// Returns the operation and the function's name from a path. The name may be an ARN, a part of one, or have a version.
fn operation(path: &str) -> Option<(Operation, String)> {
    let invoke = || path.strip_prefix("/2015-03-31/functions/")?.strip_suffix("/invocations");
    let stream = || path.strip_prefix("/2021-11-15/functions/")?.strip_suffix("/response-streaming-invocations");
    let (operation, name) = invoke()
        .map(|name| (Operation::Invoke, name))
        .or_else(|| stream().map(|name| (Operation::InvokeWithResponseStream, name)))?;
    let name = percent_decode_str(name).decode_utf8().ok()?;
    let after_arn = name.rsplit_once("function:").map_or(&*name, |(_, name)| name);
    let unqualified = after_arn.split(':').next()?;
    (!unqualified.is_empty()).then(|| (operation, unqualified.to_owned()))
}

/// Returns a header's value as text.
fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name).map(|value| wire::lossy(value.as_bytes()).into_owned())
}

fn client_context(headers: &HeaderMap) -> Result<Option<Vec<u8>>, Refusal> {
    let Some(encoded) = headers.get(&CLIENT_CONTEXT) else { return Ok(None) };
    BASE64_STANDARD.decode(encoded).map(Some).map_err(|_| Refusal::bad_client_context())
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(body::full(Bytes::new()));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_named_by_its_name_its_arn_or_part_of_it() {
        let named = |name: &str| {
            let (operation, named) = operation(&format!("/2015-03-31/functions/{name}/invocations"))?;
            assert_eq!(operation, Operation::Invoke);
            Some(named)
        };
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
        assert_eq!(operation("/2015-03-31/functions/hello"), None);
        let streaming = operation("/2021-11-15/functions/hello/response-streaming-invocations");
        assert_eq!(streaming, Some((Operation::InvokeWithResponseStream, "hello".to_owned())));
        assert_eq!(operation("/2015-03-31/functions/hello/response-streaming-invocations"), None);
    }
}
