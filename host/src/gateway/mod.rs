//! This module makes HTTP requests of events, and of HTTP responses the JSON that the events' senders take.
//!
//! Nothing here waits or keeps anything: bytes go in, a request comes out, and the other way round. `docs/http.md` has
//! what differs between the services.

mod base_path;
mod event;
mod front;
mod headers;
mod json;
mod kind;
mod one_line;
mod origin;
mod plain;
mod target;
mod unescape;

use std::borrow::Cow;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{Method, Request};

pub use self::{base_path::BasePath, front::Front};
use self::{
    event::{Event, Text, invalid, shown},
    kind::{Kind, RequestContext},
    origin::Origin,
};
use crate::{failure::Failure, invocation};

/// The settings by which events become requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gateway {
    /// What is taken off the beginning of the path.
    pub base_path: Option<BasePath>,
    /// Whether responses are streamed where the front can do that.
    pub is_streamed: bool,
}

/// A request that came as an event.
#[derive(Debug)]
pub struct Received {
    /// The request. Its URI is absolute.
    pub request: Request<Bytes>,
    /// What writes the response.
    pub front: Front,
}

impl Gateway {
    /// Makes a request of an event.
    ///
    /// # Errors
    ///
    /// Fails if the event is no HTTP request of a service that the host knows, or is broken.
    pub fn request(&self, event: &Bytes, context: &invocation::Context) -> Result<Received, Failure> {
        let fields = Event::read(event)?;
        let request_context = RequestContext::of(&fields);
        let kind = Kind::of(&fields, &request_context)?;
        let method = method(kind, &fields, &request_context)?;
        let pairs = headers::pairs(kind, &fields)?;
        let origin = Origin::new(&pairs, &request_context);
        let uri = target::uri(kind, &fields, &request_context, &origin, self.base_path.as_ref())?;
        let body = body(kind, &fields, event)?;
        let headers = headers::headers(&pairs, &origin.host, body.len(), &request_context, context)?;
        let front = Front::new(kind, &method);
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Ok(Received { request, front })
    }
}

fn method(kind: Kind, event: &Event<'_>, context: &RequestContext<'_>) -> Result<Method, Failure> {
    let (name, method) = match kind {
        Kind::HttpApiV2 | Kind::FunctionUrl => ("requestContext.http.method", context.method()?),
        Kind::LatticeV1 | Kind::LatticeV2 => ("method", event.read_as("method")?.map(|Text(method)| method)),
        _ => ("httpMethod", event.read_as("httpMethod")?.map(|Text(method)| method)),
    };
    let Some(method) = method else { return Err(invalid(format!("the event has no `{name}`"))) };
    Method::from_bytes(method.as_bytes())
        .map_err(|_| invalid(format!("`{name}` of the event is `{}`, which is no method", shown(&method))))
}

/// Returns the body. A text without escapes is not copied: it is a part of the event.
fn body(kind: Kind, fields: &Event<'_>, event: &Bytes) -> Result<Bytes, Failure> {
    let name = if kind == Kind::LatticeV1 { "is_base64_encoded" } else { "isBase64Encoded" };
    let is_base64 = fields.read_as(name)?.unwrap_or(false);
    let Some(text) = fields.body()? else { return Ok(Bytes::new()) };
    if is_base64 {
        let decoded = BASE64_STANDARD.decode(&text);
        return decoded.map(Bytes::from).map_err(|error| {
            invalid(format!("`body` of the event is no base64, which `{name}` says it is"))
                .details(error.to_string().trim_end_matches('.'))
        });
    }
    Ok(match text {
        Cow::Borrowed(text) => event.slice_ref(text),
        Cow::Owned(text) => Bytes::from(text),
    })
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod bugs_tests;

#[cfg(test)]
mod limits_tests;

#[cfg(test)]
mod malformed_tests;

#[cfg(test)]
mod round_trip_tests;
