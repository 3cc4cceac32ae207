//! This module reads a request.

use serde_json::json;
use wasip2::{
    http::types::{IncomingBody, IncomingRequest, Method, Scheme},
    io::streams::{InputStream, StreamError},
};

/// One request, with its body unread.
pub struct Request {
    /// The path without the query, percent-encoded as it came.
    pub path: String,
    query: String,
    inner: IncomingRequest,
    // The stream is a child of the body, so it is dropped first.
    stream: InputStream,
    _body: IncomingBody,
}

impl Request {
    pub fn new(inner: IncomingRequest) -> Self {
        let target = inner.path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let body = inner.consume().expect("the body is taken once");
        let stream = body.stream().expect("the stream is taken once");
        Self { path: path.to_owned(), query: query.to_owned(), inner, stream, _body: body }
    }

    /// Returns a value of the query as it stands there.
    pub fn text(&self, name: &str) -> Option<&str> {
        let pairs = self.query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs.into_iter().find_map(|(key, value)| (key == name).then_some(value))
    }

    pub fn has(&self, name: &str) -> bool {
        self.text(name).is_some()
    }

    pub fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.text(name)?.parse().ok()
    }

    /// Returns the headers `response-NAME` by the name.
    pub fn wanted_headers(&self) -> Vec<(String, Vec<u8>)> {
        let headers = self.inner.headers().entries().into_iter();
        headers.filter_map(|(name, value)| Some((name.strip_prefix("response-")?.to_owned(), value))).collect()
    }

    /// Returns the next bytes of the body, or nothing at its end.
    pub fn piece(&mut self) -> Option<Vec<u8>> {
        loop {
            match self.stream.blocking_read(65536) {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => return Some(bytes),
                Err(StreamError::Closed) => return None,
                Err(StreamError::LastOperationFailed(error)) => {
                    panic!("the body broke off: {}", error.to_debug_string())
                }
            }
        }
    }

    /// Reads the body, and returns JSON of the whole request.
    pub fn describe(&mut self) -> String {
        let mut body = String::new();
        while let Some(bytes) = self.piece() {
            body.extend(bytes.iter().map(|byte| format!("{byte:02x}")));
        }
        let headers = self.inner.headers().entries().into_iter();
        let headers: Vec<_> =
            headers.map(|(name, value)| (name, String::from_utf8_lossy(&value).into_owned())).collect();
        json!({
            "method": method(&self.inner.method()),
            "scheme": self.inner.scheme().map(|scheme| match scheme {
                Scheme::Http => "http".to_owned(),
                Scheme::Https => "https".to_owned(),
                Scheme::Other(name) => name,
            }),
            "authority": self.inner.authority(),
            "pathWithQuery": self.inner.path_with_query(),
            "headers": headers,
            "body": body,
        })
        .to_string()
    }
}

fn method(method: &Method) -> &str {
    match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
        Method::Connect => "CONNECT",
        Method::Options => "OPTIONS",
        Method::Trace => "TRACE",
        Method::Patch => "PATCH",
        Method::Other(name) => name,
    }
}
