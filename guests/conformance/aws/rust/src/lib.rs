//! A function behind API Gateway with AWS's own types for the request and the response, from the crate
//! `aws_lambda_events`.

use aws_lambda_events::{
    apigw::{ApiGatewayProxyRequest, ApiGatewayProxyResponse},
    encodings::Body,
    http::{HeaderMap, HeaderValue, header::CONTENT_TYPE},
};
use guesthouse_guest::{Context, Error, handler};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct Order {
    id: String,
    total: f64,
}

fn handle(request: ApiGatewayProxyRequest, context: Context) -> Result<ApiGatewayProxyResponse, Error> {
    println!("{} {}", request.http_method, request.path.as_deref().unwrap_or_default());

    let mut response = ApiGatewayProxyResponse::default();
    let Ok(order) = serde_json::from_str::<Order>(request.body.as_deref().unwrap_or_default()) else {
        response.status_code = 400;
        response.body = Some(Body::from("no order"));
        return Ok(response);
    };
    let currency = request.query_string_parameters.first("currency");
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("x-request-id", HeaderValue::from_str(&context.request_id)?);
    response.status_code = 200;
    response.headers = headers;
    response.body = Some(Body::from(json!({"id": order.id, "currency": currency, "total": order.total}).to_string()));
    Ok(response)
}

handler!(handle);
