//! This module writes JSON into one buffer.

use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::plain::plain_len;

/// An object of JSON that is being written.
pub struct Object {
    bytes: Vec<u8>,
}

impl Object {
    /// Begins an object.
    pub fn with_capacity(bytes: usize) -> Self {
        let mut object = Self { bytes: Vec::with_capacity(bytes) };
        object.bytes.push(b'{');
        object
    }

    /// Ends the object.
    pub fn end(mut self) -> Vec<u8> {
        self.bytes.push(b'}');
        self.bytes
    }

    /// Writes a member that is a text.
    pub fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        self.string(text);
    }

    /// Writes a member that is a text, unless the text would have more than this many bytes with its escapes. Then it
    /// writes nothing.
    #[must_use]
    pub fn text_within(&mut self, name: &str, text: &str, limit_bytes: usize) -> bool {
        let begin = self.bytes.len();
        self.name(name);
        let is_within = self.string_within(text, limit_bytes);
        if !is_within {
            self.bytes.truncate(begin);
        }
        is_within
    }

    /// Writes a member that is a number.
    pub fn number(&mut self, name: &str, number: u16) {
        self.literal(name, &number.to_string());
    }

    /// Writes a member that is JSON already.
    pub fn literal(&mut self, name: &str, json: &str) {
        self.name(name);
        self.bytes.extend_from_slice(json.as_bytes());
    }

    /// Writes a member that is a list of texts.
    pub fn list(&mut self, name: &str, texts: impl Iterator<Item = String>) {
        self.name(name);
        self.bytes.push(b'[');
        for text in texts {
            self.comma(b'[');
            self.string(&text);
        }
        self.bytes.push(b']');
    }

    /// Writes a member that is an object.
    pub fn object(&mut self, name: &str, write: impl FnOnce(&mut Self)) {
        self.name(name);
        self.bytes.push(b'{');
        write(self);
        self.bytes.push(b'}');
    }

    /// Writes a member that is the base64 of these bytes.
    pub fn base64(&mut self, name: &str, bytes: &[u8]) {
        self.name(name);
        self.bytes.push(b'"');
        let begin = self.bytes.len();
        self.bytes.resize(begin + base64::encoded_len(bytes.len(), true).unwrap_or(0), 0);
        // The place is as large as the text.
        let written = BASE64_STANDARD.encode_slice(bytes, &mut self.bytes[begin..]).unwrap_or(0);
        self.bytes.truncate(begin + written);
        self.bytes.push(b'"');
    }

    fn name(&mut self, name: &str) {
        self.comma(b'{');
        self.string(name);
        self.bytes.push(b':');
    }

    /// Writes a comma, unless this is the first one.
    fn comma(&mut self, begin: u8) {
        if self.bytes.last() != Some(&begin) {
            self.bytes.push(b',');
        }
    }

    fn string(&mut self, text: &str) {
        self.string_within(text, usize::MAX);
    }

    /// Writes a text, unless it would have more than this many bytes with its escapes. Then it writes a part.
    fn string_within(&mut self, text: &str, limit_bytes: usize) -> bool {
        const HEX: [u8; 16] = *b"0123456789abcdef";
        self.bytes.push(b'"');
        let limit = self.bytes.len().saturating_add(limit_bytes);
        let mut rest = text.as_bytes();
        loop {
            let (plain, special) = rest.split_at(plain_len(rest));
            if self.bytes.len() + plain.len() > limit {
                return false;
            }
            self.bytes.extend_from_slice(plain);
            let [byte, after @ ..] = special else { break };
            match byte {
                b'"' | b'\\' => self.bytes.extend([b'\\', *byte]),
                b'\n' => self.bytes.extend(b"\\n"),
                b'\r' => self.bytes.extend(b"\\r"),
                b'\t' => self.bytes.extend(b"\\t"),
                8 => self.bytes.extend(b"\\b"),
                12 => self.bytes.extend(b"\\f"),
                _ => {
                    let digits = [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
                    self.bytes.extend(b"\\u00");
                    self.bytes.extend(digits);
                }
            }
            rest = after;
        }
        let is_within = self.bytes.len() <= limit;
        self.bytes.push(b'"');
        is_within
    }
}
