//! This module writes the event stream in which a streamed response reaches callers of `InvokeWithResponseStream`.
//!
//! A message has its length, that of its headers, and their checksum, then the headers, the payload, and the checksum
//! of everything before. All numbers are big-endian. Source: the specification "Amazon Event Stream" of Smithy.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::{BufMut as _, Bytes, BytesMut};
use serde_json::{Map, Value};

use super::parts::Ended;

/// The media type of event streams.
pub(super) const MEDIA_TYPE: &str = "application/vnd.amazon.eventstream";

/// The maximum size of the payload of one message, in bytes. A buffered response is cut up, because SDKs refuse
/// messages of 16 MiB or more.
const CHUNK_LIMIT_BYTES: usize = 1024 * 1024;

/// The type of a header's value: a string.
const STRING: u8 = 7;

/// What the lengths and checksums of a message take, in bytes.
const FRAME_BYTES: usize = 16;

/// Returns the messages with these bytes of a response. No bytes are no message.
pub(super) fn chunks(bytes: &Bytes) -> Bytes {
    let mut messages = BytesMut::new();
    for chunk in bytes.chunks(CHUNK_LIMIT_BYTES) {
        put_message(&mut messages, "PayloadChunk", "application/octet-stream", chunk);
    }
    messages.freeze()
}

/// Returns the message that ends a response.
pub(super) fn complete(ended: &Ended, with_log: bool) -> Bytes {
    let mut payload = Map::new();
    if let Some(error) = &ended.error {
        let object: Value = serde_json::from_slice(error).unwrap_or_default();
        let code = object["errorType"].as_str().unwrap_or("Unhandled");
        payload.insert("ErrorCode".to_owned(), code.into());
        payload.insert("ErrorDetails".to_owned(), String::from_utf8_lossy(error).into());
    }
    if with_log {
        payload.insert("LogResult".to_owned(), BASE64_STANDARD.encode(&ended.log_tail).into());
    }
    let mut message = BytesMut::new();
    put_message(&mut message, "InvokeComplete", "application/json", Value::from(payload).to_string().as_bytes());
    message.freeze()
}

fn put_message(to: &mut BytesMut, event_type: &str, content_type: &str, payload: &[u8]) {
    let mut headers = BytesMut::new();
    for (name, value) in [(":message-type", "event"), (":event-type", event_type), (":content-type", content_type)] {
        // Names and values are those above, which are short.
        headers.put_u8(u8::try_from(name.len()).unwrap_or(u8::MAX));
        headers.put_slice(name.as_bytes());
        headers.put_u8(STRING);
        headers.put_u16(u16::try_from(value.len()).unwrap_or(u16::MAX));
        headers.put_slice(value.as_bytes());
    }
    let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
    let mut message = BytesMut::with_capacity(FRAME_BYTES + headers.len() + payload.len());
    message.put_u32(length(FRAME_BYTES + headers.len() + payload.len()));
    message.put_u32(length(headers.len()));
    message.put_u32(crc32fast::hash(&message));
    message.put_slice(&headers);
    message.put_slice(payload);
    message.put_u32(crc32fast::hash(&message));
    to.unsplit(message);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads one message as the SDKs do, and returns its headers and payload, and what follows.
    fn read(bytes: &[u8]) -> (Vec<(String, String)>, Vec<u8>, &[u8]) {
        let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
        let (total, headers_end) = (number(0) as usize, 12 + number(4) as usize);
        assert_eq!(number(8), crc32fast::hash(&bytes[..8]));
        assert_eq!(number(total - 4), crc32fast::hash(&bytes[..total - 4]));
        let (mut headers, mut at) = (Vec::new(), 12);
        while at < headers_end {
            let name = usize::from(bytes[at]);
            let value_at = at + 1 + name;
            assert_eq!(bytes[value_at], STRING);
            let value = usize::from(u16::from_be_bytes([bytes[value_at + 1], bytes[value_at + 2]]));
            let text = |from: usize, length: usize| String::from_utf8(bytes[from..from + length].to_vec()).unwrap();
            headers.push((text(at + 1, name), text(value_at + 3, value)));
            at = value_at + 3 + value;
        }
        (headers, bytes[headers_end..total - 4].to_vec(), &bytes[total..])
    }

    fn headers(event_type: &str, content_type: &str) -> Vec<(String, String)> {
        let all = [(":message-type", "event"), (":event-type", event_type), (":content-type", content_type)];
        all.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    /// The checksums are those that zlib computes.
    #[test]
    fn a_message_is_laid_out_as_specified() {
        let message = chunks(&Bytes::from_static(b"hi"));
        assert_eq!(message[..12], [0, 0, 0, 0x6c, 0, 0, 0, 0x5a, 0xb2, 0x5e, 0xfd, 0xcf]);
        assert_eq!(message[12..26], *b"\x0d:message-type");
        assert_eq!(message[26..34], *b"\x07\0\x05event");
        assert_eq!(message[message.len() - 6..], *b"hi\x31\x41\x38\xe4");
    }

    #[test]
    fn bytes_become_chunks_and_large_ones_several() {
        let (found, payload, rest) = {
            let message = chunks(&Bytes::from_static(b"\0\xff"));
            let (found, payload, rest) = read(&message);
            (found, payload, rest.len())
        };
        assert_eq!(found, headers("PayloadChunk", "application/octet-stream"));
        assert_eq!((payload.as_slice(), rest), (&b"\0\xff"[..], 0));
        assert!(chunks(&Bytes::new()).is_empty());
        let large = Bytes::from(vec![b'x'; CHUNK_LIMIT_BYTES + 1]);
        let messages = chunks(&large);
        let (_, first, rest) = read(&messages);
        let (_, second, rest) = read(rest);
        assert_eq!((first.len(), second.len(), rest.len()), (CHUNK_LIMIT_BYTES, 1, 0));
    }

    #[test]
    fn the_last_message_has_the_error_and_the_log() {
        let payload = |ended: &Ended, with_log| {
            let message = complete(ended, with_log);
            let (found, payload, _) = read(&message);
            assert_eq!(found, headers("InvokeComplete", "application/json"));
            serde_json::from_slice::<Value>(&payload).unwrap()
        };
        let well = Ended { error: None, log_tail: b"END".to_vec() };
        assert_eq!(payload(&well, false), serde_json::json!({}));
        assert_eq!(payload(&well, true), serde_json::json!({"LogResult": "RU5E"}));
        let text = r#"{"errorType":"Oops","errorMessage":"no"}"#;
        let failed = Ended { error: Some(Bytes::from(text)), ..well };
        assert_eq!(payload(&failed, false), serde_json::json!({"ErrorCode": "Oops", "ErrorDetails": text}));
    }
}
