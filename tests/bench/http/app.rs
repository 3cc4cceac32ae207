//! The axum app of the benchmark of HTTP: the same in a guest, under `lambda_http` and behind Lambda Web Adapter.

use std::{convert::Infallible, future::Future, time::SystemTime};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Query},
    http::{HeaderMap, header},
    response::IntoResponse,
    routing::{get, post},
};
use futures_lite::stream;
use serde::{Deserialize, Serialize};

/// Returns the app. `pause` waits for some milliseconds.
pub fn app<F>(pause: fn() -> F) -> Router
where
    F: Future<Output = ()> + Send + 'static,
{
    Router::new()
        .route("/", get(hello))
        .route("/echo", post(echo))
        .route("/now", get(move || async move { now(pause) }))
        .layer(DefaultBodyLimit::disable())
}

#[derive(Deserialize)]
struct Parameters {
    name: String,
}

#[derive(Serialize)]
struct Greeting {
    message: String,
}

async fn hello(Query(parameters): Query<Parameters>) -> Json<Greeting> {
    Json(Greeting { message: format!("Hello {}!", parameters.name) })
}

/// Sends the body back, with its type.
async fn echo(headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, headers[header::CONTENT_TYPE].clone())], body)
}

/// Writes what time it is, in nanoseconds since 1970, and leaves that piece alone for a while.
fn now<F>(pause: fn() -> F) -> Body
where
    F: Future<Output = ()> + Send + 'static,
{
    Body::from_stream(stream::unfold(true, move |is_first| async move {
        if !is_first {
            pause().await;
            return None;
        }
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Some((Ok::<_, Infallible>(since.as_nanos().to_string()), false))
    }))
}
