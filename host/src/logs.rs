//! Log lines in Lambda's two formats.
//!
//! Sources: the AWS pages "Log formats" and "Log-level filtering" of the Lambda developer guide. In JSON format every line
//! is an object with an RFC 3339 `timestamp` and a `level`; a guest's line that is such an object already is passed on, and
//! only gets what it lacks.

use std::{
    borrow::Cow,
    fmt,
    io::Write,
    str::FromStr,
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::{Map, Value, json};

use crate::{
    config::{Environment, variables as var},
    digest::Digest,
    observer::{Observer, Stream},
};

/// Writes log lines, each with one call, to one place.
pub struct Logs {
    format: Format,
    level: Level,
    to: Box<dyn Output>,
    /// The guest that serves, where there is one only: it stands in the host's own lines.
    guest: Mutex<Option<Digest>>,
}

/// Where log lines go.
pub trait Output: Send + Sync {
    /// Takes over one line, with its line end.
    fn write(&self, request_id: Option<&str>, line: &str);
}

/// Anything that can be written to. Each line is one write.
impl<W: Write + Send> Output for Mutex<W> {
    fn write(&self, _: Option<&str>, line: &str) {
        let mut to = self.lock().unwrap_or_else(PoisonError::into_inner);
        // Where the log can't be written there is no place to say so, and the invocation is not at fault.
        let _ = to.write_all(line.as_bytes()).and_then(|()| to.flush());
    }
}

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Time, request id, level and message, between tabs.
    Text,
    /// One object a line.
    Json,
}

/// How much a line matters. Lines below the chosen level are not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Each step.
    Trace,
    /// For whoever looks for a fault.
    Debug,
    /// What happens.
    Info,
    /// What should not happen.
    Warn,
    /// What failed.
    Error,
    /// What ended the process.
    Fatal,
}

impl Logs {
    /// Lines of `level` and above, in this format.
    pub fn new(format: Format, level: Level, to: Box<dyn Output>) -> Self {
        Self { format, level, to, guest: Mutex::default() }
    }

    /// In the format and from the level that the environment asks for; a value that Lambda does not know counts as not
    /// set, because a log is no place to fail.
    pub fn from_environment(environment: &Environment, to: Box<dyn Output>) -> Self {
        let format = match environment.get(var::LOG_FORMAT) {
            Some(format) if format.eq_ignore_ascii_case("json") => Format::Json,
            _ => Format::Text,
        };
        let level = environment.get(var::LOG_LEVEL).and_then(|level| level.parse().ok()).unwrap_or(Level::Info);
        Self::new(format, level, to)
    }

    /// Whether lines of this level are written.
    pub fn wants(&self, level: Level) -> bool {
        level >= self.level
    }

    /// Writes one line of the host's own. Where it is not about a certain guest, by its short digest, it is about the one that serves.
    pub fn write(&self, level: Level, request_id: Option<&str>, guest: Option<String>, message: &str) {
        let serving = || self.guest.lock().unwrap_or_else(PoisonError::into_inner).map(Digest::short);
        if !self.wants(level) {
            return;
        }
        let now = now();
        let line = match self.format {
            Format::Text => {
                format!("{now}\t{}\t{}\t{}\n", request_id.unwrap_or("-"), level.name(), one_line(message))
            }
            Format::Json => {
                let mut line = json!({"timestamp": now, "level": level.name(), "message": message});
                if let Some(request_id) = request_id {
                    line["requestId"] = json!(request_id);
                }
                if let Some(guest) = guest.or_else(serving) {
                    line["guest"] = json!(guest);
                }
                format!("{line}\n")
            }
        };
        self.to.write(request_id, &line);
    }

    /// Passes on a guest's line that is an object, with what it lacks.
    fn pass_on(&self, guest: Digest, level: Level, request_id: Option<&str>, line: &str, own: &Map<String, Value>) {
        let own_level = own.get("level").and_then(Value::as_str).and_then(|level| level.parse().ok());
        if self.wants(own_level.unwrap_or(level)) {
            self.to.write(request_id, &completed(line, own, level, request_id, &guest.short(), &now()));
        }
    }
}

fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}

impl Observer for Logs {
    fn serving(&self, guest: Digest) {
        *self.guest.lock().unwrap_or_else(PoisonError::into_inner) = Some(guest);
    }

    fn line(&self, request_id: Option<&str>, guest: Digest, stream: Stream, line: &str) {
        let level = match stream {
            Stream::Stdout => Level::Info,
            Stream::Stderr => Level::Error,
        };
        let own = if self.format == Format::Json { object(line) } else { None };
        let is_true = |own: &Map<String, Value>, key: &str, value: Option<&str>| {
            own.get(key).is_none_or(|own| own.as_str() == value)
        };
        // A guest does not get to say which invocation its line belongs to, nor which guest it is.
        match own.filter(|own| is_true(own, "requestId", request_id) && is_true(own, "guest", Some(&guest.short()))) {
            Some(own) => self.pass_on(guest, level, request_id, line, &own),
            None => self.write(level, request_id, Some(guest.short()), line),
        }
    }
}

impl Level {
    /// As Lambda writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }
}

impl FromStr for Level {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let all = [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Fatal];
        all.into_iter().find(|level| level.name().eq_ignore_ascii_case(text)).ok_or(())
    }
}

