//! Guests on HTTPS servers, and the HTTP client of all remote sources.

use std::{fmt, net::IpAddr, sync::Once, time::Duration};

use reqwest::{
    Client, Response, StatusCode, Url,
    header::{CONTENT_TYPE, DATE, ETAG, HeaderMap, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED},
    redirect::{Attempt, Policy},
};

use super::{Fetched, Mark, RemoteAccess, Trouble, too_large, unusable};
use crate::failure::{ErrorType, Failure};

/// How long it may take to connect, and how long a server may be silent.
const CONNECT: Duration = Duration::from_secs(3);
pub(in crate::source) const SILENCE: Duration = Duration::from_secs(5);

/// How many redirects are followed.
const REDIRECTS: usize = 5;

/// A resource on an HTTPS server, or on an HTTP server on the loopback interface.
#[derive(Clone)]
pub struct Resource {
    url: Url,
    access: RemoteAccess,
}

/// The client of all remote sources.
///
/// A server may be silent so long.
///
/// # Errors
/// When this machine has no certificates.
pub(in crate::source) fn client(silence: Duration) -> Result<Client, reqwest::Error> {
    static PROVIDER: Once = Once::new();
    // It fails only where another one is set already, which then does as well.
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    Client::builder()
        .user_agent(concat!("guesthouse/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .read_timeout(silence)
        .redirect(Policy::custom(follow))
        .build()
}

fn follow(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let Some(first) = attempt.previous().first() else { return attempt.follow() };
    let to = attempt.url();
    let reason = if attempt.previous().len() > REDIRECTS {
        format!("more than {REDIRECTS} redirects")
    } else if to.scheme() != first.scheme() {
        format!("a redirect from `{}` to `{}`", first.scheme(), to.scheme())
    } else if to.scheme() == "http" && is_loopback(first) && !is_loopback(to) {
        "a redirect away from the loopback interface without TLS".to_owned()
    } else {
        return attempt.follow();
    };
    attempt.error(reason)
}

/// Whether the address is on the loopback interface by its name.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

impl Resource {
    /// # Errors
    /// [`ErrorType::Config`] for what is no such address.
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

    pub(super) fn path(&self) -> &str {
        self.url.path()
    }

    /// Reads what is there, or what is beside it with this ending.
    pub(super) async fn get(&self, ending: &str, known: Option<&Mark>, limit_bytes: u64) -> Result<Fetched, Trouble> {
        let mut url = self.url.clone();
        url.set_path(&format!("{}{ending}", self.url.path()));
        let client = self.access.client().map_err(|error| Trouble::of_request(self, error))?;
        let mut request = client.get(url);
        if let Some(Mark::Http { etag, revision }) = known {
            // Source: RFC 9110, section 13.1.3: the second counts only where the first is not there.
            request = match (etag, revision) {
                (Some(etag), _) => request.header(IF_NONE_MATCH, etag),
                (None, Some(date)) => request.header(IF_MODIFIED_SINCE, date),
                (None, None) => request,
            };
        }
        let answer = request.send().await.map_err(|error| Trouble::of_request(self, error))?;
        match answer.status() {
            StatusCode::NOT_MODIFIED => return Ok(Fetched::Unchanged),
            StatusCode::OK => {}
            status => return Err(Trouble::of_status(self, status)),
        }
        // Within the second in which it was written it may be written again.
        let date = text(answer.headers(), &DATE);
        let revision = text(answer.headers(), &LAST_MODIFIED).filter(|modified| Some(modified) != date.as_ref());
        let mark = Mark::Http { etag: text(answer.headers(), &ETAG), revision };
        if text(answer.headers(), &CONTENT_TYPE).is_some_and(|kind| kind.starts_with("text/html")) {
            let message = format!("the guest `{self}`: the server answers with a web page (`text/html`)");
            let failure = Failure::new(ErrorType::InvalidGuest, message);
            return Err(Trouble::Refused(mark, failure.hint("check the address, and that it needs no login")));
        }
        let bytes = read(answer, self, limit_bytes).await.map_err(|trouble| trouble.about(&mark))?;
        Ok(Fetched::Found { bytes, mark, signature: None })
    }
}

/// The query may be a secret.
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

/// The whole body, which is refused before more of it than the limit is held.
pub(super) async fn read(
    mut answer: Response,
    place: &impl fmt::Display,
    limit_bytes: u64,
) -> Result<Vec<u8>, Trouble> {
    let mut body = Body::new(place.to_string(), answer.content_length(), limit_bytes)?;
    while let Some(piece) = answer.chunk().await.map_err(|error| Trouble::of_request(place, error))? {
        body.push(&piece)?;
    }
    Ok(body.bytes)
}

/// A body that comes in pieces.
pub(super) struct Body {
    place: String,
    pub(super) bytes: Vec<u8>,
    limit_bytes: u64,
}

impl Body {
    pub(super) fn new(place: String, announced_bytes: Option<u64>, limit_bytes: u64) -> Result<Self, Trouble> {
        let body = Self { place, bytes: Vec::new(), limit_bytes };
        match announced_bytes {
            Some(bytes) if bytes > limit_bytes => Err(body.too_large()),
            _ => Ok(body),
        }
    }

    pub(super) fn push(&mut self, piece: &[u8]) -> Result<(), Trouble> {
        if (self.bytes.len() + piece.len()) as u64 > self.limit_bytes {
            return Err(self.too_large());
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    fn too_large(&self) -> Trouble {
        Trouble::Lasting(too_large(&self.place, self.limit_bytes))
    }
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

    #[test]
    fn a_body_at_the_limit_is_read_and_one_over_it_is_refused_before_it_is_held() {
        let mut body = Body::new("x".to_owned(), None, 10).ok().unwrap();
        assert!(body.push(&[0; 10]).is_ok());
        assert!(body.push(&[0]).is_err());
        assert!(Body::new("x".to_owned(), Some(10), 10).is_ok());
        assert!(Body::new("x".to_owned(), Some(11), 10).is_err());
    }
}
