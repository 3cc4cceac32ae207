//! What a line is made of, in either format.

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

/// How a line of the host's own begins in text format. No guest's does.
pub(super) const HOST_MARK: &str = "host: ";

/// What is put in front of a guest's that would.
pub(super) const GUEST_MARK: &str = "guest: ";

/// The key that says in JSON format who wrote a line. No guest's object has it.
pub(super) const MARK: &str = "guesthouse";

/// What a line is about.
#[derive(Debug, Clone, Copy, Default)]
pub struct Subject<'a> {
    /// The invocation, if it is about one.
    pub request_id: Option<&'a str>,
    /// Whose that is, in a function with tenant isolation.
    pub tenant_id: Option<&'a str>,
    /// The short digest of the guest.
    pub guest: Option<&'a str>,
}

/// Who wrote a line.
#[derive(Clone, Copy)]
pub(super) enum Origin {
    Host,
    /// Which says itself when.
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

/// One line of the host's own, with its end.
pub(super) fn host_line(format: Format, level: Level, subject: &Subject<'_>, message: &str) -> String {
    match format {
        Format::Text => text_line(level, subject.request_id, HOST_MARK, message),
        Format::Json => json_line(level, subject, &json!(message), Origin::Host),
    }
}

pub(super) fn text_line(level: Level, request_id: Option<&str>, mark: &str, message: &str) -> String {
    let request_id = escaped_field(request_id.unwrap_or("-"));
    // A record of several lines would become as many records in CloudWatch.
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

/// Whether CloudWatch or Lambda would take the object for more than a line: one of the platform's own events, or metrics that were not
/// granted, which cost. Sources: the AWS pages "Lambda Telemetry API Event schema reference" and "Specification: Embedded metric format".
pub(super) fn is_minted(own: &Map<String, Value>, granted: &[String]) -> bool {
    let is_platforms = |kind: &str| kind.trim().to_ascii_lowercase().starts_with("platform.");
    let is_granted = |directive: &Value| {
        directive["Namespace"].as_str().is_some_and(|namespace| granted.iter().any(|granted| granted == namespace))
    };
    // In the first version of the format they stood at the root.
    let at_root = own.get("CloudWatchMetrics").map(Value::as_array);
    let metrics = own.get("_aws").map(|aws| aws["CloudWatchMetrics"].as_array()).or(at_root);
    own.get("type").and_then(Value::as_str).is_some_and(is_platforms)
        || metrics.is_some_and(|metrics| !metrics.is_some_and(|metrics| metrics.iter().all(is_granted)))
}

/// Whether there may be metrics behind other text: what a runtime of Lambda's puts in front of a line is no hindrance to CloudWatch.
pub(super) fn holds_metrics(text: &str) -> bool {
    let names = |text: &str| text.contains("_aws") || text.contains("CloudWatchMetrics");
    text.contains('{') && (names(text) || text.contains("\\u") && names(&unescaped(text)))
}

/// The text with what JSON may escape of letters and digits as they are.
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

/// The line as an object, if it is one. One with a key that comes twice is none: readers differ in which one counts.
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

/// The guest's object as it is.
pub(super) fn bare(line: &Line<'_>, own: &Map<String, Value>) -> String {
    format!("{}\n", escaped_json(as_read(line, own).trim()))
}

/// The guest's own text. Metrics are written as they were read: of keys in them that come twice readers differ in which one counts.
fn as_read(line: &Line<'_>, own: &Map<String, Value>) -> String {
    if own.contains_key("_aws") { Value::Object(own.clone()).to_string() } else { line.text.replace('\r', " ") }
}

/// The guest's object with what it lacks put in front; its own text stays as it is.
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
