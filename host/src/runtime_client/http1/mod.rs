//! A client's side of HTTP/1.1 over one kept connection, one request at a time. Source: RFC 9112.
//!
//! This module knows nothing of Lambda. It is our own because a general client took two fifths of the instructions of
//! an invocation (decision 02): such a client is made for requests that overlap, for upgrades and for connection pools.
//! `httparse` parses heads and chunk sizes.
//!
//! Deliberately absent, because the Runtime API does not use it: pipelining, upgrades, `Expect`, content encodings,
//! trailers of *responses* (they are read and dropped) and transfer encodings other than `chunked`.
//!
//! Bytes that were read but not yet consumed stay in `buffer`. A head or body is split off it without a copy, so a
//! message that a caller keeps holds on to the memory of the read that brought it. `body` therefore drops a buffer that
//! grew large.
//!
//! See docs/decisions/02-own-http-client.md.

mod chunked;
mod error;
mod head;
mod idle_timeout;
mod send;
#[cfg(test)]
mod tests;

use std::{io, time::Duration};

use bytes::{Bytes, BytesMut};
use httparse::Status;
use memchr::memchr;
use tokio::{io::AsyncReadExt as _, net::TcpStream, time::Instant};

pub use self::{
    chunked::{ChunkedBody, ChunkedEnd},
    error::HttpError,
    head::{Framing, Head},
};
use self::{
    head::{HEADER_LIMIT_BYTES, ScanState},
    idle_timeout::IdleTimeout,
};

/// The longest pause in the middle of a message. The server is on this machine.
pub const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest time that a head or a body may take, however many pauses it has; the last pause is not counted.
pub const MESSAGE_TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum number of interim responses (1xx) before the final one.
const MAX_INTERIM_RESPONSES: usize = 8;

/// The size of a read when the message's size is not known, in bytes. Most messages fit.
const READ_BYTES: usize = 8 * 1024;

/// The largest body after which the read buffer is kept, in bytes.
const MAX_KEPT_BODY_BYTES: usize = 64 * 1024;

/// A connection to a server. It must not be used after an error.
pub struct Connection {
    stream: TcpStream,
    /// Holds what was read and not yet consumed.
    buffer: BytesMut,
    /// The start of the current head or body; `None` until the first read that had to wait for it.
    message_started: Option<Instant>,
    idle_timeout: IdleTimeout,
}

/// Says how long to wait for the first byte of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstByte {
    /// As long as it takes: the process may be frozen for hours while it waits.
    Wait,
    /// At most [`READ_TIMEOUT`].
    Timeout,
}

