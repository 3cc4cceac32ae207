//! This module finds the level that a guest's line contains.
//!
//! Loggers of all languages write lines of every level to standard error. So the stream to which a line was written
//! does not indicate its level.
//!
//! See docs/decisions/11-a-lines-level.md.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::format::Level;
use crate::text::split_level;

/// The size of the beginning of a line in which a level is searched for, in bytes. It may follow a time and a logger's
/// name.
const LOOKED_AT_BYTES: usize = 160;

/// The names that loggers use for levels besides Lambda's names.
const OTHER_NAMES: &[(&str, Level)] = &[
    ("WARNING", Level::Warn),
    ("ERR", Level::Error),
    ("CRITICAL", Level::Fatal),
    ("DPANIC", Level::Fatal),
    ("PANIC", Level::Fatal),
    ("NOTICE", Level::Info),
];

/// Holds a line's own level, if it has one, and its message.
pub(super) struct Own<'a> {
    pub(super) level: Option<Level>,
    pub(super) text: &'a str,
}

/// Returns the level and the message of a line that is text.
pub(super) fn of_text(line: &str) -> Own<'_> {
    // The name of a level and a tab are how the host writes the level itself. They are removed, because the host adds
    // them again.
    if let Some((name, rest)) = split_level(line) {
        return Own { level: name.parse().ok(), text: rest };
    }
    let head = without_colours(&line[..line.floor_char_boundary(LOOKED_AT_BYTES)]);
    Own { level: of_pairs(&head).or_else(|| of_words(&head)), text: line }
}

/// Returns the level of a line that is an object. Numbers are levels of pino and bunyan. Lambda treats all of them as
/// INFO; here that applies only to those below `WARN`, which return `None`.
pub(super) fn of_object(own: &Map<String, Value>) -> Option<Level> {
    match own.get("level")? {
        Value::String(name) => named(name),
        Value::Number(number) => match number.as_u64()? {
            40..50 => Some(Level::Warn),
            50..60 => Some(Level::Error),
            60.. => Some(Level::Fatal),
            _ => None,
        },
        _ => None,
    }
}

/// Returns the level with this name, in upper or lower case. What `slog` adds to a name, as in `ERROR+2`, is ignored.
fn named(name: &str) -> Option<Level> {
    let name = name.split(['+', '-']).next().unwrap_or_default();
    let other = || OTHER_NAMES.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, level)| *level);
    name.parse().ok().or_else(other)
}

/// Returns the level of a line in the format logfmt: `time=… level=error msg=…`.
fn of_pairs(head: &str) -> Option<Level> {
    let is_key =
        |key: &str| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    let (first, _) = head.trim_start().split_once('=')?;
    if !is_key(first) {
        return None;
    }
    let value =
        head.split_whitespace().find_map(|pair| pair.strip_prefix("level=").or_else(|| pair.strip_prefix("lvl=")))?;
    named(value.trim_matches('"'))
}

/// Returns a level in capitals or in brackets, at the beginning or behind a time, and behind a logger's name between
/// dashes.
fn of_words(head: &str) -> Option<Level> {
    let mut behind_dash = false;
    // Rust prints this if `main` returns an error.
    if head.starts_with("Error: ") {
        return Some(Level::Error);
    }
    let klog = head.split_once(' ').filter(|(_, rest)| rest.split_whitespace().next().is_some_and(is_time));
    if let Some(level) = klog.and_then(|(first, _)| of_klog(first)) {
        return Some(level);
    }
    for (number, word) in head.split_whitespace().enumerate() {
        if let Some(level) = of_word(word) {
            return Some(level);
        }
        let (is_dash, is_thread) =
            (matches!(word, "-" | "|"), number > 0 && word.starts_with('[') && word.ends_with(']'));
        if !(is_time(word) || is_dash || is_thread || behind_dash && number > 0) {
            return None;
        }
        behind_dash = is_dash;
    }
    None
}

/// Returns the level of a word such as `ERROR`, `[ERROR]`, `[error]`, `ERROR:`, `ERROR:root:text`, `INFO[0000]` or
/// `|ERROR|`.
fn of_word(word: &str) -> Option<Level> {
    let is_bracketed = word.starts_with('[') && word.ends_with(']');
    let bare = word.trim_matches(['[', ']', '(', ')', '<', '>', '|', ':']);
    let name = bare.split([':', '[', '+', '-']).next().unwrap_or_default();
    let is_in_capitals = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase());
    if is_in_capitals || is_bracketed { named(name) } else { None }
}

/// Returns the level of klog's first word, such as `E1127`: a letter, the month and the day.
fn of_klog(word: &str) -> Option<Level> {
    let (level, day) = word.split_at_checked(1)?;
    let is_day = day.len() == 4 && day.bytes().all(|byte| byte.is_ascii_digit());
    match level {
        "I" if is_day => Some(Level::Info),
        "W" if is_day => Some(Level::Warn),
        "E" if is_day => Some(Level::Error),
        "F" if is_day => Some(Level::Fatal),
        _ => None,
    }
}

