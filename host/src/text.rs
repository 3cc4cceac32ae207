//! Text that somebody else chose, made fit to be printed.
//!
//! A terminal takes some characters for commands: they set its title and clipboard, clear it, or write over a line. A guest's line, an
//! error's type, a path in a request, a file's name or a key in the settings may have any of them. Whatever is printed or logged as
//! text passes here.

use std::{
    borrow::Cow,
    fmt::{self, Display, Write as _},
};

/// The text with its control characters as `\u{1b}` is written in JSON: `\u001b`. Tabs stay; line ends do not.
pub fn escaped(text: &str) -> Cow<'_, str> {
    replaced(text, |char| char != '\t' && is_control(char))
}

/// The same for a field between tabs.
pub fn escaped_field(text: &str) -> Cow<'_, str> {
    replaced(text, is_control)
}

/// The same for what may have several lines.
pub fn escaped_lines(text: &str) -> Cow<'_, str> {
    replaced(text, |char| !matches!(char, '\t' | '\n') && is_control(char))
}

/// JSON with those characters escaped that it allows in texts, and that some readers take for line ends or commands.
pub fn escaped_json(json: &str) -> Cow<'_, str> {
    // A tab or a line end outside of texts means nothing.
    replaced(json, |char| !matches!(char, '\t' | '\n' | '\r') && is_control(char))
}

/// C0, DEL, C1, Unicode's own line and paragraph separators, and what turns the direction of the text around it.
fn is_control(char: char) -> bool {
    char.is_control() || matches!(char, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Lambda's names of levels.
const LEVELS: [&str; 6] = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];

/// The level and the rest of a line that begins with a level and a tab, as a guest's SDK writes it: that is how the log has it, too.
pub fn split_level(line: &str) -> Option<(&str, &str)> {
    line.split_once('\t').filter(|(name, _)| LEVELS.contains(name))
}

/// Pieces of a text that have at most so many bytes when they are escaped, in either way. There is one at least.
pub fn pieces(text: &str, limit_bytes: usize) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let cut = if text.len() <= limit_bytes / ESCAPED_BYTES { None } else { cut(text, limit_bytes) };
        rest = cut.map(|at| &text[at..]);
        Some(&text[..cut.unwrap_or(text.len())])
    })
}

/// What no character takes more of when it is escaped.
const ESCAPED_BYTES: usize = 6;

/// Where a text is to be cut, if it is.
fn cut(text: &str, limit_bytes: usize) -> Option<usize> {
    let mut bytes = 0;
    text.char_indices().find_map(|(at, char)| {
        bytes += match char {
            '"' | '\\' => 2,
            _ if is_control(char) => ESCAPED_BYTES,
            _ => char.len_utf8(),
        };
        (bytes > limit_bytes && at > 0).then_some(at)
    })
}

/// Whether a reader does not see it.
pub fn is_invisible(char: char) -> bool {
    char.is_whitespace()
        || matches!(char, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}')
        || matches!(char, '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{206f}' | '\u{3164}')
        || matches!(char, '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}

fn replaced(text: &str, is_replaced: impl Fn(char) -> bool) -> Cow<'_, str> {
    // All that is replaced begins with one of these bytes.
    let is_suspect = |byte: &u8| matches!(byte, 0..=0x1f | 0x7f | 0xc2 | 0xe2);
    if !text.as_bytes().iter().any(is_suspect) || !text.chars().any(&is_replaced) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for char in text.chars() {
        match is_replaced(char) {
            true => drop(write!(escaped, "\\u{:04x}", u32::from(char))),
            false => escaped.push(char),
        }
    }
    Cow::Owned(escaped)
}

/// Shows something escaped, on one line.
pub struct Escaped<T>(pub T);

impl<T: Display> Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escaped(&self.0.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_character_comes_through_and_all_else_does() {
        for (text, shown) in [
            ("plain, ünïcödé and 🏠", "plain, ünïcödé and 🏠"),
            ("\u{1b}]52;c;Y3Vy\u{7}", "\\u001b]52;c;Y3Vy\\u0007"),
            ("over\rwrite", "over\\u000dwrite"),
            ("a\u{7f}b\u{85}c\u{9b}2J", "a\\u007fb\\u0085c\\u009b2J"),
            ("a\u{2028}b\u{2029}c", "a\\u2028b\\u2029c"),
            ("tab\tstays", "tab\tstays"),
            ("two\nlines", "two\\u000alines"),
        ] {
            assert_eq!(escaped(text), shown);
        }
        assert_eq!(escaped_lines("two\nlines\r\u{1b}"), "two\nlines\\u000d\\u001b");
        assert_eq!(Escaped("\u{1b}").to_string(), "\\u001b");
    }

    #[test]
    fn a_piece_is_no_longer_than_the_limit_when_it_is_escaped() {
        for text in ["", "short", &"é".repeat(100), &"\u{1b}".repeat(100), &"\\\"a".repeat(50), &"🏠\u{85}".repeat(30)]
        {
            let pieces: Vec<&str> = pieces(text, 60).collect();
            assert_eq!(pieces.concat(), text);
            assert!(pieces.iter().all(|piece| escaped(piece).len() <= 60), "{pieces:?}");
            assert!(pieces.iter().all(|piece| serde_json::to_string(piece).unwrap().len() <= 62), "{pieces:?}");
        }
        assert_eq!(pieces("", 60).count(), 1);
        assert_eq!(pieces(&"x".repeat(60), 60).count(), 1);
        assert_eq!(pieces(&"x".repeat(61), 60).count(), 2);
    }

    #[test]
    fn json_stays_the_same_json() {
        let json = "{\"a\": \"\u{7f}\u{85}\u{9b}\u{2028}\u{2029}\",\r\n\t\"b\": 1}";
        let escaped = escaped_json(json);
        assert!(!escaped.chars().any(|char| is_control(char) && !"\r\n\t".contains(char)), "{escaped}");
        let value = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap();
        assert_eq!(value(&escaped), value(json));
    }
}
