//! This module makes events of the payload format 2.0: those of HTTP APIs, and those of Function URLs, which differ in
//! the path, the cookies and the account.

use http::header::COOKIE;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::{
    Site,
    request::{Arrived, decoded, is_text, join, text},
};
use crate::local::{ACCOUNT, REGION};

/// Returns the event of a Function URL. Its path is as on the wire, and it has the `cookie` header besides `cookies`.
pub(super) fn url_event(arrived: &Arrived<'_>) -> Value {
    let id = arrived.id(32);
    let domain = format!("{id}.lambda-url.{REGION}.on.aws");
    let path = percent_decode_str(arrived.path).decode_utf8_lossy().into_owned();
    let mut event = event(arrived, &id, &domain, arrived.path, &path, "$default", "anonymous");
    let cookies = event["cookies"].as_array().map(|all| all.iter().filter_map(Value::as_str).collect::<Vec<_>>());
    if let Some(cookies) = cookies {
        event["headers"]["cookie"] = cookies.join("; ").into();
    }
    event
}

/// Returns the event of an HTTP API. It decodes the path, and puts a named stage in front.
pub(super) fn http_api_event(site: &Site, arrived: &Arrived<'_>) -> Value {
    let id = arrived.id(10);
    let stage = site.stage.as_deref().unwrap_or("$default");
    let decoded = percent_decode_str(arrived.path).decode_utf8_lossy();
    let (domain, prefix) = match (&site.base_path, stage) {
        (Some(base), _) => ("api.example.com".to_owned(), format!("/{base}")),
        (None, "$default") => (format!("{id}.execute-api.{REGION}.amazonaws.com"), String::new()),
        (None, stage) => (format!("{id}.execute-api.{REGION}.amazonaws.com"), format!("/{stage}")),
    };
    let path = format!("{prefix}{decoded}");
    event(arrived, &id, &domain, &path, &path, stage, ACCOUNT)
}

fn event(
    arrived: &Arrived<'_>,
    api_id: &str,
    domain: &str,
    raw_path: &str,
    path: &str,
    stage: &str,
    account: &str,
) -> Value {
    let (mut headers, mut cookies) = (Map::new(), Vec::<Value>::new());
    for (name, value) in &arrived.passed_on() {
        let value = text(value);
        if *name == COOKIE {
            let all = value.split(';').map(str::trim).filter(|cookie| !cookie.is_empty());
            cookies.extend(all.map(Value::from));
        } else {
            join(&mut headers, name.to_string(), &value);
        }
    }
    let mut query = Map::new();
    for (name, value) in arrived.query() {
        join(&mut query, decoded(name), &decoded(value));
    }
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": raw_path,
        "rawQueryString": arrived.query.unwrap_or_default(),
        "headers": headers,
        "requestContext": {
            "accountId": account,
            "apiId": api_id,
            "domainName": domain,
            "domainPrefix": domain.split('.').next(),
            "http": {
                "method": arrived.method.as_str(),
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": arrived.client.to_string(),
                "userAgent": arrived.user_agent(),
            },
            "requestId": arrived.request_id,
            "routeKey": "$default",
            "stage": stage,
            "time": arrived.time(),
            "timeEpoch": arrived.epoch_ms(),
        },
        "isBase64Encoded": false,
    });
    if !cookies.is_empty() {
        event["cookies"] = cookies.into();
    }
    if !query.is_empty() {
        event["queryStringParameters"] = query.into();
    }
    if !arrived.body.is_empty() {
        let (body, is_base64) = arrived.body(is_text);
        event["body"] = body.into();
        event["isBase64Encoded"] = is_base64.into();
    }
    event
}
