//! This module defines what the contestants do. It is the same in each language, with the same events, unless the
//! report states otherwise.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::url_event;

/// The number of rounds of [`Work::Compute`], which take about 5 ms.
const ROUNDS: u64 = 6_000_000;

/// A handler of the contestants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Greets the person whom the event names.
    Hello,
    /// Sums up orders by customer, with typed JSON in and out.
    Orders,
    /// Returns the event, as a typed value where the runtime parses it anyway.
    Echo,
    /// Prints [`LINES`] lines.
    Log,
    /// Computes for some milliseconds.
    Compute,
    /// Sends one request over HTTP.
    Get,
    /// Gets one item of a table of DynamoDB, over HTTPS.
    Item,
    /// Greets whom the query of an HTTP request names.
    Page,
    /// Sends the text in an HTTP request's body back.
    Text,
    /// Sends the bytes in an HTTP request's body back.
    Bytes,
    /// Streams what time it is.
    Now,
}

/// The number of lines that [`Work::Log`] prints in an invocation.
pub const LINES: usize = 100;

impl Work {
    pub fn name(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Orders => "orders",
            Self::Echo => "echo",
            Self::Log => "log",
            Self::Compute => "compute",
            Self::Get => "get",
            Self::Item => "item",
            Self::Page => "page",
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::Now => "now",
        }
    }

    /// Describes the work, for the tables.
    pub fn title(self) -> &'static str {
        match self {
            Self::Hello => "A greeting",
            Self::Orders => "Orders summed up by customer, typed JSON in and out",
            Self::Echo => {
                "The event as the response: typed, but the guest in Rust takes and gives text, which no other runtime can"
            }
            Self::Log => "Printing 100 lines, which nobody keeps",
            Self::Compute => "Computing",
            Self::Get => "A `GET` of 31 B",
            Self::Item => "DynamoDB's `GetItem` over HTTPS",
            Self::Page => "A greeting as JSON",
            Self::Text => "A request's text as the response",
            Self::Bytes => "A request's bytes as the response, in base64 both times",
            Self::Now => "What time it is, streamed",
        }
    }

    /// Returns the size of the event, for the tables.
    pub fn size(self) -> &'static str {
        match self {
            Self::Hello => "20 B",
            Self::Orders => "10 KB",
            Self::Echo => "1 MB",
            Self::Log => "6 KB",
            Self::Compute => "30 B",
            Self::Get => "2 B",
            Self::Item => "10 B",
            Self::Page | Self::Now => "2 KB",
            Self::Text | Self::Bytes => "6 MB",
        }
    }

    pub fn event(self) -> String {
        match self {
            Self::Hello => r#"{"name":"Guesthouse"}"#.to_owned(),
            Self::Orders => orders(80).to_string(),
            Self::Echo => json!({"data": "x".repeat(1_000_000)}).to_string(),
            Self::Log => json!(["out", "a line of what somebody does, for the log\n"].repeat(LINES)).to_string(),
            Self::Compute => json!({"rounds": ROUNDS}).to_string(),
            Self::Get => "{}".to_owned(),
            Self::Item => r#"{"id":"1"}"#.to_owned(),
            Self::Page => url_event::get("/", "name=Guesthouse"),
            Self::Text => url_event::post_text("/echo"),
            Self::Bytes => url_event::post_bytes("/echo"),
            Self::Now => url_event::get("/now", ""),
        }
    }

    /// Returns whether this is the right response to the event.
    pub fn is_right(self, response: &[u8]) -> bool {
        if matches!(self, Self::Page | Self::Text | Self::Bytes | Self::Now) {
            return self.is_right_page(response).is_some_and(|is_right| is_right);
        }
        let Ok(response) = serde_json::from_slice::<Value>(response) else { return false };
        let event: Value = serde_json::from_str(&self.event()).unwrap_or_default();
        match self {
            Self::Hello => response == json!({"message": "Hello Guesthouse!"}),
            Self::Orders => response == totals(&event),
            Self::Echo => response == event,
            Self::Log => response.is_null(),
            Self::Compute => response["hash"] == *HASH,
            Self::Get => response == json!({"message": "Hello Guesthouse!"}),
            Self::Item => response == json!({"name": "Ada"}),
            Self::Page | Self::Text | Self::Bytes | Self::Now => false,
        }
    }

    /// Returns whether this is the right response to an HTTP request, or `None` if it is no such response.
    fn is_right_page(self, response: &[u8]) -> Option<bool> {
        let page = url_event::page(response)?;
        let event: Value = serde_json::from_str(&self.event()).ok()?;
        Some(match self {
            Self::Page => serde_json::from_slice::<Value>(&page.body).ok()? == json!({"message": "Hello Guesthouse!"}),
            Self::Now => std::str::from_utf8(&page.body).ok()?.parse::<u128>().is_ok(),
            _ => page.is_base64 == event["isBase64Encoded"] && page.body == event["body"].as_str()?.as_bytes(),
        })
    }
}

/// The result of [`Work::Compute`].
static HASH: LazyLock<u64> = LazyLock::new(|| {
    let step = |hash: u64, round: u64| (hash ^ round).wrapping_mul(0x0100_0000_01b3).rotate_left(5);
    (0..ROUNDS).fold(0xcbf2_9ce4_8422_2325, step)
});

fn orders(count: u64) -> Value {
    let item =
        |number: u64| json!({"sku": format!("sku-{number}"), "quantity": number % 4 + 1, "cents": 199 + 7 * number});
    let order =
        |id: u64| json!({"id": id, "customer": format!("customer-{}", id % 7), "items": [item(id), item(id + 1)]});
    json!({"orders": (0..count).map(order).collect::<Vec<_>>()})
}

fn totals(event: &Value) -> Value {
    let mut totals = std::collections::BTreeMap::<String, (u64, u64)>::new();
    for order in event["orders"].as_array().into_iter().flatten() {
        let (orders, cents) = totals.entry(order["customer"].as_str().unwrap_or_default().to_owned()).or_default();
        *orders += 1;
        for item in order["items"].as_array().into_iter().flatten() {
            *cents += item["quantity"].as_u64().unwrap_or(0) * item["cents"].as_u64().unwrap_or(0);
        }
    }
    let customer = |(customer, (orders, cents))| json!({"customer": customer, "orders": orders, "cents": cents});
    json!({"customers": totals.into_iter().map(customer).collect::<Vec<_>>()})
}
