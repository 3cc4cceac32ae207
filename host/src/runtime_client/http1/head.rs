//! The head of a response: its status, its headers, and how its body ends.
//!
//! See docs/decisions/02-own-http-client.md.

use std::{mem::MaybeUninit, ops::Range};

use bytes::Bytes;
use http::StatusCode;
use httparse::ParserConfig;
use memchr::memchr;

use super::HttpError;

/// The maximum size of a head, in bytes. A client context alone may have 3,583 bytes on Lambda, and as many as fit into
/// a request under the emulator.
pub(super) const HEADER_LIMIT_BYTES: usize = 2 * 1024 * 1024;

/// The maximum number of headers.
const HEADER_LIMIT: usize = 100;

/// Holds the head of a response.
#[derive(Debug)]
pub struct Head {
    /// The status.
    pub status: StatusCode,
    /// How the body ends.
    pub framing: Framing,
    /// Whether the connection can carry another request after the body.
    pub keep_alive: bool,
    bytes: Bytes,
    /// Where in `bytes` the headers are that are not about the connection: names and values.
    headers: Vec<(Range<usize>, Range<usize>)>,
}

/// Says how a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// After this number of bytes.
    Length(u64),
    /// With an empty chunk.
    Chunked,
    /// With the connection.
    UntilClosed,
}

/// Is the state of the scan for a head's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScanState {
    /// The next byte begins a line.
    LineStart,
    /// The next byte is inside a line.
    InLine,
}

impl ScanState {
    /// Replaces control characters by spaces up to the end of the head, and returns where that is, if it is in `bytes`.
    ///
    /// The emulator passes a caller's client context on as it is, control characters included. HTTP does not allow
    /// them, and the emulator delivers an event again whose message the client refused: one such caller would cost
    /// everybody the environment.
    pub(super) fn clean(&mut self, bytes: &mut [u8]) -> Option<usize> {
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
            *self = Self::InLine;
        }
        None
    }

    /// Returns whether the line is empty so far.
    fn clean_line(self, line: &mut [u8]) -> bool {
        // Most lines have nothing to clean but the carriage return at their end, which may stay.
        if has_control(line.strip_suffix(b"\r").unwrap_or(line)) {
            let controls = line.iter_mut().filter(|byte| byte.is_ascii_control() && !b"\t\r".contains(byte));
            controls.for_each(|byte| *byte = b' ');
        }
        self == Self::LineStart && line.iter().all(|byte| *byte == b'\r')
    }
}

/// Returns whether any byte is a control character. It checks eight bytes at a time: every byte of every head comes
/// through here, and this crate is compiled for size, without vector instructions.
fn has_control(bytes: &[u8]) -> bool {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH_BITS: u64 = ONES << 7;
    // A subtraction sets the high bit of each byte that is below the limit, and of no other that is below 128. A borrow
    // can only come from a byte that is below the limit.
    let has_below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & HIGH_BITS != 0;
    let (words, rest) = bytes.as_chunks::<8>();
    let is_suspect = |word: &[u8; 8]| {
        let word = u64::from_ne_bytes(*word);
        has_below(word, u64::from(b' ')) || has_below(word ^ (ONES * 0x7f), 1)
    };
    words.iter().any(is_suspect) || rest.iter().any(u8::is_ascii_control)
}

impl Head {
    /// Parses `bytes`, which end with the head.
    ///
    /// # Errors
    /// When they are not a head, or do not say how the body ends.
    pub fn parse(bytes: Bytes) -> Result<Self, HttpError> {
        let mut parsed = [const { MaybeUninit::uninit() }; HEADER_LIMIT];
        let mut response = httparse::Response::new(&mut []);
        match ParserConfig::default().parse_response_with_uninit_headers(&mut response, &bytes, &mut parsed) {
            Ok(httparse::Status::Complete(_)) => {}
            Ok(httparse::Status::Partial) => return Err(HttpError::Malformed("its head is not complete")),
            Err(httparse::Error::TooManyHeaders) => return Err(HttpError::Malformed("it has too many headers")),
            Err(_) => return Err(HttpError::Malformed("its head can't be parsed")),
        }
        let status = response.code.and_then(|code| StatusCode::from_u16(code).ok());
        let status = status.ok_or(HttpError::Malformed("it has no status"))?;
        let mut connection =
            ConnectionHeaders { keep_alive: response.version == Some(1), ..ConnectionHeaders::default() };
        let base = bytes.as_ptr().addr();
        let range = |part: &[u8]| {
            let start = part.as_ptr().addr() - base;
            start..start + part.len()
        };
        let mut headers = Vec::with_capacity(response.headers.len());
        for header in response.headers.iter() {
            if !connection.insert(header)? {
                headers.push((range(header.name.as_bytes()), range(header.value)));
            }
        }
        let framing = connection.framing(status);
        let keep_alive = connection.keep_alive && framing != Framing::UntilClosed;
        Ok(Self { status, framing, keep_alive, bytes, headers })
    }

