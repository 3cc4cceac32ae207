//! This module sends a response.

use wasip2::{
    http::types::{Fields, OutgoingBody, OutgoingResponse, ResponseOutparam},
    io::streams::{OutputStream, StreamError},
};

use crate::request::Request;

/// What comes before the body.
pub struct Head {
    status: u16,
    headers: Fields,
}

impl Head {
    /// Begins a response with the status and the headers that the request asks for.
    pub fn of(request: &Request) -> Self {
        let headers = Fields::new();
        for (name, value) in request.wanted_headers() {
            headers.append(&name, &value).expect("a header for the response");
        }
        Self { status: request.number("status").unwrap_or(200), headers }
    }

    pub fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    pub fn typed(self, content_type: &str) -> Self {
        self.header("content-type", content_type)
    }

    pub fn header(self, name: &str, value: &str) -> Self {
        self.headers.append(name, value.as_bytes()).expect("a header");
        self
    }

    pub fn send(self, out: ResponseOutparam) -> Response {
        let response = OutgoingResponse::new(self.headers);
        response.set_status_code(self.status).expect("a status");
        let body = response.body().expect("the body is taken once");
        ResponseOutparam::set(out, Ok(response));
        let stream = body.write().expect("the stream is taken once");
        Response { stream, body }
    }
}

/// A response whose head was sent.
pub struct Response {
    // The stream is a child of the body, so it is dropped first.
    stream: OutputStream,
    body: OutgoingBody,
}

impl Response {
    /// Sends these bytes, and waits until the host has taken them. What the caller no longer wants is dropped.
    pub fn write(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(4096) {
            match self.stream.blocking_write_and_flush(piece) {
                Ok(()) | Err(StreamError::Closed) => {}
                Err(StreamError::LastOperationFailed(error)) => {
                    eprintln!("the response can't be written: {}", error.to_debug_string());
                }
            }
        }
    }

    pub fn finish(self) {
        self.finish_with(&[]);
    }

    pub fn finish_with(self, trailers: &[(&str, &str)]) {
        drop(self.stream);
        let trailers = (!trailers.is_empty()).then(|| {
            let pairs = trailers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
            Fields::from_list(&pairs.collect::<Vec<_>>()).expect("trailers")
        });
        if let Err(error) = OutgoingBody::finish(self.body, trailers) {
            eprintln!("the response can't be finished: {error:?}");
        }
    }

    /// Sends these bytes as the whole body.
    pub fn all(mut self, bytes: &[u8]) {
        self.write(bytes);
        self.finish();
    }
}