impl Connection {
    /// Connects to `authority`, a host and a port.
    ///
    /// # Errors
    /// When nothing accepts the connection in time.
    pub async fn open(authority: &str) -> Result<Self, HttpError> {
        let mut idle_timeout = IdleTimeout::new();
        let stream = idle_timeout.limit(TcpStream::connect(authority)).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: BytesMut::new(), message_started: None, idle_timeout })
    }

    /// Returns the connection over a stream on which a request was begun.
    fn of(stream: TcpStream) -> Self {
        Self { stream, buffer: BytesMut::new(), message_started: None, idle_timeout: IdleTimeout::new() }
    }

    /// Returns whether any byte of the response has arrived.
    pub fn has_response_bytes(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Returns whether the connection can carry another request: nothing of the last response is left, and the server
    /// has not closed it as far as this side knows.
    pub fn is_reusable(&self) -> bool {
        let read = self.stream.try_read(&mut [0]);
        self.buffer.is_empty() && read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Reads the head of the response.
    ///
    /// # Errors
    /// When the head does not arrive whole and in time, or is not valid.
    pub async fn head(&mut self, first_byte: FirstByte) -> Result<Head, HttpError> {
        for _ in 0..MAX_INTERIM_RESPONSES {
            if first_byte == FirstByte::Wait {
                self.wait_for_first_byte().await?;
            }
            self.message_started = None;
            let head = self.next_head().await?;
            // An interim response announces another one.
            if !head.status.is_informational() {
                return Ok(head);
            }
        }
        Err(HttpError::Malformed("it has too many interim responses"))
    }

    /// Reads the body of the response, which may have at most `limit` bytes.
    ///
    /// # Errors
    /// When the body does not arrive whole and in time, or is larger.
    pub async fn body(&mut self, framing: Framing, limit: usize) -> Result<Bytes, HttpError> {
        self.message_started = None;
        let body = self.whole_body(framing, limit).await?;
        if body.len() > MAX_KEPT_BODY_BYTES && self.buffer.is_empty() {
            // The buffer shares the body's memory.
            self.buffer = BytesMut::new();
        }
        Ok(body)
    }

    async fn wait_for_first_byte(&mut self) -> Result<(), HttpError> {
        if self.buffer.is_empty() {
            self.buffer.reserve(READ_BYTES);
            let read = self.stream.read_buf(&mut self.buffer).await?;
            if read == 0 {
                return Err(HttpError::Closed);
            }
        }
        Ok(())
    }

    async fn next_head(&mut self) -> Result<Head, HttpError> {
        let (mut scan, mut scanned) = (ScanState::LineStart, 0);
        let end = loop {
            let end = scan.clean(&mut self.buffer[scanned..]).map(|end| scanned + end);
            if end.unwrap_or(self.buffer.len()) > HEADER_LIMIT_BYTES {
                return Err(HttpError::Malformed("its headers are too large"));
            }
            if let Some(end) = end {
                break end;
            }
            scanned = self.buffer.len();
            self.read(READ_BYTES).await?;
        };
        Head::parse(self.buffer.split_to(end).freeze())
    }

    async fn whole_body(&mut self, framing: Framing, limit: usize) -> Result<Bytes, HttpError> {
        match framing {
            Framing::Length(length) => {
                if length > limit as u64 {
                    return Err(HttpError::TooLarge(limit));
                }
                // It is at most `limit`, which is a `usize`.
                self.exactly(length as usize).await
            }
            Framing::Chunked => self.chunks(limit).await,
            Framing::UntilClosed => {
                while self.buffer.len() <= limit {
                    match self.read(READ_BYTES).await {
                        Ok(()) => {}
                        Err(HttpError::Closed) => return Ok(self.buffer.split().freeze()),
                        Err(error) => return Err(error),
                    }
                }
                Err(HttpError::TooLarge(limit))
            }
        }
    }

    async fn exactly(&mut self, bytes: usize) -> Result<Bytes, HttpError> {
        while self.buffer.len() < bytes {
            self.read(bytes - self.buffer.len()).await?;
        }
        Ok(self.buffer.split_to(bytes).freeze())
    }

    async fn chunks(&mut self, limit: usize) -> Result<Bytes, HttpError> {
        let mut whole = BytesMut::new();
        loop {
            let line = self.line().await?;
            let size = match httparse::parse_chunk_size(&line) {
                // `httparse` reads an empty line as the size 0.
                Ok(Status::Complete((_, size))) if line[0].is_ascii_hexdigit() => size,
                _ => return Err(HttpError::Malformed("a chunk has no size")),
            };
            if size == 0 {
                // The trailers, which nobody needs, end with an empty line.
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

    /// Reads the next line of a chunked body's framing, with its end.
    async fn line(&mut self) -> Result<Bytes, HttpError> {
        const LIMIT_BYTES: usize = 8 * 1024;
        loop {
            if let Some(end) = memchr(b'\n', &self.buffer) {
                return Ok(self.buffer.split_to(end + 1).freeze());
            }
            if self.buffer.len() > LIMIT_BYTES {
                return Err(HttpError::Malformed("a line between chunks is too long"));
            }
            self.read(READ_BYTES).await?;
        }
    }

    /// Reads once, with room for `bytes`.
    async fn read(&mut self, bytes: usize) -> Result<(), HttpError> {
        if self.message_started.get_or_insert_with(Instant::now).elapsed() > MESSAGE_TIMEOUT {
            return Err(HttpError::MessageTimeout);
        }
        self.buffer.reserve(bytes);
        match self.idle_timeout.limit(self.stream.read_buf(&mut self.buffer)).await? {
            0 => Err(HttpError::Closed),
            _ => Ok(()),
        }
    }
}
