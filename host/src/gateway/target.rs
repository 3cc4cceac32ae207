//! This module makes the URI of a request: absolute, and with nothing changed but what can't stand in a URI.

use std::borrow::Cow;

use bytes::Bytes;
use http::{Uri, uri::Authority};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    base_path::{BasePath, without},
    event::{Event, Pairs, Text, invalid},
    kind::{Kind, RequestContext},
};
use crate::failure::Failure;

/// The authority of a request that came without one, such as the health check of a load balancer.
const NO_HOST: &str = "lambda.invalid";

/// The longest URI that `http::Uri` takes, in bytes.
const URI_LIMIT_BYTES: usize = 65_534;

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

/// Holds the scheme and the authority of a request.
pub struct Origin {
    /// The value of the header `host`.
    pub host: String,
    scheme: &'static str,
    authority: String,
}

impl Origin {
    /// Decides by which name and how the client called.
    pub fn new(headers: &Pairs<'_>, context: &RequestContext<'_>) -> Self {
        let first = |name: &str| {
            let found = headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.split(',').next().unwrap_or(value).trim())
        };
        let domain = context.domain();
        let known = [first("host"), domain.as_deref()];
        let host = known.into_iter().flatten().find(|host| is_authority(host)).unwrap_or(NO_HOST);
        let (scheme, own_port) = match first("x-forwarded-proto") {
            Some(proto) if proto.eq_ignore_ascii_case("http") => ("http", 80),
            _ => ("https", 443),
        };
        let port: Option<u16> = first("x-forwarded-port").and_then(|port| port.parse().ok());
        let has_port = host.rsplit(']').next().is_some_and(|end| end.contains(':'));
        let authority = match port {
            Some(port) if port != own_port && !has_port => format!("{host}:{port}"),
            _ => host.to_owned(),
        };
        Self { host: host.to_owned(), scheme, authority }
    }
}

/// Returns whether this is a host with or without a port, and nothing else.
fn is_authority(host: &str) -> bool {
    let Ok(authority) = Authority::try_from(host) else { return false };
    let name = authority.host();
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte);
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let is_host = match address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !name.is_empty() && name.bytes().all(is_name),
    };
    let port = host.strip_prefix(name).unwrap_or(host);
    is_host && (port.is_empty() || authority.port_u16().is_some() && port.len() <= ":65535".len())
}

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
    let mut uri = format!("{}://{}", origin.scheme, origin.authority);
    if !path.starts_with('/') {
        uri.push('/');
    }
    uri.push_str(path);
    if !query.is_empty() {
        uri.push('?');
        uri.push_str(&query);
    }
    let length = uri.len();
    if length > URI_LIMIT_BYTES {
        return Err(invalid(format!("the request's URL has {length} bytes, and may have {URI_LIMIT_BYTES}"))
            .hint("send what is that long in the body"));
    }
    Uri::from_maybe_shared(Bytes::from(uri)).map_err(|error| invalid("the request's URL can't be used").details(error))
}

/// Returns the path and the query, encoded as in a URI.
fn path_and_query<'a>(
    kind: Kind,
    event: &Event<'a>,
    context: &RequestContext<'a>,
) -> Result<(String, Cow<'a, str>), Failure> {
    let text =
        |name: &str| event.read_as::<Text<'a>>(name).map(|text| text.map_or(Cow::Borrowed(""), |Text(text)| text));
    Ok(match kind {
        Kind::Rest | Kind::HttpApiV1 => (in_path(&text("path")?), decoded_query(event)?.into()),
        Kind::Alb | Kind::AlbMultiValue => (in_path(&text("path")?), raw_query(&pairs(event)?).into()),
        Kind::FunctionUrl => (in_path(&text("rawPath")?), in_query(text("rawQueryString")?)),
        Kind::HttpApiV2 => {
            let path = text("rawPath")?;
            let stage = context.stage().filter(|stage| *stage != "$default");
            let path = stage.map_or(&*path, |stage| without(&path, &format!("/{stage}")));
            (decoded_path(path), in_query(text("rawQueryString")?))
        }
        Kind::LatticeV1 | Kind::LatticeV2 => {
            let (path, parameters) = match kind {
                Kind::LatticeV1 => ("raw_path", "query_string_parameters"),
                _ => ("path", "queryStringParameters"),
            };
            let whole = text(path)?;
            match whole.split_once('?') {
                Some((path, query)) => (in_path(path), in_query(query.to_owned().into())),
                None => {
                    let pairs: Option<Pairs<'_>> = event.read_as(parameters)?;
                    (in_path(&whole), pairs.map_or_else(String::new, |pairs| encoded(&pairs)).into())
                }
            }
        }
    })
}

/// Returns a path as it was on the wire. Only what can't stand in a path is encoded.
fn in_path(path: &str) -> String {
    utf8_percent_encode(path, NOT_IN_PATH).to_string()
}

fn in_query(query: Cow<'_, str>) -> Cow<'_, str> {
    match utf8_percent_encode(&query, NOT_IN_QUERY).into() {
        Cow::Borrowed(_) => query,
        Cow::Owned(encoded) => Cow::Owned(encoded),
    }
}

/// Encodes a path that API Gateway has decoded. A `%` with two digits can't be told from one that was encoded: it stays.
fn decoded_path(path: &str) -> String {
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

/// Returns the parameters of a load balancer, which it has not decoded.
fn raw_query(pairs: &Pairs<'_>) -> String {
    joined(pairs, |text, query| query.extend(utf8_percent_encode(text, NOT_IN_QUERY)))
}

/// Returns the parameters of a service that has decoded them.
fn encoded(pairs: &Pairs<'_>) -> String {
    joined(pairs, |text, query| query.extend(utf8_percent_encode(text, RESERVED)))
}

fn decoded_query(event: &Event<'_>) -> Result<String, Failure> {
    Ok(encoded(&pairs(event)?))
}

/// Returns the parameters with all values, if the service sent them, else with one value for each.
fn pairs<'a>(event: &Event<'a>) -> Result<Pairs<'a>, Failure> {
    let all: Option<Pairs<'a>> = event.read_as("multiValueQueryStringParameters")?;
    match all.filter(|all| !all.0.is_empty()) {
        Some(all) => Ok(all),
        None => Ok(event.read_as("queryStringParameters")?.unwrap_or(Pairs(Vec::new()))),
    }
}

fn joined(pairs: &Pairs<'_>, write: impl Fn(&str, &mut String)) -> String {
    let mut query = String::new();
    for (index, (name, value)) in pairs.iter().enumerate() {
        if index > 0 {
            query.push('&');
        }
        write(name, &mut query);
        query.push('=');
        write(value, &mut query);
    }
    query
}
