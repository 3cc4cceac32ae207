//! This module makes the URI of a request: absolute, and with nothing changed but what can't stand in a URI.

use std::borrow::Cow;

use bytes::Bytes;
use http::Uri;
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    base_path::{BasePath, without},
    event::{Event, Pairs, Text, invalid},
    kind::{Kind, RequestContext},
    origin::Origin,
};
use crate::failure::Failure;

/// The longest URI that `http::Uri` takes, in bytes.
pub const URI_LIMIT_BYTES: usize = 65_534;

/// What can't stand in a query.
const NOT_IN_QUERY: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');
/// What can't stand in a path.
const NOT_IN_PATH: &AsciiSet = &NOT_IN_QUERY.add(b'?');
/// What is not unreserved (RFC 3986, section 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Makes the URI of a request.
pub fn uri(
    kind: Kind,
    event: &Event<'_>,
    context: &RequestContext<'_>,
    origin: &Origin,
    base_path: Option<&BasePath>,
) -> Result<Uri, Failure> {
    let (path, query) = path_and_query(kind, event, context)?;
    let path = base_path.map_or(&*path, |base| base.take_off(&path));
    let slash = if path.starts_with('/') { "" } else { "/" };
    let question_mark = if query.is_empty() { "" } else { "?" };
    let uri = format!("{}://{}{slash}{path}{question_mark}{query}", origin.scheme, origin.authority);
    if uri.len() > URI_LIMIT_BYTES {
        return Err(too_long());
    }
    Uri::from_maybe_shared(Bytes::from(uri)).map_err(|error| invalid("the request's URL can't be used").details(error))
}

/// Returns the path and the query, encoded as in a URI.
fn path_and_query(kind: Kind, event: &Event<'_>, context: &RequestContext<'_>) -> Result<(String, String), Failure> {
    match kind {
        Kind::Rest | Kind::HttpApiV1 => {
            let query = joined(&parameters(event)?, RESERVED)?;
            Ok((encoded(&text(event, "path")?, NOT_IN_PATH), query))
        }
        // A load balancer does not decode the parameters.
        Kind::Alb | Kind::AlbMultiValue => {
            let query = joined(&parameters(event)?, NOT_IN_QUERY)?;
            Ok((encoded(&text(event, "path")?, NOT_IN_PATH), query))
        }
        Kind::FunctionUrl => {
            let query = encoded(&text(event, "rawQueryString")?, NOT_IN_QUERY);
            Ok((encoded(&text(event, "rawPath")?, NOT_IN_PATH), query))
        }
        Kind::HttpApiV2 => {
            let path = text(event, "rawPath")?;
            let stage = context.stage().filter(|stage| *stage != "$default" && !stage.is_empty());
            let path = stage.map_or(&*path, |stage| without(&path, &format!("/{stage}")));
            Ok((encoded_again(path), encoded(&text(event, "rawQueryString")?, NOT_IN_QUERY)))
        }
        Kind::LatticeV1 => lattice(event, "raw_path", "query_string_parameters"),
        Kind::LatticeV2 => lattice(event, "path", "queryStringParameters"),
    }
}

/// The path has the query, too. The parameters are the same query again, decoded.
fn lattice(event: &Event<'_>, path: &str, parameters: &str) -> Result<(String, String), Failure> {
    let whole = text(event, path)?;
    if let Some((path, query)) = whole.split_once('?') {
        return Ok((encoded(path, NOT_IN_PATH), encoded(query, NOT_IN_QUERY)));
    }
    let parameters: Option<Pairs<'_>> = event.read_as(parameters)?;
    let query = parameters.map_or_else(|| Ok(String::new()), |parameters| joined(&parameters, RESERVED))?;
    Ok((encoded(&whole, NOT_IN_PATH), query))
}

/// Returns a field that becomes a part of the URI.
fn text<'a>(event: &Event<'a>, name: &str) -> Result<Cow<'a, str>, Failure> {
    let text = event.read_as(name)?.map_or(Cow::Borrowed(""), |Text(text)| text);
    if text.len() > URI_LIMIT_BYTES { Err(too_long()) } else { Ok(text) }
}

/// Returns the parameters with all values, if the service sent them, else with one value for each.
fn parameters<'a>(event: &Event<'a>) -> Result<Pairs<'a>, Failure> {
    let all: Option<Pairs<'a>> = event.read_as("multiValueQueryStringParameters")?;
    match all.filter(|all| !all.0.is_empty()) {
        Some(all) => Ok(all),
        None => Ok(event.read_as("queryStringParameters")?.unwrap_or(Pairs(Vec::new()))),
    }
}

/// Returns the parameters as a query.
fn joined(parameters: &Pairs<'_>, not_allowed: &'static AsciiSet) -> Result<String, Failure> {
    let mut query = String::new();
    for (name, value) in parameters.iter() {
        if query.len() + name.len() + value.len() > URI_LIMIT_BYTES {
            return Err(too_long());
        }
        query.push_str(if query.is_empty() { "" } else { "&" });
        query.extend(utf8_percent_encode(name, not_allowed));
        query.push('=');
        query.extend(utf8_percent_encode(value, not_allowed));
    }
    Ok(query)
}

/// Returns what came as it was on the wire, with nothing encoded but what can't stand there.
fn encoded(text: &str, not_allowed: &'static AsciiSet) -> String {
    utf8_percent_encode(text, not_allowed).to_string()
}

/// Encodes a path that API Gateway has decoded. A `%` with two digits stays: it may have come from a code or from text.
fn encoded_again(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        encoded.extend(utf8_percent_encode(before, NOT_IN_PATH));
        let is_code = after.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        encoded.push_str(if is_code { "%" } else { "%25" });
        rest = after;
    }
    encoded.extend(utf8_percent_encode(rest, NOT_IN_PATH));
    encoded
}

fn too_long() -> Failure {
    invalid(format!("the request's URL has more than {URI_LIMIT_BYTES} bytes"))
        .hint("send what is that long in the body")
}
