//! The contract `http`: events become requests for guests that others wrote, and what they respond goes back in the
//! form of the event.

use std::time::Duration;

use serde_json::json;

use crate::support::{
    Event, Host, RuntimeClient, guests,
    request::{by_load_balancer, get, url},
};

/// Deadlines for guests that use all their time.
const SHORT: Duration = Duration::from_secs(2);

#[test]
fn a_guest_gets_the_request_and_its_response_goes_back() {
    for client in RuntimeClient::BOTH {
        let host = Host::with_file(&guests::http("raw")).runtime_client(client).start();
        let mut event = url("POST", "/request?a=1&a=%2F");
        event["body"] = json!("aGk=");
        event["isBase64Encoded"] = json!(true);
        event["cookies"] = json!(["one=1", "two=2"]);
        event["headers"]["x-amzn-request-context"] = json!("forged");
        let response = host.response_json(event.to_string());
        assert_eq!(response["statusCode"], 200);
        let request: serde_json::Value = serde_json::from_str(response["body"].as_str().unwrap()).unwrap();
        assert_eq!(
            (&request["method"], &request["pathWithQuery"], &request["authority"], &request["scheme"]),
            (&json!("POST"), &json!("/request?a=1&a=%2F"), &json!("x.lambda-url.eu-central-1.on.aws"), &json!("https")),
            "{request}"
        );
        assert_eq!(request["body"], "6869");
        let header = |name: &str| {
            let of_name = |header: &&serde_json::Value| header[0] == name;
            let headers: Vec<_> = request["headers"].as_array().unwrap().iter().filter(of_name).collect();
            assert_eq!(headers.len(), 1, "{name}: {request}");
            headers[0][1].as_str().unwrap().to_owned()
        };
        assert_eq!(header("host"), "x.lambda-url.eu-central-1.on.aws");
        assert_eq!(header("cookie"), "one=1; two=2");
        assert_eq!(header("content-length"), "2");
        assert!(header("x-amzn-request-context").contains("\"stage\":\"$default\""));
        assert!(header("x-amzn-lambda-context").contains("\"request_id\":\"id-"));
    }
}

#[test]
fn an_app_on_axum_runs_as_it_is() {
    let host = Host::with_file(&guests::http("axum")).start();
    for _ in 0..2 {
        let response = host.response_json(url("GET", "/").to_string());
        assert_eq!(response["body"], "hello from axum");
        let response = host.response_json(url("GET", "/cookies").to_string());
        assert_eq!(response["cookies"].as_array().map(Vec::len), Some(2), "{response}");
        // Its framework fails to write the body of a response to HEAD, and panics.
        let response = host.response_json(url("HEAD", "/").to_string());
        assert_eq!((&response["statusCode"], response.get("body")), (&json!(200), None));
    }
}

#[test]
fn each_request_has_its_own_instance_unless_guest_or_setting_say_otherwise() {
    let counts = |host: &Host| {
        [(); 3].map(|()| {
            let response = host.response_json(url("GET", "/count").to_string());
            let counts: serde_json::Value = serde_json::from_str(response["body"].as_str().unwrap()).unwrap();
            counts["requests"].as_u64().unwrap()
        })
    };
    assert_eq!(counts(&Host::with_file(&guests::http("raw")).start()), [1, 1, 1]);
    assert_eq!(counts(&Host::with_file(&guests::http("raw")).instances("reuse").start()), [1, 2, 3]);
    assert_eq!(counts(&Host::with_file(&guests::http("kept")).start()), [1, 2, 3]);
    assert_eq!(counts(&Host::with_file(&guests::http("kept")).fresh().start()), [1, 1, 1]);
}

#[test]
fn a_fault_is_an_error_and_the_next_request_is_served() {
    for instances in ["fresh", "reuse"] {
        let host = Host::with_file(&guests::http("raw")).instances(instances).memory("32MiB").start();
        let pid = host.program.pid();
        for (target, error_type) in [
            ("/trap", "Guest.Trap.Unreachable"),
            ("/trap?after=0", "Guest.Trap.Unreachable"),
            ("/trap?after=100", "Guest.Trap.Unreachable"),
            ("/overflow", "Guest.Trap.MemoryOutOfBounds"),
            ("/allocate", "Guest.OutOfMemory"),
            ("/exit?code=0", "Guest.Exit"),
            ("/exit?code=7&after=100", "Guest.Exit"),
            ("/nothing", "Guest.InvalidResponse"),
            ("/keep", "Guest.InvalidResponse"),
            ("/no-body?open", "Guest.InvalidResponse"),
            ("/length?says=10&sends=5", "Guest.InvalidResponse"),
            ("/large?mib=7", "Function.ResponseSizeTooLarge"),
            ("/loop", "Guest.Timeout"),
            ("/loop?after=100", "Guest.Timeout"),
        ] {
            host.fake.invoke(get(target).timeout(SHORT)).about(target).error(error_type);
            assert_eq!(host.response_json(url("GET", "/log").to_string())["body"], "logged", "after {target}");
        }
        assert_eq!(host.program.pid(), pid);
        let refused = host.fake.invoke(get("/refuse?text=no+more+orders"));
        refused.error("InternalError").says("no");
    }
}

