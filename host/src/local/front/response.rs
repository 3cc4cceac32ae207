//! This module turns a function's response into the one that a front's client gets.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{
    HeaderMap, Method, Response, StatusCode,
    header::{
        ACCEPT, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderName, HeaderValue, SERVER, SET_COOKIE, TE,
        TRAILER, TRANSFER_ENCODING, UPGRADE, WWW_AUTHENTICATE,
    },
};
use serde_json::{Map, Value};

use super::{
    Front, Site,
    request::{essence, text},
};

/// The media type of a streamed response that begins with status and headers, as JSON.
const PRELUDE_TYPE: &str = "application/vnd.awslambda.http-integration-response";

/// What is between that beginning and the body.
const DELIMITER: [u8; 8] = [0; 8];

/// The maximum size of that beginning with the delimiter, in bytes. Source: the AWS page "Response streaming for REST
/// APIs".
const PRELUDE_LIMIT_BYTES: usize = 16 * 1024;

/// The maximum size of a response to a load balancer, in bytes. Source: the AWS page "Lambda functions as targets".
const ALB_LIMIT_BYTES: usize = 1024 * 1024;

/// The maximum size of the headers in one, in bytes. Source: the AWS page "Quotas for your Application Load Balancers".
const ALB_HEADERS_LIMIT_BYTES: usize = 32 * 1024;

/// Tells why a function's response can't become one of HTTP. The client gets the status 502, without the reason.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed(String);

