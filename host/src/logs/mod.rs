//! This module writes log lines in Lambda's two formats.
//!
//! In JSON format every line is an object with an RFC 3339 `timestamp` and a `level`. If a guest's line is such an
//! object already, it is passed on, and only missing keys are added. In text format it is passed on unchanged: metrics
//! in CloudWatch's embedded format must not have anything in front of them.
//!
//! Sources: the AWS pages "Log formats" and "Log-level filtering" of the Lambda developer guide.

mod format;
mod line;
mod own_level;
mod writer;

use std::{io::Write, sync::Mutex, time::Duration};

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
    config::{EnvVars, variables as var},
    digest::Digest,
    lock::lock,
    observer::{LINE_LIMIT_BYTES, Line, Observer},
    text::{is_invisible, pieces},
};

/// A `Logs` formats log lines, filters them by level, and writes them to one output.
pub struct Logs {
    format: Format,
    level: Level,
    /// The lowest level of guests' lines that are written.
    guests_level: Level,
    to: Box<dyn Output>,
    /// The guest that serves, if there is only one. In JSON format the host's own lines contain its digest.
    guest: Mutex<Option<Digest>>,
}

impl Logs {
    /// Returns a log that writes lines of `level` and above, in this format.
    pub fn new(format: Format, level: Level, to: Box<dyn Output>) -> Self {
        Self { format, level, guests_level: level, to, guest: Mutex::default() }
    }

    /// Returns a log with the format and the level that the environment variables set. A level that Lambda does not
    /// know counts as not set, because a wrong log setting must not stop the host. If no level is set, guests' lines in
    /// text format are not filtered by level, as on Lambda.
    pub fn from_environment(environment: &EnvVars, to: Box<dyn Output>) -> Self {
        let format = Format::from_environment(environment);
        let asked = environment.get(var::LOG_LEVEL).and_then(|level| level.parse().ok());
        let default = if format == Format::Text { Level::Trace } else { Level::Info };
        let guests_level = asked.unwrap_or(default);
        Self { guests_level, ..Self::new(format, asked.unwrap_or(Level::Info), to) }
    }

    /// Returns whether the host's own lines of this level are written.
    pub fn wants(&self, level: Level) -> bool {
        level >= self.level
    }

    /// Writes one of the host's own lines. If `subject` names no guest, the line is about the guest that serves.
    pub fn write(&self, level: Level, subject: &Subject<'_>, message: &str) {
        if !self.wants(level) {
            return;
        }
        let serving = lock(&self.guest).map(Digest::short);
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

    /// Writes a guest's text, in pieces if it is longer than the limit once it is escaped.
    fn write_pieces(&self, level: Level, line: &Line<'_>, text: &str) {
        pieces(text, LINE_LIMIT_BYTES).for_each(|text| match self.format {
            Format::Json => self.write_object(level, line, &json!(text)),
            Format::Text if holds_metrics(text) => self.write_marked(level, line, &json!(text).to_string()),
            Format::Text => self.write_marked(level, line, text),
        });
    }

    /// Writes a guest's text in text format. If it looks like one of the host's own lines, it gets a mark in front.
    fn write_marked(&self, level: Level, line: &Line<'_>, text: &str) {
        let seen: String = text.chars().filter(|char| !is_invisible(*char)).take(HOST_MARK.len()).collect();
        let mark = if seen.starts_with(HOST_MARK.trim_end()) { GUEST_MARK } else { "" };
        self.to.write(line.request_id, &text_line(level, line.request_id, mark, text));
    }

    /// Writes a guest's line as an object with this message.
    fn write_object(&self, level: Level, line: &Line<'_>, message: &Value) {
        let guest = line.guest.short();
        let subject = Subject { request_id: line.request_id, tenant_id: line.tenant_id, guest: Some(&guest) };
        self.to.write(line.request_id, &json_line(level, &subject, message, Origin::Guest { own_time: false }));
    }

    /// Writes a guest's line that is an object, and adds the keys that are missing.
    fn write_own(&self, line: &Line<'_>, own: Map<String, Value>) {
        let guest = line.guest.short();
        // A guest must not attribute its line to another invocation, tenant or guest, or to the host. Nor may it write
        // in the name of CloudWatch or Lambda, which `is_minted` checks.
        let is_true = |key: &str, value: Option<&str>| {
            own.get(key).is_none_or(|own| value.is_some_and(|value| own.as_str() == Some(value)))
        };
        let claims_are_true =
            ["requestId", "awsRequestId", "AWSRequestId"].iter().all(|key| is_true(key, line.request_id))
                && is_true("tenantId", line.tenant_id)
                && is_true("guest", Some(&guest))
                && !own.contains_key(MARK);
        // An object with false claims is logged as text, at the default level.
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
            // Escaping may have made the line longer than CloudWatch accepts. CloudWatch would cut it in two, and its
            // second part could pass for another object.
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

/// The maximum size of a log event, in bytes. CloudWatch cuts larger ones.
const EVENT_LIMIT_BYTES: usize = LINE_LIMIT_BYTES + 1024;

/// The maximum size of an escaped character, in bytes.
const ESCAPED_BYTES: usize = 6;

impl Observer for Logs {
    fn serving(&self, guest: Digest) {
        *lock(&self.guest) = Some(guest);
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
    /// Returns a writer to this place that does not wait for each write; see [`LogWriter`].
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
