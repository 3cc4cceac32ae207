//! This module writes a response as the JSON that the service takes which sent the request.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
    header::{CONTENT_LENGTH, SET_COOKIE},
    response::Parts,
};

use super::{headers::is_for_one_connection, json::Object, kind::Kind};
use crate::{
    failure::{ErrorType, Failure},
    invocation::PAYLOAD_LIMIT_BYTES,
};

/// Limits the JSON of a response for a load balancer, in bytes.
const ALB_LIMIT_BYTES: usize = 1024 * 1024;
/// Limits the headers of a response of a load balancer, in bytes.
const ALB_HEADERS_LIMIT_BYTES: usize = 32 * 1024;
/// Within this many bytes the zeros have to come that end the head of a streamed response.
const PRELUDE_LIMIT_BYTES: usize = 16 * 1024;
/// What stands between the head of a streamed response and its body.
const DELIMITER: [u8; 8] = [0; 8];

/// A `Front` is the service that sent a request, with what its response depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Front {
    kind: Kind,
    is_head: bool,
}

impl Front {
    /// Describes the service for a request with this method.
    pub(super) fn new(kind: Kind, method: &Method) -> Self {
        Self { kind, is_head: method == Method::HEAD }
    }

    /// Returns whether the service may take a streamed response. It does if it is set up to, which no event says.
    #[must_use]
    pub fn can_stream(&self) -> bool {
        matches!(self.kind, Kind::FunctionUrl | Kind::Rest)
    }

    /// Returns whether a response with this status has no body, whatever the guest writes.
    #[must_use]
    pub fn has_no_body(&self, status: StatusCode) -> bool {
        let never = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED];
        self.is_head || status.is_informational() || never.contains(&status)
    }

    /// Returns the size above which no body can be sent in one piece, in bytes.
    #[must_use]
    pub fn body_limit_bytes(&self) -> usize {
        match self.kind {
            Kind::Alb | Kind::AlbMultiValue => ALB_LIMIT_BYTES,
            _ => PAYLOAD_LIMIT_BYTES,
        }
    }

    /// Returns the JSON of a response.
    ///
    /// # Errors
    ///
    /// Fails if it is larger than the service accepts.
    pub fn response(&self, head: &Parts, body: &[u8]) -> Result<Bytes, Failure> {
        let body = if self.has_no_body(head.status) { None } else { Some(body) };
        let body_bytes = body.map_or(0, <[u8]>::len);
        if body_bytes > self.body_limit_bytes() {
            return Err(self.too_large(body_bytes));
        }
        let mut json = Object::with_capacity(body_bytes / 3 * 4 + 256 + headers_bytes(&head.headers) * 2);
        json.number("statusCode", head.status.as_u16());
        if self.describes_status() {
            json.text("statusDescription", &description(head.status));
        }
        self.write_headers(&mut json, &head.headers)?;
        let is_base64 = body.map_or(Ok(false), |body| self.write_body(&mut json, body))?;
        json.literal("isBase64Encoded", if is_base64 { "true" } else { "false" });
        let json = json.end();
        if json.len() > self.body_limit_bytes() {
            return Err(self.too_large(json.len()));
        }
        Ok(json.into())
    }

    /// Returns the head of a streamed response, up to where the body begins.
    ///
    /// # Errors
    ///
    /// Fails if it is larger than the services accept, or if this one takes no streamed responses.
    pub fn prelude(&self, head: &Parts) -> Result<Bytes, Failure> {
        if !self.can_stream() {
            return Err(Failure::new(ErrorType::Internal, format!("{} takes no streamed response", self.kind.name())));
        }
        let mut json = Object::with_capacity(256 + headers_bytes(&head.headers) * 2);
        json.number("statusCode", head.status.as_u16());
        self.write_headers(&mut json, &head.headers)?;
        let mut prelude = json.end();
        prelude.extend(DELIMITER);
        if prelude.len() > PRELUDE_LIMIT_BYTES {
            let length = prelude.len();
            let message = "the headers of the streamed response are larger than Lambda accepts";
            return Err(Failure::response_too_large(message)
                .details(format!("{length} bytes as JSON, where {PRELUDE_LIMIT_BYTES} are possible"))
                .hint("set fewer or shorter headers and cookies"));
        }
        Ok(prelude.into())
    }

    /// Writes the body as it is shortest, and returns whether that is base64.
    fn write_body(&self, json: &mut Object, body: &[u8]) -> Result<bool, Failure> {
        let limit = self.body_limit_bytes();
        let base64_bytes = base64::encoded_len(body.len(), true).unwrap_or(usize::MAX);
        // A REST API decodes base64 only for media types in its settings. All others decode it always.
        let is_text = matches!(self.kind, Kind::Rest | Kind::HttpApiV1);
        if let Ok(text) = std::str::from_utf8(body) {
            if json.text_within("body", text, if is_text { limit } else { base64_bytes.min(limit) }) {
                return Ok(false);
            }
            if is_text {
                return Err(Failure::response_too_large(self.limit_message()));
            }
        }
        if base64_bytes > limit {
            return Err(self.too_large(base64_bytes));
        }
        json.base64("body", body);
        Ok(true)
    }

    fn describes_status(&self) -> bool {
        matches!(self.kind, Kind::Alb | Kind::AlbMultiValue | Kind::LatticeV1 | Kind::LatticeV2)
    }

    fn write_headers(&self, json: &mut Object, headers: &HeaderMap) -> Result<(), Failure> {
        let kept = || headers.keys().filter(|name| is_kept(name));
        match self.kind {
            Kind::Rest | Kind::HttpApiV1 | Kind::AlbMultiValue => json.object("multiValueHeaders", |json| {
                for name in kept() {
                    json.list(name.as_str(), headers.get_all(name).iter().map(text));
                }
            }),
            Kind::HttpApiV2 | Kind::FunctionUrl => {
                json.object("headers", |json| {
                    for name in kept().filter(|name| *name != SET_COOKIE) {
                        json.text(name.as_str(), &joined(headers, name));
                    }
                });
                if headers.contains_key(SET_COOKIE) {
                    json.list("cookies", headers.get_all(SET_COOKIE).iter().map(text));
                }
            }
            Kind::Alb | Kind::LatticeV1 | Kind::LatticeV2 => {
                let cookies = headers.get_all(SET_COOKIE).iter().count();
                if cookies > SPELLINGS {
                    return Err(Failure::new(
                        ErrorType::InvalidResponse,
                        format!("the response has {cookies} cookies, and {SPELLINGS} can be sent"),
                    )
                    .hint("set fewer cookies"));
                }
                json.object("headers", |json| {
                    for name in kept().filter(|name| *name != SET_COOKIE) {
                        json.text(name.as_str(), &joined(headers, name));
                    }
                    for (index, cookie) in headers.get_all(SET_COOKIE).iter().enumerate() {
                        json.text(&spelled(index), &text(cookie));
                    }
                });
            }
        }
        let is_alb = matches!(self.kind, Kind::Alb | Kind::AlbMultiValue);
        let length = headers_bytes(headers);
        if is_alb && length > ALB_HEADERS_LIMIT_BYTES {
            let message = format!("the response's headers are larger than {} accepts", self.kind.name());
            return Err(Failure::response_too_large(message)
                .details(format!("{length} bytes, where {ALB_HEADERS_LIMIT_BYTES} are possible"))
                .hint("set fewer or shorter headers and cookies"));
        }
        Ok(())
    }

    fn too_large(&self, bytes: usize) -> Failure {
        Failure::response_too_large(self.limit_message()).details(format!("{bytes} bytes as JSON"))
    }

    fn limit_message(&self) -> String {
        let limit = self.body_limit_bytes();
        format!("the response is larger than {} accepts, which is {limit} bytes", self.kind.name())
    }
}

