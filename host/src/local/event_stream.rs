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
