//! Events of services that pass HTTP requests on, as short as they may be. The tables in `host/src/gateway` have whole
//! ones.

use serde_json::{Value, json};

use super::Event;

/// A request that came by a Function URL.
pub fn get(target: &str) -> Event {
    Event::new(url("GET", target).to_string())
}

/// The same event as JSON.
pub fn url(method: &str, target: &str) -> Value {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    json!({
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": { "host": "x.lambda-url.eu-central-1.on.aws", "x-forwarded-proto": "https" },
        "requestContext": {
            "domainName": "x.lambda-url.eu-central-1.on.aws",
            "stage": "$default",
            "http": { "method": method, "path": path },
        },
        "isBase64Encoded": false,
    })
}

/// A request that came by a load balancer, which takes no streams.
pub fn by_load_balancer(target: &str) -> Event {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let query: Value = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let event = json!({
        "requestContext": { "elb": { "targetGroupArn": "arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/t/1" } },
        "httpMethod": "GET",
        "path": path,
        "queryStringParameters": query,
        "headers": { "host": "lb.example" },
        "body": "",
        "isBase64Encoded": false,
    });
    Event::new(event.to_string())
}
