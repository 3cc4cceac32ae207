//! This module builds log lines in both formats.

use std::{borrow::Cow, fmt, time::SystemTime};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::{Map, Value, json};

use super::format::{Format, Level};
use crate::{
    observer::Line,
    text::{escaped, escaped_field, escaped_json},
};

/// The beginning of the message in the host's own lines in text format. No guest's message begins like this.
pub(super) const HOST_MARK: &str = "host: ";

/// The mark in front of a guest's message that would otherwise begin with [`HOST_MARK`].
pub(super) const GUEST_MARK: &str = "guest: ";

/// The key that names the writer of a line in JSON format. An object of a guest with this key is logged as text.
pub(super) const MARK: &str = "guesthouse";

/// Describes what a line is about.
#[derive(Debug, Clone, Copy, Default)]
pub struct Subject<'a> {
    /// The request id of the invocation, if the line is about one.
    pub request_id: Option<&'a str>,
    /// The tenant of that invocation, in a function with tenant isolation.
    pub tenant_id: Option<&'a str>,
    /// The short digest of the guest.
    pub guest: Option<&'a str>,
}

/// Names the writer of a line.
#[derive(Clone, Copy)]
pub(super) enum Origin {
    Host,
    /// A guest. `own_time` is true if its line has a timestamp of its own.
    Guest {
        own_time: bool,
    },
}

impl Origin {
    fn mark(self, now: &str) -> Value {
        match self {
            Self::Host => json!({"from": "host"}),
            Self::Guest { own_time: false } => json!({"from": "guest"}),
            Self::Guest { own_time: true } => json!({"from": "guest", "time": now}),
        }
    }
}

/// Returns one of the host's own lines, with its line end.
pub(super) fn host_line(format: Format, level: Level, subject: &Subject<'_>, message: &str) -> String {
    match format {
        Format::Text => text_line(level, subject.request_id, HOST_MARK, message),
        Format::Json => json_line(level, subject, &json!(message), Origin::Host),
    }
}

pub(super) fn text_line(level: Level, request_id: Option<&str>, mark: &str, message: &str) -> String {
    let request_id = escaped_field(request_id.unwrap_or("-"));
    // CloudWatch would make several records of a message with several lines.
    let message = match message.contains('\n') {
        true => Cow::Owned(message.replace('\n', "; ")),
        false => Cow::Borrowed(message),
    };
    format!("{}\t{request_id}\t{}\t{mark}{}\n", now(), level.name(), escaped(&message))
}

pub(super) fn json_line(level: Level, subject: &Subject<'_>, message: &Value, from: Origin) -> String {
    let now = now();
    let mut line = json!({"timestamp": now, "level": level.name(), "message": message, MARK: from.mark(&now)});
    for (key, value) in [("requestId", subject.request_id), ("tenantId", subject.tenant_id), ("guest", subject.guest)] {
        if let Some(value) = value {
            line[key] = json!(value);
        }
    }
    format!("{}\n", escaped_json(&line.to_string()))
}

/// Returns whether CloudWatch or Lambda would treat the object as more than a log line: as one of the platform's own
/// events, or as metrics that were not granted and would cost money. Sources: the AWS pages "Lambda Telemetry API Event
/// schema reference" and "Specification: Embedded metric format".
pub(super) fn is_minted(own: &Map<String, Value>, granted: &[String]) -> bool {
    let is_platforms = |kind: &str| kind.trim().to_ascii_lowercase().starts_with("platform.");
    let is_granted = |directive: &Value| {
        directive["Namespace"].as_str().is_some_and(|namespace| granted.iter().any(|granted| granted == namespace))
    };
    // In the first version of the format, the metrics were at the root.
    let at_root = own.get("CloudWatchMetrics").map(Value::as_array);
    let metrics = own.get("_aws").map(|aws| aws["CloudWatchMetrics"].as_array()).or(at_root);
    own.get("type").and_then(Value::as_str).is_some_and(is_platforms)
        || metrics.is_some_and(|metrics| !metrics.is_some_and(|metrics| metrics.iter().all(is_granted)))
}

/// Returns whether the text may contain metrics behind other text. CloudWatch finds them behind what Lambda's runtimes
/// put in front of a line.
pub(super) fn holds_metrics(text: &str) -> bool {
    let names = |text: &str| text.contains("_aws") || text.contains("CloudWatchMetrics");
    text.contains('{') && (names(text) || text.contains("\\u") && names(&unescaped(text)))
}

/// Returns the text with JSON's `\u` escapes of ASCII characters replaced by the characters.
fn unescaped(text: &str) -> String {
    let mut pieces = text.split("\\u");
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let char = piece.get(..4).and_then(|hex| u32::from_str_radix(hex, 16).ok()).and_then(char::from_u32);
        match char.filter(char::is_ascii) {
            Some(char) => {
                plain.push(char);
                plain.push_str(&piece[4..]);
            }
            None => plain.push_str(piece),
        }
    }
    plain
}

fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}

/// Returns the line as an object, if it is one. An object with a duplicate key does not count, because readers differ
/// in which of the values they take.
pub(super) fn object(line: &str) -> Option<Map<String, Value>> {
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

/// Returns a line with the guest's object, without changes to its content.
pub(super) fn bare(line: &Line<'_>, own: &Map<String, Value>) -> String {
    format!("{}\n", escaped_json(as_read(line, own).trim()))
}

/// Returns the guest's own text. Metrics are serialized again as the host parsed them: readers differ in which value of
/// a duplicate key they take.
fn as_read(line: &Line<'_>, own: &Map<String, Value>) -> String {
    if own.contains_key("_aws") { Value::Object(own.clone()).to_string() } else { line.text.replace('\r', " ") }
}

/// Returns a line with the guest's object, in which missing keys are added at the beginning. The rest of its text is
/// unchanged.
pub(super) fn completed(line: &Line<'_>, own: &Map<String, Value>, level: Level, guest: &str) -> String {
    let now = now();
    let from = Origin::Guest { own_time: own.contains_key("timestamp") }.mark(&now);
    let wanted = [
        ("timestamp", Some(json!(now))),
        ("level", Some(json!(level.name()))),
        ("requestId", line.request_id.map(|id| json!(id))),
        ("tenantId", line.tenant_id.map(|id| json!(id))),
        ("guest", Some(json!(guest))),
        (MARK, Some(from)),
    ];
    let mut added = String::new();
    for (key, value) in wanted {
        if let Some(value) = value.filter(|_| !own.contains_key(key)) {
            added.push_str(&format!("\"{key}\":{value},"));
        }
    }
    let text = as_read(line, own);
    let rest = text.trim().strip_prefix('{').unwrap_or_default();
    if own.is_empty() {
        added.pop();
    }
    format!("{{{}{}\n", escaped_json(&added), escaped_json(rest))
}