    /// Returns the headers that are not about the connection, in their order: names, and where their
    /// [values](Self::value) are.
    pub fn headers(&self) -> impl Iterator<Item = (&str, Range<usize>)> {
        self.headers.iter().map(|(name, value)| {
            // `httparse` allows only ASCII in names.
            (str::from_utf8(&self.bytes[name.clone()]).unwrap_or_default(), value.clone())
        })
    }

    /// Returns a header's value, which shares the head's memory.
    pub fn value(&self, range: Range<usize>) -> Bytes {
        self.bytes.slice(range)
    }
}

/// Collects what the headers say about the connection.
#[derive(Default)]
struct ConnectionHeaders {
    keep_alive: bool,
    is_chunked: bool,
    length: Option<u64>,
}

impl ConnectionHeaders {
    /// Returns whether this header is about the connection.
    fn insert(&mut self, header: &httparse::Header<'_>) -> Result<bool, HttpError> {
        let value = header.value.trim_ascii();
        if header.name.eq_ignore_ascii_case("content-length") {
            let length = str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
            let length =
                length.and_then(|text| text.parse().ok()).ok_or(HttpError::Malformed("its length is not a number"))?;
            if self.length.is_some_and(|other| other != length) {
                return Err(HttpError::Malformed("it has two lengths"));
            }
            self.length = Some(length);
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            if !value.eq_ignore_ascii_case(b"chunked") {
                return Err(HttpError::Malformed("its transfer encoding is not `chunked`"));
            }
            self.is_chunked = true;
        } else if header.name.eq_ignore_ascii_case("connection") {
            let closes = value.split(|byte| *byte == b',').any(|word| word.trim_ascii().eq_ignore_ascii_case(b"close"));
            self.keep_alive &= !closes;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Returns how the body ends, by the rules of RFC 9112, section 6.3, in their order.
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
        let (mut scan, mut at) = (ScanState::LineStart, 0);
        for piece in bytes.chunks_mut(piece) {
            if let Some(end) = scan.clean(piece) {
                return (bytes, Some(at + end));
            }
            at += piece.len();
        }
        (bytes, None)
    }

    #[test]
    fn each_control_character_is_found_wherever_it_is_and_no_other_byte_is_taken_for_one() {
        for length in 0..20 {
            for at in 0..length {
                for byte in 0..=u8::MAX {
                    let mut bytes = vec![b'a'; length];
                    bytes[at] = byte;
                    assert_eq!(has_control(&bytes), byte.is_ascii_control(), "{byte} at {at} of {length}");
                }
            }
        }
        assert!(!has_control(&[0xff; 64]) && !has_control(&[b' '; 64]) && !has_control(&[0x80; 64]));
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
        Head::parse(Bytes::from(format!("HTTP/1.1 200 OK\r\n{headers}\r\n")))
    }

    #[test]
    fn a_body_ends_as_the_head_says() {
        for (headers, framing, keep_alive) in [
            ("Content-Length: 12\r\n", Framing::Length(12), true),
            ("content-length: 12\r\nContent-Length: 12\r\n", Framing::Length(12), true),
            ("Transfer-Encoding: Chunked\r\nContent-Length: 12\r\n", Framing::Chunked, true),
            ("Content-Length: 12\r\nConnection: x, Close\r\n", Framing::Length(12), false),
            ("", Framing::UntilClosed, false),
        ] {
            let head = parsed(headers).unwrap();
            assert_eq!((head.framing, head.keep_alive), (framing, keep_alive), "{headers}");
        }
        let empty = Head::parse(Bytes::from_static(b"HTTP/1.1 204 No Content\r\n\r\n")).unwrap();
        assert_eq!((empty.framing, empty.keep_alive), (Framing::Length(0), true));
        let old = Head::parse(Bytes::from_static(b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n")).unwrap();
        assert!(!old.keep_alive);
    }

    #[test]
    fn headers_that_are_not_about_the_connection_are_kept_in_their_order() {
        let head = parsed("A: 1\r\nContent-Length: 0\r\nb:  é\r\nA: 2\r\n").unwrap();
        let headers: Vec<_> = head.headers().map(|(name, value)| (name.to_owned(), head.value(value))).collect();
        let expected = [("A", "1"), ("b", "é"), ("A", "2")];
        assert_eq!(headers.len(), expected.len());
        for ((name, value), (expected_name, expected_value)) in headers.iter().zip(expected) {
            assert_eq!((name.as_str(), &value[..]), (expected_name, expected_value.as_bytes()));
        }
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
