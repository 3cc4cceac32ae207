//! This module reads a large string of JSON. `serde_json` would collect it in a buffer first, and copy it from there.

use std::borrow::Cow;

use super::plain::plain_len;

/// Returns the text of a string of JSON, quotes included, whose form has been checked. It is copied only if it has
/// escapes. The error says what came instead.
pub fn unescaped(json: &str) -> Result<Cow<'_, [u8]>, &'static str> {
    let Some(inner) = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return Err(match json.as_bytes().first() {
            Some(b'{') => "an object, where a string has to be",
            Some(b'[') => "an array, where a string has to be",
            Some(b't' | b'f') => "a boolean, where a string has to be",
            _ => "a number, where a string has to be",
        });
    };
    let mut rest = inner.as_bytes();
    let mut at = plain_len(rest);
    if at == rest.len() {
        return Ok(Cow::Borrowed(rest));
    }
    let mut text = Vec::with_capacity(rest.len());
    while let Some((before, [_, escape @ ..])) = rest.split_at_checked(at) {
        text.extend_from_slice(before);
        let mut length = 1;
        match escape.first() {
            Some(b'n') => text.push(b'\n'),
            Some(b'r') => text.push(b'\r'),
            Some(b't') => text.push(b'\t'),
            Some(b'b') => text.push(8),
            Some(b'f') => text.push(12),
            Some(byte @ (b'"' | b'\\' | b'/')) => text.push(*byte),
            Some(b'u') => {
                let char;
                (char, length) = code_point(escape).ok_or("a `\\u` that is half a character")?;
                text.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
            }
            _ => return Err("an escape that JSON does not have"),
        }
        rest = &escape[length..];
        at = plain_len(rest);
    }
    text.extend_from_slice(rest);
    Ok(Cow::Owned(text))
}

/// Returns the character of `uXXXX`, or of `uXXXX\uXXXX`, and the length of this.
fn code_point(escape: &[u8]) -> Option<(char, usize)> {
    let unit = |at: usize| u16::from_str_radix(std::str::from_utf8(escape.get(at..at + 4)?).ok()?, 16).ok();
    let first = unit(1)?;
    if let Some(char) = char::from_u32(first.into()) {
        return Some((char, 5));
    }
    let second = if escape.get(5..7) == Some(b"\\u") { unit(7)? } else { return None };
    let char = char::decode_utf16([first, second]).next()?.ok()?;
    Some((char, 11))
}
