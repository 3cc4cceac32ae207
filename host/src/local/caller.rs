//! This module decides who may invoke the local Lambda.
//!
//! The local Lambda listens on the loopback interface only. A web page in the developer's browser can still send
//! requests to it: from the page's own origin or, if the page's name resolves to this machine, as if from this machine
//! (DNS rebinding). Browsers send the site that a request comes from, and the name of its target. Sources: RFC 6454;
//! W3C "Fetch Metadata Request Headers".

use hyper::{
    HeaderMap,
    header::{HOST, HeaderValue, ORIGIN},
};

/// Returns the reason to refuse a request, or `None` if it is allowed.
pub fn refusal(headers: &HeaderMap) -> Option<&'static str> {
    let value = |value: &HeaderValue| value.to_str().unwrap_or_default().to_ascii_lowercase();
    let host = headers.get(HOST).map(value).unwrap_or_default();
    if !is_loopback(&host) {
        return Some("it is invoked at `localhost`, `127.0.0.1` or `[::1]`, and by no other name");
    }
    let site = headers.get("sec-fetch-site").map(value).unwrap_or_default();
    let is_foreign = |origin: &HeaderValue| {
        let origin = value(origin);
        // A page that asks for no referrer hides its own origin from itself, too.
        let is_hidden = origin == "null" && site == "same-origin";
        !is_hidden && !origin.split_once("://").is_some_and(|(_, host)| is_loopback(host))
    };
    if headers.get_all(ORIGIN).iter().any(is_foreign) || site == "cross-site" {
        return Some("a web page from elsewhere may not invoke functions on this machine");
    }
    None
}

/// Returns whether the authority is the loopback interface, with or without a port.
fn is_loopback(authority: &str) -> bool {
    let is_port = |port: &str| port.parse::<u16>().is_ok();
    let names = ["localhost", "127.0.0.1", "[::1]"];
    names.iter().any(|name| {
        authority.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(headers: &[(&'static str, &str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        refusal(&map).is_some()
    }

    #[test]
    fn tools_and_pages_of_this_machine_may_invoke() {
        for host in ["127.0.0.1:9000", "localhost", "LOCALHOST:9000", "[::1]:9000"] {
            assert!(!is_refused(&[("host", host)]), "{host}");
        }
        let local = [("host", "localhost:9000"), ("origin", "http://localhost:3000"), ("sec-fetch-site", "same-site")];
        assert!(!is_refused(&local));
        assert!(!is_refused(&[("host", "127.0.0.1:9000"), ("sec-fetch-site", "none")]));
        let to_itself = [("host", "localhost:9000"), ("origin", "null"), ("sec-fetch-site", "same-origin")];
        assert!(!is_refused(&to_itself));
    }

    #[test]
    fn pages_from_elsewhere_may_not() {
        for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "127.0.0.1:80:80", ""] {
            assert!(is_refused(&[("host", host)]), "{host}");
        }
        assert!(is_refused(&[]));
        for origin in ["https://evil.example", "null", "http://localhost.evil.example", "localhost", ""] {
            assert!(is_refused(&[("host", "localhost:9000"), ("origin", origin)]), "{origin}");
        }
        assert!(is_refused(&[("host", "localhost:9000"), ("sec-fetch-site", "cross-site")]));
        let hidden = [("host", "localhost:9000"), ("origin", "null"), ("sec-fetch-site", "same-site")];
        assert!(is_refused(&hidden));
    }
}