/// The host holds the events of requests that a guest keeps.
#[test]
fn an_instance_that_keeps_its_requests_is_not_used_for_many() {
    let host = Host::with_file(&guests::http("kept")).start();
    for _ in 0..10 {
        assert_eq!(host.response_json(url("GET", "/hoard").to_string())["body"], "kept");
    }
    let counts = host.response_json(url("GET", "/count").to_string());
    let counts: serde_json::Value = serde_json::from_str(counts["body"].as_str().unwrap()).unwrap();
    assert!(counts["requests"].as_u64().unwrap() < 5, "{counts}");
}

#[test]
fn a_response_that_has_no_body_needs_none() {
    let host = Host::with_file(&guests::http("raw")).start();
    for (method, target, status) in [
        ("GET", "/no-body", 200),
        ("GET", "/echo?status=204", 204),
        ("GET", "/large?mib=1&status=304", 304),
        ("HEAD", "/large?mib=1", 200),
    ] {
        let response = host.response_json(url(method, target).to_string());
        assert_eq!(response["statusCode"], status, "{method} {target}");
        assert!(response.get("body").is_none_or(|body| body == ""), "{method} {target}: {response}");
    }
}

#[test]
fn what_is_no_request_is_an_error_that_says_what_came() {
    let host = Host::with_file(&guests::http("raw")).start();
    for (event, part) in [
        (json!({ "Records": [{ "eventSource": "aws:sqs" }] }), "SQS"),
        (json!({ "requestContext": { "connectionId": "a", "eventType": "MESSAGE" }, "body": "" }), "WebSocket"),
        (json!({ "name": "Ada" }), ""),
        (json!([]), ""),
    ] {
        host.invoke(event.to_string()).error("Host.InvalidEvent").says(part).has_hint();
    }
    host.invoke("{\"requestContext\":").error("Host.InvalidEvent");
    assert_eq!(host.response_json(url("GET", "/log").to_string())["body"], "logged");
}

#[test]
fn work_after_the_response_delays_no_caller_and_ends_with_the_invocation() {
    for client in RuntimeClient::BOTH {
        let host = Host::with_file(&guests::http("raw")).instances("reuse").runtime_client(client).start();
        assert_eq!(host.response_json(url("GET", "/background?wait=1").to_string())["body"], "the response");
        let response = host.response_json(url("GET", "/count").to_string());
        assert_eq!(response["body"], r#"{"requests":2,"background":1}"#, "the work came to its end");
        // Work without end is stopped at the deadline. The caller has the response long before.
        let response = host.fake.invoke(get("/background?loop").timeout(SHORT));
        assert_eq!(response.response_json()["body"], "the response");
        let response = host.response_json(url("GET", "/count").to_string());
        assert_eq!(response["body"], r#"{"requests":1,"background":0}"#, "it is another instance");
    }
}

#[test]
fn a_base_path_is_taken_off_the_requests() {
    let host = Host::with_file(&guests::http("raw")).env("GUESTHOUSE_HTTP_BASE_PATH", "/v1").start();
    assert_eq!(host.response_json(url("GET", "/v1/log").to_string())["body"], "logged");
    assert_eq!(host.response_json(url("GET", "/v1x").to_string())["statusCode"], 404);
}

#[test]
fn a_load_balancer_gets_at_most_a_megabyte() {
    let host = Host::with_file(&guests::http("raw")).start();
    let fits = host.fake.invoke(by_load_balancer("/log"));
    assert_eq!(fits.response_json()["body"], "logged");
    host.fake.invoke(by_load_balancer("/large?mib=2")).error("Function.ResponseSizeTooLarge").says("bytes");
}

/// It is told by its contract.
#[test]
fn an_event_guest_is_no_http_guest() {
    let host = Host::of("echo").start();
    let event = url("GET", "/").to_string();
    assert_eq!(host.fake.invoke(Event::new(event.clone())).response(), event);
}
