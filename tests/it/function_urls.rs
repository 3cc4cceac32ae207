//! The URLs of functions under `guesthouse serve`, and responses that are streamed.

use std::{io::Read, process::Command};

use serde_json::{Value, json};

use crate::support::{
    Program, Served, comes_out_once, guests, http,
    stream::{Client, Waiting, directory},
    tools,
};

const PRELUDE: &str = "application/vnd.awslambda.http-integration-response";

/// The event that a request becomes: the guest `echo` responds with it, and it has no `statusCode`.
fn event(served: &Served, first_line: &str, headers: &[(&str, &str)], body: &[u8]) -> Value {
    let response = http::request(&served.address, first_line, headers, body);
    assert_eq!((response.subject(), response.header("content-type")), ("200", Some("application/json")));
    response.json()
}

#[test]
fn a_request_becomes_the_event_of_a_function_url() {
    let served = Served::start(&guests::path("echo"), &[]);
    let headers = [
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("Cookie", "a=1; b=2"),
        ("X-Two", "a"),
        ("X-Two", "b"),
        ("X-Amzn-RequestId", "my-request"),
    ];
    let event = event(&served, "PUT /lambda-url/echo/pa2%Fth/1%2F2?m=foo&m=%2Fbar", &headers, b"a=1");
    assert_eq!((&event["rawPath"], &event["rawQueryString"]), (&json!("/pa2%Fth/1%2F2"), &json!("m=foo&m=%2Fbar")));
    assert_eq!(event["requestContext"]["http"]["method"], "PUT");
    assert_eq!(event["requestContext"]["http"]["path"], "/pa2%Fth/1/2");
    assert_eq!(event["requestContext"]["requestId"], "my-request");
    assert_eq!((&event["cookies"], &event["headers"]["cookie"]), (&json!(["a=1", "b=2"]), &json!("a=1; b=2")));
    assert_eq!((&event["headers"]["x-two"], &event["headers"]["host"]), (&json!("a,b"), &json!(served.address)));
    assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("YT0x"), &json!(true)));
    let port = served.address.rsplit(':').next().unwrap();
    assert_eq!((&event["headers"]["x-forwarded-port"], &event["headers"]["connection"]), (&json!(port), &Value::Null));
}

#[test]
fn each_function_has_a_url_and_the_longest_name_counts() {
    let echo = guests::path("echo");
    let guests = directory(&[("billing.wasm", &echo), ("billing/refund.wasm", &echo), ("a b.wasm", &echo)]);
    let served = Served::start(guests.path(), &[]);
    for (path, raw_path) in [
        ("billing", "/"),
        ("billing/", "/"),
        ("billing/x", "/x"),
        ("billing/refund", "/"),
        ("billing%2Frefund/x/", "/x/"),
        ("billing/refunds", "/refunds"),
        ("billing//refund", "//refund"),
        ("a%20b/%2F", "/%2F"),
    ] {
        assert_eq!(event(&served, &format!("GET /lambda-url/{path}"), &[], b"")["rawPath"], raw_path, "{path}");
    }
    for path in ["billin", "billings", "", "function/"] {
        let refused = http::request(&served.address, &format!("GET /lambda-url/{path}"), &[], b"");
        assert_eq!(refused.subject(), "404", "{path}");
    }
    for url in ["/lambda-url/billing/", "/lambda-url/billing/refund/", "/lambda-url/a%20b/"] {
        let url = format!("http://{}{url}", served.address);
        served.program.line("the function's URL", |line| (line == url).then_some(()));
    }
    let lone = Served::start(&echo, &[]);
    assert_eq!(event(&lone, "GET /lambda-url/function/x", &[], b"")["rawPath"], "/x");
}

