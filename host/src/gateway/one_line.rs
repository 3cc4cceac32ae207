//! This module writes JSON so that it can stand in a header.

use super::plain::plain_len;

/// Returns equivalent JSON in one line, of ASCII without control characters. The JSON has to be well formed. Returns
/// nothing if it would be larger than the limit.
pub fn one_line(json: &str, limit_bytes: usize) -> Option<Vec<u8>> {
    let mut line = Vec::with_capacity(json.len().min(limit_bytes));
    let (mut rest, mut is_in_string) = (json, false);
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => {
                is_in_string = !is_in_string;
                line.push(b'"');
                1
            }
            // What an escape ends in may be a quote or a backslash.
            '\\' => {
                let length = rest.len().min(2);
                line.extend_from_slice(&rest.as_bytes()[..length]);
                length
            }
            _ if is_in_string => {
                let length = plain_len(rest.as_bytes()).max(1);
                push_ascii(&rest[..length], limit_bytes, &mut line);
                length
            }
            _ => {
                let length = rest.find('"').unwrap_or(rest.len());
                let outside = rest.bytes().take(length);
                line.extend(outside.filter(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n')));
                length
            }
        };
        rest = &rest[length..];
        if line.len() > limit_bytes {
            return None;
        }
    }
    Some(line)
}

/// Writes a text. What is not printable ASCII is escaped. The text is cut if it is larger than the limit.
fn push_ascii(text: &str, limit_bytes: usize, line: &mut Vec<u8>) {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return line.extend_from_slice(text.as_bytes());
    }
    for char in text.chars() {
        if line.len() > limit_bytes {
            return;
        }
        match char {
            ' '..='~' => line.extend(char.encode_utf8(&mut [0; 4]).bytes()),
            _ => {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    line.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn json_is_the_same_json_in_one_line_of_ascii() {
        for (json, expected) in [
            ("{ \"a b\" :\r\n\t[ 1 , true ]\n}", r#"{"a b":[1,true]}"#),
            (r#"{"a\\\" ": " \\", "b" : 1}"#, r#"{"a\\\" ":" \\","b":1}"#),
            ("\"ü🦀\u{7f}\u{80}\u{2028}x\"", r#""\u00fc\ud83e\udd80\u007f\u0080\u2028x""#),
            (r#"" \u0000 ""#, r#"" \u0000 ""#),
            ("1", "1"),
            ("null ", "null"),
        ] {
            assert_eq!(one_line(json, 100).unwrap(), expected.as_bytes());
            assert_eq!(one_line(json, expected.len()).unwrap(), expected.as_bytes());
            assert_eq!(one_line(json, expected.len() - 1), None, "{json}");
            let (one, other): (serde_json::Value, serde_json::Value) =
                (serde_json::from_str(json).unwrap(), serde_json::from_str(expected).unwrap());
            assert_eq!(one, other);
        }
    }
}
