//! As much of HTTP/1.1 as the Runtime API speaks: one request at a time over a kept connection. Source: RFC 9112.
//!
//! A general client costs an invocation half of what the host spends on it (ARCHITECTURE.md has the figures), because it is made for
//! what does not happen here: requests that overlap, bodies that are streamed, upgrades. Heads are read by `httparse`.

use std::{
    future::{Future, poll_fn},
    io::{self, IoSlice},
    pin::{Pin, pin},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use httparse::Status;
use memchr::memchr;
use thiserror::Error;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, Sleep, sleep},
};

use super::head::{Framing, HEADER_LIMIT_BYTES, Head, Place};

/// How long the Runtime API may say nothing in the middle of a message. It is on this machine.
pub const SILENCE: Duration = Duration::from_secs(5);

/// How much is read at a time where it is not known how much comes: most messages whole.
const READ_BYTES: usize = 8 * 1024;

/// A larger buffer is not kept for the next message.
const KEPT_BYTES: usize = 64 * 1024;

/// Why no message, or no whole one, came.
#[derive(Debug, Error)]
pub enum HttpError {
    /// The connection broke.
    #[error("the connection broke")]
    Broken(#[from] io::Error),
    /// It was closed where there should have been more.
    #[error("the connection was closed in the middle of a message")]
    Closed,
    /// What came is no HTTP.
    #[error("what came is not HTTP: {0}")]
    Malformed(&'static str),
    /// Nothing came, or no more, and nothing was taken.
    #[error("nothing was said for {SILENCE:?}")]
    Silence,
    /// The body is larger than it may be.
    #[error("the body has more than {0} bytes")]
    TooLarge(usize),
}

/// A connection. After an error it is of no use any more.
pub struct Connection {
    stream: TcpStream,
    /// What came and was not yet looked at.
    came: BytesMut,
    patience: Patience,
}

impl Connection {
    /// # Errors
    /// When nobody is there, or does not say so in time.
    pub async fn open(authority: &str) -> Result<Self, HttpError> {
        let mut patience = Patience::new();
        let stream = patience.with(TcpStream::connect(authority)).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, came: BytesMut::new(), patience })
    }

    /// Sends a request, its body after its head.
    ///
    /// # Errors
    /// When the connection broke, or nothing is taken any more.
    pub async fn send(&mut self, head: &[u8], body: &[u8]) -> Result<(), HttpError> {
        if !self.came.is_empty() {
            return Err(HttpError::Malformed("there was more than the message"));
        }
        let mut parts = [IoSlice::new(head), IoSlice::new(body)];
        let mut left = &mut parts[..];
        // Skips an empty body.
        IoSlice::advance_slices(&mut left, 0);
        while !left.is_empty() {
            let written = self.patience.with(self.stream.write_vectored(left)).await?;
            if written == 0 {
                return Err(HttpError::Closed);
            }
            IoSlice::advance_slices(&mut left, written);
        }
        Ok(())
    }

    /// Whether anything of the response is there.
    pub fn has_begun(&self) -> bool {
        !self.came.is_empty()
    }

    /// Waits for the first of the response, as long as it takes.
    ///
    /// # Errors
    /// When the connection broke or was closed.
    pub async fn wait(&mut self) -> Result<(), HttpError> {
        if self.came.is_empty() {
            self.came.reserve(READ_BYTES);
            let read = self.stream.read_buf(&mut self.came).await?;
            if read == 0 {
                return Err(HttpError::Closed);
            }
        }
        Ok(())
    }

    /// Reads the response's head.
    ///
    /// # Errors
    /// When it does not come whole and in time, or is none.
    pub async fn head(&mut self) -> Result<Head, HttpError> {
        loop {
            let (mut place, mut looked_at) = (Place::LineStart, 0);
            let end = loop {
                if let Some(end) = place.clean(&mut self.came[looked_at..]) {
                    break looked_at + end;
                }
                looked_at = self.came.len();
                if looked_at > HEADER_LIMIT_BYTES {
                    return Err(HttpError::Malformed("its headers are too large"));
                }
                self.more(READ_BYTES).await?;
            };
            let head = Head::parse(&self.came.split_to(end).freeze())?;
            // Interim responses announce another one.
            if !head.status.is_informational() {
                return Ok(head);
            }
        }
    }

