//! The origins of functions under `guesthouse serve`: each has its own, `NAME.localhost`.

use serde_json::json;

use crate::support::{Served, guests, http, stream::directory};

/// Requests of a browser to two functions, `one` and `two`.
struct Browser {
    served: Served,
    port: String,
    _guests: tempfile::TempDir,
}

impl Browser {
    fn start() -> Self {
        let echo = guests::path("echo");
        let guests = directory(&[("one.wasm", &echo), ("two.wasm", &echo)]);
        let served = Served::start(guests.path(), &[]);
        let port = served.address.rsplit(':').next().expect("a port").to_owned();
        Self { served, port, _guests: guests }
    }

    /// Sends a request to a host as a page of this origin does, and returns the status.
    fn status(&self, first_line: &str, host: &str, origin: &str) -> String {
        let host = format!("{host}:{}", self.port);
        let headers = [("Host", host.as_str()), ("Origin", origin)];
        http::request(&self.served.address, first_line, &headers, b"{}").subject().to_owned()
    }
}

#[test]
fn a_function_has_an_origin_of_its_own() {
    let echo = guests::path("echo");
    let guests =
        directory(&[("One.wasm", &echo), ("billing/refund.wasm", &echo), ("a_b.wasm", &echo), ("a-b.wasm", &echo)]);
    let served = Served::start(guests.path(), &[]);
    let port = served.address.rsplit(':').next().unwrap();
    for label in ["one", "billing-refund"] {
        let url = format!("http://{label}.localhost:{port}/");
        served.program.line("the function's URL", |line| (line == url).then_some(()));
    }
    assert!(!served.program.lines().iter().any(|line| line.contains("a-b.localhost")));
    let request = |first_line: &str, host: &str| {
        let host = format!("{host}:{port}");
        (http::request(&served.address, first_line, &[("Host", &host)], b""), host)
    };
    // All paths are the function's, those of the Invoke API and of other functions' URLs as well.
    for path in ["/", "/a%2Fb//c", "/2015-03-31/functions/a-b/invocations", "/lambda-url/a-b/"] {
        let (response, host) = request(&format!("POST {path}?x=1"), "one.localhost");
        assert_eq!(response.subject(), "200", "{path}");
        let event = response.json();
        assert_eq!((&event["rawPath"], &event["headers"]["host"]), (&json!(path), &json!(host)));
    }
    assert_eq!(request("GET /x", "billing-refund.localhost").0.json()["rawPath"], "/x");
    // Two functions would have this one.
    for host in ["a-b.localhost", "nobody.localhost", "function.localhost"] {
        assert_eq!(request("GET /", host).0.subject(), "404", "{host}");
    }
    assert_eq!(request("GET /", "x.one.localhost").0.subject(), "403");
    assert_eq!(request("OPTIONS *", "one.localhost").0.subject(), "400");
    let lone = Served::start(&echo, &[]);
    assert_eq!(http::request(&lone.address, "GET /", &[("Host", "function.localhost")], b"").subject(), "200");
}

#[test]
fn a_functions_page_reaches_its_own_function_and_nothing_else() {
    let browser = Browser::start();
    let page = format!("http://one.localhost:{}", browser.port);
    for (first_line, host, status) in [
        ("POST /x", "one.localhost", "200"),
        ("POST /x", "two.localhost", "403"),
        ("OPTIONS /x", "two.localhost", "403"),
        ("POST /lambda-url/one/", "localhost", "403"),
        ("POST /lambda-url/two/", "127.0.0.1", "403"),
        ("POST /2015-03-31/functions/one/invocations", "localhost", "403"),
        ("POST /2021-11-15/functions/two/response-streaming-invocations", "127.0.0.1", "403"),
    ] {
        assert_eq!(browser.status(first_line, host, &page), status, "{first_line} {host}");
    }
}

/// The pages of URLs with a path have one origin, which is not that of a function.
#[test]
fn a_page_of_the_shared_origin_reaches_no_function_by_its_own() {
    let browser = Browser::start();
    let shared = format!("http://localhost:{}", browser.port);
    assert_eq!(browser.status("POST /lambda-url/two/", "localhost", &shared), "200");
    assert_eq!(browser.status("POST /", "two.localhost", &shared), "403");
    // A front end that another program of this machine serves.
    assert_eq!(browser.status("POST /", "two.localhost", "http://localhost:1"), "200");
    assert_eq!(browser.status("POST /", "two.localhost", "https://evil.example"), "403");
}
