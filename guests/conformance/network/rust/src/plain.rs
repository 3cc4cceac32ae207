//! Clients that block: `ureq`, and the standard library's sockets.

use std::{
    error::Error as StdError,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use guesthouse_guest::Error;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use ureq::{Agent, Body, SendBody, http::Response};

use crate::{Event, failure};

pub fn run(event: &Event) -> Result<Value, Error> {
    let started = Instant::now();
    let timeout = (event.timeout_ms > 0).then(|| Duration::from_millis(event.timeout_ms));
    // A timeout of the whole, or of the lookup, would start a thread, and a guest has none.
    let config = Agent::config_builder().http_status_as_error(false);
    let agent: Agent = config.timeout_recv_response(timeout).timeout_recv_body(timeout).build().into();
    let done = match event.op.as_str() {
        "get" | "timeout" => get(&agent, event),
        "post" => post(&agent, event),
        "download" => download(&agent, event),
        other => return Err(Error::new("InvalidEvent", format!("there is no op `{other}` for this client"))),
    };
    let mut response = done.unwrap_or_else(|error| failure("ureq::Error", &error.to_string()));
    if event.op == "timeout" {
        response["elapsed_ms"] = json!(started.elapsed().as_millis() as u64);
    }
    Ok(response)
}

fn headers(response: &Response<Body>) -> Map<String, Value> {
    let text = |value: &[u8]| json!(String::from_utf8_lossy(value));
    response.headers().iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect()
}

fn get(agent: &Agent, event: &Event) -> Result<Value, ureq::Error> {
    let request =
        event.headers.iter().fold(agent.get(&event.url), |request, (name, value)| request.header(name, value));
    let mut response = request.call()?;
    let (status, headers) = (response.status().as_u16(), headers(&response));
    let body = response.body_mut().read_to_vec()?;
    Ok(json!({
        "status": status, "headers": headers, "length": body.len(), "body": String::from_utf8_lossy(&body),
    }))
}

fn post(agent: &Agent, event: &Event) -> Result<Value, ureq::Error> {
    let body = event.body();
    let mut response = match event.chunked {
        true => agent.post(&event.url).send(SendBody::from_reader(&mut body.as_slice()))?,
        false => agent.post(&event.url).send(&body)?,
    };
    let status = response.status().as_u16();
    let body = response.body_mut().read_to_vec()?;
    Ok(json!({"status": status, "length": body.len(), "body": String::from_utf8_lossy(&body)}))
}

fn download(agent: &Agent, event: &Event) -> Result<Value, ureq::Error> {
    let mut response = agent.get(&event.url).call()?;
    let body = response.body_mut().read_to_vec()?;
    let digest: String = Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(json!({"status": response.status().as_u16(), "length": body.len(), "sha256": digest}))
}

/// Sends the text, and reads a line.
pub fn tcp(event: &Event) -> Result<Value, Box<dyn StdError>> {
    let mut stream = TcpStream::connect((event.host.as_str(), event.port))?;
    stream.write_all(event.send.as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(json!({"received": line}))
}