fn headers_bytes(headers: &HeaderMap) -> usize {
    headers.iter().filter(|(name, _)| is_kept(name)).map(|(name, value)| name.as_str().len() + value.len()).sum()
}

/// Returns whether a guest's header is passed on. Those about a connection are not: the service has its own.
fn is_kept(name: &HeaderName) -> bool {
    *name != CONTENT_LENGTH && !is_for_one_connection(name.as_str())
}

/// Returns a value as text: UTF-8, or else what ISO-8859-1 makes of the bytes (RFC 9110, section 5.5).
fn text(value: &HeaderValue) -> String {
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => text.to_owned(),
        Err(_) => value.as_bytes().iter().copied().map(char::from).collect(),
    }
}

/// Returns all values of a name as one (RFC 9110, section 5.3).
fn joined(headers: &HeaderMap, name: &HeaderName) -> String {
    headers.get_all(name).iter().map(text).collect::<Vec<_>>().join(", ")
}

/// In how many ways `set-cookie` can be spelled with large and small letters.
const SPELLINGS: usize = 1 << "setcookie".len();

/// Returns `set-cookie` in the spelling of this number. Where a name can have one value only, each cookie has a name
/// of its own, which HTTP does not tell from the others.
fn spelled(number: usize) -> String {
    let mut bit = 0;
    let mut spell = |char: char| {
        let is_large = char.is_ascii_alphabetic() && {
            bit += 1;
            number >> (bit - 1) & 1 == 1
        };
        if is_large { char.to_ascii_uppercase() } else { char }
    };
    SET_COOKIE.as_str().chars().map(&mut spell).collect()
}

fn description(status: StatusCode) -> String {
    format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or("Unknown"))
}
