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

/// How long the Runtime API may take for a head or a body, however many pauses it makes; the last one not counted.
pub const WHOLE: Duration = Duration::from_secs(10);

/// More responses that only announce another one are not read.
const INTERIM_LIMIT: usize = 8;

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
    /// It came too slowly.
    #[error("a message was not whole after {WHOLE:?}")]
    Slow,
    /// The body is larger than it may be.
    #[error("the body has more than {0} bytes")]
    TooLarge(usize),
}

/// A connection. After an error it is of no use any more.
pub struct Connection {
    stream: TcpStream,
    /// What came and was not yet looked at.
    came: BytesMut,
    /// When it was begun to wait for more of the head or body that is being read.
    reading_since: Option<Instant>,
    patience: Patience,
}

impl Connection {
    /// # Errors
    /// When nobody is there, or does not say so in time.
    pub async fn open(authority: &str) -> Result<Self, HttpError> {
        let mut patience = Patience::new();
        let stream = patience.with(TcpStream::connect(authority)).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, came: BytesMut::new(), reading_since: None, patience })
    }

    /// Sends a request, its body after its head. The connection is to be quiet.
    ///
    /// # Errors
    /// When the connection broke, or nothing is taken any more.
    pub async fn send(&mut self, head: &[u8], body: &[u8]) -> Result<(), HttpError> {
        let mut parts = [IoSlice::new(head), IoSlice::new(body)];
        let mut left = &mut parts[..];
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

    /// Whether there is nothing more from before, nor the end of the connection, as far as is known here.
    pub fn is_quiet(&self) -> bool {
        let tried = self.stream.try_read(&mut [0]);
        self.came.is_empty() && tried.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    async fn wait(&mut self) -> Result<(), HttpError> {
        if self.came.is_empty() {
            self.came.reserve(READ_BYTES);
            let read = self.stream.read_buf(&mut self.came).await?;
            if read == 0 {
                return Err(HttpError::Closed);
            }
        }
        Ok(())
    }

    /// Reads the response's head, and waits for its beginning as long as it takes if that is what this one is for.
    ///
    /// # Errors
    /// When it does not come whole and in time, or is none.
    pub async fn head(&mut self, is_waited_for: bool) -> Result<Head, HttpError> {
        for _ in 0..INTERIM_LIMIT {
            if is_waited_for {
                self.wait().await?;
            }
            self.reading_since = None;
            let head = self.one_head().await?;
            // Interim responses announce another one.
            if !head.status.is_informational() {
                return Ok(head);
            }
        }
        Err(HttpError::Malformed("it has too many interim responses"))
    }

    async fn one_head(&mut self) -> Result<Head, HttpError> {
        let (mut place, mut looked_at) = (Place::LineStart, 0);
        let end = loop {
            let end = place.clean(&mut self.came[looked_at..]).map(|end| looked_at + end);
            if end.unwrap_or(self.came.len()) > HEADER_LIMIT_BYTES {
                return Err(HttpError::Malformed("its headers are too large"));
            }
            if let Some(end) = end {
                break end;
            }
            looked_at = self.came.len();
            self.more(READ_BYTES).await?;
        };
        Head::parse(&self.came.split_to(end).freeze())
    }

    /// Reads the response's body, if it has at most `limit` bytes.
    ///
    /// # Errors
    /// When it does not come whole and in time, or is larger.
    pub async fn body(&mut self, framing: Framing, limit: usize) -> Result<Bytes, HttpError> {
        self.reading_since = None;
        let body = self.whole_body(framing, limit).await?;
        if body.len() > KEPT_BYTES && self.came.is_empty() {
            // It would hold on to the body's memory.
            self.came = BytesMut::new();
        }
        Ok(body)
    }

    async fn whole_body(&mut self, framing: Framing, limit: usize) -> Result<Bytes, HttpError> {
        match framing {
            Framing::Length(length) => {
                if length > limit as u64 {
                    return Err(HttpError::TooLarge(limit));
                }
                // It is no more than the limit, which fits.
                self.exactly(length as usize).await
            }
            Framing::Chunked => self.chunks(limit).await,
            Framing::UntilClosed => {
                while self.came.len() <= limit {
                    match self.more(READ_BYTES).await {
                        Ok(()) => {}
                        Err(HttpError::Closed) => return Ok(self.came.split().freeze()),
                        Err(error) => return Err(error),
                    }
                }
                Err(HttpError::TooLarge(limit))
            }
        }
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
                // It takes an empty line for a size of nothing.
                Ok(Status::Complete((_, size))) if line[0].is_ascii_hexdigit() => size,
                _ => return Err(HttpError::Malformed("a chunk has no size")),
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
        if self.reading_since.get_or_insert_with(Instant::now).elapsed() > WHOLE {
            return Err(HttpError::Slow);
        }
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

#[cfg(test)]
mod tests {
    use hyper::StatusCode;
    use tokio::net::TcpListener;

    use super::*;

    const LIMIT: usize = 20;

    /// What is made of this message, after which the connection is closed.
    async fn answer(message: impl AsRef<[u8]>) -> Result<(StatusCode, Bytes), HttpError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut connection = Connection::open(&listener.local_addr().unwrap().to_string()).await.unwrap();
        let (mut peer, _) = listener.accept().await.unwrap();
        let said = async {
            // It may be too much to be read to its end.
            let _ = peer.write_all(message.as_ref()).await;
            let _ = peer.shutdown().await;
        };
        let heard = async {
            connection.send(b"GET / HTTP/1.1\r\n\r\n", b"").await?;
            let head = connection.head(true).await?;
            Ok((head.status, connection.body(head.framing, LIMIT).await?))
        };
        tokio::join!(said, heard).1
    }

    async fn body(message: impl AsRef<[u8]>) -> Result<Bytes, HttpError> {
        answer(message).await.map(|(_, body)| body)
    }

    #[tokio::test]
    async fn a_body_up_to_the_limit_is_read_however_it_is_framed_and_a_larger_one_is_not() {
        for (bytes, fits) in [(0, true), (1, true), (LIMIT, true), (LIMIT + 1, false)] {
            let text = "x".repeat(bytes);
            let chunks =
                text.as_bytes().chunks(7).map(|chunk| format!("{:x}\r\n{}\r\n", chunk.len(), "x".repeat(chunk.len())));
            let chunks: String = chunks.collect();
            for message in [
                format!("HTTP/1.1 200 OK\r\nContent-Length: {bytes}\r\n\r\n{text}"),
                format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\nTrailer: x\r\n\r\n"),
                format!("HTTP/1.1 200 OK\r\n\r\n{text}"),
            ] {
                match body(&message).await {
                    Ok(body) => assert!(fits && body == text, "{message}"),
                    Err(error) => assert!(!fits && matches!(error, HttpError::TooLarge(LIMIT)), "{message}: {error}"),
                }
            }
        }
    }

    #[tokio::test]
    async fn an_interim_response_announces_the_one_that_counts() {
        let message = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nok";
        assert_eq!(answer(message).await.unwrap(), (StatusCode::ACCEPTED, Bytes::from_static(b"ok")));
    }

    #[tokio::test]
    async fn a_message_that_ends_too_early_was_closed() {
        let messages = [
            "",
            "HTTP/1.1 200",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        ];
        for message in messages {
            assert!(matches!(body(message).await, Err(HttpError::Closed)), "{message}");
        }
    }

    #[tokio::test]
    async fn chunks_without_a_size_or_longer_than_it_are_refused() {
        for chunks in ["x\r\nabc\r\n", "\r\nabc\r\n", "2\r\nabc\r\n0\r\n\r\n", &"0".repeat(10_000)] {
            let message = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
            assert!(matches!(body(message).await, Err(HttpError::Malformed(_))), "{chunks:.20}");
        }
    }

    #[tokio::test]
    async fn a_head_up_to_the_limit_is_read_and_a_larger_one_is_not() {
        let head = |bytes: usize| {
            let (begin, end) = ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nLambda-Runtime-Client-Context: ", "\r\n\r\n");
            format!("{begin}{}{end}", "x".repeat(bytes - begin.len() - end.len()))
        };
        assert!(body(head(HEADER_LIMIT_BYTES)).await.is_ok());
        let larger = body(head(HEADER_LIMIT_BYTES + 1)).await;
        assert!(matches!(larger, Err(HttpError::Malformed(_))), "{larger:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn silence_in_the_middle_of_a_message_is_waited_for_so_long_and_not_longer() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut connection = Connection::open(&listener.local_addr().unwrap().to_string()).await.unwrap();
        let (mut peer, _) = listener.accept().await.unwrap();
        let begun = Instant::now();
        let (heard, ()) = tokio::join!(connection.head(false), async {
            sleep(SILENCE - Duration::from_millis(10)).await;
            peer.write_all(b"HTTP/1.1 200").await.unwrap();
        });
        assert!(matches!(heard, Err(HttpError::Silence)));
        assert!(begun.elapsed() > SILENCE, "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_that_comes_in_drops_is_waited_for_so_long_and_not_longer() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut connection = Connection::open(&listener.local_addr().unwrap().to_string()).await.unwrap();
        let (mut peer, _) = listener.accept().await.unwrap();
        let drops = async {
            for drop in b"HTTP/1.1 200 OK\r\n" {
                sleep(SILENCE / 2).await;
                peer.write_all(&[*drop]).await.unwrap();
            }
        };
        tokio::select! {
            heard = connection.head(false) => assert!(matches!(heard, Err(HttpError::Slow))),
            () = drops => panic!("it is still waited for"),
        }
    }
}
