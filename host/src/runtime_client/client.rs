//! The Runtime API over one HTTP/1.1 connection, kept and reused.
//!
//! See docs/decisions/02-own-http-client.md.

use std::{borrow::Cow, io, time::Duration};

use bytes::Bytes;
use http::{HeaderName, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use thiserror::Error;
use tokio::time::sleep;

use super::{
    http1::{ChunkedBody, Connection, FirstByte, Head, HttpError},
    wire::{self, EventHeaders, InvocationKey},
};
use crate::{
    backoff::Backoff,
    failure::Failure,
    invocation::PAYLOAD_LIMIT_BYTES,
    response::{Body, Outcome, Response},
};

/// Is a client of the Runtime API with one connection, which is made when it is first needed and again when it was
/// lost.
pub struct RuntimeApiClient {
    authority: String,
    connection: Option<Connection>,
    /// The head of the request that is being built or sent. Its memory is reused.
    head: Vec<u8>,
}

/// Says why a call to the Runtime API failed, or why the runtime client ended.
#[derive(Debug, Error)]
pub enum ApiError {
    /// Nothing accepts connections at its address.
    #[error("can't connect to the Runtime API")]
    Connect(#[source] HttpError),
    /// The connection broke, or the response was not valid.
    #[error("the Runtime API's response did not arrive whole")]
    Http(#[from] HttpError),
    /// A thread or its executor could not be started.
    #[error("can't start a thread")]
    Threads(#[source] io::Error),
    /// Too many workers are abandoned and still running.
    #[error("{0} guests could not be stopped and are still running, so the environment ends")]
    Abandoned(usize),
    /// The host panicked outside any invocation.
    #[error("a worker of the host failed")]
    Worker,
    /// The Runtime API returned an unexpected status.
    #[error("the Runtime API returned {0}")]
    Status(StatusCode),
}

/// Holds what `/next` returned.
pub struct Next {
    /// The event's headers.
    pub headers: EventHeaders,
    /// The event, or why it did not arrive whole.
    pub event: Result<Bytes, ApiError>,
}

/// The characters of a request id that are not escaped in a path. Under the emulator the caller chooses the id.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

const USER_AGENT: &[u8] = concat!("user-agent: guesthouse/", env!("CARGO_PKG_VERSION"), "\r\n").as_bytes();

/// The maximum number of retries of a post whose connection broke, and the wait before the first; each further wait is
/// twice as long.
const POST_RETRIES: u32 = 3;
const INITIAL_BACKOFF: Duration = Duration::from_millis(10);

/// The maximum size of the Runtime API's response to a post, in bytes.
const POST_RESPONSE_LIMIT_BYTES: usize = 64 * 1024;

impl RuntimeApiClient {
    /// Returns a client of the Runtime API at `authority`, a host and a port as in `AWS_LAMBDA_RUNTIME_API`.
    pub fn new(authority: &str) -> Self {
        Self { authority: authority.to_owned(), connection: None, head: Vec::new() }
    }

    /// Connects, unless there is a connection.
    ///
    /// # Errors
    /// When the Runtime API can't be reached.
    pub async fn connect(&mut self) -> Result<(), ApiError> {
        if self.connection.is_none() {
            self.connection = Some(Connection::open(&self.authority).await.map_err(ApiError::Connect)?);
        }
        Ok(())
    }

    /// Waits for the next event. There is no timeout: the process may be frozen in here for hours.
    ///
    /// # Errors
    /// When the Runtime API can't be reached, or returns anything but 200. An event that is truncated, or larger than
    /// Lambda's limit, is not such an error: its invocation can still be failed.
    pub async fn next(&mut self) -> Result<Next, ApiError> {
        self.begin("GET", &[b"invocation/next"]);
        self.add(&[b"\r\n"]);
        let (head, mut connection) = self.call(&[], FirstByte::Wait).await?;
        if head.status != StatusCode::OK {
            return Err(ApiError::Status(head.status));
        }
        let event = connection.body(head.framing, PAYLOAD_LIMIT_BYTES).await;
        if event.is_ok() && head.keep_alive {
            self.connection = Some(connection);
        }
        Ok(Next { headers: EventHeaders::from(&head), event: event.map_err(ApiError::Http) })
    }

    /// Posts a response, or an error.
    ///
    /// # Errors
    /// When the Runtime API can't be reached, or does not accept the post.
    pub async fn post_outcome(&mut self, to: &InvocationKey, outcome: &Outcome) -> Result<(), ApiError> {
        let id = Cow::from(percent_encode(&to.request_id, IN_PATH));
        let error_body;
        let (content_type, body) = match outcome {
            Ok(Response { head, body: Body::Whole(body) }) => {
                self.begin("POST", &[b"invocation/", id.as_bytes(), b"/response"]);
                (head.content_type, body)
            }
            Ok(Response { body: Body::Sent, .. }) => return Ok(()),
            Err(failure) => {
                self.begin("POST", &[b"invocation/", id.as_bytes(), b"/error"]);
                self.header(&wire::FUNCTION_ERROR_TYPE, wire::error_type_header(failure).as_bytes());
                error_body = wire::error_body(failure);
                (JSON, &error_body)
            }
        };
        if let Some(invocation_id) = &to.invocation_id {
            self.header(&wire::INVOCATION_ID, invocation_id);
        }
        self.post(content_type, body).await
    }

    /// Begins to post a response whose body comes in chunks, on a connection of its own.
    ///
    /// # Errors
    /// When the Runtime API can't be reached.
    pub async fn begin_stream(&mut self, to: &InvocationKey, content_type: &[u8]) -> Result<ChunkedBody, ApiError> {
        let id = Cow::from(percent_encode(&to.request_id, IN_PATH));
        self.begin("POST", &[b"invocation/", id.as_bytes(), b"/response"]);
        if let Some(invocation_id) = &to.invocation_id {
            self.header(&wire::INVOCATION_ID, invocation_id);
        }
        self.header(&wire::RESPONSE_MODE, b"streaming");
        self.header(&header::CONTENT_TYPE, content_type);
        self.header(&header::TRANSFER_ENCODING, b"chunked");
        let trailers = format!("{}, {}", wire::FUNCTION_ERROR_TYPE, wire::FUNCTION_ERROR_BODY);
        self.header(&header::TRAILER, trailers.as_bytes());
        self.add(&[b"\r\n"]);
        let connection = Connection::open(&self.authority).await.map_err(ApiError::Connect)?;
        Ok(connection.send_chunked(&self.head).await?)
    }

    /// Posts why the host can't start. The process must end after that.
    ///
    /// # Errors
    /// As [`RuntimeApiClient::post_outcome`].
    pub async fn init_error(&mut self, failure: &Failure) -> Result<(), ApiError> {
        self.begin("POST", &[b"init/error"]);
        self.header(&wire::FUNCTION_ERROR_TYPE, wire::error_type_header(failure).as_bytes());
        self.post(JSON, &wire::error_body(failure)).await
    }

    async fn post(&mut self, content_type: &str, body: &[u8]) -> Result<(), ApiError> {
        let length = body.len().to_string();
        self.add(&[
            b"content-type: ",
            content_type.as_bytes(),
            b"\r\ncontent-length: ",
            length.as_bytes(),
            b"\r\n\r\n",
        ]);
        let mut backoff = Backoff::new(INITIAL_BACKOFF, Duration::MAX);
        for _ in 0..POST_RETRIES {
            match self.post_once(body).await {
                // Posting twice is safe: the first post counts.
                Err(ApiError::Http(HttpError::Broken(_) | HttpError::Closed) | ApiError::Connect(_)) => {
                    sleep(backoff.wait()).await;
                }
                posted => return posted,
            }
        }
        self.post_once(body).await
    }

    async fn post_once(&mut self, body: &[u8]) -> Result<(), ApiError> {
        let (head, mut connection) = self.call(body, FirstByte::Timeout).await?;
        // The connection can only be used again once the response was read to its end.
        if connection.body(head.framing, POST_RESPONSE_LIMIT_BYTES).await.is_ok() && head.keep_alive {
            self.connection = Some(connection);
        }
        if head.status.is_success() { Ok(()) } else { Err(ApiError::Status(head.status)) }
    }

    /// Begins the head of a request.
    fn begin(&mut self, method: &str, path: &[&[u8]]) {
        self.head.clear();
        self.add(&[method.as_bytes(), b" /2018-06-01/runtime/"]);
        self.add(path);
        self.add(&[b" HTTP/1.1\r\nhost: "]);
        self.head.extend_from_slice(self.authority.as_bytes());
        self.add(&[b"\r\n", USER_AGENT]);
    }

    fn add(&mut self, parts: &[&[u8]]) {
        parts.iter().for_each(|part| self.head.extend_from_slice(part));
    }

    fn header(&mut self, name: &HeaderName, value: &[u8]) {
        self.add(&[name.as_str().as_bytes(), b": ", value, b"\r\n"]);
    }

    /// Sends the request, and returns the head of the response with the connection that carries its body. It uses the
    /// kept connection, or a new one when there is none, or when the kept one turns out to be closed or carries bytes
    /// that do not belong to a response.
    async fn call(&mut self, body: &[u8], first_byte: FirstByte) -> Result<(Head, Connection), ApiError> {
        if let Some(mut kept) = self.connection.take().filter(Connection::is_reusable) {
            match self.send_on(&mut kept, body, first_byte).await {
                Err(HttpError::Broken(_) | HttpError::Closed) if !kept.has_response_bytes() => {}
                sent => return Ok((sent?, kept)),
            }
        }
        let mut connection = Connection::open(&self.authority).await.map_err(ApiError::Connect)?;
        let head = self.send_on(&mut connection, body, first_byte).await?;
        Ok((head, connection))
    }

    async fn send_on(
        &self,
        connection: &mut Connection,
        body: &[u8],
        first_byte: FirstByte,
    ) -> Result<Head, HttpError> {
        match connection.send(&self.head, body).await {
            Ok(()) => connection.head(first_byte).await,
            // A server may respond before it has read the whole request, and then does not read the rest.
            Err(unsent @ HttpError::Broken(_)) => match connection.head(FirstByte::Timeout).await {
                Ok(mut head) => {
                    head.keep_alive = false;
                    Ok(head)
                }
                Err(_) => Err(unsent),
            },
            Err(unsent) => Err(unsent),
        }
    }
}

/// The media type of errors.
const JSON: &str = "application/json";

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpListener, TcpStream},
    };

    use super::*;

    /// Takes one request on a new connection and sends this response.
    async fn respond(listener: &TcpListener, message: &str) -> (TcpStream, String) {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.windows(4).any(|window| window == b"\r\n\r\n") {
            stream.read_buf(&mut request).await.unwrap();
        }
        stream.write_all(message.as_bytes()).await.unwrap();
        (stream, String::from_utf8(request).unwrap())
    }

    #[tokio::test]
    async fn what_nobody_asked_for_costs_the_connection_and_no_response() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = RuntimeApiClient::new(&listener.local_addr().unwrap().to_string());
        let api = async {
            // The body is longer than its length says.
            let event = "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 1\r\nContent-Length: 4\r\n\r\n\"hi\"\r\n";
            let (_kept, asked) = respond(&listener, event).await;
            let (_, posted) = respond(&listener, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n").await;
            (asked, posted)
        };
        let host = async {
            let next = client.next().await.unwrap();
            assert_eq!(next.event.unwrap(), "\"hi\"");
            let key = next.headers.key().unwrap();
            client.post_outcome(&key, &Ok("{}".to_owned().into())).await.unwrap();
        };
        let ((asked, posted), ()) = tokio::join!(api, host);
        assert!(asked.starts_with("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n"), "{asked}");
        assert!(posted.starts_with("POST /2018-06-01/runtime/invocation/1/response HTTP/1.1\r\n"), "{posted}");
    }
}
