//! The client of `wstd`, which waits for several responses at once.

use std::time::Instant;

use guesthouse_guest::{
    Error,
    wstd::{
        future::FutureExt as _,
        http::{Body, Client, Method, Request, Response, error::ErrorCode},
        time::Duration,
    },
};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::{Event, failure};

/// The library's own error.
type Failure = guesthouse_guest::wstd::http::Error;

pub async fn run(event: &Event) -> Result<Value, Error> {
    let started = Instant::now();
    let done = match event.op.as_str() {
        "get" => get(event).await,
        "post" => post(event).await,
        "download" => download(event).await,
        "many" => many(event).await,
        "unread" => unread(event).await,
        "timeout" => timeout(event).await,
        other => return Err(Error::new("InvalidEvent", format!("there is no op `{other}`"))),
    };
    let mut response = done.unwrap_or_else(|error| failure(kind(&error), &message(&error)));
    if matches!(event.op.as_str(), "many" | "timeout") {
        response["elapsed_ms"] = json!(started.elapsed().as_millis() as u64);
    }
    Ok(response)
}

/// The library's errors are `anyhow`'s: what is inside has the type.
fn kind(error: &Failure) -> &'static str {
    if error.is::<ErrorCode>() {
        "ErrorCode"
    } else if error.is::<std::io::Error>() {
        "std::io::Error"
    } else {
        "wstd::http::Error"
    }
}

fn message(error: &Failure) -> String {
    match error.downcast_ref() {
        Some(ErrorCode::HttpRequestDenied) => "HTTP-request-denied: no rule of network.allow grants it".to_owned(),
        _ => format!("{error:#}"),
    }
}

fn request(event: &Event, method: Method, body: Body) -> Result<Request<Body>, Failure> {
    let builder = Request::builder().method(method).uri(&event.url);
    Ok(event.headers.iter().fold(builder, |builder, (name, value)| builder.header(name, value)).body(body)?)
}

fn headers(response: &Response<Body>) -> Map<String, Value> {
    let text = |value: &[u8]| json!(String::from_utf8_lossy(value));
    response.headers().iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect()
}

async fn get(event: &Event) -> Result<Value, Failure> {
    let mut response = Client::new().send(request(event, Method::GET, Body::empty())?).await?;
    let (status, headers) = (response.status().as_u16(), headers(&response));
    let body = response.body_mut().contents().await?;
    Ok(json!({
        "status": status, "headers": headers, "length": body.len(), "body": String::from_utf8_lossy(body),
    }))
}

async fn post(event: &Event) -> Result<Value, Failure> {
    let body = match event.chunked {
        // A stream's length is not known before its end.
        true => {
            let pieces: Vec<_> = event.body().chunks(8192).map(<[u8]>::to_vec).collect();
            Body::from_stream(futures_lite::stream::iter(pieces))
        }
        false => Body::from(event.body()),
    };
    let mut response = Client::new().send(request(event, Method::POST, body)?).await?;
    let status = response.status().as_u16();
    let body = response.body_mut().contents().await?;
    Ok(json!({"status": status, "length": body.len(), "body": String::from_utf8_lossy(body)}))
}

async fn download(event: &Event) -> Result<Value, Failure> {
    let mut response = Client::new().send(request(event, Method::GET, Body::empty())?).await?;
    let status = response.status().as_u16();
    let body = response.body_mut().contents().await?;
    let digest: String = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(json!({"status": status, "length": body.len(), "sha256": digest}))
}

async fn many(event: &Event) -> Result<Value, Failure> {
    let tasks: Vec<_> = (0..event.n)
        .map(|_| request(event, Method::GET, Body::empty()))
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .map(|request| {
            guesthouse_guest::wstd::runtime::spawn(async move {
                let mut response = Client::new().send(request).await?;
                response.body_mut().contents().await?;
                Ok::<_, Failure>(response.status().as_u16())
            })
        })
        .collect();
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await?);
    }
    Ok(json!({"statuses": statuses}))
}

/// Leaves responses unread.
async fn unread(event: &Event) -> Result<Value, Failure> {
    let mut statuses = Vec::new();
    for _ in 0..event.n {
        let response = Client::new().send(request(event, Method::GET, Body::empty())?).await?;
        statuses.push(response.status().as_u16());
    }
    Ok(json!({"statuses": statuses}))
}

async fn timeout(event: &Event) -> Result<Value, Failure> {
    get(event).timeout(Duration::from_millis(event.timeout_ms)).await?
}
