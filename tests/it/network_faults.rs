//! Guests' requests that fail: servers, limits, and the deadline.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Api, Event, Host, Setup};

fn sender(api: &Api) -> Setup {
    let setup = Host::of("request").allow(&[&api.url("")]);
    if api.scheme() == "https" { setup.certificates(api.certificates()) } else { setup }
}

fn event(api: &Api, path: &str, more: &Value) -> String {
    let mut request = json!({"scheme": api.scheme(), "authority": api.authority(), "path": path});
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "requests": [request] }).to_string()
}

fn one(host: &Host, api: &Api, path: &str) -> Value {
    host.response_json(event(api, path, &json!({})))[0].clone()
}

#[test]
fn a_server_that_ends_in_the_middle_costs_one_request() {
    let api = Api::start();
    let host = sender(&api).start();
    for _ in 0..3 {
        assert_eq!(one(&host, &api, "/die")["error"], "ErrorCode::ConnectionTerminated");
        assert_eq!(one(&host, &api, "/bytes/5")["length"], 5);
    }
}

#[test]
fn what_goes_wrong_before_the_response_has_its_own_error() {
    let (api, other) = (Api::with_tls(), Api::with_tls());
    let nobody = { std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port() };
    let plain = Api::start();
    let host = Host::of("request")
        .allow(&[
            &api.url(""),
            &other.url(""),
            &format!("https://127.0.0.1:{}", api.port()),
            &format!("http://localhost:{nobody}"),
            &format!("https://localhost:{}", plain.port()),
            "https://no-such-host.invalid",
        ])
        .certificates(api.certificates())
        .start();
    for (scheme, authority, error) in [
        ("https", other.authority(), "ErrorCode::TlsCertificateError"),
        // The certificate is for another name.
        ("https", format!("127.0.0.1:{}", api.port()), "ErrorCode::TlsCertificateError"),
        ("http", format!("localhost:{nobody}"), "ErrorCode::ConnectionRefused"),
        ("https", plain.authority(), "ErrorCode::TlsProtocolError"),
        ("https", "no-such-host.invalid".to_owned(), "ErrorCode::DnsError"),
    ] {
        let event = json!({"requests": [{"scheme": scheme, "authority": authority}]});
        let sent = host.response_json(event.to_string())[0]["error"].clone();
        assert!(sent.as_str().is_some_and(|sent| sent.starts_with(error)), "{scheme}://{authority}: {sent}");
    }
    assert_eq!(one(&host, &api, "/bytes/5")["length"], 5);
}

#[test]
fn a_guests_own_timeout_ends_its_request_and_nothing_else() {
    let api = Api::start();
    let host = sender(&api).start();
    let sent = host.response_json(event(&api, "/hang", &json!({"first_byte_ms": 50})));
    assert_eq!(sent[0]["error"], "ErrorCode::ConnectionReadTimeout");
    // It counts from the end of the request, however long that takes to send.
    let large = event(&api, "/echo", &json!({"method": "POST", "body": 20_000_000, "first_byte_ms": 60_000}));
    assert_eq!(host.response_json(large)[0]["status"], 200);
}

#[test]
fn the_deadline_ends_an_invocation_that_waits_for_a_server() {
    let api = Api::start();
    let host = sender(&api).start();
    for path in ["/hang", "/drip"] {
        let event = Event::new(event(&api, path, &json!({}))).timeout(Duration::from_secs(1));
        host.fake.invoke(event).error("Guest.Timeout");
        assert_eq!(one(&host, &api, "/bytes/5")["length"], 5, "after {path}");
    }
}

#[test]
fn a_head_of_a_response_may_have_50_kb_and_not_100_mb() {
    let api = Api::start();
    let host = sender(&api).start();
    assert_eq!(one(&host, &api, "/head/50000")["status"], 200);
    let sent = one(&host, &api, "/head/200000")["error"].to_string();
    assert!(sent.contains("HttpResponseHeaderSectionSize") || sent.contains("HttpProtocolError"), "{sent}");
    assert_eq!(one(&host, &api, "/bytes/5")["length"], 5);
}

#[test]
fn the_headers_of_a_request_may_have_30_kb_and_not_40() {
    let api = Api::start();
    let host = sender(&api).start();
    let with_header = |bytes: usize| event(&api, "/bytes/5", &json!({"headers": [["x", "y".repeat(bytes)]]}));
    assert_eq!(host.response_json(with_header(30_000))[0]["length"], 5);
    host.invoke(with_header(40_000)).error("Guest.Trap.HostCall").says("total size of fields exceeds limit");
    assert_eq!(one(&host, &api, "/bytes/5")["length"], 5);
}

#[test]
fn requests_that_are_begun_and_dropped_cost_nothing_that_lasts() {
    let api = Api::start();
    let host = sender(&api).start();
    let dropped = json!({"then": "drop", "times": 1000});
    let files = host.program.open_files();
    for _ in 0..2 {
        host.response_json(event(&api, "/bytes/5", &dropped));
        assert_eq!(one(&host, &api, "/bytes/5")["length"], 5);
    }
    assert!(host.program.open_files() < files + 64, "{} of {files}", host.program.open_files());
}

#[test]
fn a_guest_may_have_128_requests_without_a_response_and_not_more() {
    let api = Api::start();
    let host = sender(&api).start();
    let request = json!({"scheme": "http", "authority": api.authority(), "path": "/bytes/5"});
    let send = |count: usize| host.response_json(json!({"requests": vec![&request; count]}).to_string());
    assert!(send(128).as_array().unwrap().iter().all(|sent| sent["length"] == 5));
    let more = send(130);
    assert_eq!((&more[127]["length"], &more[128]["error"]), (&json!(5), &json!("ErrorCode::ConnectionLimitReached")));
    assert_eq!(send(1)[0]["length"], 5);
}
