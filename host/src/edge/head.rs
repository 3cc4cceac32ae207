//! The head of a response: its status, its headers, and how its body ends.

use std::mem::MaybeUninit;

use bytes::Bytes;
use httparse::ParserConfig;
use hyper::StatusCode;
use memchr::memchr;

use super::{http::HttpError, wire::EventHeaders};

/// The most that a head may have, in bytes. A client context alone may be 3,583 on Lambda, and as much as fits into a request under
/// the emulator.
pub const HEADER_LIMIT_BYTES: usize = 2 * 1024 * 1024;

const HEADER_LIMIT: usize = 100;

/// The head of a response.
#[derive(Debug)]
pub struct Head {
    pub status: StatusCode,
    pub headers: EventHeaders,
    pub framing: Framing,
    /// Whether the connection can be used again after the body.
    pub is_kept: bool,
}

/// How a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// After so many bytes.
    Length(u64),
    /// With an empty chunk.
    Chunked,
    /// With the connection.
    UntilClosed,
}

/// Where in a response the next byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    LineStart,
    Line,
}

impl Place {
    /// Makes control characters spaces, up to the head's end, which it returns if it is there.
    ///
    /// The emulator passes a caller's client context on as the bytes it is, control characters included. HTTP does not allow them,
    /// and an event whose message is refused comes again: that caller would cost everybody the environment.
    pub fn clean(&mut self, bytes: &mut [u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(line) = memchr(b'\n', &bytes[at..]) {
            let end = at + line + 1;
            let is_last = self.clean_line(&mut bytes[at..end - 1]);
            *self = Self::LineStart;
            if is_last {
                return Some(end);
            }
            at = end;
        }
        if !self.clean_line(&mut bytes[at..]) {
            *self = Self::Line;
        }
        None
    }

    /// Whether the line is empty so far.
    fn clean_line(self, line: &mut [u8]) -> bool {
        // Most have nothing to clean, which can be told of many bytes at a time.
        if line.iter().fold(false, |found, byte| found | (*byte < b' ') | (*byte == 0x7f)) {
            let controls = line.iter_mut().filter(|byte| byte.is_ascii_control() && !b"\t\r".contains(byte));
            controls.for_each(|byte| *byte = b' ');
        }
        self == Self::LineStart && line.iter().all(|byte| *byte == b'\r')
    }
}

impl Head {
    /// `bytes` end with the head.
    ///
    /// # Errors
    /// When they are no head, or how the body ends can't be told.
    pub fn parse(bytes: &Bytes) -> Result<Self, HttpError> {
        let mut headers = [const { MaybeUninit::uninit() }; HEADER_LIMIT];
        let mut response = httparse::Response::new(&mut []);
        match ParserConfig::default().parse_response_with_uninit_headers(&mut response, bytes, &mut headers) {
            Ok(httparse::Status::Complete(_)) => {}
            Ok(httparse::Status::Partial) => return Err(HttpError::Malformed("its head is none")),
            Err(httparse::Error::TooManyHeaders) => return Err(HttpError::Malformed("it has too many headers")),
            Err(_) => return Err(HttpError::Malformed("its head can't be read")),
        }
        let status = response.code.and_then(|code| StatusCode::from_u16(code).ok());
        let status = status.ok_or(HttpError::Malformed("it has no status"))?;
        let mut head = Self { status, headers: EventHeaders::default(), framing: Framing::UntilClosed, is_kept: false };
        let mut connection = Connection { is_kept: response.version == Some(1), ..Connection::default() };
        for header in response.headers.iter() {
            if !connection.hear(header)? {
                head.headers.hear(header.name, bytes.slice_ref(header.value));
            }
        }
        head.framing = connection.framing(status);
        head.is_kept = connection.is_kept && head.framing != Framing::UntilClosed;
        Ok(head)
    }
}

/// What the headers say of the connection.
#[derive(Default)]
struct Connection {
    is_kept: bool,
    is_chunked: bool,
    length: Option<u64>,
}

impl Connection {
    /// Whether this header is for the connection.
    fn hear(&mut self, header: &httparse::Header<'_>) -> Result<bool, HttpError> {
        let value = header.value.trim_ascii();
        if header.name.eq_ignore_ascii_case("content-length") {
            let length = std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
            let length =
                length.and_then(|text| text.parse().ok()).ok_or(HttpError::Malformed("it has a wrong length"))?;
            if self.length.is_some_and(|other| other != length) {
                return Err(HttpError::Malformed("it has two lengths"));
            }
            self.length = Some(length);
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            if !value.eq_ignore_ascii_case(b"chunked") {
                return Err(HttpError::Malformed("its encoding is not known"));
            }
            self.is_chunked = true;
        } else if header.name.eq_ignore_ascii_case("connection") {
            let closes = value.split(|byte| *byte == b',').any(|word| word.trim_ascii().eq_ignore_ascii_case(b"close"));
            self.is_kept &= !closes;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// In the order of RFC 9112, section 6.3.
    fn framing(&self, status: StatusCode) -> Framing {
        let has_no_body = status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
        match self.length {
            _ if has_no_body => Framing::Length(0),
            _ if self.is_chunked => Framing::Chunked,
            Some(length) => Framing::Length(length),
            None => Framing::UntilClosed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The message as it is cleaned in pieces of this size, and where its head ends.
    fn cleaned(message: &[u8], piece: usize) -> (Vec<u8>, Option<usize>) {
        let mut bytes = message.to_vec();
        let (mut place, mut at) = (Place::LineStart, 0);
        for piece in bytes.chunks_mut(piece) {
            if let Some(end) = place.clean(piece) {
                return (bytes, Some(at + end));
            }
            at += piece.len();
        }
        (bytes, None)
    }

    #[test]
    fn control_characters_in_the_head_become_spaces_and_the_body_is_left_alone() {
        let message = b"HTTP/1.1 200 OK\r\nA: \x00\x01b\x7f\tc\xff\r\n\r\n\x00\x01\n\x02";
        let expected = b"HTTP/1.1 200 OK\r\nA:   b \tc\xff\r\n\r\n\x00\x01\n\x02";
        for piece in 1..message.len() {
            assert_eq!(cleaned(message, piece), (expected.to_vec(), Some(expected.len() - 4)), "{piece}");
        }
    }

    #[test]
    fn a_head_may_end_its_lines_with_newlines_alone() {
        let expected = b"HTTP/1.1 200 OK\nA:  \n\n\x01";
        assert_eq!(cleaned(b"HTTP/1.1 200 OK\nA: \x01\n\n\x01", 100), (expected.to_vec(), Some(expected.len() - 1)));
    }

    fn parsed(headers: &str) -> Result<Head, HttpError> {
        Head::parse(&Bytes::from(format!("HTTP/1.1 200 OK\r\n{headers}\r\n")))
    }

    #[test]
    fn a_body_ends_as_the_head_says() {
        for (headers, framing, is_kept) in [
            ("Content-Length: 12\r\n", Framing::Length(12), true),
            ("content-length: 12\r\nContent-Length: 12\r\n", Framing::Length(12), true),
            ("Transfer-Encoding: Chunked\r\nContent-Length: 12\r\n", Framing::Chunked, true),
            ("Content-Length: 12\r\nConnection: x, Close\r\n", Framing::Length(12), false),
            ("", Framing::UntilClosed, false),
        ] {
            let head = parsed(headers).unwrap();
            assert_eq!((head.framing, head.is_kept), (framing, is_kept), "{headers}");
        }
        let empty = Head::parse(&Bytes::from_static(b"HTTP/1.1 204 No Content\r\n\r\n")).unwrap();
        assert_eq!((empty.framing, empty.is_kept), (Framing::Length(0), true));
        let old = Head::parse(&Bytes::from_static(b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n")).unwrap();
        assert!(!old.is_kept);
    }

    #[test]
    fn a_head_that_does_not_say_how_its_body_ends_is_refused() {
        for headers in [
            "Content-Length: 1\r\nContent-Length: 2\r\n",
            "Content-Length: -1\r\n",
            "Content-Length: +1\r\n",
            "Content-Length: 99999999999999999999\r\n",
            "Content-Length:\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "no header\r\n",
        ] {
            assert!(matches!(parsed(headers), Err(HttpError::Malformed(_))), "{headers}");
        }
    }

    #[test]
    fn a_hundred_headers_are_read_and_more_are_refused() {
        assert!(parsed(&"a: b\r\n".repeat(HEADER_LIMIT)).is_ok());
        assert!(parsed(&"a: b\r\n".repeat(HEADER_LIMIT + 1)).is_err());
    }
}
