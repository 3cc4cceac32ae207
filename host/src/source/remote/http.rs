//! This module fetches guests from HTTPS servers.

use std::fmt;

use reqwest::{
    StatusCode, Url,
    header::{CONTENT_TYPE, DATE, ETAG, HeaderMap, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED},
};

use super::{
    download::{Download, read},
    fetch_error::FetchError,
    http_client::{client, is_loopback},
};
use crate::{
    failure::{ErrorType, Failure},
    source::{access::RemoteAccess, artifact::Validator, errors::unusable},
};

/// A `Resource` is a file on an HTTPS server, or on an HTTP server on the loopback interface.
#[derive(Clone)]
pub struct Resource {
    url: Url,
    access: RemoteAccess,
}

impl Resource {
    /// Parses an address.
    ///
    /// # Errors
    /// [`ErrorType::Config`] if it is not an address, or one without TLS that is not on the loopback interface.
    pub(super) fn parse(reference: &str, access: &RemoteAccess) -> Result<Self, Failure> {
        let url: Url = reference.parse().map_err(|error| {
            unusable(reference, format!("it is not an address: {error}")).hint("write `https://HOST/PATH.wasm`")
        })?;
        if url.scheme() == "http" && !is_loopback(&url) {
            return Err(
                unusable(reference, "plain `http://` is for the loopback interface only").hint("write `https://`")
            );
        }
        Ok(Self { url, access: access.clone() })
    }

    /// Returns the path of the address.
    pub(super) fn path(&self) -> &str {
        self.url.path()
    }

    /// Fetches the resource whose path ends with this suffix in addition, unless it still has the validator that is
    /// `known`.
    pub(super) async fn get(
        &self,
        suffix: &str,
        known: Option<&Validator>,
        limit_bytes: u64,
    ) -> Result<Download, FetchError> {
        let mut url = self.url.clone();
        url.set_path(&format!("{}{suffix}", self.url.path()));
        let client = client(&self.access).map_err(|error| FetchError::of_request(self, error))?;
        let mut request = client.get(url);
        if let Some(Validator::Http { etag, version }) = known {
            // Source: RFC 9110, section 13.1.3: a server ignores the date if there is an entity tag.
            request = match (etag, version) {
                (Some(etag), _) => request.header(IF_NONE_MATCH, etag),
                (None, Some(date)) => request.header(IF_MODIFIED_SINCE, date),
                (None, None) => request,
            };
        }
        let response = request.send().await.map_err(|error| FetchError::of_request(self, error))?;
        match response.status() {
            StatusCode::NOT_MODIFIED => return Ok(Download::NotModified),
            StatusCode::OK => {}
            status => return Err(FetchError::of_status(self, status)),
        }
        // The resource may be written again within the second in which it was last written.
        let date = text(response.headers(), &DATE);
        let version = text(response.headers(), &LAST_MODIFIED).filter(|modified| Some(modified) != date.as_ref());
        let validator = Validator::Http { etag: text(response.headers(), &ETAG), version };
        if text(response.headers(), &CONTENT_TYPE).is_some_and(|kind| kind.starts_with("text/html")) {
            let message = format!("the guest `{self}`: the server returned a web page (`text/html`)");
            let failure = Failure::new(ErrorType::InvalidGuest, message);
            let failure = failure.hint("check the address, and that it needs no login");
            return Err(FetchError::Rejected(validator, Box::new(failure)));
        }
        let bytes = read(response, self, limit_bytes).await.map_err(|error| error.for_validator(&validator))?;
        Ok(Download::Complete { bytes, validator, signature: None })
    }
}

/// Leaves the credentials and the query out, because they may be secret.
impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.url.host_str().unwrap_or_default();
        let port = self.url.port().map(|port| format!(":{port}")).unwrap_or_default();
        write!(f, "{}://{host}{port}{}", self.url.scheme(), self.url.path())
    }
}

impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(reference: &str) -> Result<Resource, Failure> {
        Resource::parse(reference, &RemoteAccess::default())
    }

    #[test]
    fn plain_http_is_for_the_loopback_interface_only() {
        for reference in
            ["http://127.0.0.1:1/x.wasm", "http://localhost/x.wasm", "http://[::1]:1/x", "https://example.com/x"]
        {
            assert!(parse(reference).is_ok(), "{reference}");
        }
        for reference in
            ["http://example.com/x.wasm", "http://169.254.169.254/", "http://localhost.example.com/", "https://"]
        {
            assert_eq!(parse(reference).unwrap_err().error_type, ErrorType::Config, "{reference}");
        }
    }

    #[test]
    fn what_may_be_a_secret_is_not_shown() {
        let resource = parse("https://user:word@example.com:8443/x.wasm?signature=secret").unwrap();
        assert_eq!(resource.to_string(), "https://example.com:8443/x.wasm");
        assert_eq!(format!("{resource:?}"), "https://example.com:8443/x.wasm");
    }
}
