//! Response heads without the bytes that HTTP does not allow.
//!
//! The emulator passes a caller's client context on as the bytes it is, control characters included. An HTTP library
//! refuses such a message whole, and since an event that was not answered comes again, that caller would cost everybody the
//! environment. So control characters in heads become spaces before HTTP is read. Bodies are left alone.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection on which one request at a time is sent, and whose response heads are cleaned.
pub struct CleanHeads<S> {
    stream: S,
    place: Place,
}

/// Where in a response the next byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    LineStart,
    Line,
    Body,
}

impl<S> CleanHeads<S> {
    pub fn new(stream: S) -> Self {
        Self { stream, place: Place::LineStart }
    }
}

impl Place {
    /// Cleans what came, and says where the next byte will be.
    fn clean(mut self, bytes: &mut [u8]) -> Self {
        for byte in bytes {
            self = match (self, *byte) {
                (Self::Body, _) => return Self::Body,
                (Self::LineStart, b'\n') => Self::Body,
                (_, b'\n') => Self::LineStart,
                (place, b'\r') => place,
                (_, b'\t' | b' '..=b'~' | 0x80..) => Self::Line,
                _ => {
                    *byte = b' ';
                    Self::Line
                }
            };
        }
        self
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for CleanHeads<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let known = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.place = self.place.clean(&mut buf.filled_mut()[known..]);
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for CleanHeads<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        // What is read after a request was written starts with a head.
        self.place = Place::LineStart;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.place = Place::LineStart;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The message as it is read in pieces of this size.
    fn read(message: &[u8], piece: usize) -> Vec<u8> {
        let mut bytes = message.to_vec();
        bytes.chunks_mut(piece).fold(Place::LineStart, Place::clean);
        bytes
    }

    #[test]
    fn control_characters_in_the_head_become_spaces_and_the_body_is_left_alone() {
        let message = b"HTTP/1.1 200 OK\r\nA: \x00\x01b\x7f\tc\xff\r\n\r\n\x00\x01\n\x02";
        for piece in 1..message.len() {
            assert_eq!(read(message, piece), b"HTTP/1.1 200 OK\r\nA:   b \tc\xff\r\n\r\n\x00\x01\n\x02", "{piece}");
        }
    }

    #[test]
    fn a_head_may_end_its_lines_with_newlines_alone() {
        assert_eq!(read(b"HTTP/1.1 200 OK\nA: \x01\n\n\x01", 100), b"HTTP/1.1 200 OK\nA:  \n\n\x01");
    }
}