impl Malformed {
    /// Returns the reason for a streamed response that ended before its prelude did.
    pub fn without_prelude() -> Self {
        Self("it ended before the eight zero bytes that end its prelude".to_owned())
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns the response that the front makes of a whole one of the function's. `method` and `headers` are those of the
/// request.
///
/// # Errors
/// If the front takes no such response.
pub fn buffered(
    site: &Site,
    method: &Method,
    headers: &HeaderMap,
    response: Bytes,
) -> Result<Response<Bytes>, Malformed> {
    let front = site.front;
    if front.is_alb() && response.len() > ALB_LIMIT_BYTES {
        return malformed(format!(
            "it has more than {ALB_LIMIT_BYTES} bytes, which is the most that a load balancer takes"
        ));
    }
    let parsed = serde_json::from_slice(&response);
    let envelope: Map<String, Value> = match (front, parsed) {
        (_, Ok(Value::Object(envelope))) if envelope.contains_key("statusCode") || front == Front::V1 => envelope,
        // What has no status is the body.
        (Front::Url, _) | (Front::V2, Ok(_)) => return Ok(finished(method, whole(response))),
        (_, Ok(_)) => return malformed("it is no JSON object with a `statusCode`"),
        (_, Err(error)) => return malformed(format!("it is no JSON: {error}")),
    };
    let takes_bytes = || {
        let first = headers.get(ACCEPT).map(text).unwrap_or_default();
        front != Front::V1 || site.is_binary(first.split(',').next().unwrap_or_default())
    };
    let body = body(front, &envelope, takes_bytes)?;
    Ok(finished(method, head(front, &envelope, Delivery::Whole)?.map(|()| body)))
}

/// Returns the response that begins with this media type, if the function streams one without status and headers.
///
/// # Errors
/// If the front does not take such a response.
pub fn raw_stream(front: Front, content_type: Option<&str>) -> Result<Response<()>, Malformed> {
    if front != Front::Url {
        return malformed(format!("it is streamed, but its media type is not `{PRELUDE_TYPE}`"));
    }
    let mut response = Response::new(());
    let content_type = content_type.and_then(|value| HeaderValue::from_str(value).ok());
    let content_type = content_type.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    Ok(response)
}

/// What the beginning of a streamed response turned out to be.
#[derive(Debug)]
pub enum Prelude {
    /// Status and headers are complete. The bytes after them are this long, counted from the end.
    Complete(Response<()>, usize),
    /// More is needed.
    Incomplete,
}

/// Returns whether a streamed response of this media type begins with status and headers.
pub fn is_prelude_type(content_type: &str) -> bool {
    essence(content_type) == PRELUDE_TYPE
}

/// Looks for status and headers in the bytes with which a streamed response begins. They end with eight zero bytes,
/// wherever these are cut in pieces.
///
/// # Errors
/// If the front takes no such beginning.
pub fn prelude(front: Front, begun: &[u8]) -> Result<Prelude, Malformed> {
    let begin = &begun[..begun.len().min(PRELUDE_LIMIT_BYTES)];
    let Some(at) = begin.windows(DELIMITER.len()).position(|window| window == DELIMITER) else {
        return match begin.len() < PRELUDE_LIMIT_BYTES {
            true => Ok(Prelude::Incomplete),
            false => malformed(format!("no eight zero bytes end its prelude within {PRELUDE_LIMIT_BYTES} bytes")),
        };
    };
    let envelope = serde_json::from_slice(&begin[..at]);
    let envelope: Map<String, Value> = envelope.or_else(|error| malformed(format!("its prelude is wrong: {error}")))?;
    let rest = begun.len() - at - DELIMITER.len();
    Ok(Prelude::Complete(head(front, &envelope, Delivery::Streamed)?, rest))
}

/// The two ways in which a response reaches its front.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Delivery {
    Whole,
    Streamed,
}

/// Returns a response whose body is all that the function responded.
fn whole(body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Takes the body away where HTTP has none (RFC 9110, sections 9.3.2 and 6.4.1).
fn finished(method: &Method, mut response: Response<Bytes>) -> Response<Bytes> {
    if !has_body(method, response.status()) {
        response.body_mut().clear();
    }
    response
}

/// Returns whether a response has a body.
pub fn has_body(method: &Method, status: StatusCode) -> bool {
    method != Method::HEAD && ![StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&status)
}

/// Returns status and headers.
fn head(front: Front, envelope: &Map<String, Value>, delivery: Delivery) -> Result<Response<()>, Malformed> {
    const V1_KEYS: [&str; 5] = ["statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"];
    if front == Front::V1
        && delivery == Delivery::Whole
        && let Some(key) = envelope.keys().find(|key| !V1_KEYS.contains(&key.as_str()))
    {
        return malformed(format!("REST APIs know no key `{key}`"));
    }
    let mut response = Response::new(());
    *response.status_mut() = status(envelope)?;
    let headers = response.headers_mut();
    if matches!(front, Front::V1 | Front::AlbMultiValue) {
        for (name, values) in object(front, envelope, "multiValueHeaders")? {
            let Value::Array(values) = values else {
                return malformed(format!("the values of `{name}` in `multiValueHeaders` are no list"));
            };
            values.iter().try_for_each(|value| add(front, headers, name, value))?;
        }
    }
    // A load balancer with multi-value headers does not read the others.
    let single = (front != Front::AlbMultiValue).then(|| object(front, envelope, "headers")).transpose()?;
    for (name, value) in single.into_iter().flatten() {
        match value {
            Value::Array(values) if matches!(front, Front::Lattice | Front::LatticeV1) => {
                values.iter().try_for_each(|value| add(front, headers, name, value))?;
            }
            value => add(front, headers, name, value)?,
        }
    }
    if matches!(front, Front::Url | Front::V2) || delivery == Delivery::Streamed {
        match envelope.get("cookies") {
            None | Some(Value::Null) => {}
            Some(Value::Array(cookies)) => {
                cookies.iter().try_for_each(|cookie| add(front, headers, SET_COOKIE.as_str(), cookie))?;
            }
            Some(_) => return malformed("`cookies` is no list"),
        }
    }
    let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if front.is_alb() && size > ALB_HEADERS_LIMIT_BYTES {
        return malformed(format!("its headers have more than {ALB_HEADERS_LIMIT_BYTES} bytes"));
    }
    if !headers.contains_key(CONTENT_TYPE) && matches!(front, Front::Url | Front::V1 | Front::V2) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    Ok(response)
}

fn status(envelope: &Map<String, Value>) -> Result<StatusCode, Malformed> {
    let number = match envelope.get("statusCode") {
        None | Some(Value::Null) => Some(200),
        Some(Value::String(text)) => text.parse().ok(),
        Some(status) => status.as_u64().and_then(|status| u16::try_from(status).ok()),
    };
    match number.map(StatusCode::from_u16) {
        Some(Ok(status)) if (200..600).contains(&status.as_u16()) => Ok(status),
        _ => malformed("`statusCode` is no number from 200 to 599"),
    }
}

/// Returns the members of an object in the response.
fn object<'a>(
    front: Front,
    envelope: &'a Map<String, Value>,
    key: &str,
) -> Result<impl Iterator<Item = (&'a String, &'a Value)>, Malformed> {
    match envelope.get(key) {
        None => Ok(None.into_iter().flatten()),
        Some(Value::Null) if !front.is_alb() => Ok(None.into_iter().flatten()),
        Some(Value::Object(members)) => Ok(Some(members).into_iter().flatten()),
        Some(_) => malformed(format!("`{key}` is no object")),
    }
}

/// Adds a header, unless the front drops it. Some get another name, because the front sets its own.
fn add(front: Front, headers: &mut HeaderMap, name: &str, value: &Value) -> Result<(), Malformed> {
    let value = match value {
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) if !front.is_alb() => value.to_string(),
        _ => return malformed(format!("the value of the header `{name}` is no string")),
    };
    let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
        return malformed(format!("`{name}` is no name of a header"));
    };
    let Ok(value) = HeaderValue::from_str(&value) else {
        return malformed(format!("the value of the header `{name}` has a character that no header can have"));
    };
    let is_remapped = match front {
        Front::V1 => [CONTENT_LENGTH, CONNECTION, SERVER, DATE, WWW_AUTHENTICATE].contains(&name),
        Front::V2 | Front::Url => name == CONTENT_LENGTH,
        Front::Alb | Front::AlbMultiValue | Front::Lattice | Front::LatticeV1 => false,
    };
    let name = match is_remapped {
        true => HeaderName::try_from(format!("x-amzn-remapped-{name}")).unwrap_or(name),
        false if is_hop_by_hop(&name) || name == CONTENT_LENGTH => return Ok(()),
        false => name,
    };
    match headers.try_append(name, value) {
        Ok(_) => Ok(()),
        Err(_) => malformed("it has too many headers"),
    }
}

