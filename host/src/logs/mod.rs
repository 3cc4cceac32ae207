//! Log lines in Lambda's two formats.
//!
//! Sources: the AWS pages "Log formats" and "Log-level filtering" of the Lambda developer guide. In JSON format every line
//! is an object with an RFC 3339 `timestamp` and a `level`; a guest's line that is such an object already is passed on, and
//! only gets what it lacks. In text format it is passed on as it is: metrics in CloudWatch's embedded format are none with anything in
//! front of them.

mod format;
mod line;
mod own_level;
mod writer;

use std::{
    io::Write,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Map, Value, json};

pub use self::{
    format::{Format, Level},
    line::Subject,
    writer::{LogWriter, Output},
};
use self::{
    line::{
        GUEST_MARK, HOST_MARK, MARK, Origin, bare, completed, holds_metrics, host_line, is_minted, json_line, object,
        text_line,
    },
    own_level::Own,
};
use crate::{
    config::{Environment, variables as var},
    digest::Digest,
    observer::{LINE_LIMIT_BYTES, Line, Observer},
    text::{is_invisible, pieces},
};

/// Writes log lines to one place.
pub struct Logs {
    format: Format,
    level: Level,
    /// What guests give as the levels of their lines is compared with this one.
    guests_level: Level,
    to: Box<dyn Output>,
    /// The guest that serves, where there is one only: it stands in the host's own lines.
    guest: Mutex<Option<Digest>>,
}

impl Logs {
    /// Lines of `level` and above, in this format.
    pub fn new(format: Format, level: Level, to: Box<dyn Output>) -> Self {
        Self { format, level, guests_level: level, to, guest: Mutex::default() }
    }

    /// From the level that the environment asks for; a value that Lambda does not know counts as not set, because a log is no place
    /// to fail. Where it asks for none, guests' lines in text format are not chosen by what may be their levels, as on Lambda.
    pub fn from_environment(environment: &Environment, to: Box<dyn Output>) -> Self {
        let format = Format::from_environment(environment);
        let asked = environment.get(var::LOG_LEVEL).and_then(|level| level.parse().ok());
        let default = if format == Format::Text { Level::Trace } else { Level::Info };
        let guests_level = asked.unwrap_or(default);
        Self { guests_level, ..Self::new(format, asked.unwrap_or(Level::Info), to) }
    }

    /// Whether lines of the host's of this level are written.
    pub fn wants(&self, level: Level) -> bool {
        level >= self.level
    }

    /// Writes one line of the host's own. Where it is not about a certain guest, it is about the one that serves.
    pub fn write(&self, level: Level, subject: &Subject<'_>, message: &str) {
        if !self.wants(level) {
            return;
        }
        let serving = self.guest.lock().unwrap_or_else(PoisonError::into_inner).map(Digest::short);
        let subject = Subject { guest: subject.guest.or(serving.as_deref()), ..*subject };
        self.to.write(subject.request_id, &host_line(self.format, level, &subject, message));
    }

    /// Writes a guest's line that is text.
    fn write_text(&self, line: &Line<'_>) {
        let Own { level, text } = own_level::of_text(line.text);
        let level = level.unwrap_or(if line.is_of_failure { Level::Error } else { Level::Info });
        if level < self.guests_level {
            return;
        }
        self.write_pieces(level, line, text);
    }

    /// Writes a guest's text. With all that is escaped it may be longer than it was.
    fn write_pieces(&self, level: Level, line: &Line<'_>, text: &str) {
        pieces(text, LINE_LIMIT_BYTES).for_each(|text| match self.format {
            Format::Json => self.write_object(level, line, &json!(text)),
            Format::Text if holds_metrics(text) => self.write_marked(level, line, &json!(text).to_string()),
            Format::Text => self.write_marked(level, line, text),
        });
    }

    /// Writes a guest's text in text format. What passes for a line of the host's is told from one.
    fn write_marked(&self, level: Level, line: &Line<'_>, text: &str) {
        let seen: String = text.chars().filter(|char| !is_invisible(*char)).take(HOST_MARK.len()).collect();
        let mark = if seen.starts_with(HOST_MARK.trim_end()) { GUEST_MARK } else { "" };
        self.to.write(line.request_id, &text_line(level, line.request_id, mark, text));
    }

    /// Writes a guest's line as an object, with this as its message.
    fn write_object(&self, level: Level, line: &Line<'_>, message: &Value) {
        let guest = line.guest.short();
        let subject = Subject { request_id: line.request_id, tenant_id: line.tenant_id, guest: Some(&guest) };
        self.to.write(line.request_id, &json_line(level, &subject, message, Origin::Guest { own_time: false }));
    }

    /// Writes a guest's line that is an object, with what it lacks.
    fn write_own(&self, line: &Line<'_>, own: Map<String, Value>) {
        let guest = line.guest.short();
        // A guest does not get to say whose its line is, nor to write in CloudWatch's or Lambda's name.
        let is_true = |key: &str, value: Option<&str>| {
            own.get(key).is_none_or(|own| value.is_some_and(|value| own.as_str() == Some(value)))
        };
        let claims_are_true =
            ["requestId", "awsRequestId", "AWSRequestId"].iter().all(|key| is_true(key, line.request_id))
                && is_true("tenantId", line.tenant_id)
                && is_true("guest", Some(&guest))
                && !own.contains_key(MARK);
        // What claims something else is a text.
        let level = own_level::of_object(&own).filter(|_| claims_are_true).unwrap_or(Level::Info);
        if level < self.guests_level {
            return;
        }
        let is_minted = is_minted(&own, line.metrics);
        let passed_on = match self.format {
            _ if !claims_are_true || is_minted => None,
            Format::Text => Some(bare(line, &own)),
            Format::Json => Some(completed(line, &own, level, &guest)),
        };
        match passed_on {
            // With all that is escaped it may be longer than it was, and what is cut in two is another object.
            Some(written) if written.len() <= EVENT_LIMIT_BYTES => self.to.write(line.request_id, &written),
            _ if self.format == Format::Json
                && claims_are_true
                && line.text.len() <= EVENT_LIMIT_BYTES / ESCAPED_BYTES =>
            {
                self.write_object(level, line, &Value::Object(own));
            }
            _ => self.write_pieces(level, line, line.text),
        }
    }
}

/// CloudWatch cuts larger events. In bytes.
const EVENT_LIMIT_BYTES: usize = LINE_LIMIT_BYTES + 1024;

/// What no character takes more of when it is escaped.
const ESCAPED_BYTES: usize = 6;

impl Observer for Logs {
    fn serving(&self, guest: Digest) {
        *self.guest.lock().unwrap_or_else(PoisonError::into_inner) = Some(guest);
    }

    fn is_behind(&self) -> bool {
        self.to.is_behind()
    }

    fn flush(&self, limit: Duration) {
        self.to.flush(limit);
    }

    fn line(&self, line: &Line<'_>) {
        match object(line.text) {
            Some(own) => self.write_own(line, own),
            None => self.write_text(line),
        }
    }
}

impl Format {
    /// Writes to this place, without waiting for each write; see [`LogWriter`].
    pub fn writer(self, to: impl Write + Send + 'static) -> LogWriter {
        LogWriter::new(
            to,
            match self {
                Self::Text => |count| host_line(Self::Text, Level::Warn, &Subject::default(), &dropped(count)),
                Self::Json => |count| host_line(Self::Json, Level::Warn, &Subject::default(), &dropped(count)),
            },
        )
    }
}

fn dropped(count: u64) -> String {
    format!("{count} lines were dropped here: nobody read the log")
}

#[cfg(test)]
mod tests;
