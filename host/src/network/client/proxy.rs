//! This module decides which requests go through a proxy.
//!
//! A proxy resolves names itself. So the rules judge the name of a request, but its addresses are the proxy's business.

use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::Matcher;

/// The proxies that the environment variables `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` name.
pub struct Proxies(Matcher);

/// The proxy for one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// The proxy's host, without brackets.
    pub host: String,
    /// The proxy's port.
    pub port: u16,
    /// The value of `proxy-authorization`, if the proxy's address contains a password.
    pub authorization: Option<HeaderValue>,
}

impl Proxies {
    /// Reads the proxies from the environment variables, whose names may be in either case.
    pub fn new(variable: impl Fn(&str) -> Option<String>) -> Self {
        let either = |name: &str| variable(name).or_else(|| variable(&name.to_ascii_lowercase())).unwrap_or_default();
        let builder = Matcher::builder().all(either("ALL_PROXY")).https(either("HTTPS_PROXY"));
        Self(builder.http(either("HTTP_PROXY")).no(either("NO_PROXY")).build())
    }

    /// Returns the proxy for requests to this address, which has a scheme and an authority.
    pub fn for_request(&self, uri: &Uri) -> Option<Proxy> {
        let found = self.0.intercept(uri)?;
        let uri = found.uri();
        let host = uri.host()?.trim_start_matches('[').trim_end_matches(']').to_owned();
        Some(Proxy { host, port: uri.port_u16().unwrap_or(80), authorization: found.basic_auth().cloned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(variables: &[(&str, &str)], uri: &str) -> Option<String> {
        let find = |name: &str| variables.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned());
        let found = Proxies::new(find).for_request(&uri.parse().unwrap())?;
        Some(format!("{}:{} {}", found.host, found.port, found.authorization.is_some()))
    }

    #[test]
    fn a_request_goes_through_the_proxy_of_its_scheme_unless_its_host_is_excepted() {
        let variables = [("HTTPS_PROXY", "http://u:p@proxy.internal:3128"), ("no_proxy", "example.org,.internal")];
        assert_eq!(proxy(&variables, "https://example.com/").unwrap(), "proxy.internal:3128 true");
        assert_eq!(proxy(&variables, "https://a.example.org/"), None);
        assert_eq!(proxy(&variables, "https://db.internal/"), None);
        assert_eq!(proxy(&variables, "http://example.com/"), None);
        assert_eq!(proxy(&[("http_proxy", "http://[::1]:8080")], "http://a.example/").unwrap(), "::1:8080 false");
        assert_eq!(proxy(&[], "https://example.com/"), None);
    }
}
