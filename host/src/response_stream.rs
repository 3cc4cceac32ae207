//! This module carries a response from a guest that still runs to the runtime client: in pieces while the guest writes
//! them, or whole before the guest has ended.
//!
//! There is room for one piece. So the guest writes no faster than the caller reads, and a response of any size takes a
//! small, constant amount of memory.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::HeaderValue;
use tokio::{
    sync::{mpsc, oneshot},
    task::yield_now,
};

use crate::{
    failure::{ErrorType, Failure},
    response::Response,
};

/// The maximum size of a streamed response, in bytes. Source: the AWS page "Response streaming for Lambda functions".
pub const STREAM_LIMIT_BYTES: usize = 200 * 1024 * 1024;

/// The maximum size of a piece on its way, in bytes. A larger one is divided.
pub const PIECE_LIMIT_BYTES: usize = 64 * 1024;

/// Begins a response before its invocation ends, and writes it. It belongs to one invocation.
pub struct ResponseWriter {
    begin: Option<oneshot::Sender<Begun>>,
    pieces: Option<mpsc::Sender<Piece>>,
    written: AtomicUsize,
}

/// Waits for a response that begins before its invocation ends. If none does, it never receives anything.
pub struct ResponseReader(oneshot::Receiver<Begun>);

/// A response that began before its invocation ended.
pub enum Begun {
    /// The whole response. The guest goes on with work that the response does not depend on.
    Whole(Response),
    /// A response that comes in pieces.
    Stream(ResponseStream),
}

/// A response that comes in pieces.
pub struct ResponseStream {
    /// The media type of the response.
    pub content_type: HeaderValue,
    pieces: mpsc::Receiver<Piece>,
}

/// A part of a streamed response.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// Some bytes, at least one and at most [`PIECE_LIMIT_BYTES`].
    Bytes(Bytes),
    /// The end of a response that is complete. Without it, the end of the invocation is that of the response.
    End,
}

/// Says why a response can't be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteError {
    /// The response has begun already, or has not begun yet.
    WrongState,
    /// Nobody receives the rest, or the response has [`STREAM_LIMIT_BYTES`].
    Closed,
}

/// Returns both ends of a response that may begin before its invocation ends.
pub fn response_stream() -> (ResponseWriter, ResponseReader) {
    let (begin, begun) = oneshot::channel();
    (ResponseWriter { begin: Some(begin), pieces: None, written: AtomicUsize::new(0) }, ResponseReader(begun))
}

impl ResponseWriter {
    /// Begins a response that comes in pieces.
    ///
    /// # Errors
    /// [`WriteError::WrongState`] if a response has begun already.
    pub fn open(&mut self, content_type: HeaderValue) -> Result<(), WriteError> {
        let begin = self.begin.take().ok_or(WriteError::WrongState)?;
        let (sender, pieces) = mpsc::channel(1);
        self.pieces = Some(sender);
        // If nobody receives it, writing fails.
        let _ = begin.send(Begun::Stream(ResponseStream { content_type, pieces }));
        Ok(())
    }

    /// Sends a whole response while the guest goes on. Returns the response if one has begun already.
    pub fn send(&mut self, response: Response) -> Option<Response> {
        match self.begin.take() {
            Some(begin) => {
                // The reader only goes away together with the invocation.
                let _ = begin.send(Begun::Whole(response));
                None
            }
            None => Some(response),
        }
    }

    /// Writes some bytes of an open response, and waits until there is room for them. The reader gets the processor
    /// before this returns, so that a guest which computes on does not delay what it wrote.
    ///
    /// # Errors
    /// [`WriteError::WrongState`] if the response is not open, and [`WriteError::Closed`] if the bytes are not sent.
    pub async fn write(&self, bytes: Bytes) -> Result<(), WriteError> {
        let pieces = self.pieces.as_ref().ok_or(WriteError::WrongState)?;
        let mut rest = bytes;
        while !rest.is_empty() {
            let piece = rest.split_to(rest.len().min(PIECE_LIMIT_BYTES));
            let written = self.written.fetch_add(piece.len(), Ordering::Relaxed) + piece.len();
            if written > STREAM_LIMIT_BYTES {
                return Err(WriteError::Closed);
            }
            pieces.send(Piece::Bytes(piece)).await.map_err(|_| WriteError::Closed)?;
            yield_now().await;
        }
        Ok(())
    }

    /// Says that the response is complete. The guest may go on.
    pub async fn end(&self) {
        if let Some(pieces) = &self.pieces {
            // If nobody receives it, nobody waits for it.
            let _ = pieces.send(Piece::End).await;
        }
    }

    /// Returns whether a response has begun.
    pub fn has_begun(&self) -> bool {
        self.begin.is_none()
    }

