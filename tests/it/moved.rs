//! Functions in Rust for `lambda_runtime` and `lambda_http`, moved over by their `Cargo.toml` alone.

use std::{sync::Once, time::Duration};

use serde_json::{Value, json};

use crate::support::{
    Event, Host, Setup,
    compiled::{self, build_rust_programs, directory},
    servers::S3,
};

/// A function of `guests/conformance/aws/rust-runtime`.
fn moved(name: &str) -> Setup {
    static BUILT: Once = Once::new();
    let names = ["moved-orders", "moved-stream", "moved-tasks", "moved-web"];
    BUILT.call_once(|| build_rust_programs("moved", &names, &directory("rust")));
    compiled::host("rust", name)
}

fn orders() -> Host {
    moved("moved-orders").env("PREFIX", "order").start()
}

const BOXED: &str = "&alloc::boxed::Box<dyn core::error::Error + core::marker::Send + core::marker::Sync>";

#[test]
fn a_client_made_in_main_serves_all_events() {
    let host = orders();
    for count in 1..=20 {
        let receipt = host.response_json(r#"{"orderId":"7","amount":12.5}"#);
        assert_eq!((&receipt["count"], &receipt["prefix"]), (&json!(count), &json!("order")), "{receipt}");
        assert!(receipt["deadline_ms"].as_u64().unwrap() > 0 && receipt["function"].is_string(), "{receipt}");
    }
}

#[test]
fn errors_have_the_types_that_lambda_runtime_gives_them() {
    let host = orders();
    assert_eq!(host.invoke(r#"{"orderId":""}"#).error("OrderNotFound").message(), "no order ");
    assert_eq!(host.invoke(r#"{"orderId":"7","amount":-1}"#).error("InvalidAmount").message(), "-1 is no amount");
    let unread = host.invoke(r#"{"orderId":7}"#).error("&lambda_runtime::deserializer::DeserializeError");
    unread.starts("failed to deserialize the incoming data into the function's payload type: [orderId] orderId: ");
    let tasks = moved("moved-tasks").start();
    let boxed = tasks.invoke(r#"{"do":"parse"}"#).error(BOXED);
    assert_eq!(boxed.message(), "invalid digit found in string");
    assert_eq!(host.response_json(r#"{"orderId":"7"}"#)["count"], 1);
}

#[test]
fn layers_and_spans_are_around_the_handler() {
    let host = orders();
    let receipt = host.response_json(r#"{"orderId":"7"}"#);
    let id = receipt["request_id"].as_str().unwrap();
    let line = |said: &str| host.program.line(said, |line| line.ends_with(said).then(|| line.to_owned()));
    line(&format!("layer: 15 bytes for {id}"));
    let charged = line(&format!("INFO Lambda runtime invoke{{requestId=\"{id}\"}}: charged order_id=\"7\""));
    assert_eq!(charged.split('\t').nth(2), Some("INFO"), "{charged}");
    let json = moved("moved-orders").env("PREFIX", "order").log_format("JSON").start();
    json.response(r#"{"orderId":"8"}"#);
    let fields = json.program.line("charged", |line| {
        let line: Value = serde_json::from_str(line).ok()?;
        (line["fields"]["message"] == "charged").then(|| line["fields"].clone())
    });
    assert_eq!(fields["order_id"], "8");
}

#[test]
fn a_panic_costs_the_instance_and_a_failed_main_the_start() {
    let host = orders();
    assert_eq!(host.response_json(r#"{"orderId":"7"}"#)["count"], 1);
    host.invoke(r#"{"orderId":"panic"}"#).error("Guest.Trap.Unreachable").says("the handler panicked");
    assert_eq!(host.response_json(r#"{"orderId":"7"}"#)["count"], 1);
    moved("moved-orders").init_error("Error").says("PREFIX: environment variable not found");
}

#[test]
fn tasks_timers_and_channels_of_tokio_work() {
    let host = moved("moved-tasks").start();
    let done = |what: &str| host.response_json(json!({ "do": what }).to_string());
    for (what, result) in [
        ("spawn", json!(45)),
        ("join", json!("joined")),
        ("select", json!("first")),
        ("channel", json!(5050)),
        ("blocking", json!(42)),
        ("file", json!("written")),
    ] {
        let done = done(what);
        assert_eq!(done["done"], result, "{what}");
        let waits = ["spawn", "join"].contains(&what);
        let took = done["ms"].as_u64().unwrap();
        assert!((100..600).contains(&took) == waits, "{what} took {took} ms");
    }
    host.invoke(r#"{"do":"timeout"}"#).error(BOXED).says("deadline has elapsed");
    // A task that `main` started goes on while events are handled.
    assert!(done("ticks")["done"].as_u64().unwrap() > 10);
    let event = Event::new(r#"{"do":"wait for ever"}"#).timeout(Duration::from_secs(1));
    host.fake.invoke(event).error("Guest.Timeout");
    assert_eq!(done("join")["done"], "joined");
}

#[test]
fn a_function_for_http_answers_gateways_and_function_urls() {
    let host = moved("moved-web").start();
    let order = r#"{"id":"7","total":12.5}"#;
    let headers = json!({"content-type": "application/json", "host": "example.com"});
    let rest = json!({
        "resource": "/orders", "path": "/orders", "httpMethod": "POST", "isBase64Encoded": false, "body": order,
        "headers": headers, "multiValueHeaders": {"content-type": ["application/json"]},
        "queryStringParameters": {"currency": "EUR"}, "multiValueQueryStringParameters": {"currency": ["EUR"]},
        "pathParameters": null, "stageVariables": null,
        "requestContext": {
            "requestId": "c6af9ac6", "stage": "test", "httpMethod": "POST", "path": "/test/orders", "identity": {},
        },
    });
    let url = json!({
        "version": "2.0", "routeKey": "$default", "rawPath": "/orders", "rawQueryString": "currency=EUR",
        "headers": headers, "queryStringParameters": {"currency": "EUR"}, "isBase64Encoded": false, "body": order,
        "requestContext": {
            "accountId": "1", "apiId": "2", "domainName": "d", "domainPrefix": "p", "requestId": "r",
            "routeKey": "$default", "stage": "$default", "time": "t", "timeEpoch": 1,
            "http": {"method": "POST", "path": "/orders", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "x"},
        },
    });
    let balancer = json!({
        "httpMethod": "POST", "path": "/orders", "queryStringParameters": {"currency": "EUR"}, "headers": headers,
        "isBase64Encoded": false, "body": order, "requestContext": {"elb": {"targetGroupArn": "arn:aws:elb"}},
    });
    for (caller, mut event) in [("rest", rest), ("url", url), ("balancer", balancer)] {
        let response = host.response_json(event.to_string());
        assert_eq!(response["statusCode"], 200, "{caller}: {response}");
        let body: Value = serde_json::from_str(response["body"].as_str().unwrap()).unwrap();
        assert_eq!(body, json!({"id": "7", "currency": "EUR", "total": 12.5}), "{caller}");
        event["body"] = json!("nonsense");
        assert_eq!(host.response_json(event.to_string())["statusCode"], 400, "{caller}");
    }
    host.program.line("the handler's line", |line| line.contains("POST /orders").then_some(()));
}

#[test]
fn a_function_that_streams_sends_its_pieces_behind_the_prelude() {
    let host = moved("moved-stream").start();
    let event = |query: &str| {
        json!({
            "version": "2.0", "routeKey": "$default", "rawPath": "/", "rawQueryString": query, "headers": {},
            "isBase64Encoded": false,
            "requestContext": {
                "accountId": "1", "apiId": "a", "domainName": "url.example", "domainPrefix": "url", "requestId": "r",
                "routeKey": "$default", "stage": "$default", "time": "t", "timeEpoch": 1,
                "http": {"method": "GET", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "c"},
            },
        })
    };
    let prelude = r#"{"statusCode":201,"headers":{"content-type":"text/plain"},"cookies":["a=1","b=2"]}"#;
    let reply = host.invoke(event("count=3&ms=1").to_string());
    assert_eq!(reply.response(), format!("{prelude}\0\0\0\0\0\0\0\00\n1\n2\n"));
    assert_eq!(reply.header("lambda-runtime-function-response-mode"), Some("streaming"));
    let broken = host.invoke(event("count=1&fail=1").to_string());
    assert_eq!(broken.response(), format!("{prelude}\0\0\0\0\0\0\0\00\n"));
    assert_eq!(broken.error_at_end(BOXED).message(), "the body was aborted");
}

/// The server checks signatures, and the guest has no key.
#[test]
fn awss_sdk_in_a_moved_function_works_with_the_hosts_signature() {
    let aws = S3::start();
    let endpoint = format!("http://localhost:{}", aws.address.rsplit(':').next().unwrap());
    let host = compiled::host("rust", "network-aws")
        .aws(&["dynamodb"])
        .envs(&aws.env())
        .env("AWS_ENDPOINT_URL", &endpoint)
        .start();
    let ask = |op: &str| host.response_json(json!({"op": op, "table": "moved"}).to_string());
    assert_eq!((ask("create"), ask("put")), (json!("created"), json!("put")));
    let item = json!({"item": {"id": "Ada ü", "n": "42"}});
    assert_eq!(ask("get"), item);
    assert_eq!(ask("many"), json!([item, item, item]));
    host.invoke(r#"{"op":"get","table":"missing"}"#).error(BOXED).says("service error");
    assert_eq!(ask("get"), item);
}
