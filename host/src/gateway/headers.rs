//! This module makes the headers of a request, with those in which the host tells the guest of the event's context.

use std::borrow::Cow;

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CONTENT_LENGTH, COOKIE, HOST},
};
use serde::Serialize;

use super::{
    event::{Event, Pairs, Values, invalid},
    kind::{Kind, RequestContext},
    one_line::one_line,
};
use crate::{failure::Failure, invocation};

/// The header with the event's request context, and in it what an authorizer found out.
const REQUEST_CONTEXT: &str = "x-amzn-request-context";
/// The header with the invocation's context.
const LAMBDA_CONTEXT: &str = "x-amzn-lambda-context";
/// The header with the tenant's id.
const TENANT_ID: &str = "x-amz-tenant-id";
/// The header with the trace.
const TRACE_ID: &str = "x-amzn-trace-id";

/// Limits the headers of a request, names and values together, in bytes. No service passes on as much.
pub const HEADERS_LIMIT_BYTES: usize = 128 * 1024;

/// Returns the headers of an event, as its service has them.
pub fn pairs<'a>(kind: Kind, event: &Event<'a>) -> Result<Pairs<'a>, Failure> {
    let none = || Pairs(Vec::new());
    let one_each = || event.read_as::<Pairs<'a>>("headers").map(|pairs| pairs.unwrap_or_else(none));
    match kind {
        Kind::Rest | Kind::HttpApiV1 => {
            let all: Option<Pairs<'a>> = event.read_as("multiValueHeaders")?;
            all.filter(|all| !all.0.is_empty()).map_or_else(one_each, Ok)
        }
        Kind::AlbMultiValue => Ok(event.read_as("multiValueHeaders")?.unwrap_or_else(none)),
        Kind::HttpApiV2 | Kind::FunctionUrl => {
            let mut pairs = one_each()?;
            let cookies = event.read_as("cookies")?.unwrap_or(Values::Many(Vec::new()));
            if !cookies.as_slice().is_empty() {
                // A Function URL's event has them in the header, too.
                pairs.0.retain(|(name, _)| !name.eq_ignore_ascii_case("cookie"));
                pairs.0.push((Cow::Borrowed("cookie"), cookies));
            }
            Ok(pairs)
        }
        Kind::Alb | Kind::LatticeV1 | Kind::LatticeV2 => one_each(),
    }
}

/// Makes a request's headers.
pub fn headers(
    pairs: &Pairs<'_>,
    host: &str,
    body_bytes: usize,
    request: &RequestContext<'_>,
    context: &invocation::Context,
) -> Result<HeaderMap, Failure> {
    let mut headers = Headers { map: HeaderMap::with_capacity(pairs.0.len() + 6), bytes: 0 };
    let mut cookies = String::new();
    for (name, value) in pairs.iter() {
        if is_the_hosts(name) || is_for_one_connection(name) || name.eq_ignore_ascii_case("host") {
            continue;
        }
        if name.eq_ignore_ascii_case("cookie") {
            cookies.push_str(if cookies.is_empty() { "" } else { "; " });
            cookies.push_str(value);
            continue;
        }
        // What can't be a header is left out. The rest of the request is as good as without it.
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
            headers.append(name, value)?;
        }
    }
    if let (false, Ok(cookies)) = (cookies.is_empty(), HeaderValue::from_maybe_shared(cookies.into_bytes())) {
        headers.append(COOKIE, cookies)?;
    }
    headers.append(HOST, value("host", host.as_bytes())?)?;
    headers.append(CONTENT_LENGTH, HeaderValue::from(body_bytes))?;
    if let Some(trace_id) = &context.trace_id {
        // The client's own, if it sent one, has been the origin of this one.
        headers.map.remove(TRACE_ID);
        headers.append(HeaderName::from_static(TRACE_ID), value(TRACE_ID, trace_id.as_bytes())?)?;
    }
    if let Some(raw) = request.raw {
        let json = one_line(raw.get(), HEADERS_LIMIT_BYTES).ok_or_else(too_large)?;
        headers.append(HeaderName::from_static(REQUEST_CONTEXT), value(REQUEST_CONTEXT, &json)?)?;
    }
    headers.append(HeaderName::from_static(LAMBDA_CONTEXT), value(LAMBDA_CONTEXT, &lambda_context(context)?)?)?;
    if let Some(tenant_id) = &context.tenant_id {
        headers.append(HeaderName::from_static(TENANT_ID), value(TENANT_ID, tenant_id.as_bytes())?)?;
    }
    Ok(headers.map)
}

