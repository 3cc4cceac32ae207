//! This module decides by which scheme and name a client called. Both come from headers, so that they may be anything.

use std::net::Ipv6Addr;

use super::{event::Pairs, kind::RequestContext};

/// The host of a request that came without one, such as the health check of a load balancer. No such name exists
/// (RFC 2606).
const NO_HOST: &str = "lambda.invalid";

/// The longest name that DNS has, in bytes.
const NAME_LIMIT_BYTES: usize = 253;

/// Holds the scheme and the authority of a request.
pub struct Origin {
    /// The value of the header `host`.
    pub host: String,
    /// The scheme of the URI.
    pub scheme: &'static str,
    /// The host and the port of the URI.
    pub authority: String,
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
fn is_authority(text: &str) -> bool {
    let (is_host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => (address.parse::<Ipv6Addr>().is_ok(), port),
        None => {
            let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            ((1..=NAME_LIMIT_BYTES).contains(&name.len()) && name.bytes().all(is_allowed), port)
        }
    };
    let is_port = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok();
    is_host && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}
