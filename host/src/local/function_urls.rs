//! This module serves the URLs of each function: `/lambda-url/NAME/…`, and all paths at `LABEL.localhost`.
//!
//! A request becomes the event of the front that was chosen, and the function's response becomes one of HTTP. Both are
//! done in `front`; here is what needs a connection.

use std::{fmt, io, net::IpAddr, time::SystemTime};

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, UPGRADE},
};
use percent_encoding::percent_decode;
use serde_json::Value;
use tracing::warn;

use super::{
    Call, Functions, RequestIdInUse,
    body::{self, Body, ReadError},
    caller,
    front::{self, Arrived, Front, Malformed, Prelude, Refused, Site},
    functions::Served,
    ids,
    parts::{Ended, Part, Parts},
};
use crate::invocation::PAYLOAD_LIMIT_BYTES;

/// The beginning of the paths of all functions' URLs.
pub(super) const PREFIX: &str = "/lambda-url/";

/// Describes the two ends of a connection.
#[derive(Clone, Copy)]
pub(super) struct Peer {
    /// The client's address.
    pub(super) client: IpAddr,
    /// The port at which it connected.
    pub(super) port: u16,
}

/// Responds to a request with this id.
pub(super) async fn respond(
    functions: &Functions,
    site: &Site,
    peer: Peer,
    request_id: &str,
    request: Request<Incoming>,
) -> Response<Body> {
    let (head, incoming) = request.into_parts();
    if let Some(reason) = caller::url_refusal(&head.headers, peer.port) {
        return refused(StatusCode::FORBIDDEN, &format!("this is a local Lambda: {reason}"));
    }
    let found = match caller::label(&head.headers) {
        Some(label) => functions.labelled(&label).map(|(name, function)| (name, head.uri.path(), function)),
        None => find(functions, head.uri.path().strip_prefix(PREFIX).unwrap_or_default()),
    };
    let Some((name, path, function)) = found else {
        let known: Vec<String> = functions.all().into_iter().map(|(name, _)| name).collect();
        warn!("no function has the URL `{}`, only `{}`", head.uri.path(), known.join("`, `"));
        let message =
            "no function has this URL, which is /lambda-url/NAME/ at localhost, or has the name NAME.localhost";
        return refused(StatusCode::NOT_FOUND, message);
    };
    // It is `*` with `OPTIONS`, and nothing with `CONNECT`.
    if !path.starts_with('/') {
        return refused(StatusCode::BAD_REQUEST, "the request's target is no path");
    }
    let arrived = Arrived {
        function: &name,
        method: &head.method,
        path,
        query: head.uri.query().filter(|query| !query.is_empty()),
        headers: &head.headers,
        body: &[],
        client: peer.client,
        port: peer.port,
        request_id,
        trace_id: &ids::trace_id(&head.headers),
        at: SystemTime::now(),
    };
    let mut parts = match call(site, arrived.clone(), incoming, &function).await {
        Ok(parts) => parts,
        Err(Refused { status, message }) => return refused(status, &message),
    };
    let exchange = Exchange { site, arrived: &arrived };
    match exchange.response(&mut parts).await {
        Ok(Made::Whole(mut response)) => {
            if head.method == Method::HEAD {
                response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
            }
            response.map(body::full)
        }
        Ok(Made::Streamed(response, first)) => response.map(|()| rest(name, first, parts)),
        Err(failed) => {
            warn!("the URL of `{name}` responds with status 502: {failed}");
            bad_gateway(site.front)
        }
    }
}

/// Returns the function to which a path below [`PREFIX`] belongs, with its name and the rest of the path, as on the
/// wire. Names may have slashes: the longest one that is the beginning of the path counts.
fn find<'a>(functions: &Functions, path: &'a str) -> Option<(String, &'a str, Served)> {
    let named = functions.all().into_iter();
    let found = named.filter_map(|(name, function)| Some((after(&name, path)?, name, function)));
    match found.max_by_key(|(_, name, _)| name.len()) {
        Some((rest, name, function)) => Some((name, rest, function)),
        // A lone function has this name, too.
        None => Some(("function".to_owned(), after("function", path)?, functions.get("function")?)),
    }
}

