//! This guest is the app of the benchmark of HTTP.

use std::sync::OnceLock;

use axum::Router;

#[path = "../../../../../tests/bench/http/app.rs"]
mod app;

async fn pause() {
    wstd::task::sleep(wstd::time::Duration::from_millis(2)).await;
}

/// Makes the routes once in an instance, as a native app does. This function is called for each request.
#[wstd_axum::http_server]
fn main() -> Router {
    static APP: OnceLock<Router> = OnceLock::new();
    APP.get_or_init(|| app::app(pause)).clone()
}
