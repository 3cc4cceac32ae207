//! A function behind API Gateway, a load balancer or a function URL.

use lambda_http::{
    Body, Error, IntoResponse, Request, RequestExt, RequestPayloadExt, Response, http::StatusCode, run, service_fn,
    tracing,
};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct Order {
    id: String,
    total: f64,
}

async fn handle(request: Request) -> Result<impl IntoResponse, Error> {
    tracing::info!("{} {}", request.method(), request.raw_http_path());
    if request.raw_http_path().ends_with("/fail") {
        return Err("the database is away".into());
    }
    let Some(order) = request.payload::<Order>().ok().flatten() else {
        return Ok(Response::builder().status(StatusCode::BAD_REQUEST).body(Body::from("no order"))?);
    };
    let parameters = request.query_string_parameters();
    let currency = parameters.first("currency");
    let body = json!({"id": order.id, "currency": currency, "total": order.total}).to_string();
    let response = Response::builder().header("content-type", "application/json");
    let response = response.header("x-request-id", request.lambda_context().request_id);
    Ok(response.body(body.into())?)
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    run(service_fn(handle)).await
}