/// Headers with their size.
struct Headers {
    map: HeaderMap,
    bytes: usize,
}

impl Headers {
    fn append(&mut self, name: HeaderName, value: HeaderValue) -> Result<(), Failure> {
        self.bytes += name.as_str().len() + value.len();
        if self.bytes > HEADERS_LIMIT_BYTES || self.map.try_append(name, value).is_err() {
            return Err(too_large());
        }
        Ok(())
    }
}

fn too_large() -> Failure {
    invalid(format!("the request's headers are larger than {HEADERS_LIMIT_BYTES} bytes"))
        .hint("send what is that long in the body")
}

fn value(name: &str, bytes: &[u8]) -> Result<HeaderValue, Failure> {
    HeaderValue::from_bytes(bytes)
        .map_err(|_| invalid(format!("what belongs into the header `{name}` has control characters")))
}

/// Returns whether only the host may send this header to the guest. An underscore counts as a hyphen, because servers
/// in the manner of CGI make the same of both.
fn is_the_hosts(name: &str) -> bool {
    let is = |own: &str| {
        let same = |(one, other): (u8, u8)| one.eq_ignore_ascii_case(&other) || (one, other) == (b'_', b'-');
        name.len() == own.len() && name.bytes().zip(own.bytes()).all(same)
    };
    [REQUEST_CONTEXT, LAMBDA_CONTEXT, TENANT_ID].into_iter().any(is) || name.eq_ignore_ascii_case("content-length")
}

/// Returns whether a header is about the connection to the service that sent the event, or is `proxy`, which servers in
/// the manner of CGI take for a setting of theirs. The guest has no part in this connection.
pub fn is_for_one_connection(name: &str) -> bool {
    const NAMES: [&str; 8] =
        ["connection", "http2-settings", "keep-alive", "proxy", "te", "trailer", "transfer-encoding", "upgrade"];
    NAMES.iter().any(|known| name.eq_ignore_ascii_case(known))
        || name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("proxy-"))
}

/// The invocation's context, with the names that AWS's web adapter gave to its fields.
#[derive(Serialize)]
struct LambdaContext<'a> {
    request_id: &'a str,
    /// In milliseconds since the Unix epoch.
    deadline: u64,
    invoked_function_arn: &'a str,
    xray_trace_id: Option<&'a str>,
    client_context: Option<&'a str>,
    identity: Option<Identity<'a>>,
    tenant_id: Option<&'a str>,
    env_config: Environment<'a>,
}

#[derive(Serialize)]
struct Identity<'a> {
    identity_id: &'a str,
    identity_pool_id: &'a str,
}

#[derive(Serialize)]
struct Environment<'a> {
    function_name: &'a str,
    /// In MiB.
    memory: u32,
    version: &'a str,
    log_stream: &'a str,
    log_group: &'a str,
}

fn lambda_context(context: &invocation::Context) -> Result<Vec<u8>, Failure> {
    let fields = LambdaContext {
        request_id: &context.request_id,
        deadline: context.deadline.unix_ms,
        invoked_function_arn: &context.invoked_function_arn,
        xray_trace_id: context.trace_id.as_deref(),
        client_context: context.client_context.as_deref(),
        identity: context.identity.as_ref().map(|identity| Identity {
            identity_id: &identity.identity_id,
            identity_pool_id: &identity.identity_pool_id,
        }),
        tenant_id: context.tenant_id.as_deref(),
        env_config: Environment {
            function_name: &context.function_name,
            memory: context.memory_limit_mib,
            version: &context.function_version,
            log_stream: &context.log_stream_name,
            log_group: &context.log_group_name,
        },
    };
    let json = serde_json::to_string(&fields).unwrap_or_default();
    let is_one_line = json.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if is_one_line { Ok(json.into_bytes()) } else { one_line(&json, HEADERS_LIMIT_BYTES).ok_or_else(too_large) }
}
