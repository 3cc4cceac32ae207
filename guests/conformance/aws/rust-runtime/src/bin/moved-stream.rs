//! A function that streams its responses, behind a function URL or a REST API with response streaming.

use std::time::Duration;

use lambda_http::{Error, Request, RequestExt, Response, run_with_streaming_response, service_fn};
use lambda_runtime::streaming::{Body, channel};

async fn handle(request: Request) -> Result<Response<Body>, Error> {
    let parameters = request.query_string_parameters();
    let number = |name| parameters.first(name).and_then(|text| text.parse().ok()).unwrap_or_default();
    let (count, wait) = (number("count"), Duration::from_millis(number("ms")));
    let fails = parameters.first("fail").is_some();
    let (mut sender, body) = channel();
    tokio::spawn(async move {
        for piece in 0..count {
            if sender.send_data(format!("{piece}\n").into()).await.is_err() {
                return;
            }
            tokio::time::sleep(wait).await;
        }
        if fails {
            sender.abort();
        }
    });
    let response = Response::builder().status(201).header("content-type", "text/plain");
    Ok(response.header("set-cookie", "a=1").header("set-cookie", "b=2").body(body)?)
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    run_with_streaming_response(service_fn(handle)).await
}
