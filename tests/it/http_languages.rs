//! Guests for HTTP that others published, handlers of requests in Go, and responses that event handlers stream in Rust,
//! Go and C.

use std::sync::Once;

use serde_json::{Value, json};

use crate::support::{
    Host, Reply,
    compiled::{build_rust_programs, directory, host},
    guests,
    request::url,
};

#[test]
fn published_samples_run_as_they_are() {
    for (sample, expected) in [("http-proxy", "Hello, WASI!"), ("hello_world", "<h1>Hello, World!</h1>")] {
        let host = Host::with_file(&guests::published(sample)).start();
        assert_eq!(host.response_json(url("GET", "/").to_string())["body"], expected);
    }
    let host = Host::with_file(&guests::published("http_server")).start();
    let of = |path: &str| host.response_json(url("GET", path).to_string());
    assert_eq!(of("/")["body"], "Hello, wasi:http/proxy world!\n");
    assert_eq!(of("/none")["statusCode"], 404);
    assert_eq!(of("/stream-body")["body"].as_str().map(|body| body.lines().count()), Some(5));
    let mut event = url("POST", "/echo");
    event["body"] = json!("a body");
    assert_eq!(host.response_json(event.to_string())["body"], "a body");
    event["rawPath"] = json!("/response-status");
    event["headers"]["x-response-status"] = json!("302");
    let response = host.response_json(event.to_string());
    assert_eq!(
        (&response["statusCode"], &response["headers"]["location"]),
        (&json!(302), &json!("http://localhost/response-status"))
    );
    for path in ["/response-fail", "/response-body-fail"] {
        assert!(host.invoke(url("GET", path).to_string()).is_error(), "{path}");
        assert_eq!(of("/")["statusCode"], 200, "{path}");
    }
}

#[test]
fn a_handler_of_net_http_gets_the_request_and_the_invocation() {
    let host = host("go", "http").start();
    let mut event = url("POST", "/request?a=1&a=%2F");
    event["body"] = json!("aGk=");
    event["isBase64Encoded"] = json!(true);
    event["requestContext"]["http"]["sourceIp"] = json!("192.0.2.1");
    let response = host.response_json(event.to_string());
    let seen: Value = serde_json::from_str(response["body"].as_str().unwrap()).unwrap();
    for (name, expected) in [
        ("method", json!("POST")),
        ("uri", json!("/request?a=1&a=%2F")),
        ("host", json!("x.lambda-url.eu-central-1.on.aws")),
        ("isHTTPS", json!(true)),
        ("body", json!("hi")),
        ("contentLength", json!(2)),
        ("remoteAddr", json!("192.0.2.1:0")),
        ("stage", json!("$default")),
    ] {
        assert_eq!(seen[name], expected, "{name}: {seen}");
    }
    assert!(seen["deadlineMs"].as_u64() > Some(0) && seen["requestId"].is_string(), "{seen}");
}

#[test]
fn a_handler_of_net_http_responds_as_net_http_does() {
    let host = host("go", "http").start();
    let of = |method: &str, target: &str| host.response_json(url(method, target).to_string());
    assert_eq!(of("GET", "/orders/7")["body"], "order 7");
    assert_eq!(of("GET", "/none")["statusCode"], 404);
    assert_eq!(of("GET", "/status?code=204")["statusCode"], 204);
    assert_eq!(of("GET", "/cookies")["cookies"].as_array().map(Vec::len), Some(2));
    assert_eq!(of("HEAD", "/orders/7")["statusCode"], 200);
    // The guest has the hook `init`, so it is made for many requests.
    let counts = [(); 2].map(|()| of("GET", "/count")["body"].clone());
    assert_eq!(counts, [json!(r#"{"requests":1}"#), json!(r#"{"requests":2}"#)]);
}

#[test]
fn a_panic_of_a_handler_of_net_http_costs_the_request_only() {
    let host = host("go", "http").start();
    host.response(url("GET", "/count").to_string());
    for target in ["/panic", "/panic?after=0", "/panic?after=9", "/panic?abort", "/length?says=9&sends=5"] {
        assert!(host.invoke(url("GET", target).to_string()).is_error(), "{target}");
    }
    host.program.line("a trace", |line| line.contains("http: panic serving").then_some(()));
    let response = host.response_json(url("GET", "/count").to_string());
    assert_eq!(response["body"], r#"{"requests":2}"#);
}

/// The guests of the three languages, which take the same events.
fn streaming() -> [(&'static str, Host); 3] {
    static BUILT: Once = Once::new();
    BUILT.call_once(|| build_rust_programs("streaming", &["streaming"], &directory("rust")));
    ["rust", "go", "c"].map(|language| (language, host(language, "streaming").start()))
}

#[test]
fn an_event_handler_streams_its_response() {
    for (language, host) in streaming() {
        let stream = |event: Value| host.invoke(event.to_string()).about(language);
        let reply = stream(json!({"do": "pieces", "count": 3, "size": 2}));
        assert_eq!(reply.response(), "0:xx1:xx2:xx");
        assert_eq!(reply.header("lambda-runtime-function-response-mode"), Some("streaming"), "{language}");
        assert_eq!(reply.header("content-type"), Some("text/x-pieces"), "{language}");
        assert_eq!(
            stream(json!({"do": "pieces", "count": 20, "size": 1_000_000})).body.len(),
            20_000_050,
            "{language}"
        );
        let reply = stream(json!({"do": "http", "count": 1}));
        assert_eq!(reply.header("content-type"), Some("application/vnd.awslambda.http-integration-response"));
        let (head, body) = reply.response().split_once("\0\0\0\0\0\0\0\0").expect("8 NULs behind the prelude");
        let head: Value = serde_json::from_str(head).unwrap();
        assert_eq!((&head["statusCode"], &head["cookies"]), (&json!(201), &json!(["a=1", "b=2"])), "{language}");
        assert_eq!((&head["headers"]["x-made-by"], body), (&json!(language), "0:"));
        assert_eq!(stream(json!({"do": "nothing"})).response(), "");
    }
}

#[test]
fn an_error_in_the_middle_of_a_stream_is_at_its_end() {
    for (language, host) in streaming() {
        let stream = |what: &str| host.invoke(json!({"do": what, "count": 2}).to_string()).about(language);
        let failed = |reply: Reply, said: &str| {
            assert_eq!(reply.response(), "0:1:", "{language}");
            let error_type = if language == "go" { "errorString" } else { "Error" };
            assert_eq!(reply.error_at_end(error_type).message(), said, "{language}");
        };
        failed(stream("fail"), "the handler fails while it streams");
        // An error before the response is opened is one as ever.
        assert_eq!(stream("before").any_error().message(), "the handler fails before it streams", "{language}");
        assert!(stream("trap").trailer("lambda-runtime-function-error-type").is_some(), "{language}");
        assert_eq!(stream("pieces").response(), "0:1:");
    }
}

#[test]
fn a_guest_that_does_not_stream_imports_nothing_for_it() {
    let has = |bytes: Vec<u8>| bytes.windows(15).any(|part| part == b"response-stream");
    let read =
        |language: &str, name: &str| std::fs::read(directory(language).join(name).with_extension("wasm")).unwrap();
    for language in ["c", "go"] {
        assert!(has(read(language, "streaming")), "{language}");
        assert!(!has(read(language, "conformance")), "{language}");
    }
}