/// Returns whether a header is for the next hop only (RFC 9110, section 7.6.1).
fn is_hop_by_hop(name: &HeaderName) -> bool {
    [CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE].contains(name)
        || name == "keep-alive"
        || name.as_str().starts_with("proxy-")
}

/// Returns the body. `takes_bytes` tells whether the front decodes base64.
fn body(front: Front, envelope: &Map<String, Value>, takes_bytes: impl FnOnce() -> bool) -> Result<Bytes, Malformed> {
    let text = match envelope.get("body") {
        None => "",
        Some(Value::Null) if !front.is_alb() => "",
        Some(Value::String(text)) => text,
        Some(_) => return malformed("`body` is no string"),
    };
    match envelope.get("isBase64Encoded") {
        Some(Value::Bool(true)) if takes_bytes() => match BASE64_STANDARD.decode(text) {
            Ok(bytes) => Ok(bytes.into()),
            Err(error) => malformed(format!("`body` is no base64: {error}")),
        },
        None | Some(Value::Null | Value::Bool(_)) => Ok(Bytes::copy_from_slice(text.as_bytes())),
        Some(_) => malformed("`isBase64Encoded` is neither `true` nor `false`"),
    }
}

fn malformed<T>(reason: impl Into<String>) -> Result<T, Malformed> {
    Err(Malformed(reason.into()))
}
