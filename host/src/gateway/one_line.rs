//! This module writes JSON so that it can stand in a header.

use std::fmt::Write as _;

/// Returns equivalent JSON in one line, of ASCII without control characters. Returns nothing if it would be larger than
/// the limit.
pub fn one_line(json: &str, limit_bytes: usize) -> Option<String> {
    let mut line = String::with_capacity(json.len().min(limit_bytes));
    let (mut is_in_string, mut is_escaped) = (false, false);
    for char in json.chars() {
        if line.len() > limit_bytes {
            return None;
        }
        match char {
            ' ' | '\t' | '\r' | '\n' if !is_in_string => continue,
            ' '..='~' => line.push(char),
            _ => {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    // Writing to a string can't fail.
                    let _ = write!(line, "\\u{unit:04x}");
                }
            }
        }
        if char == '"' && !is_escaped {
            is_in_string = !is_in_string;
        }
        is_escaped = char == '\\' && !is_escaped;
    }
    (line.len() <= limit_bytes).then_some(line)
}
