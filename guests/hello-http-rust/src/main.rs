//! Greets whoever a request names, and counts in the instance's memory.

use std::sync::atomic::{AtomicU32, Ordering};

use axum::{Json, Router, extract::Query, routing::get};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Parameters {
    name: Option<String>,
}

#[derive(Serialize)]
struct Greeting {
    message: String,
    /// How many requests this instance has had, this one included.
    count: u32,
}

static COUNT: AtomicU32 = AtomicU32::new(0);

async fn hello(Query(parameters): Query<Parameters>) -> Json<Greeting> {
    let name = parameters.name.as_deref().unwrap_or("world");
    println!("greeting {name}");
    let count = COUNT.fetch_add(1, Ordering::Relaxed) + 1;
    Json(Greeting { message: format!("Hello {name}!"), count })
}

#[wstd_axum::http_server]
fn main() -> Router {
    Router::new().route("/", get(hello))
}
