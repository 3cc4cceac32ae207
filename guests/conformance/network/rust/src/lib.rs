//! Does what the conformance tests of the network ask of the guests of every language.

mod plain;
mod waiting;

use std::collections::BTreeMap;

use guesthouse_guest::{Context, Error, handler};
use serde::Deserialize;
use serde_json::{Value, json};

/// What to do, as the tests spell it.
#[derive(Deserialize)]
pub struct Event {
    op: String,
    #[serde(default)]
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    client: Option<String>,
    body: Option<String>,
    #[serde(default)]
    size: usize,
    #[serde(default)]
    chunked: bool,
    #[serde(default)]
    n: usize,
    #[serde(default)]
    timeout_ms: u64,
    #[serde(default)]
    host: String,
    #[serde(default)]
    port: u16,
    #[serde(default)]
    send: String,
}

impl Event {
    /// The request's body: the text given, or so many `z`.
    fn body(&self) -> Vec<u8> {
        self.body.as_ref().map_or_else(|| vec![b'z'; self.size], |body| body.clone().into_bytes())
    }
}

async fn run(event: Event, _context: Context) -> Result<Value, Error> {
    if event.op == "tcp" {
        return Ok(plain::tcp(&event).unwrap_or_else(|error| failure("Error", &error.to_string())));
    }
    match event.client.as_deref() {
        None | Some("wstd") => waiting::run(&event).await,
        Some("ureq") => plain::run(&event),
        Some(other) => Err(Error::new("InvalidEvent", format!("there is no client `{other}`"))),
    }
}

/// The response where a library failed.
fn failure(kind: &str, message: &str) -> Value {
    json!({"error": {"kind": kind, "message": message}})
}

handler!(async run);