#[test]
fn what_no_function_url_takes_is_refused() {
    let served = Served::start(&guests::path("echo"), &[]);
    let request = |headers: &[(&str, &str)], body: &[u8]| {
        let response = http::request(&served.address, "POST /lambda-url/echo/", headers, body);
        (response.subject().to_owned(), response.text().to_owned())
    };
    let (status, text) = request(&[("Upgrade", "websocket"), ("Sec-WebSocket-Key", "x")], b"");
    assert!(status == "400" && text.contains("WebSocket"), "{status} {text}");
    assert_eq!(request(&[("Upgrade", "h2c")], b"").0, "200");
    assert_eq!(request(&[("X-Large", &"x".repeat(70_000))], b"").0, "431");
    for foreign in [("Origin", "https://evil.example"), ("Origin", "null"), ("Sec-Fetch-Site", "cross-site")] {
        assert_eq!(request(&[foreign], b"").0, "403", "{foreign:?}");
    }
    let own = format!("http://{}", served.address);
    assert_eq!(request(&[("Origin", &own), ("Sec-Fetch-Site", "same-origin")], b"").0, "200");
    assert_eq!(request(&[("Origin", "null"), ("Sec-Fetch-Site", "same-origin")], b"").0, "200");
    // The event is larger than the body: this one just fits.
    let text = [("Content-Type", "text/plain")];
    assert_eq!(request(&text, "1".repeat(6_290_000).as_bytes()).0, "200");
    assert_eq!(request(&text, "1".repeat(6_291_557).as_bytes()).0, "413");
    assert_eq!(request(&[], "1".repeat(5_000_000).as_bytes()).0, "413");
}

/// Behind a URL without CORS settings, the function responds to preflights itself.
#[test]
fn a_preflight_reaches_the_function() {
    let served = Served::start(&guests::path("echo"), &[]);
    let headers = [("Origin", "http://localhost:3000"), ("Access-Control-Request-Method", "PUT")];
    let event = event(&served, "OPTIONS /lambda-url/echo/x", &headers, b"");
    assert_eq!(event["requestContext"]["http"]["method"], "OPTIONS");
    assert_eq!(event["headers"]["access-control-request-method"], "PUT");
    let foreign = [("Origin", "https://evil.example"), ("Access-Control-Request-Method", "PUT")];
    assert_eq!(http::request(&served.address, "OPTIONS /lambda-url/echo/x", &foreign, b"").subject(), "403");
}

#[test]
fn each_front_sends_its_own_event() {
    let start = |arguments: &[&str]| Served::start(&guests::path("echo"), arguments);
    let request = "GET /lambda-url/echo/a%2Fb?x=%201";
    let v2 = event(&start(&["--front", "v2", "--stage", "dev"]), request, &[], b"");
    assert_eq!((&v2["rawPath"], &v2["requestContext"]["stage"]), (&json!("/dev/a/b"), &json!("dev")));
    // What the guest responds with is no response for these: it is in the error's place.
    for (arguments, status) in
        [(&["--front", "v1"][..], "502"), (&["--front", "alb"], "502"), (&["--front", "lattice"], "502")]
    {
        let served = start(arguments);
        let response = http::request(&served.address, request, &[], b"");
        assert_eq!(response.subject(), status, "{arguments:?}");
        served.program.line("the reason", |line| line.contains("responds with status 502: the response").then_some(()));
    }
    for wrong in
        [&["--stage", "dev"][..], &["--front", "alb", "--base-path", "x"], &["--front", "v1", "--stage", "a b"]]
    {
        let ran = Command::new(crate::support::program("guesthouse"))
            .arg("serve")
            .arg(guests::path("echo"))
            .args(wrong)
            .output();
        assert!(!ran.unwrap().status.success(), "{wrong:?}");
    }
}

