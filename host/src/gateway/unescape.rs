//! This module reads a large string of JSON. `serde_json` would collect it in a buffer first, and copy it from there.

use std::borrow::Cow;

use memchr::memchr;

/// Returns the text of a string of JSON, quotes included, whose form has been checked. It is copied only if it has
/// escapes. The error says what came instead.
pub fn unescaped(json: &str) -> Result<Cow<'_, str>, &'static str> {
    let Some(inner) = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return Err(match json.as_bytes().first() {
            Some(b'{') => "an object, where a string has to be",
            Some(b'[') => "an array, where a string has to be",
            Some(b't' | b'f') => "a boolean, where a string has to be",
            _ => "a number, where a string has to be",
        });
    };
    let Some(mut at) = memchr(b'\\', inner.as_bytes()) else { return Ok(Cow::Borrowed(inner)) };
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner;
    loop {
        text.push_str(&rest[..at]);
        let escape = &rest[at + 1..];
        let (char, length) = match escape.as_bytes().first() {
            Some(b'n') => ('\n', 1),
            Some(b'r') => ('\r', 1),
            Some(b't') => ('\t', 1),
            Some(b'b') => ('\u{8}', 1),
            Some(b'f') => ('\u{c}', 1),
            Some(b'u') => code_point(escape).ok_or("a `\\u` that is half a character")?,
            Some(char @ (b'"' | b'\\' | b'/')) => (char::from(*char), 1),
            _ => return Err("an escape that JSON does not have"),
        };
        text.push(char);
        rest = &escape[length..];
        let Some(next) = memchr(b'\\', rest.as_bytes()) else { break };
        at = next;
    }
    text.push_str(rest);
    Ok(Cow::Owned(text))
}

/// Returns the character of `uXXXX`, or of `uXXXX\uXXXX`, and the length of this.
fn code_point(escape: &str) -> Option<(char, usize)> {
    let unit = |at: usize| u16::from_str_radix(escape.get(at..at + 4)?, 16).ok();
    let first = unit(1)?;
    if let Some(char) = char::from_u32(first.into()) {
        return Some((char, 5));
    }
    let second = if escape.get(5..7) == Some("\\u") { unit(7)? } else { return None };
    let char = char::decode_utf16([first, second]).next()?.ok()?;
    Some((char, 11))
}
