//! This module decides who may invoke the local Lambda, and by which name.
//!
//! The local Lambda listens on the loopback interface only. A web page in the developer's browser can still send
//! requests to it: from the page's own origin or, if the page's name resolves to this machine, as if from this machine
//! (DNS rebinding). A function may send a page, too, and is not trusted. Browsers send the site that a request comes
//! from, and the name of its target. They resolve all names below `localhost` to this machine, so that each function
//! has an origin of its own. Sources: RFC 6454; RFC 6761, section 6.3; W3C "Fetch Metadata Request Headers".

use hyper::{
    HeaderMap,
    header::{HOST, HeaderValue, ORIGIN},
};

/// The header in which a browser says how the origin of a request is related to its target.
const SITE: &str = "sec-fetch-site";

/// Returns the reason to refuse a request to the Invoke API, or `None` if it is allowed. No page may invoke: the API
/// has the origin of the URLs with a path, whose pages are those of functions.
pub fn api_refusal(headers: &HeaderMap) -> Option<&'static str> {
    let Some(Authority { name: Name::Loopback(_), .. }) = Authority::of_target(headers) else {
        return Some(OTHER_NAME);
    };
    let by_page = headers.get_all(SITE).iter().any(|site| lower_case(site) != "none");
    (by_page || headers.contains_key(ORIGIN))
        .then_some("a web page may not use the Invoke API: let it send its request to the function's URL")
}

/// Returns the reason to refuse a request to a function's URL, or `None` if it is allowed. `port` is where the local
/// Lambda listens.
pub fn url_refusal(headers: &HeaderMap, port: u16) -> Option<&'static str> {
    let Some(target) = Authority::of_target(headers) else { return Some(OTHER_NAME) };
    let site = headers.get(SITE).map(lower_case).unwrap_or_default();
    let mut origins = headers.get_all(ORIGIN).iter().map(lower_case).peekable();
    // Browsers send no origin with links and images.
    if origins.peek().is_none() && site == "cross-site" {
        return Some(FOREIGN);
    }
    origins.find_map(|origin| {
        // A page that asks for no referrer hides its own origin from itself, too.
        if origin == "null" && site == "same-origin" {
            return None;
        }
        let Some(origin) = Authority::of_origin(&origin) else { return Some(FOREIGN) };
        let is_here = [target.port, port].contains(&origin.port);
        match (&origin.name, &target.name) {
            _ if origin == target => None,
            (Name::Loopback(_), Name::Loopback(_)) => None,
            // Another program of this machine, such as one that serves an app's front end.
            (Name::Loopback(_), Name::Function(_)) if !is_here => None,
            _ if is_here => Some("the page of a function may not send requests to another function"),
            _ => Some(FOREIGN),
        }
    })
}

/// Returns the label of the function that a request is for by its header `host`: `hello` for `hello.localhost:9000`.
pub fn label(headers: &HeaderMap) -> Option<String> {
    match Authority::of_target(headers)?.name {
        Name::Function(label) => Some(label),
        Name::Loopback(_) => None,
    }
}

const OTHER_NAME: &str = "it is invoked at `localhost`, `127.0.0.1` or `[::1]`, and by no other name; a function's URL \
    may have the name `NAME.localhost`";
const FOREIGN: &str = "a web page from elsewhere may not invoke functions on this machine";

/// A name of this machine, with a port.
#[derive(PartialEq, Eq)]
struct Authority {
    name: Name,
    port: u16,
}

#[derive(PartialEq, Eq)]
enum Name {
    /// The loopback interface.
    Loopback(String),
    /// A function: its label.
    Function(String),
}

impl Authority {
    /// Returns the name to which a request was sent.
    fn of_target(headers: &HeaderMap) -> Option<Self> {
        let mut hosts = headers.get_all(HOST).iter();
        let host = hosts.next().map(lower_case)?;
        // Of two names, nobody knows which one counts.
        if hosts.next().is_some() { None } else { Self::parse(&host, 80) }
    }

    /// Returns the name of the server that sent a page.
    fn of_origin(origin: &str) -> Option<Self> {
        let (scheme, authority) = origin.split_once("://")?;
        Self::parse(authority, if scheme == "https" { 443 } else { 80 })
    }

    /// Returns an authority in lower case, or `None` if it is not of this machine.
    fn parse(authority: &str, usual_port: u16) -> Option<Self> {
        let end_of_address = authority.find(']').map_or(0, |at| at + 1);
        let end = authority[end_of_address..].find(':').map_or(authority.len(), |at| end_of_address + at);
        let port = match &authority[end..] {
            "" => usual_port,
            port => port[1..].parse().ok()?,
        };
        let name = match &authority[..end] {
            host @ ("localhost" | "127.0.0.1" | "[::1]") => Name::Loopback(host.to_owned()),
            host => {
                let label = host.strip_suffix(".localhost")?;
                let is_label =
                    !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
                Name::Function(is_label.then(|| label.to_owned())?)
            }
        };
        Some(Self { name, port })
    }
}