#[test]
fn a_buffered_response_is_interpreted() {
    let waiting = Waiting::start(&[]);
    let address = &waiting.address;
    let respond = |nth: usize, method: &str, kind: &str, body: &str| {
        let client = Client::request(address, &format!("{method} /lambda-url/wait/"), &[]);
        let posted = waiting.post(&waiting.in_flight(nth), kind, "buffered", body.as_bytes());
        assert_eq!(posted.subject(), "202");
        client.rest().unwrap()
    };
    let response = r#"{"statusCode":201,"headers":{"X-A":"b","Content-Length":"9"},"cookies":["c=1","d=2"],"body":"AP8=","isBase64Encoded":true}"#;
    let found = respond(1, "GET", "response", response);
    assert_eq!((found.subject(), found.body.as_slice()), ("201", &[0, 255][..]));
    assert_eq!((found.header("x-a"), found.header("content-length")), (Some("b"), Some("2")));
    assert_eq!(found.headers.iter().filter(|(name, _)| name == "set-cookie").count(), 2);
    let found = respond(2, "HEAD", "response", response);
    assert_eq!((found.subject(), found.header("x-a"), found.header("content-length")), ("201", Some("b"), Some("0")));
    let found = respond(3, "GET", "response", r#"{"statusCode":204,"body":"x"}"#);
    assert_eq!((found.subject(), found.header("content-length"), found.body.len()), ("204", None, 0));
    for (nth, kind, body, reason) in [
        (
            4,
            "error",
            r#"{"errorType":"Oops","errorMessage":"no pickles"}"#,
            "the function failed with Oops: no pickles",
        ),
        (
            5,
            "response",
            r#"{"statusCode":"?"}"#,
            "the response can't be used: `statusCode` is no number from 200 to 599",
        ),
    ] {
        let failed = respond(nth, "GET", kind, body);
        assert_eq!((failed.subject(), failed.text()), ("502", "Internal Server Error"));
        let line = format!("the URL of `wait` responds with status 502: {reason}");
        waiting.program.line("the reason", |found| found.contains(&line).then_some(()));
    }
}

#[test]
fn a_streamed_response_reaches_the_client_of_a_url_as_it_comes() {
    let waiting = Waiting::start(&[]);
    let url = |first_line: &str| Client::request(&waiting.address, first_line, &[]);
    let mut client = url("GET /lambda-url/wait/");
    let mut worker = waiting.worker(&waiting.in_flight(1), PRELUDE);
    // The zero bytes come in two pieces.
    worker.chunk(b"{\"statusCode\":418,\"headers\":{\"x-a\":\"b\"},\"cookies\":[\"c=1\"]}\0\0\0");
    worker.chunk(b"\0\0\0\0\0");
    client.wait_for(b"HTTP/1.1 418 ");
    client.wait_for(b"\r\n\r\n");
    for piece in [&b"first"[..], b"second"] {
        worker.chunk(piece);
        client.wait_for(piece);
    }
    assert_eq!(worker.end(), "202");
    let response = client.rest().unwrap();
    assert_eq!((response.header("x-a"), response.header("set-cookie")), (Some("b"), Some("c=1")));
    assert_eq!(response.text(), "firstsecond");

    let mut client = url("GET /lambda-url/wait/");
    let mut worker = waiting.worker(&waiting.in_flight(2), "text/event-stream");
    worker.chunk(b"data: 1\n\n");
    client.wait_for(b"data: 1\n\n");
    assert_eq!(worker.end(), "202");
    let response = client.rest().unwrap();
    assert_eq!((response.subject(), response.header("content-type")), ("200", Some("text/event-stream")));

    // Neither of these has a body.
    for (nth, first_line) in [(3, "HEAD /lambda-url/wait/"), (4, "GET /lambda-url/wait/")] {
        let client = url(first_line);
        let mut worker = waiting.worker(&waiting.in_flight(nth), PRELUDE);
        let status = if nth == 4 { "304" } else { "200" };
        worker.chunk(&[format!("{{\"statusCode\":{status}}}").as_bytes(), &[0; 8], b"body"].concat());
        assert_eq!(worker.end(), "202");
        let response = client.rest().unwrap();
        assert_eq!((response.subject(), response.body.len()), (status, 0));
    }
}

#[test]
fn a_stream_that_fails_is_cut_off_or_is_a_502_before_it_began() {
    let waiting = Waiting::start(&[]);
    let url = || Client::request(&waiting.address, "GET /lambda-url/wait/", &[]);
    let begun = |nth| {
        let (mut client, mut worker) = (url(), waiting.worker(&waiting.in_flight(nth), PRELUDE));
        worker.chunk(b"{}\0\0\0\0\0\0\0\0begin");
        client.wait_for(b"begin");
        (client, worker)
    };
    let (client, worker) = begun(1);
    assert_eq!(worker.fail("Oops", r#"{"errorType":"Oops","errorMessage":"no pickles"}"#), "202");
    assert!(client.rest().is_none());
    let line = "the response of the URL of `wait` ends early: the function failed with Oops: no pickles";
    waiting.program.line("the reason", |found| found.contains(line).then_some(()));
    let (client, worker) = begun(2);
    worker.break_off();
    assert!(client.rest().is_none());
    waiting.program.line("the reason", |found| found.contains("Runtime.TruncatedResponse").then_some(()));

    let (client, worker) = (url(), waiting.worker(&waiting.in_flight(3), PRELUDE));
    worker.fail("Oops", "{}");
    assert_eq!(client.rest().unwrap().subject(), "502");
    let (client, mut worker) = (url(), waiting.worker(&waiting.in_flight(4), PRELUDE));
    worker.chunk(b"{}\0\0\0");
    worker.end();
    assert_eq!(client.rest().unwrap().subject(), "502");
}

/// What its front can't stream, it waits for and does not understand.
#[test]
fn fronts_that_do_not_stream_respond_with_502() {
    for front in ["v2", "alb", "alb-multi-value", "lattice", "lattice-v1"] {
        let waiting = Waiting::start(&["--front", front]);
        let client = Client::request(&waiting.address, "GET /lambda-url/wait/", &[]);
        let mut worker = waiting.worker(&waiting.in_flight(1), PRELUDE);
        worker.chunk(b"{\"statusCode\":200}\0\0\0\0\0\0\0\0body");
        worker.end();
        assert_eq!(client.rest().unwrap().subject(), "502", "{front}");
    }
    let waiting = Waiting::start(&["--front", "v1"]);
    let client = Client::request(&waiting.address, "GET /lambda-url/wait/", &[]);
    let mut worker = waiting.worker(&waiting.in_flight(1), PRELUDE);
    worker.chunk(b"{\"multiValueHeaders\":{\"a\":[\"1\",\"2\"]}}\0\0\0\0\0\0\0\0body");
    worker.end();
    let response = client.rest().unwrap();
    assert_eq!((response.subject(), response.text()), ("200", "body"));
}

#[test]
fn an_invocation_continues_without_its_caller() {
    let waiting = Waiting::start(&[]);
    let mut client = Client::request(&waiting.address, "GET /lambda-url/wait/", &[]);
    let mut worker = waiting.worker(&waiting.in_flight(1), "text/plain");
    worker.chunk(b"begin");
    client.wait_for(b"begin");
    drop(client);
    for _ in 0..64 {
        worker.chunk(&[b'x'; 64 * 1024]);
    }
    assert_eq!(worker.end(), "202");
}

/// On a busy machine the timeout may be over before the response begins, but not every time.
fn is_cut_off_at_the_timeout() -> bool {
    let waiting = Waiting::start(&["--timeout", "2"]);
    let client = Client::request(&waiting.address, "GET /lambda-url/wait/", &[]);
    let mut worker = waiting.worker(&waiting.in_flight(1), "text/plain");
    worker.chunk(b"begin");
    if let Some(response) = client.rest() {
        assert_eq!(response.subject(), "502");
        return false;
    }
    waiting.program.line("the reason", |found| found.contains("Sandbox.Timedout").then_some(()));
    assert_eq!(worker.response().subject(), "410");
    true
}

#[test]
fn a_stream_is_cut_off_at_the_functions_timeout() {
    assert!(comes_out_once(is_cut_off_at_the_timeout));
}

#[test]
fn a_long_stream_takes_no_more_memory_than_a_short_one() {
    let waiting = Waiting::start(&[]);
    let stream = |nth: usize, mebibytes: usize| {
        let client = Client::request(&waiting.address, "GET /lambda-url/wait/", &[]);
        let mut worker = waiting.worker(&waiting.in_flight(nth), "text/plain");
        let sending = std::thread::spawn(move || {
            (0..mebibytes).for_each(|_| worker.chunk(&[b'x'; 1024 * 1024]));
            worker.end()
        });
        assert_eq!(client.rest().unwrap().body.len(), mebibytes * 1024 * 1024);
        assert_eq!(sending.join().unwrap(), "202");
        waiting.program.peak_kib()
    };
    let (short, long) = (stream(1, 8), stream(2, 100));
    assert!(long < short + 20 * 1024, "{short} KiB grew to {long} KiB");
}

#[test]
fn the_runtime_api_refuses_what_lambda_refuses() {
    let waiting = Waiting::start(&[]);
    let invoke = || Client::request(&waiting.address, "POST /2015-03-31/functions/wait/invocations", &[]);
    let client = invoke();
    let id = waiting.in_flight(1);
    assert_eq!(waiting.post(&id, "response", "slowly", b"{}").subject(), "400");
    assert_eq!(waiting.post("nobody", "response", "streaming", b"{}").subject(), "410");
    assert_eq!(waiting.post(&id, "response", "buffered", &vec![b'1'; 6_291_557]).subject(), "413");
    let response = client.rest().unwrap();
    assert_eq!(response.header("x-amz-function-error"), Some("Unhandled"));
    assert_eq!(response.json()["errorType"], "Function.ResponseSizeTooLarge");
    let client = invoke();
    assert_eq!(waiting.post(&waiting.in_flight(2), "response", "buffered", &vec![b'1'; 6_291_556]).subject(), "202");
    assert_eq!(client.rest().unwrap().body.len(), 6_291_556);
}

#[test]
fn invoke_returns_a_streamed_response_as_a_whole() {
    let waiting = Waiting::start(&[]);
    let invoke = || Client::request(&waiting.address, "POST /2015-03-31/functions/wait/invocations", &[]);
    let (client, mut worker) = (invoke(), waiting.worker(&waiting.in_flight(1), PRELUDE));
    for piece in [&b"{}"[..], &[0; 8], b"body"] {
        worker.chunk(piece);
    }
    worker.end();
    assert_eq!(client.rest().unwrap().text(), "{}\0\0\0\0\0\0\0\0body");
    let (client, mut worker) = (invoke(), waiting.worker(&waiting.in_flight(2), "text/plain"));
    worker.chunk(b"begin");
    worker.fail("Oops", r#"{"errorType":"Oops"}"#);
    let response = client.rest().unwrap();
    assert_eq!(
        (response.header("x-amz-function-error"), response.text()),
        (Some("Unhandled"), r#"{"errorType":"Oops"}"#)
    );
    // Errors may be large.
    let (client, worker) = (invoke(), waiting.worker(&waiting.in_flight(3), "text/plain"));
    let error = format!(r#"{{"errorType":"{}"}}"#, "x".repeat(1024 * 1024 - 16));
    worker.fail("Oops", &error);
    assert_eq!(client.rest().unwrap().text(), error);
}

#[test]
fn boto3_receives_a_streamed_response_as_it_comes() {
    const SCRIPT: &str = r#"
import sys, boto3
client = boto3.client("lambda", endpoint_url=sys.argv[1])
for name in ["wait", "wait", "broken"]:
    response = client.invoke_with_response_stream(FunctionName=name, Payload=b"{}", LogType="Tail")
    assert (response["StatusCode"], response["ExecutedVersion"]) == (200, "$LATEST"), response
    for event in response["EventStream"]:
        if "PayloadChunk" in event:
            print("chunk", event["PayloadChunk"]["Payload"])
        else:
            complete = event["InvokeComplete"]
            print("complete", complete.get("ErrorCode"), complete.get("ErrorDetails"), bool(complete["LogResult"]))
response = client.invoke_with_response_stream(FunctionName="wait", InvocationType="DryRun")
assert response["StatusCode"] == 204, response
try:
    client.invoke_with_response_stream(FunctionName="nobody")
except client.exceptions.ResourceNotFoundException:
    print("not found")
"#;
    let waiting = Waiting::start(&[]);
    let endpoint = format!("http://{}", waiting.address);
    let python = Program::start(tools::python().args(["-u", "-c", SCRIPT, &endpoint]));
    let says = |line: &str| python.line(line, |found| (found == line).then_some(()));
    let mut worker = waiting.worker(&waiting.in_flight(1), "text/plain");
    for piece in ["one", "two"] {
        worker.chunk(piece.as_bytes());
        says(&format!("chunk b'{piece}'"));
    }
    worker.end();
    says("complete None None True");
    let mut worker = waiting.worker(&waiting.in_flight(2), "text/plain");
    worker.chunk(b"three");
    says("chunk b'three'");
    worker.fail("Oops", r#"{"errorType":"Oops","errorMessage":"no"}"#);
    says(r#"complete Oops {"errorType":"Oops","errorMessage":"no"} True"#);
    python.line("the failed start", |found| found.starts_with("complete Host.InvalidGuest").then_some(()));
    says("not found");
}

#[test]
fn a_buffered_response_is_streamed_in_chunks() {
    const SCRIPT: &str = r#"
import sys, boto3
client = boto3.client("lambda", endpoint_url=sys.argv[1])
large = b"[" + b"1," * 3_000_000 + b"1]"
for payload in [b'"h\xc3\xa9llo"', large]:
    stream = client.invoke_with_response_stream(FunctionName="echo", Payload=payload)["EventStream"]
    events = list(stream)
    assert b"".join(event["PayloadChunk"]["Payload"] for event in events[:-1]) == payload
    assert events[-1] == {"InvokeComplete": {}}, events[-1]
"#;
    let served = Served::start(&guests::path("echo"), &[]);
    let ran = tools::python().args(["-c", SCRIPT, &format!("http://{}", served.address)]).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn run_prints_a_streamed_response_as_it_comes() {
    let (mut waiting, mut stdout) = Waiting::run();
    let mut worker = waiting.worker(&waiting.in_flight(1), PRELUDE);
    for piece in [&b"{}\0\0\0\0\0\0\0\0"[..], b"one", b"\xff"] {
        worker.chunk(piece);
        let mut printed = vec![0; piece.len()];
        stdout.read_exact(&mut printed).unwrap();
        assert_eq!(printed, piece);
    }
    worker.end();
    let mut rest = Vec::new();
    stdout.read_to_end(&mut rest).unwrap();
    assert_eq!((rest.as_slice(), waiting.program.wait().code()), (&b"\n"[..], Some(0)));

    let (mut waiting, mut stdout) = Waiting::run();
    let mut worker = waiting.worker(&waiting.in_flight(1), "text/plain");
    worker.chunk(b"one");
    worker.fail("Oops", r#"{"errorType":"Oops","errorMessage":"no pickles"}"#);
    let mut printed = String::new();
    stdout.read_to_string(&mut printed).unwrap();
    assert_eq!((printed.as_str(), waiting.program.wait().code()), ("one\n", Some(2)));
    waiting.program.line("the error", |line| line.contains("Oops: no pickles").then_some(()));
}
