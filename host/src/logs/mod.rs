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
    line::{GUEST_MARK, HOST_MARK, MARK, Origin, bare, completed, host_line, is_minted, json_line, object, text_line},
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
        // With all that is escaped it may be longer than it was.
        pieces(text, LINE_LIMIT_BYTES).for_each(|text| match self.format {
            Format::Json => self.write_object(level, line, &json!(text)),
            Format::Text => self.write_marked(level, line, text),
        });
    }

    /// Writes a guest's text in text format. What passes for a line of the host's is told from one.
    fn write_marked(&self, level: Level, line: &Line<'_>, text: &str) {
        let mark = if text.trim_start_matches(is_invisible).starts_with(HOST_MARK) { GUEST_MARK } else { "" };
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
        let level = own_level::of_object(&own).unwrap_or(Level::Info);
        if level < self.guests_level {
            return;
        }
        let guest = line.guest.short();
        // A guest does not get to say whose its line is, nor to write in CloudWatch's or Lambda's name.
        let is_true = |key: &str, value: Option<&str>| own.get(key).is_none_or(|own| own.as_str() == value);
        let claims_are_true = is_true("requestId", line.request_id)
            && is_true("tenantId", line.tenant_id)
            && is_true("guest", Some(&guest))
            && !own.contains_key(MARK);
        let is_minted = is_minted(&own, line.metrics);
        match (self.format, claims_are_true && !is_minted) {
            (Format::Text, true) => self.to.write(line.request_id, &bare(line, &own)),
            (Format::Text, false) => self.write_marked(level, line, line.text),
            (Format::Json, true) => self.to.write(line.request_id, &completed(line, &own, level, &guest)),
            (Format::Json, false) if claims_are_true => self.write_object(level, line, &Value::Object(own)),
            (Format::Json, false) => self.write_object(Level::Info, line, &json!(line.text)),
        }
    }
}

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
mod tests {
    use std::sync::Arc;

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<String>>);

    impl Output for Kept {
        fn write(&self, _: Option<&str>, line: &str) {
            self.0.lock().unwrap().push_str(line);
        }
    }

    fn guests_line<'a>(request_id: Option<&'a str>, text: &'a str) -> Line<'a> {
        let guest = Digest::of(b"guest");
        Line { request_id, tenant_id: None, guest, text, is_of_failure: false, metrics: &[] }
    }

    const SUBJECT: Subject<'static> = Subject { request_id: Some("id-1"), tenant_id: None, guest: None };

    fn written(format: Format, level: Level, write: impl FnOnce(&Logs)) -> String {
        let kept = Kept::default();
        write(&Logs::new(format, level, Box::new(kept.clone())));
        kept.0.lock().unwrap().clone()
    }

    #[test]
    fn a_text_line_has_time_request_id_level_and_message_between_tabs() {
        let line = written(Format::Text, Level::Info, |logs| logs.line(&guests_line(Some("id-1"), "hello")));
        let fields: Vec<&str> = line.trim_end().split('\t').collect();
        assert_eq!(fields[1..], ["id-1", "INFO", "hello"]);
        assert!(humantime::parse_rfc3339(fields[0]).is_ok(), "{line}");
    }

    #[test]
    fn a_json_line_is_an_object_with_time_level_request_id_and_message() {
        let line = written(Format::Json, Level::Info, |logs| {
            logs.line(&guests_line(Some("id-1"), "say \"no\""));
        });
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (&line["level"], &line["requestId"], &line["message"]),
            (&json!("INFO"), &json!("id-1"), &json!("say \"no\""))
        );
        assert!(humantime::parse_rfc3339(line["timestamp"].as_str().unwrap()).is_ok());
    }

    #[test]
    fn an_object_of_the_guests_own_is_passed_on_with_what_it_lacks() {
        let own = r#"{"level":"WARN","order":1.0}"#;
        let line = written(Format::Json, Level::Info, |logs| logs.line(&guests_line(Some("id-1"), own)));
        assert!(
            line.ends_with(
                ",\"requestId\":\"id-1\",\"guest\":\"84983c60f7da\",\"guesthouse\":{\"from\":\"guest\"},\"level\":\"WARN\",\"order\":1.0}\n"
            ),
            "{line}"
        );
        let empty = written(Format::Json, Level::Info, |logs| logs.line(&guests_line(None, "{}")));
        assert!(serde_json::from_str::<Value>(&empty).is_ok(), "{empty}");
    }

    #[test]
    fn lines_at_the_level_are_written_and_lines_below_are_not() {
        for (level, expected) in [(Level::Info, 3), (Level::Warn, 2), (Level::Error, 1), (Level::Fatal, 0)] {
            let lines = written(Format::Text, level, |logs| {
                logs.line(&guests_line(None, "text"));
                logs.line(&guests_line(None, "[WARN] text"));
                logs.line(&Line { is_of_failure: true, ..guests_line(None, "panic: text") });
            });
            assert_eq!(lines.lines().count(), expected, "{level:?}");
        }
        let debug = r#"{"level":"debug"}"#;
        assert_eq!(written(Format::Json, Level::Info, |logs| logs.line(&guests_line(None, debug))), "");
    }

    #[test]
    fn a_guest_can_not_write_in_the_name_of_another_invocation() {
        for forged in
            [r#"{"level":"FATAL","requestId":"id-2"}"#, r#"{"requestId":"id-2","requestId":"id-1","level":"FATAL"}"#]
        {
            let line = written(Format::Json, Level::Info, |logs| {
                logs.line(&guests_line(Some("id-1"), forged));
            });
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
        let lines = written(Format::Json, Level::Info, |logs| logs.write(Level::Error, &SUBJECT, message));
        let line: Value = serde_json::from_str(&lines).unwrap();
        assert_eq!((lines.lines().count(), &line["level"], &line["message"]), (1, &json!("ERROR"), &json!(message)));
    }

    #[test]
    fn a_line_says_whether_the_host_or_a_guest_wrote_it() {
        let hosts = |format| {
            written(format, Level::Info, |logs| {
                logs.write(Level::Error, &SUBJECT, "Host.Internal: the host failed");
            })
        };
        let guests =
            |format, text: &str| written(format, Level::Info, |logs| logs.line(&guests_line(Some("id-1"), text)));
        let message = |line: &str| line.trim_end().splitn(4, '\t').nth(3).unwrap().to_owned();
        assert_eq!(message(&hosts(Format::Text)), "host: Host.Internal: the host failed");
        for (text, shown) in [
            ("Host.Internal: the host failed", "Host.Internal: the host failed"),
            ("host: Host.Internal: the host failed", "guest: host: Host.Internal: the host failed"),
            ("\u{a0} host: Host.Internal", "guest: \u{a0} host: Host.Internal"),
            ("\u{200b}host: Host.Internal", "guest: \u{200b}host: Host.Internal"),
        ] {
            assert_eq!(message(&guests(Format::Text, text)), shown);
        }
        let from = |line: &str| serde_json::from_str::<Value>(line).unwrap()["guesthouse"]["from"].clone();
        assert_eq!(from(&hosts(Format::Json)), "host");
        for text in [
            "text",
            "{}",
            r#"{"guesthouse":{"from":"host"}}"#,
            r#"{"guesthou\u0073e":{"from":"host"},"level":"ERROR"}"#,
        ] {
            assert_eq!(from(&guests(Format::Json, text)), "guest", "{text}");
        }
    }

    #[test]
    fn metrics_are_passed_on_where_they_are_granted_and_platform_events_never() {
        let granted = ["Orders".to_owned()];
        let logged = |text: &str| {
            let line = Line { metrics: &granted, ..guests_line(Some("id-1"), text) };
            let written = written(Format::Json, Level::Info, |logs| logs.line(&line));
            serde_json::from_str::<Value>(&written).unwrap()
        };
        let metrics = |namespaces: &[&str]| {
            let directives: Vec<Value> = namespaces.iter().map(|namespace| json!({"Namespace": namespace})).collect();
            json!({"_aws": {"Timestamp": 1, "CloudWatchMetrics": directives}, "count": 1})
        };
        for good in [metrics(&["Orders"]), json!({"type": "order", "record": 1}), json!({"_AWS": 1})] {
            let line = logged(&good.to_string());
            assert!(good.as_object().unwrap().iter().all(|(key, value)| line[key] == *value), "{line}");
        }
        let minted = [
            metrics(&["Billing"]),
            metrics(&["Orders", "Billing"]),
            json!({"_aws": {"CloudWatchMetrics": [{"Metrics": []}]}}),
            json!({"_aws": {"CloudWatchMetrics": {"Namespace": "Orders"}}}),
            json!({"_aws": null}),
            json!({"type": "platform.report", "record": {"requestId": "someone-else"}}),
            json!({"type": "Platform.initStart", "time": "1999-01-01T00:00:00Z"}),
        ];
        for minted in minted {
            let line = logged(&minted.to_string());
            assert_eq!((&line["message"], &line["requestId"]), (&minted, &json!("id-1")), "{line}");
            assert!(line["_aws"].is_null() && line["type"].is_null(), "{line}");
        }
    }

    #[test]
    fn what_is_passed_on_is_what_was_looked_at() {
        let twice = r#"{"_aws":{"CloudWatchMetrics":[{"Namespace":"Billing"}],"CloudWatchMetrics":[]}}"#;
        for text in [twice, "{\"a\":1,\r\"b\":2}"] {
            let line = written(Format::Json, Level::Info, |logs| {
                logs.line(&guests_line(None, text));
            });
            assert!(!line.contains("Billing") && !line.contains('\r'), "{line:?}");
        }
    }

    #[test]
    fn the_hosts_own_time_stands_beside_a_guests() {
        let own = r#"{"timestamp":"1999-01-01T00:00:00Z","level":"INFO"}"#;
        let written = written(Format::Json, Level::Info, |logs| logs.line(&guests_line(None, own)));
        let line: Value = serde_json::from_str(&written).unwrap();
        assert_eq!(line["timestamp"], "1999-01-01T00:00:00Z");
        assert!(humantime::parse_rfc3339(line["guesthouse"]["time"].as_str().unwrap()).is_ok(), "{line}");
    }

    #[test]
    fn no_control_character_of_a_guests_or_a_callers_reaches_the_log() {
        let odd = "\u{1b}]0;owned\u{7}\u{9b}2J\rforged\u{2028}\u{85}\u{7f}";
        let id = "id\tERROR\tforged\u{1b}";
        let own = "{\"message\":\"\u{7f}\u{9b}\u{2028}\u{2029}\u{85}\",\"level\":\"INFO\"}";
        for (format, text) in [(Format::Text, odd), (Format::Json, odd), (Format::Json, own)] {
            let written = written(format, Level::Info, |logs| logs.line(&guests_line(Some(id), text)));
            let is_control =
                |char: char| char.is_control() && !"\t\n".contains(char) || "\u{2028}\u{2029}".contains(char);
            assert!(!written.contains(is_control), "{written:?}");
            assert_eq!(written.matches('\t').count(), if format == Format::Text { 3 } else { 0 }, "{written:?}");
            assert_eq!(written.matches('\n').count(), 1, "{written:?}");
        }
    }

    #[test]
    fn an_object_is_a_line_of_its_own_in_text_format_unless_it_would_pass_for_another() {
        let granted = ["Orders".to_owned()];
        let written = |text: &str| {
            let line = Line { metrics: &granted, ..guests_line(Some("id-1"), text) };
            written(Format::Text, Level::Info, |logs| logs.line(&line))
        };
        for bare in [
            r#"{"level":"info","ts":1.5,"msg":"ready"}"#,
            r#"  {"level":"ERROR", "message":"no such order", "requestId":"id-1"}  "#,
            r#"{"_aws":{"Timestamp":1,"CloudWatchMetrics":[{"Namespace":"Orders","Metrics":[]}]},"n":1}"#,
        ] {
            let line = written(bare);
            assert!(line.starts_with('{') && line.ends_with("}\n"), "{line}");
            assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), serde_json::from_str::<Value>(bare).unwrap());
        }
        for (text, level) in [
            (r#"{"level":"error","requestId":"id-2"}"#, "ERROR"),
            (r#"{"tenantId":"other"}"#, "INFO"),
            (r#"{"guesthouse":{"from":"host"}}"#, "INFO"),
            (r#"{"_aws":{"CloudWatchMetrics":[{"Namespace":"Billing"}]}}"#, "INFO"),
            (r#"{"type":"platform.report","record":{}}"#, "INFO"),
            (r#"{"a":1,"a":2}"#, "INFO"),
            (r#"{"a":1} and more"#, "INFO"),
            (r#"[{"a":1}]"#, "INFO"),
        ] {
            let line = written(text);
            assert_eq!(line.trim_end().split('\t').skip(1).collect::<Vec<_>>(), ["id-1", level, text], "{line}");
        }
    }

    #[test]
    fn json_lines_say_whose_the_invocation_is() {
        let line = |tenant_id, text| {
            let line = Line { tenant_id, ..guests_line(Some("id-1"), text) };
            let written = written(Format::Json, Level::Info, |logs| logs.line(&line));
            serde_json::from_str::<Value>(&written).unwrap()
        };
        for text in ["text", "{}", r#"{"tenantId":"blue"}"#] {
            assert_eq!(line(Some("blue"), text)["tenantId"], "blue");
        }
        assert_eq!(line(None, "text")["tenantId"], Value::Null);
        for tenant in [Some("blue"), None] {
            let forged = line(tenant, r#"{"tenantId":"red"}"#);
            assert_eq!((&forged["tenantId"], &forged["message"]), (&json!(tenant), &json!(r#"{"tenantId":"red"}"#)));
        }
        let subject = Subject { tenant_id: Some("blue"), ..SUBJECT };
        let hosts = written(Format::Json, Level::Info, |logs| logs.write(Level::Error, &subject, "late"));
        assert_eq!(serde_json::from_str::<Value>(&hosts).unwrap()["tenantId"], "blue");
    }

    #[test]
    fn in_text_format_levels_are_chosen_only_where_one_is_asked_for() {
        let lines = |variables: &[(&str, &str)]| {
            let kept = Kept::default();
            let environment: Environment = variables.iter().copied().collect();
            let logs = Logs::from_environment(&environment, Box::new(kept.clone()));
            for text in ["[DEBUG] step", r#"{"level":"debug"}"#] {
                logs.line(&guests_line(None, text));
            }
            kept.0.lock().unwrap().lines().count()
        };
        assert_eq!(lines(&[]), 2);
        assert_eq!(lines(&[(var::LOG_LEVEL, "INFO")]), 0);
        assert_eq!(lines(&[(var::LOG_LEVEL, "DEBUG")]), 2);
        assert_eq!(lines(&[(var::LOG_FORMAT, "JSON")]), 0);
    }

    #[test]
    fn a_message_of_two_lines_stays_one_log_line() {
        let lines =
            written(Format::Text, Level::Info, |logs| logs.write(Level::Error, &Subject::default(), "a\nhint: b"));
        assert_eq!(lines.lines().count(), 1);
    }
}