    /// Reads the response's body, if it has at most `limit` bytes.
    ///
    /// # Errors
    /// When it does not come whole and in time, or is larger.
    pub async fn body(&mut self, framing: Framing, limit: usize) -> Result<Bytes, HttpError> {
        let body = match framing {
            Framing::Length(length) => {
                if length > limit as u64 {
                    return Err(HttpError::TooLarge(limit));
                }
                // It is no more than the limit, which fits.
                self.exactly(length as usize).await?
            }
            Framing::Chunked => self.chunks(limit).await?,
            Framing::UntilClosed => {
                while self.came.len() <= limit {
                    match self.more(READ_BYTES).await {
                        Ok(()) => {}
                        Err(HttpError::Closed) => return Ok(self.came.split().freeze()),
                        Err(error) => return Err(error),
                    }
                }
                return Err(HttpError::TooLarge(limit));
            }
        };
        if self.came.capacity() > KEPT_BYTES && self.came.is_empty() {
            self.came = BytesMut::new();
        }
        Ok(body)
    }

    async fn exactly(&mut self, bytes: usize) -> Result<Bytes, HttpError> {
        while self.came.len() < bytes {
            self.more(bytes - self.came.len()).await?;
        }
        Ok(self.came.split_to(bytes).freeze())
    }

    async fn chunks(&mut self, limit: usize) -> Result<Bytes, HttpError> {
        let mut whole = BytesMut::new();
        loop {
            let line = self.line().await?;
            let size = match httparse::parse_chunk_size(&line) {
                Ok(Status::Complete((_, size))) => size,
                Ok(Status::Partial) | Err(_) => return Err(HttpError::Malformed("a chunk has no size")),
            };
            if size == 0 {
                // Nobody needs the trailers, which end with an empty line.
                while self.line().await?.trim_ascii() != b"" {}
                return Ok(whole.freeze());
            }
            if size.saturating_add(whole.len() as u64) > limit as u64 {
                return Err(HttpError::TooLarge(limit));
            }
            let chunk = self.exactly(size as usize).await?;
            whole.extend_from_slice(&chunk);
            if self.line().await?.trim_ascii() != b"" {
                return Err(HttpError::Malformed("a chunk is longer than its size"));
            }
        }
    }

    /// The next line of a chunked body's own, with its end.
    async fn line(&mut self) -> Result<Bytes, HttpError> {
        const LIMIT_BYTES: usize = 8 * 1024;
        loop {
            if let Some(end) = memchr(b'\n', &self.came) {
                return Ok(self.came.split_to(end + 1).freeze());
            }
            if self.came.len() > LIMIT_BYTES {
                return Err(HttpError::Malformed("a line between chunks is too long"));
            }
            self.more(READ_BYTES).await?;
        }
    }

    /// Reads once, with room for so many bytes.
    async fn more(&mut self, bytes: usize) -> Result<(), HttpError> {
        self.came.reserve(bytes);
        match self.patience.with(self.stream.read_buf(&mut self.came)).await? {
            0 => Err(HttpError::Closed),
            _ => Ok(()),
        }
    }
}

/// Waits for [`SILENCE`], and not longer.
///
/// Its one timer goes on from wait to wait and is only looked at when it rings: to set another for each wait costs more than
/// the wait.
struct Patience(Pin<Box<Sleep>>);

impl Patience {
    fn new() -> Self {
        Self(Box::pin(sleep(SILENCE)))
    }

    async fn with<T>(&mut self, future: impl Future<Output = io::Result<T>>) -> Result<T, HttpError> {
        let mut future = pin!(future);
        let mut begun = None;
        poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(done.map_err(HttpError::from)),
            Poll::Pending => {
                let end = *begun.get_or_insert_with(Instant::now) + SILENCE;
                self.poll(cx, end).map(|()| Err(HttpError::Silence))
            }
        })
        .await
    }

    fn poll(&mut self, cx: &mut Context<'_>, end: Instant) -> Poll<()> {
        loop {
            ready!(self.0.as_mut().poll(cx));
            if Instant::now() >= end {
                return Poll::Ready(());
            }
            self.0.as_mut().reset(end);
        }
    }
}
