//! The app of the benchmark of HTTP.

#[path = "../../../../../tests/bench/http/app.rs"]
mod app;

async fn pause() {
    wstd::task::sleep(wstd::time::Duration::from_millis(2)).await;
}

#[wstd_axum::http_server]
fn main() -> axum::Router {
    app::app(pause)
}
