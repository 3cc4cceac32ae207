//! This module holds a request as it arrived, and what several fronts do with it alike.

use std::{
    borrow::Cow,
    net::IpAddr,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{
    HeaderMap, Method,
    header::{
        CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HeaderName, HeaderValue, TE, TRAILER,
        TRANSFER_ENCODING, UPGRADE, USER_AGENT,
    },
};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::digest::Digest;

/// Describes a request as it arrived at a function's URL.
#[derive(Debug, Clone)]
pub struct Arrived<'a> {
    /// The function's name.
    pub function: &'a str,
    /// The method.
    pub method: &'a Method,
    /// The path below the function's URL, as on the wire. It starts with a slash.
    pub path: &'a str,
    /// The query, as on the wire.
    pub query: Option<&'a str>,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The whole body.
    pub body: &'a [u8],
    /// The client's address.
    pub client: IpAddr,
    /// The port at which the request arrived.
    pub port: u16,
    /// The invocation's request id.
    pub request_id: &'a str,
    /// The value of the X-Ray header.
    pub trace_id: &'a str,
    /// The time of arrival.
    pub at: SystemTime,
}

impl Arrived<'_> {
    /// Returns the headers that a front passes on, by name in lower case, with those that it adds.
    pub(super) fn passed_on(&self) -> HeaderMap {
        let mut headers = self.headers.clone();
        let named: Vec<String> = headers.get_all(CONNECTION).iter().flat_map(|value| list(&text(value))).collect();
        for name in named.iter().map(String::as_str).chain(HOP_BY_HOP.iter().map(HeaderName::as_str)) {
            headers.remove(name);
        }
        for name in ["keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"] {
            headers.remove(name);
        }
        let before: Vec<String> = headers.get_all("x-forwarded-for").iter().map(text).collect();
        let forwarded_for = before.into_iter().chain([self.client.to_string()]).collect::<Vec<_>>().join(", ");
        let mut set = |name: &'static str, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        set("x-forwarded-for", &forwarded_for);
        set("x-forwarded-port", &self.port.to_string());
        set("x-forwarded-proto", "http");
        set("x-amzn-trace-id", self.trace_id);
        if !self.body.is_empty() {
            set(CONTENT_LENGTH.as_str(), &self.body.len().to_string());
        }
        headers
    }

    /// Returns the body for an event, and whether it is in base64. `is_text` tells by the media type, in lower case and
    /// without parameters, whether the front passes a body on as text.
    pub(super) fn body(&self, is_text: impl FnOnce(&str) -> bool) -> (String, bool) {
        let media_type = self.header(&CONTENT_TYPE).map(|value| essence(&value)).unwrap_or_default();
        match std::str::from_utf8(self.body) {
            Ok(text) if self.body.is_empty() || is_text(&media_type) => (text.to_owned(), false),
            _ => (BASE64_STANDARD.encode(self.body), true),
        }
    }

    /// Returns whether the body is compressed.
    pub(super) fn is_encoded(&self) -> bool {
        self.headers.contains_key(CONTENT_ENCODING)
    }

    /// Returns a header's value.
    pub(super) fn header(&self, name: &HeaderName) -> Option<String> {
        self.headers.get(name).map(text)
    }

    /// Returns the client's program.
    pub(super) fn user_agent(&self) -> Value {
        self.header(&USER_AGENT).map_or(Value::Null, Value::String)
    }

    /// Returns the names and values of the query, as on the wire, in order.
    pub(super) fn query(&self) -> impl Iterator<Item = (&str, &str)> {
        pairs(self.query.unwrap_or_default(), &['&'])
    }

    /// Returns an id of so many characters, which the function always gets.
    pub(super) fn id(&self, length: usize) -> String {
        let digest = Digest::of(self.function.as_bytes()).to_string();
        digest.rsplit(':').next().unwrap_or_default().chars().take(length).collect()
    }

    /// Returns the time of arrival in milliseconds since the Unix epoch.
    pub(super) fn epoch_ms(&self) -> u64 {
        let since = self.at.duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    /// Returns the time of arrival as in the log of a web server: `12/Mar/2020:19:03:58 +0000`.
    pub(super) fn time(&self) -> String {
        const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let time = humantime::format_rfc3339_seconds(self.at).to_string();
        let part = |from: usize, to: usize| time.get(from..to).unwrap_or_default();
        let month = part(5, 7).parse::<usize>().ok().and_then(|month| MONTHS.get(month.wrapping_sub(1)));
        format!("{}/{}/{}:{} +0000", part(8, 10), month.unwrap_or(&"Jan"), part(0, 4), part(11, 19))
    }
}

/// The headers that are for the next hop only (RFC 9110, section 7.6.1), and those that a front acts on itself.
const HOP_BY_HOP: &[HeaderName] = &[CONNECTION, EXPECT, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// Returns a header's value as text: a front passes bytes on as UTF-8.
pub(super) fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

/// Returns the members of a header that is a list.
pub(super) fn list(value: &str) -> Vec<String> {
    value.split(',').map(|member| member.trim().to_ascii_lowercase()).filter(|member| !member.is_empty()).collect()
}

/// Returns a media type in lower case and without parameters.
pub(super) fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Returns whether the media type is JSON, JavaScript, XML or any kind of text, which most fronts pass on as it is.
pub(super) fn is_text(media_type: &str) -> bool {
    media_type.starts_with("text/")
        || ["application/json", "application/javascript", "application/xml"].contains(&media_type)
}

/// Splits a query.
pub(super) fn pairs<'a>(query: &'a str, separators: &'a [char]) -> impl Iterator<Item = (&'a str, &'a str)> {
    let pairs = query.split(separators).filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// Decodes a name or a value of a query.
pub(super) fn decoded(part: &str) -> String {
    let spaced: Cow<'_, str> = if part.contains('+') { part.replace('+', " ").into() } else { part.into() };
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

/// Adds a value to the list of this name.
pub(super) fn push(lists: &mut Map<String, Value>, name: String, value: String) {
    let list = lists.entry(name).or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(list) = list {
        list.push(value.into());
    }
}

/// Adds a value to those of this name, after a comma.
pub(super) fn join(texts: &mut Map<String, Value>, name: String, value: &str) {
    match texts.get_mut(&name) {
        Some(Value::String(before)) => {
            before.push(',');
            before.push_str(value);
        }
        _ => drop(texts.insert(name, value.into())),
    }
}
