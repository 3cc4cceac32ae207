//! Apps for HTTP on the interfaces of their languages: fetch handlers in JavaScript, WSGI and ASGI in Python. And
//! responses that event handlers in these languages stream.

use serde_json::{Value, json};

use crate::support::{Host, compiled::host, request::url};

/// The apps, which have the same routes. That in Python is one guest, which is told what to be.
fn apps() -> [(&'static str, Host); 3] {
    ["asgi", "wsgi", "fetch"].map(|kind| {
        let setup = if kind == "fetch" { host("js", "http") } else { host("python", "http").env("KIND", kind) };
        (kind, setup.start())
    })
}

fn body(response: &Value) -> Value {
    serde_json::from_str(response["body"].as_str().unwrap_or_default()).unwrap_or_default()
}

#[test]
fn an_app_gets_the_request_and_the_invocation() {
    for (kind, host) in apps() {
        let mut event = url("POST", "/echo?a=1&a=%2F");
        event["body"] = json!("aGk=");
        event["isBase64Encoded"] = json!(true);
        event["headers"]["x-amzn-lambda-context"] = json!("forged");
        let seen = body(&host.response_json(event.to_string()));
        let address = "https://x.lambda-url.eu-central-1.on.aws/echo?a=1&a=%2F";
        assert_eq!(
            (&seen["method"], &seen["url"], &seen["body"]),
            (&json!("POST"), &json!(address), &json!("aGk=")),
            "{kind}"
        );
        let seen = body(&host.response_json(url("GET", "/context").to_string()));
        // Python's context has the names of its language.
        let request_id = if kind == "fetch" { "request_id" } else { "requestId" };
        assert!(seen["lambda"][request_id].is_string(), "{kind}: {seen}");
        assert_eq!(seen["requestContext"]["stage"], "$default", "{kind}: {seen}");
    }
}

#[test]
fn an_app_responds_as_it_does_anywhere() {
    for (kind, host) in apps() {
        let of = |method: &str, target: &str| host.response_json(url(method, target).to_string());
        assert_eq!(of("GET", "/stream?pieces=3&bytes=2")["body"], "aaaaaa", "{kind}");
        assert_eq!(of("GET", "/none")["statusCode"], 404, "{kind}");
        assert_eq!(of("GET", "/status?code=204")["statusCode"], 204, "{kind}");
        assert_eq!(of("HEAD", "/echo")["statusCode"], 200, "{kind}");
        assert_eq!(of("GET", "/cookies")["cookies"].as_array().map(Vec::len), Some(2), "{kind}");
        assert_eq!(of("GET", "/wait-until?ms=5")["body"], "sent", "{kind}");
        host.program.line("the work after it", |line| line.contains("done after the response").then_some(()));
        // The guest has the hook `init`, so it is made for many requests.
        let counts = [(); 2].map(|()| body(&of("GET", "/count")).as_u64().unwrap_or_default());
        assert_eq!(counts[1], counts[0] + 1, "{kind}");
    }
}

#[test]
fn an_exception_of_an_app_costs_the_request_only() {
    for (kind, host) in apps() {
        let reply = host.invoke(url("GET", "/throw").to_string()).about(kind);
        assert_eq!(reply.error("OrderNotFound").message(), "no such order", "{kind}");
        for target in ["/throw-late", "/no-response"] {
            assert!(host.invoke(url("GET", target).to_string()).is_error(), "{kind}: {target}");
            assert_eq!(host.response_json(url("GET", "/count").to_string())["statusCode"], 200, "{kind}: {target}");
        }
    }
}

#[test]
fn an_event_handler_streams_its_response() {
    for (language, guest) in [("python", "conformance"), ("js", "streaming")] {
        streams(&host(language, guest).start());
    }
}

fn streams(host: &Host) {
    let invoke = |event: Value| host.invoke(event.to_string());
    let reply = invoke(json!({"do": "text", "text": "hi", "type": "text/plain"}));
    assert_eq!((reply.response(), reply.header("content-type")), ("hi", Some("text/plain")));
    assert_eq!(reply.header("lambda-runtime-function-response-mode"), Some("streaming"));
    assert_eq!(invoke(json!({"do": "text", "text": ""})).response(), "");
    assert_eq!(invoke(json!({"do": "pieces", "pieces": 20, "bytes": 1_000_000})).body.len(), 20_000_000);
    let prelude = json!({"statusCode": 201, "headers": {"a": "b"}, "cookies": ["c=d"]});
    let reply = invoke(json!({"do": "http", "prelude": prelude, "body": "body"}));
    assert_eq!(reply.header("content-type"), Some("application/vnd.awslambda.http-integration-response"));
    let (head, body) = reply.response().split_once("\0\0\0\0\0\0\0\0").expect("8 NULs behind the prelude");
    assert_eq!((serde_json::from_str::<Value>(head).unwrap(), body), (prelude, "body"));
    assert_eq!(invoke(json!({"do": "fail before"})).any_error().message(), "no such order");
    let reply = invoke(json!({"do": "fail after"}));
    assert_eq!(reply.response(), "begun");
    reply.error_at_end("OrderNotFound");
}