fn lower_case(value: &HeaderValue) -> String {
    value.to_str().unwrap_or_default().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(headers: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        map
    }

    fn api_is_refused(headers: &[(&'static str, &str)]) -> bool {
        api_refusal(&map(headers)).is_some()
    }

    fn url_is_refused(headers: &[(&'static str, &str)]) -> bool {
        url_refusal(&map(headers), 9000).is_some()
    }

    fn from_page(host: &'static str, origin: &'static str) -> bool {
        url_is_refused(&[("host", host), ("origin", origin)])
    }

    #[test]
    fn tools_of_this_machine_may_use_all() {
        for host in ["127.0.0.1:9000", "localhost", "LOCALHOST:9000", "[::1]:9000", "[::1]"] {
            assert!(!api_is_refused(&[("host", host)]), "{host}");
            assert!(!url_is_refused(&[("host", host)]), "{host}");
            assert!(!url_is_refused(&[("host", host), ("sec-fetch-site", "none")]), "{host}");
        }
        for host in ["hello.localhost:9000", "HELLO.localhost", "billing-refund.localhost:80"] {
            assert!(!url_is_refused(&[("host", host)]), "{host}");
            assert!(api_is_refused(&[("host", host)]), "{host}");
        }
        assert_eq!(label(&map(&[("host", "Hello.localhost:9000")])).as_deref(), Some("hello"));
        assert_eq!(label(&map(&[("host", "localhost:9000")])), None);
    }

    #[test]
    fn by_other_names_nobody_may() {
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:80",
            "127.0.0.1:80:80",
            "localhost:",
            "localhost:65536",
            "[::1",
            "]",
            "",
            ".localhost",
            "a.b.localhost",
            "a.localhost.",
            "a_b.localhost",
            "a.localhost.evil.example",
        ] {
            assert!(url_is_refused(&[("host", host)]) && api_is_refused(&[("host", host)]), "{host}");
        }
        assert!(url_is_refused(&[]) && api_is_refused(&[]));
        assert!(url_is_refused(&[("host", "localhost:9000"), ("host", "a.localhost:9000")]));
    }

    #[test]
    fn no_page_may_use_the_api() {
        let host = ("host", "localhost:9000");
        for origin in ["http://localhost:9000", "http://localhost:3000", "https://evil.example", "null", ""] {
            assert!(api_is_refused(&[host, ("origin", origin)]), "{origin}");
        }
        for site in ["same-origin", "same-site", "cross-site", ""] {
            assert!(api_is_refused(&[host, ("sec-fetch-site", site)]), "{site}");
        }
        assert!(!api_is_refused(&[host, ("sec-fetch-site", "none")]));
    }

    #[test]
    fn pages_of_this_machine_may_send_requests_to_urls() {
        for (host, origin) in [
            ("localhost:9000", "http://localhost:3000"),
            ("localhost:9000", "http://127.0.0.1:9000"),
            ("hello.localhost:9000", "http://hello.localhost:9000"),
            ("hello.localhost", "http://hello.localhost"),
            ("hello.localhost:9000", "http://localhost:3000"),
        ] {
            assert!(!from_page(host, origin), "{origin} to {host}");
        }
        let other_site = [("host", "a.localhost:9000"), ("origin", "http://localhost:3000"), (SITE, "cross-site")];
        assert!(!url_is_refused(&other_site), "the origin says more than the site");
        let to_itself = [("host", "localhost:9000"), ("origin", "null"), (SITE, "same-origin")];
        assert!(!url_is_refused(&to_itself));
    }

    #[test]
    fn pages_of_other_functions_may_not() {
        for (host, origin) in [
            ("a.localhost:9000", "http://b.localhost:9000"),
            ("a.localhost:9000", "http://localhost:9000"),
            ("a.localhost:9000", "http://127.0.0.1:9000"),
            ("localhost:9000", "http://b.localhost:9000"),
            // The caller came through another port, which leads here.
            ("a.localhost:8080", "http://localhost:8080"),
            ("a.localhost:8080", "http://localhost:9000"),
            ("a.localhost", "http://localhost"),
            ("a.localhost:443", "https://localhost"),
        ] {
            assert!(from_page(host, origin), "{origin} to {host}");
        }
    }

    #[test]
    fn pages_from_elsewhere_may_not() {
        for host in ["localhost:9000", "hello.localhost:9000"] {
            for origin in ["https://evil.example", "null", "http://localhost.evil.example", "localhost", ""] {
                assert!(from_page(host, origin), "{origin} to {host}");
            }
            assert!(from_page(host, "http://b.localhost:3000"), "{host}");
            assert!(url_is_refused(&[("host", host), (SITE, "cross-site")]), "{host}");
            assert!(url_is_refused(&[("host", host), ("origin", "null"), (SITE, "same-site")]), "{host}");
        }
    }
}