/// Returns whether the word consists of digits and the characters between them in dates, times and numbers.
fn is_time(word: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_digit() || b"-/:.,+TZ[]()|".contains(&byte);
    word.bytes().any(|byte| byte.is_ascii_digit()) && word.bytes().all(is_part)
}

/// Returns the text without the escape sequences for a terminal's colours.
fn without_colours(text: &str) -> Cow<'_, str> {
    if !text.contains('\u{1b}') {
        return Cow::Borrowed(text);
    }
    let mut pieces = text.split("\u{1b}[");
    let first = pieces.next().unwrap_or_default().to_owned();
    Cow::Owned(pieces.fold(first, |plain, piece| plain + piece.split_once('m').map_or("", |(_, rest)| rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_loggers_have_the_levels_that_they_give_themselves() {
        for (line, level) in [
            // Python on Lambda, and `logging.basicConfig` with and without a format.
            ("[ERROR]\t2026-11-27T01:02:03.004Z\tid-1\tno such order", Level::Error),
            ("[WARNING]\tlate", Level::Warn),
            ("CRITICAL:root:no database", Level::Fatal),
            ("2026-11-27 01:02:03,004 - orders.store - WARNING - late", Level::Warn),
            // Go's `slog`, as text and through `log`; logrus; zap's format for people.
            ("time=2026-11-27T01:02:03.004Z level=WARN msg=late order=7", Level::Warn),
            ("2026/11/27 01:02:03 ERROR no such order id=7", Level::Error),
            ("time=\"2026-11-27T01:02:03Z\" level=error msg=\"no such order\"", Level::Error),
            ("level=fatal msg=\"no database\"", Level::Fatal),
            ("INFO[0003] ready", Level::Info),
            ("2026-11-27T01:02:03.004Z\tERROR\torders/main.go:7\tno such order", Level::Error),
            // tracing, with colours and without; env_logger; `slog` with an offset; klog.
            ("2026-11-27T01:02:03.004567Z  WARN orders::store: late order=7", Level::Warn),
            (
                "\u{1b}[2m2026-11-27T01:02:03.004567Z\u{1b}[0m \u{1b}[31mERROR\u{1b}[0m \u{1b}[2morders\u{1b}[0m: none",
                Level::Error,
            ),
            ("[2026-11-27T01:02:03Z DEBUG orders] step", Level::Debug),
            ("2026/11/27 01:02:03 ERROR+4 no database", Level::Error),
            ("E1127 01:02:03.004567       1 main.go:7] no such order", Level::Error),
            // logback and loguru; Rust, where `main` returns an error.
            ("01:02:03.004 [main] ERROR orders - no such order", Level::Error),
            ("2026-11-27 01:02:03.004 | WARNING  | orders:main:7 - late", Level::Warn),
            ("Error: Os { code: 44, kind: NotFound }", Level::Error),
            // Others.
            ("[error] 7#7: no such file", Level::Error),
            ("ERROR: no such order", Level::Error),
        ] {
            assert_eq!(of_text(line).level, Some(level), "{line}");
            assert_eq!(of_text(line).text, line);
        }
    }

    #[test]
    fn other_lines_have_none() {
        for line in [
            "",
            "no ERROR here",
            "set level=error to see less",
            "2026/11/27 01:02:03 an ERROR came back",
            "error: expected `;`",
            "Info",
            "a - b - ERROR",
            "E1127",
            "[main] ERROR",
            "x=1",
            "\u{1b}[",
        ] {
            assert_eq!(of_text(line).level, None, "{line}");
        }
    }

    #[test]
    fn a_level_as_the_host_writes_it_is_taken_off() {
        let own = of_text("WARN\tlate\tby 7 s");
        assert_eq!((own.level, own.text), (Some(Level::Warn), "late\tby 7 s"));
        for line in ["warn\tlate", "ORDER\t7"] {
            let own = of_text(line);
            assert_eq!((own.level, own.text), (None, line));
        }
    }

    #[test]
    fn objects_have_the_levels_of_their_loggers() {
        let level = |text: &str| of_object(serde_json::from_str::<Value>(text).unwrap().as_object().unwrap());
        for (text, expected) in [
            (r#"{"level":"warning","msg":"late"}"#, Some(Level::Warn)),
            (r#"{"level":"dpanic","ts":1.5,"msg":"bug"}"#, Some(Level::Fatal)),
            (r#"{"time":"now","level":"ERROR+2","msg":"no"}"#, Some(Level::Error)),
            (r#"{"level":50,"time":1,"pid":7,"msg":"no"}"#, Some(Level::Error)),
            (r#"{"level":20,"msg":"step"}"#, None),
            (r#"{"level":"loud"}"#, None),
            (r#"{"level":null}"#, None),
            ("{}", None),
        ] {
            assert_eq!(level(text), expected, "{text}");
        }
    }
}
