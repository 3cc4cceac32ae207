//! The Runtime API over one HTTP/1.1 connection, kept and reused.

use std::{borrow::Cow, io, time::Duration};

use bytes::Bytes;
use hyper::{StatusCode, header::HeaderName};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use thiserror::Error;
use tokio::time::sleep;
use tracing::{error, field::display};

use super::{
    head::Head,
    http::{Connection, HttpError},
    wire::{self, EventHeaders, InvocationKey},
};
use crate::{
    failure::{ErrorType, Failure},
    invocation::PAYLOAD_LIMIT_BYTES,
};

/// One connection to the Runtime API, made when it is first needed and again when it was lost.
pub struct RuntimeApiClient {
    authority: String,
    connection: Option<Connection>,
    /// The head of the request that is being sent.
    head: Vec<u8>,
}

/// Why a call to the Runtime API brought nothing.
#[derive(Debug, Error)]
pub enum ApiError {
    /// There is nobody at its address.
    #[error("can't connect to the Runtime API")]
    Connect(#[source] HttpError),
    /// The connection broke, or what came was no HTTP.
    #[error("the Runtime API did not answer as it should")]
    Http(#[from] HttpError),
    /// There are no threads to be had.
    #[error("can't start a thread")]
    Threads(#[source] io::Error),
    /// Too many workers are at what can't be stopped.
    #[error("{0} guests could not be stopped and are still at it, so the environment ends on purpose")]
    GivenUp(usize),
    /// A fault of the host's own, outside any invocation.
    #[error("a worker of the host failed")]
    Worker,
    /// It answered, and did not do what was asked.
    #[error("the Runtime API answered {0}")]
    Status(StatusCode),
}

/// What `/next` brought.
pub struct Next {
    /// Whose event it is.
    pub headers: EventHeaders,
    /// The event, or why it did not come whole.
    pub event: Result<Bytes, ApiError>,
}

/// What of a request id may stand in a path as it is. It is the caller's to choose under the emulator.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

const USER_AGENT: &[u8] = concat!("user-agent: guesthouse/", env!("CARGO_PKG_VERSION"), "\r\n").as_bytes();

/// How often a post is made again when it broke off, and how long the first wait before that is; each further one is twice
/// as long.
const POST_RETRIES: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_millis(10);

/// The most, in bytes, that is read of what the Runtime API says to a post.
const POST_REPLY_LIMIT_BYTES: usize = 64 * 1024;

impl RuntimeApiClient {
    /// `authority` is host and port, as in `AWS_LAMBDA_RUNTIME_API`.
    pub fn new(authority: &str) -> Self {
        Self { authority: authority.to_owned(), connection: None, head: Vec::new() }
    }

    /// Connects, where that was not done before.
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
    /// When the Runtime API can't be reached, or answers with anything but 200. An event that is cut off, or is larger than
    /// Lambda's limit, is no such error: its invocation can still be answered.
    pub async fn next(&mut self) -> Result<Next, ApiError> {
        self.begin("GET", &[b"invocation/next"]);
        self.add(&[b"\r\n"]);
        let (head, mut connection) = self.call(&[], true).await?;
        if head.status != StatusCode::OK {
            return Err(ApiError::Status(head.status));
        }
        let event = connection.body(head.framing, PAYLOAD_LIMIT_BYTES).await;
        if event.is_ok() && head.is_kept {
            self.connection = Some(connection);
        }
        Ok(Next { headers: head.headers, event: event.map_err(ApiError::Http) })
    }

    /// Posts what became of an invocation, and logs a failure after that: a log that nobody reads is not to hold an answer up.
    ///
    /// # Errors
    /// When the Runtime API can't be reached, or does not take it.
    pub async fn answer(&mut self, to: &InvocationKey, outcome: Result<Bytes, Failure>) -> Result<(), ApiError> {
        let id = Cow::from(percent_encode(&to.request_id, IN_PATH));
        let body = match &outcome {
            Ok(answer) => {
                self.begin("POST", &[b"invocation/", id.as_bytes(), b"/response"]);
                answer.clone()
            }
            Err(failure) => {
                self.begin("POST", &[b"invocation/", id.as_bytes(), b"/error"]);
                self.header(&wire::FUNCTION_ERROR_TYPE, wire::error_type_header(failure).as_bytes());
                wire::error_body(failure)
            }
        };
        if let Some(invocation_id) = &to.invocation_id {
            self.header(&wire::INVOCATION_ID, invocation_id);
        }
        let posted = self.post(&body).await;
        if let Err(failure) = outcome {
            let request_id = wire::lossy(&to.request_id);
            let tenant_id = to.tenant_id.as_deref().map(wire::lossy).map(display);
            // The words are the guest's, the type too: they are not to pass for the host's.
            let whose = if matches!(failure.error_type, ErrorType::Handler(_)) { "the handler failed: " } else { "" };
            error!(%request_id, tenant_id, "{whose}{failure}");
        }
        posted
    }

    /// Posts why the host can't start. The process is to end after that.
    ///
    /// # Errors
    /// As [`RuntimeApiClient::answer`].
    pub async fn init_error(&mut self, failure: &Failure) -> Result<(), ApiError> {
        self.begin("POST", &[b"init/error"]);
        self.header(&wire::FUNCTION_ERROR_TYPE, wire::error_type_header(failure).as_bytes());
        self.post(&wire::error_body(failure)).await
    }

    async fn post(&mut self, body: &[u8]) -> Result<(), ApiError> {
        self.add(&[
            b"content-type: application/json\r\ncontent-length: ",
            body.len().to_string().as_bytes(),
            b"\r\n\r\n",
        ]);
        let mut wait = FIRST_WAIT;
        for _ in 0..POST_RETRIES {
            match self.post_once(body).await {
                // Posting twice is safe: the first one counts.
                Err(ApiError::Http(HttpError::Broken(_) | HttpError::Closed) | ApiError::Connect(_)) => {
                    sleep(wait).await;
                }
                posted => return posted,
            }
            wait *= 2;
        }
        self.post_once(body).await
    }

    async fn post_once(&mut self, body: &[u8]) -> Result<(), ApiError> {
        let (head, mut connection) = self.call(body, false).await?;
        // The reply is read to its end though nobody needs it: only then can the connection be used again.
        if connection.body(head.framing, POST_REPLY_LIMIT_BYTES).await.is_ok() && head.is_kept {
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

    /// Sends the request, and returns the response's head with the connection on which its body is to come. The connection is the kept
    /// one, or a new one where there is none, or the kept one turns out to be closed or to say
    /// what nobody asked for.
    async fn call(&mut self, body: &[u8], is_waited_for: bool) -> Result<(Head, Connection), ApiError> {
        if let Some(mut kept) = self.connection.take().filter(Connection::is_quiet) {
            match self.exchange(&mut kept, body, is_waited_for).await {
                Err(HttpError::Broken(_) | HttpError::Closed) if !kept.has_begun() => {}
                called => return Ok((called?, kept)),
            }
        }
        let mut connection = Connection::open(&self.authority).await.map_err(ApiError::Connect)?;
        let head = self.exchange(&mut connection, body, is_waited_for).await?;
        Ok((head, connection))
    }

    async fn exchange(&self, connection: &mut Connection, body: &[u8], is_waited_for: bool) -> Result<Head, HttpError> {
        match connection.send(&self.head, body).await {
            Ok(()) => connection.head(is_waited_for).await,
            // It may have been answered before it was sent whole, and then is not read to its end.
            Err(unsent @ HttpError::Broken(_)) => match connection.head(false).await {
                Ok(head) => Ok(Head { is_kept: false, ..head }),
                Err(_) => Err(unsent),
            },
            Err(unsent) => Err(unsent),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpListener, TcpStream},
    };

    use super::*;

    /// Takes one request on a new connection and says this to it.
    async fn say(listener: &TcpListener, message: &str) -> (TcpStream, String) {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.windows(4).any(|window| window == b"\r\n\r\n") {
            stream.read_buf(&mut request).await.unwrap();
        }
        stream.write_all(message.as_bytes()).await.unwrap();
        (stream, String::from_utf8(request).unwrap())
    }

    #[tokio::test]
    async fn what_nobody_asked_for_costs_the_connection_and_no_answer() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = RuntimeApiClient::new(&listener.local_addr().unwrap().to_string());
        let api = async {
            // The body is longer than its length says.
            let event = "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 1\r\nContent-Length: 4\r\n\r\n\"hi\"\r\n";
            let (_kept, asked) = say(&listener, event).await;
            let (_, posted) = say(&listener, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n").await;
            (asked, posted)
        };
        let host = async {
            let next = client.next().await.unwrap();
            assert_eq!(next.event.unwrap(), "\"hi\"");
            let key = next.headers.key().unwrap();
            client.answer(&key, Ok(Bytes::from_static(b"{}"))).await.unwrap();
        };
        let ((asked, posted), ()) = tokio::join!(api, host);
        assert!(asked.starts_with("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n"), "{asked}");
        assert!(posted.starts_with("POST /2018-06-01/runtime/invocation/1/response HTTP/1.1\r\n"), "{posted}");
    }
}