/// Returns the rest of a path that begins with this name, percent-encoded or not, as whole segments.
fn after<'a>(name: &str, path: &'a str) -> Option<&'a str> {
    let (bytes, mut at) = (path.as_bytes(), 0);
    for expected in name.bytes() {
        let encoded = bytes.get(at..at + 3).filter(|encoded| encoded[0] == b'%');
        let (byte, length) = match encoded.map(|encoded| percent_decode(encoded).collect::<Vec<u8>>()).as_deref() {
            Some(&[byte]) => (byte, 3),
            _ => (*bytes.get(at)?, 1),
        };
        if byte != expected {
            return None;
        }
        at += length;
    }
    match path.get(at..)? {
        "" => Some("/"),
        rest => rest.starts_with('/').then_some(rest),
    }
}

/// Reads the request's body, and calls the function.
async fn call(site: &Site, arrived: Arrived<'_>, incoming: Incoming, function: &Served) -> Result<Parts, Refused> {
    let refuse = |status, message: String| Err(Refused { status, message });
    let upgrades = arrived.headers.get_all(UPGRADE).iter().filter_map(|value| value.to_str().ok());
    if upgrades.into_iter().any(|value| value.to_ascii_lowercase().contains("websocket")) {
        let message = "a function's URL takes no WebSockets, here and on AWS: send plain requests";
        return refuse(StatusCode::BAD_REQUEST, message.to_owned());
    }
    let limit = site.front.body_limit();
    let too_large =
        |what: &str, limit: usize| refuse(StatusCode::PAYLOAD_TOO_LARGE, format!("the {what} more than {limit} bytes"));
    let body = match body::read(incoming, limit).await {
        Ok(body) => body,
        Err(ReadError::TooLarge) => return too_large("request's body has", limit),
        Err(ReadError::BrokeOff) => {
            return refuse(StatusCode::BAD_REQUEST, "the request's body is incomplete".to_owned());
        }
    };
    let (request_id, trace_id) = (arrived.request_id.to_owned(), arrived.trace_id.to_owned());
    let event = site.event(&Arrived { body: &body, ..arrived })?.to_string();
    if event.len() > PAYLOAD_LIMIT_BYTES {
        return too_large("request's event would have", PAYLOAD_LIMIT_BYTES);
    }
    let call = Call { request_id, event: event.into(), trace_id: Some(trace_id), ..Call::default() };
    Functions::call(function, call).or_else(|RequestIdInUse| {
        refuse(StatusCode::CONFLICT, "an invocation with this request id is in flight".to_owned())
    })
}

/// A request that was passed on to its function.
struct Exchange<'a> {
    site: &'a Site,
    arrived: &'a Arrived<'a>,
}

/// A response for the client.
enum Made {
    Whole(Response<Bytes>),
    /// A response that is sent as it comes, with its first bytes.
    Streamed(Response<()>, Bytes),
}

/// Tells why a client gets no response of the function's.
#[derive(Debug)]
enum Failed {
    /// The invocation failed.
    Invocation(Bytes),
    Malformed(Malformed),
}

impl Exchange<'_> {
    /// Returns the response, or its beginning.
    async fn response(&self, parts: &mut Parts) -> Result<Made, Failed> {
        match parts.next().await {
            Part::Whole(whole) => self.buffered(whole),
            Part::Begins(content_type) if self.site.front.streams() => self.streamed(content_type, parts).await,
            // This front waits for the whole response, which it does not understand then.
            Part::Begins(_) | Part::Bytes(_) => self.buffered(collected(parts).await?),
            Part::End(Ended { error, .. }) => Err(Failed::Invocation(error.unwrap_or_default())),
        }
    }

    fn buffered(&self, whole: Bytes) -> Result<Made, Failed> {
        let Arrived { method, headers, .. } = self.arrived;
        front::buffered(self.site, method, headers, whole).map(Made::Whole).map_err(Failed::Malformed)
    }

    async fn streamed(&self, content_type: Option<String>, parts: &mut Parts) -> Result<Made, Failed> {
        let front = self.site.front;
        let is_prelude = content_type.as_deref().is_some_and(front::is_prelude_type);
        let (response, first) = if is_prelude {
            prelude(front, parts).await?
        } else {
            let response = front::raw_stream(front, content_type.as_deref()).map_err(Failed::Malformed)?;
            (response, Bytes::new())
        };
        Ok(match front::has_body(self.arrived.method, response.status()) {
            true => Made::Streamed(response, first),
            false => Made::Whole(response.map(|()| Bytes::new())),
        })
    }
}

