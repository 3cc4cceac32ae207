//! This module makes text from outside safe to print, and has what messages are made of.
//!
//! A terminal interprets some characters as commands: they set its title or clipboard, clear it, or overwrite a line. A
//! guest's line, an error type, the path of a request, a file name and a key in the settings may all contain such
//! characters. All text that the host prints or logs goes through this module.

use std::{
    borrow::Cow,
    fmt::{self, Display, Write as _},
};

/// Returns the text with control characters escaped as in JSON: `\u{1b}` becomes `\u001b`. Tabs stay; line ends are
/// escaped.
pub fn escaped(text: &str) -> Cow<'_, str> {
    replaced(text, |char| char != '\t' && is_control(char))
}

/// Escapes a field of a line in which tabs separate the fields. Tabs are escaped, too.
pub fn escaped_field(text: &str) -> Cow<'_, str> {
    replaced(text, is_control)
}

/// Escapes text that may have several lines. Tabs and line feeds stay.
pub fn escaped_lines(text: &str) -> Cow<'_, str> {
    replaced(text, |char| !matches!(char, '\t' | '\n') && is_control(char))
}

/// Escapes the control characters that JSON allows in strings. Some readers interpret them as line ends or commands.
/// The result is equivalent JSON.
pub fn escaped_json(json: &str) -> Cow<'_, str> {
    // A tab or a line end can only be outside of strings, where it has no meaning.
    replaced(json, |char| !matches!(char, '\t' | '\n' | '\r') && is_control(char))
}

/// Returns whether a character is a control character (C0, DEL or C1), Unicode's line or paragraph separator, or
/// changes the direction of the text around it.
fn is_control(char: char) -> bool {
    char.is_control() || matches!(char, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Lambda's log levels.
const LEVELS: [&str; 6] = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];

/// Splits a line that begins with a level and a tab into the level and the rest. The SDKs write such lines, as Lambda's
/// text format has them.
pub fn split_level(line: &str) -> Option<(&str, &str)> {
    line.split_once('\t').filter(|(name, _)| LEVELS.contains(name))
}

/// Splits text into pieces that have at most `limit_bytes` bytes when they are escaped, by this module or as a JSON
/// string. Returns at least one piece.
pub fn pieces(text: &str, limit_bytes: usize) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let cut = if text.len() <= limit_bytes / ESCAPED_BYTES { None } else { cut(text, limit_bytes) };
        rest = cut.map(|at| &text[at..]);
        Some(&text[..cut.unwrap_or(text.len())])
    })
}

/// The maximum size of an escaped character, in bytes.
const ESCAPED_BYTES: usize = 6;

/// Returns where to cut the text, or `None` if it is short enough.
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

/// Returns whether a character is invisible to a reader.
pub fn is_invisible(char: char) -> bool {
    char.is_whitespace()
        || matches!(char, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}')
        || matches!(char, '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{206f}' | '\u{3164}')
        || matches!(char, '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}

/// Escapes the characters for which `is_replaced` returns true.
fn replaced(text: &str, is_replaced: impl Fn(char) -> bool) -> Cow<'_, str> {
    // The UTF-8 form of every replaced character begins with one of these bytes.
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

/// The maximum number of items that a list in a message shows.
const LIST_LIMIT: usize = 20;

/// Returns the items as a list for a message, such as `a, b`. A longer list ends with the number of those left out:
/// `…, and 3 more`.
pub fn list(items: impl IntoIterator<Item: Display>) -> String {
    let mut items = items.into_iter();
    let mut shown: Vec<String> = items.by_ref().take(LIST_LIMIT).map(|item| item.to_string()).collect();
    let left_out = items.count();
    if left_out > 0 {
        shown.push(format!("and {left_out} more"));
    }
    shown.join(", ")
}

/// Returns the candidate that is most similar to `word`, or `None` if none is similar enough for a suggestion.
pub fn most_similar<T: AsRef<str>>(word: &str, candidates: impl Iterator<Item = T>) -> Option<T> {
    const ENOUGH: f64 = 0.6;
    let score = |candidate: &T| strsim::normalized_damerau_levenshtein(word, candidate.as_ref());
    let scored = candidates.map(|candidate| (score(&candidate), candidate)).filter(|(score, _)| *score > ENOUGH);
    scored.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, candidate)| candidate)
}

/// Displays a value escaped, on one line.
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
    fn a_list_shows_20_items_and_counts_the_others() {
        assert_eq!(list(["a", "b"]), "a, b");
        assert!(list(0..20).ends_with("18, 19"));
        assert!(list(0..23).ends_with("18, 19, and 3 more"));
        assert_eq!(list([""; 0]), "");
    }

    #[test]
    fn a_misspelt_word_finds_its_neighbour_and_another_word_finds_none() {
        let candidates = || ["timeout", "memory"].into_iter();
        assert_eq!(most_similar("memroy", candidates()), Some("memory"));
        assert_eq!(most_similar("colour", candidates()), None);
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