    /// Returns the failure of an invocation whose response could not be written.
    pub fn failure(&self, error: WriteError) -> Failure {
        if self.is_over_limit() {
            let message =
                format!("the response has more than {STREAM_LIMIT_BYTES} bytes, which is the most that Lambda streams");
            return Failure::response_too_large(message);
        }
        let message = match error {
            WriteError::Closed => "nobody receives the response",
            WriteError::WrongState => "the response began twice",
        };
        Failure::new(ErrorType::Internal, message)
    }

    /// Returns whether more was written than may be sent.
    pub fn is_over_limit(&self) -> bool {
        self.written.load(Ordering::Relaxed) > STREAM_LIMIT_BYTES
    }
}

impl ResponseReader {
    /// Waits until a response begins. It waits for ever if the invocation ends before.
    pub async fn begun(&mut self) -> Begun {
        match (&mut self.0).await {
            Ok(begun) => begun,
            Err(_) => std::future::pending().await,
        }
    }

    /// Returns the response if one has begun, now that the invocation has ended.
    pub fn begun_before_the_end(&mut self) -> Option<Begun> {
        self.0.try_recv().ok()
    }
}

impl ResponseStream {
    /// Waits for the next piece. Returns `None` if the invocation ended.
    pub async fn next(&mut self) -> Option<Piece> {
        self.pieces.recv().await
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::{FutureExt as _, future::join};

    use super::*;

    const TEXT: HeaderValue = HeaderValue::from_static("text/plain");

    #[tokio::test]
    async fn a_response_begins_once_and_its_pieces_come_in_order() {
        let (mut writer, mut reader) = response_stream();
        assert_eq!(writer.write(Bytes::from_static(b"a")).await, Err(WriteError::WrongState));
        assert!(!writer.has_begun());
        writer.open(TEXT).unwrap();
        assert_eq!(writer.open(TEXT), Err(WriteError::WrongState));
        assert!(writer.send("{}".to_owned().into()).is_some());
        let Begun::Stream(mut stream) = reader.begun().await else { panic!("it is a stream") };
        assert_eq!(stream.content_type, TEXT);
        let written = async {
            writer.write(Bytes::from_static(b"a")).await.unwrap();
            writer.write(Bytes::new()).await.unwrap();
            writer.write(vec![b'x'; PIECE_LIMIT_BYTES + 1].into()).await.unwrap();
            writer.end().await;
        };
        let read = async {
            let mut sizes = Vec::new();
            while let Some(Piece::Bytes(bytes)) = stream.next().await {
                sizes.push(bytes.len());
            }
            sizes
        };
        assert_eq!(join(written, read).await.1, [1, PIECE_LIMIT_BYTES, 1]);
        drop(writer);
        assert_eq!(stream.next().await, None);
    }

    #[tokio::test]
    async fn a_writer_waits_while_nobody_reads_and_ends_when_nobody_will() {
        let (mut writer, mut reader) = response_stream();
        writer.open(TEXT).unwrap();
        let Begun::Stream(stream) = reader.begun().await else { panic!("it is a stream") };
        writer.write(Bytes::from_static(b"a")).await.unwrap();
        let mut second = pin!(writer.write(Bytes::from_static(b"b")));
        for _ in 0..3 {
            assert_eq!((&mut second).now_or_never(), None);
        }
        drop(stream);
        assert_eq!(second.await, Err(WriteError::Closed));
    }

    #[tokio::test]
    async fn a_stream_takes_its_limit_and_not_one_byte_more() {
        let (mut writer, mut reader) = response_stream();
        writer.open(TEXT).unwrap();
        let Begun::Stream(mut stream) = reader.begun().await else { panic!("it is a stream") };
        let piece = Bytes::from(vec![0; PIECE_LIMIT_BYTES]);
        let written = async {
            for _ in 0..STREAM_LIMIT_BYTES / PIECE_LIMIT_BYTES {
                writer.write(piece.clone()).await.unwrap();
            }
            assert!(!writer.is_over_limit());
            assert_eq!(writer.write(Bytes::from_static(b"x")).await, Err(WriteError::Closed));
            assert!(writer.is_over_limit());
            writer.end().await;
        };
        let read = async {
            let mut total = 0;
            while let Some(Piece::Bytes(bytes)) = stream.next().await {
                total += bytes.len();
            }
            total
        };
        assert_eq!(join(written, read).await.1, STREAM_LIMIT_BYTES);
    }

    #[tokio::test]
    async fn a_whole_response_is_sent_while_the_guest_goes_on() {
        let (mut writer, mut reader) = response_stream();
        assert!(writer.send("{}".to_owned().into()).is_none());
        assert!(writer.has_begun());
        assert!(matches!(reader.begun().await, Begun::Whole(response) if response == "{}".to_owned().into()));
    }
}