/// The line as an object, if it is one. One with a key that comes twice is none: readers differ in which one counts.
fn object(line: &str) -> Option<Map<String, Value>> {
    struct Unique(Map<String, Value>);

    impl<'de> Deserialize<'de> for Unique {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_map(Unique(Map::new()))
        }
    }

    impl<'de> Visitor<'de> for Unique {
        type Value = Self;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object without a key that comes twice")
        }

        fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Self, A::Error> {
            while let Some((key, value)) = entries.next_entry()? {
                if self.0.insert(key, value).is_some() {
                    return Err(A::Error::custom("a key comes twice"));
                }
            }
            Ok(self)
        }
    }

    let object: Unique = line.trim_start().starts_with('{').then(|| serde_json::from_str(line).ok()).flatten()?;
    Some(object.0)
}

/// The guest's object with what it lacks put in front; its own text stays as it is.
fn completed(
    line: &str,
    own: &Map<String, Value>,
    level: Level,
    request_id: Option<&str>,
    guest: &str,
    now: &str,
) -> String {
    let wanted =
        [("timestamp", Some(now)), ("level", Some(level.name())), ("requestId", request_id), ("guest", Some(guest))];
    let mut added = String::new();
    for (key, value) in wanted {
        if let Some(value) = value.filter(|_| !own.contains_key(key)) {
            added.push_str(&format!("\"{key}\":{},", json!(value)));
        }
    }
    let rest = line.trim().strip_prefix('{').unwrap_or_default();
    if own.is_empty() {
        added.pop();
    }
    format!("{{{added}{rest}\n")
}

/// A record of several lines would become as many records in CloudWatch.
fn one_line(message: &str) -> Cow<'_, str> {
    match message.contains('\n') {
        true => Cow::Owned(message.replace('\n', "; ")),
        false => Cow::Borrowed(message),
    }
}

#[cfg(test)]
mod tests {
    use std::{io, sync::Arc};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn guest() -> Digest {
        Digest::of(b"guest")
    }

    fn written(format: Format, level: Level, write: impl FnOnce(&Logs)) -> String {
        let kept = Kept::default();
        write(&Logs::new(format, level, Box::new(Mutex::new(kept.clone()))));
        String::from_utf8(kept.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn a_text_line_has_time_request_id_level_and_message_between_tabs() {
        let line = written(Format::Text, Level::Info, |logs| logs.line(Some("id-1"), guest(), Stream::Stdout, "hello"));
        let fields: Vec<&str> = line.trim_end().split('\t').collect();
        assert_eq!(fields[1..], ["id-1", "INFO", "hello"]);
        assert!(humantime::parse_rfc3339(fields[0]).is_ok(), "{line}");
    }

    #[test]
    fn a_json_line_is_an_object_with_time_level_request_id_and_message() {
        let line =
            written(Format::Json, Level::Info, |logs| logs.line(Some("id-1"), guest(), Stream::Stderr, "say \"no\""));
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (&line["level"], &line["requestId"], &line["message"]),
            (&json!("ERROR"), &json!("id-1"), &json!("say \"no\""))
        );
        assert!(humantime::parse_rfc3339(line["timestamp"].as_str().unwrap()).is_ok());
    }

    #[test]
    fn an_object_of_the_guests_own_is_passed_on_with_what_it_lacks() {
        let own = r#"{"level":"WARN","order":1.0}"#;
        let line = written(Format::Json, Level::Info, |logs| logs.line(Some("id-1"), guest(), Stream::Stdout, own));
        assert!(
            line.ends_with(",\"requestId\":\"id-1\",\"guest\":\"84983c60f7da\",\"level\":\"WARN\",\"order\":1.0}\n"),
            "{line}"
        );
        let empty = written(Format::Json, Level::Info, |logs| logs.line(None, guest(), Stream::Stdout, "{}"));
        assert!(serde_json::from_str::<Value>(&empty).is_ok(), "{empty}");
    }

    #[test]
    fn lines_at_the_level_are_written_and_lines_below_are_not() {
        for (level, expected) in [(Level::Info, 2), (Level::Warn, 1), (Level::Fatal, 0)] {
            let lines = written(Format::Text, level, |logs| {
                logs.line(None, guest(), Stream::Stdout, "out");
                logs.line(None, guest(), Stream::Stderr, "err");
            });
            assert_eq!(lines.lines().count(), expected, "{level:?}");
        }
        let debug = r#"{"level":"debug"}"#;
        assert_eq!(written(Format::Json, Level::Info, |logs| logs.line(None, guest(), Stream::Stdout, debug)), "");
    }

    #[test]
    fn a_guest_can_not_write_in_the_name_of_another_invocation() {
        for forged in
            [r#"{"level":"FATAL","requestId":"id-2"}"#, r#"{"requestId":"id-2","requestId":"id-1","level":"FATAL"}"#]
        {
            let line =
                written(Format::Json, Level::Info, |logs| logs.line(Some("id-1"), guest(), Stream::Stdout, forged));
            let line: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(
                (&line["requestId"], &line["level"], &line["message"]),
                (&json!("id-1"), &json!("INFO"), &json!(forged))
            );
        }
    }

    #[test]
    fn a_message_of_the_hosts_is_never_taken_for_an_object() {
        let message = "{\"level\":\"TRACE\",\n\"requestId\":\"id-2\"}";
        let lines = written(Format::Json, Level::Info, |logs| logs.write(Level::Error, Some("id-1"), None, message));
        let line: Value = serde_json::from_str(&lines).unwrap();
        assert_eq!((lines.lines().count(), &line["level"], &line["message"]), (1, &json!("ERROR"), &json!(message)));
    }

    #[test]
    fn a_message_of_two_lines_stays_one_log_line() {
        let lines = written(Format::Text, Level::Info, |logs| logs.write(Level::Error, None, None, "a\nhint: b"));
        assert_eq!(lines.lines().count(), 1);
    }
}