/// Waits for status and headers, and returns them with the first bytes of the body.
async fn prelude(front: Front, parts: &mut Parts) -> Result<(Response<()>, Bytes), Failed> {
    let mut begun = BytesMut::new();
    loop {
        match parts.next().await {
            Part::Bytes(bytes) | Part::Whole(bytes) => begun.extend_from_slice(&bytes),
            Part::Begins(_) => {}
            Part::End(Ended { error: Some(error), .. }) => return Err(Failed::Invocation(error)),
            Part::End(_) => return Err(Failed::Malformed(Malformed::without_prelude())),
        }
        if let Prelude::Complete(response, rest) = front::prelude(front, &begun).map_err(Failed::Malformed)? {
            return Ok((response, begun.split_off(begun.len() - rest).freeze()));
        }
    }
}

/// Waits for a streamed response as a whole.
async fn collected(parts: &mut Parts) -> Result<Bytes, Failed> {
    parts.rest().await.result.map_err(Failed::Invocation)
}

/// Returns the body of a streamed response. If the function fails in the middle, it breaks off.
fn rest(name: String, first: Bytes, parts: Parts) -> Body {
    let begin = stream::iter((!first.is_empty()).then_some(Ok(first)));
    let rest = stream::unfold(Some((name, parts)), |state| async move {
        let (name, mut parts) = state?;
        loop {
            match parts.next().await {
                Part::Bytes(bytes) if bytes.is_empty() => {}
                Part::Bytes(bytes) | Part::Whole(bytes) => return Some((Ok(bytes), Some((name, parts)))),
                Part::Begins(_) => {}
                Part::End(Ended { error: None, .. }) => return None,
                Part::End(Ended { error: Some(error), .. }) => {
                    let failed = Failed::Invocation(error);
                    warn!("the response of the URL of `{name}` ends early: {failed}");
                    return Some((Err(io::Error::other("the invocation failed")), None));
                }
            }
        }
    });
    body::stream(begin.chain(rest))
}

/// The maximum length of an error's message in a warning, in characters.
const SHOWN_CHARACTERS: usize = 2_000;

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invocation(error) => {
                let error: Value = serde_json::from_slice(error).unwrap_or_default();
                let text = |name: &str| error[name].as_str().unwrap_or_default().chars().take(SHOWN_CHARACTERS);
                let (error_type, message) = (text("errorType"), text("errorMessage"));
                write!(
                    f,
                    "the function failed with {}: {}",
                    error_type.collect::<String>(),
                    message.collect::<String>()
                )
            }
            Self::Malformed(malformed) => write!(f, "the response can't be used: {malformed}"),
        }
    }
}

/// Returns what a front's client gets where there is no response of the function's.
fn bad_gateway(front: Front) -> Response<Body> {
    let (content_type, text) = match front {
        Front::V1 | Front::V2 => ("application/json", r#"{"message":"Internal server error"}"#),
        Front::Url | Front::Alb | Front::AlbMultiValue | Front::Lattice | Front::LatticeV1 => {
            ("text/plain", "Internal Server Error")
        }
    };
    response(StatusCode::BAD_GATEWAY, content_type, text.to_owned())
}

fn refused(status: StatusCode, message: &str) -> Response<Body> {
    response(status, "text/plain; charset=utf-8", format!("{message}\n"))
}

fn response(status: StatusCode, content_type: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(body::full(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_begins_with_a_name_as_whole_segments() {
        for (name, path, rest) in [
            ("hello", "hello", Some("/")),
            ("hello", "hello/", Some("/")),
            ("hello", "hello/a%2Fb//c/", Some("/a%2Fb//c/")),
            ("hello", "h%65llo/x", Some("/x")),
            ("billing/refund", "billing/refund/x", Some("/x")),
            ("billing/refund", "billing%2Frefund/x", Some("/x")),
            ("billing/refund", "billing%2frefund", Some("/")),
            ("café", "caf%C3%A9/x", Some("/x")),
            ("café", "café/x", Some("/x")),
            ("100%", "100%/x", Some("/x")),
            ("100%", "100%25/x", Some("/x")),
            ("hello", "hellox/", None),
            ("hello", "hell", None),
            ("hello", "hello%2Fx", None),
            ("hello", "Hello/", None),
            ("é", "%C3", None),
        ] {
            assert_eq!(after(name, path), rest, "{name} in {path}");
        }
    }
}
