//! This module writes JSON into one buffer.

use base64::{Engine as _, prelude::BASE64_STANDARD};

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
        // Writing into memory can't fail.
        let _ = serde_json::to_writer(&mut self.bytes, text);
    }
}

/// Returns how long a text is as a string of JSON, without the quotes.
pub fn escaped_len(text: &str) -> usize {
    let more = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 8 | 12 => 1,
        0..0x20 => 5,
        _ => 0,
    };
    text.len() + text.bytes().map(more).sum::<usize>()
}
