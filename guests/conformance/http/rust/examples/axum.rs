//! This guest is an axum app as its users write it.

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, Query},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{AppendHeaders, IntoResponse},
    routing::{any, get, post},
};
use futures_lite::stream;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wstd::{task, time::Duration};

#[wstd_axum::http_server]
fn main() -> Router {
    Router::new()
        .route("/", get(|| async { "hello from axum" }))
        .route("/orders/{id}", get(order))
        .route("/orders", post(accept))
        .route("/request", any(show))
        .route("/pieces", get(pieces))
        .route("/cookies", get(cookies))
        .route("/fail", get(|| async { (StatusCode::BAD_GATEWAY, "no order system") }))
}

#[derive(Serialize, Deserialize)]
struct Order {
    id: u32,
    amount: f64,
}

async fn order(Path(id): Path<u32>) -> Json<Order> {
    Json(Order { id, amount: 9.5 })
}

async fn accept(Json(order): Json<Order>) -> impl IntoResponse {
    (StatusCode::CREATED, [(header::LOCATION, format!("/orders/{}", order.id))], Json(order))
}

async fn show(method: Method, uri: Uri, headers: HeaderMap, body: String) -> Json<Value> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    Json(json!({
        "method": method.as_str(), "path": uri.path(), "query": uri.query(), "host": header("host"),
        "authority": uri.authority().map(ToString::to_string), "body": body,
    }))
}

#[derive(Deserialize)]
struct Pieces {
    count: u32,
    #[serde(default)]
    wait: u64,
}

async fn pieces(Query(pieces): Query<Pieces>) -> Body {
    Body::from_stream(stream::unfold(0, move |number| async move {
        if number == pieces.count {
            return None;
        }
        if pieces.wait > 0 {
            task::sleep(Duration::from_millis(pieces.wait)).await;
        }
        Some((Ok::<_, std::convert::Infallible>(format!("piece {number}\n")), number + 1))
    }))
}

async fn cookies() -> impl IntoResponse {
    (
        AppendHeaders([
            (header::SET_COOKIE, "a=1; Expires=Wed, 21 Oct 2065 07:28:00 GMT"),
            (header::SET_COOKIE, "b=2"),
        ]),
        "set",
    )
}
