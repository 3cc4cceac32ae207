//! The Runtime API over one HTTP/1.1 connection, kept and reused.

use std::{io, time::Duration};

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::{Body as _, Incoming},
    client::conn::http1::{Builder, SendRequest},
    header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use thiserror::Error;
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};
use tracing::error;

use super::{clean_heads::CleanHeads, wire};
use crate::{failure::Failure, invocation::PAYLOAD_LIMIT_BYTES};

/// One connection to the Runtime API, made when it is first needed and again when it was lost.
pub struct RuntimeApiClient {
    authority: String,
    connection: Option<Connection>,
}

type Connection = SendRequest<Full<Bytes>>;

/// Why a call to the Runtime API brought nothing.
#[derive(Debug, Error)]
pub enum ApiError {
    /// There is nobody at its address.
    #[error("can't connect to the Runtime API")]
    Connect(#[source] io::Error),
    /// The connection broke, or what came was no HTTP.
    #[error("the Runtime API did not answer as HTTP")]
    Http(#[from] hyper::Error),
    /// A path that is no path.
    #[error("can't ask the Runtime API for `{0}`")]
    Request(String),
    /// It took the call, and then nothing came, or no more.
    #[error("the Runtime API said nothing for {SILENCE:?}")]
    Silence,
    /// The body is larger than it may be.
    #[error("the Runtime API sent more than {0} bytes")]
    TooLarge(usize),
    /// There are no threads to be had.
    #[error("can't start a thread")]
    Threads(#[source] io::Error),
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
    pub headers: HeaderMap,
    /// The event, or why it did not come whole.
    pub event: Result<Bytes, ApiError>,
}

/// What of a request id may stand in a path as it is. It is the caller's to choose under the emulator.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// How long the Runtime API may say nothing in the middle of a call. It is on this machine, and only `/next` waits for
/// anything.
const SILENCE: Duration = Duration::from_secs(5);

/// How often a post is made again when it broke off, and how long the first wait before that is; each further one is twice
/// as long.
const POST_RETRIES: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_millis(10);

/// The most, in bytes, that is read of what the Runtime API says to a post.
const POST_REPLY_LIMIT_BYTES: usize = 64 * 1024;

/// The most that the headers of `/next` may take together, in bytes. A client context alone may be 3,583 on Lambda, and as
/// much as fits into a request under the emulator.
const HEADER_LIMIT_BYTES: usize = 2 * 1024 * 1024;

impl RuntimeApiClient {
    /// `authority` is host and port, as in `AWS_LAMBDA_RUNTIME_API`.
    pub fn new(authority: &str) -> Self {
        Self { authority: authority.to_owned(), connection: None }
    }

    /// Waits for the next event. There is no timeout: the process may be frozen in here for hours.
    ///
    /// # Errors
    /// When the Runtime API can't be reached, or answers with anything but 200. An event that is cut off, or is larger than
    /// Lambda's limit, is no such error: its invocation can still be answered.
    pub async fn next(&mut self) -> Result<Next, ApiError> {
        let (response, connection) = self.call(Method::GET, "invocation/next", &[], Bytes::new()).await?;
        let (head, body) = response.into_parts();
        if head.status != StatusCode::OK {
            return Err(ApiError::Status(head.status));
        }
        let event = read(body, PAYLOAD_LIMIT_BYTES).await;
        if event.is_ok() {
            self.connection = Some(connection);
        }
        Ok(Next { headers: head.headers, event })
    }

    /// Posts what became of an invocation.
    ///
    /// # Errors
    /// When the Runtime API can't be reached, or does not take it.
    pub async fn answer(
        &mut self,
        request_id: &HeaderValue,
        invocation_id: Option<&HeaderValue>,
        outcome: Result<Bytes, Failure>,
    ) -> Result<(), ApiError> {
        let id = percent_encode(request_id.as_bytes(), IN_PATH);
        let mut headers = Vec::with_capacity(3);
        if let Some(invocation_id) = invocation_id {
            headers.push((wire::INVOCATION_ID, invocation_id.clone()));
        }
        let (path, body) = match outcome {
            Ok(answer) => (format!("invocation/{id}/response"), answer),
            Err(failure) => {
                error!(request_id = %wire::lossy(request_id), "{failure}");
                headers.push((wire::FUNCTION_ERROR_TYPE, wire::error_type_header(&failure)));
                (format!("invocation/{id}/error"), wire::error_body(&failure))
            }
        };
        self.post(&path, &mut headers, body).await
    }

    /// Posts why the host can't start. The process is to end after that.
    ///
    /// # Errors
    /// As [`RuntimeApiClient::answer`].
    pub async fn init_error(&mut self, failure: &Failure) -> Result<(), ApiError> {
        let mut headers = vec![(wire::FUNCTION_ERROR_TYPE, wire::error_type_header(failure))];
        self.post("init/error", &mut headers, wire::error_body(failure)).await
    }

    async fn post(
        &mut self,
        path: &str,
        headers: &mut Vec<(HeaderName, HeaderValue)>,
        body: Bytes,
    ) -> Result<(), ApiError> {
        headers.push((CONTENT_TYPE, HeaderValue::from_static("application/json")));
        let mut wait = FIRST_WAIT;
        for _ in 0..POST_RETRIES {
            match self.post_once(path, headers, body.clone()).await {
                // The kept connection may have been closed meanwhile. Posting twice is safe: the first one counts.
                Err(ApiError::Http(_) | ApiError::Connect(_)) => sleep(wait).await,
                posted => return posted,
            }
            wait *= 2;
        }
        self.post_once(path, headers, body).await
    }

    async fn post_once(
        &mut self,
        path: &str,
        headers: &[(HeaderName, HeaderValue)],
        body: Bytes,
    ) -> Result<(), ApiError> {
        let called = timeout(SILENCE, self.call(Method::POST, path, headers, body)).await;
        let (response, connection) = called.map_err(|_| ApiError::Silence)??;
        let status = response.status();
        // The reply is read to its end though nobody needs it: only then can the connection be used again.
        if read(response.into_body(), POST_REPLY_LIMIT_BYTES).await.is_ok() {
            self.connection = Some(connection);
        }
        if status.is_success() { Ok(()) } else { Err(ApiError::Status(status)) }
    }

    /// Sends a request, and returns the response's head with the connection on which its body is to come.
    async fn call(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, HeaderValue)],
        body: Bytes,
    ) -> Result<(Response<Incoming>, Connection), ApiError> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/2018-06-01/runtime/{path}"))
            .header(HOST, &self.authority)
            .header(USER_AGENT, concat!("guesthouse/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(body))
            .map_err(|_| ApiError::Request(path.to_owned()))?;
        request.headers_mut().extend(headers.iter().cloned());
        let mut connection = timeout(SILENCE, self.connect()).await.map_err(|_| ApiError::Silence)??;
        let response = connection.send_request(request).await?;
        Ok((response, connection))
    }

    /// The kept connection, or a new one. It is taken out, so that one on which a call failed is not used again.
    async fn connect(&mut self) -> Result<Connection, ApiError> {
        if let Some(mut kept) = self.connection.take()
            && kept.ready().await.is_ok()
        {
            return Ok(kept);
        }
        let stream = TcpStream::connect(&self.authority).await.map_err(ApiError::Connect)?;
        stream.set_nodelay(true).map_err(ApiError::Connect)?;
        let (connection, driver) =
            Builder::new().max_buf_size(HEADER_LIMIT_BYTES).handshake(TokioIo::new(CleanHeads::new(stream))).await?;
        // Its result says nothing that the calls on this connection do not say.
        tokio::spawn(driver);
        Ok(connection)
    }
}

/// The whole body, if it has at most `limit` bytes and never pauses for long.
async fn read(mut body: Incoming, limit: usize) -> Result<Bytes, ApiError> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(ApiError::TooLarge(limit));
    }
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(frame) = timeout(SILENCE, body.frame()).await.map_err(|_| ApiError::Silence)? {
        let Ok(data) = frame?.into_data() else { continue };
        if first.len() + whole.len() + data.len() > limit {
            return Err(ApiError::TooLarge(limit));
        }
        if first.is_empty() && whole.is_empty() {
            // Most bodies come in one piece, which is passed on as it is.
            first = data;
            continue;
        }
        if !first.is_empty() {
            whole.reserve(announced);
            whole.extend_from_slice(&std::mem::take(&mut first));
        }
        whole.extend_from_slice(&data);
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}
