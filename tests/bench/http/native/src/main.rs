//! This binary is the benchmark's app, natively. The argument says what is put around it: `buffered` and `streamed` are
//! `lambda_http`'s ways, `served` is a server for Lambda Web Adapter, and `bare` is no app at all, but a function that
//! takes the event and returns the response as JSON.

#[path = "../../app.rs"]
mod app;

use std::{env, time::Duration};

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::{Deserialize, Serialize};

async fn pause() {
    tokio::time::sleep(Duration::from_millis(2)).await;
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    query_string_parameters: Parameters,
}

#[derive(Deserialize)]
struct Parameters {
    name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    status_code: u16,
    body: String,
}

async fn bare(event: LambdaEvent<Event>) -> Result<Response, Error> {
    let name = event.payload.query_string_parameters.name;
    Ok(Response { status_code: 200, body: format!(r#"{{"message":"Hello {name}!"}}"#) })
}

async fn serve() -> Result<(), Error> {
    let port: u16 = env::var("PORT")?.parse()?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    Ok(axum::serve(listener, app::app(pause)).await?)
}

async fn run(way: &str) -> Result<(), Error> {
    match way {
        "bare" => lambda_runtime::run(service_fn(bare)).await,
        "buffered" => lambda_http::run(app::app(pause)).await,
        "streamed" => lambda_http::run_with_streaming_response(app::app(pause)).await,
        "served" => serve().await,
        way => Err(format!("`{way}` is none of `bare`, `buffered`, `streamed` and `served`").into()),
    }
}

fn main() -> Result<(), Error> {
    let way = env::args().nth(1).unwrap_or_default();
    // As the host does: one thread where one invocation runs at a time.
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run(&way))
}
