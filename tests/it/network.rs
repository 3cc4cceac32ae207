//! Guests' requests: where the rules let them through, and how their connections live.

use serde_json::{Value, json};

use crate::support::{
    Api, Fake, Host, Setup,
    guests::{self, answering},
    origin::proxy_to,
    wait_for,
};

/// A host whose guest sends the requests that an event lists.
fn sender(rules: &[&str]) -> Setup {
    Host::of("request").allow(rules)
}

/// Sends requests, and returns what became of each.
fn send(host: &Host, requests: &Value) -> Vec<Value> {
    let sent = host.response_json(json!({ "requests": requests }).to_string());
    sent.as_array().expect("a list").clone()
}

/// Sends one request by this scheme to this authority, and returns what became of it.
fn one(host: &Host, url: &str) -> Value {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    send(host, &json!([{"scheme": scheme, "authority": authority, "path": path}])).remove(0)
}

#[test]
fn a_granted_request_is_sent_and_its_response_is_read() {
    for api in [Api::start(), Api::with_tls()] {
        let setup = sender(&[&api.url("")]);
        let host = if api.scheme() == "https" { setup.certificates(api.certificates()) } else { setup }.start();
        let response = one(&host, &api.url("/echo?a=1&b=%20"));
        let received: Value = serde_json::from_str(response["body"].as_str().unwrap()).unwrap();
        assert_eq!((&response["status"], &received["path"]), (&json!(200), &json!("/echo?a=1&b=%20")));
        assert_eq!(received["headers"]["host"], api.authority());
    }
}

#[test]
fn by_default_nothing_is_reached_and_each_denial_is_told_once_with_the_rule() {
    let api = Api::start();
    let host = Host::of("request").start();
    for _ in 0..3 {
        assert_eq!(one(&host, &api.url("/"))["error"], "ErrorCode::HttpRequestDenied");
        assert_eq!(one(&host, "https://example.com/")["error"], "ErrorCode::HttpRequestDenied");
    }
    let denials = || host.program.lines().into_iter().filter(|line| line.contains("no rule of")).collect::<Vec<_>>();
    let lines = wait_for("two lines", || (denials().len() >= 2).then(denials));
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains(&format!("add `{}` to `network.allow`", api.url(""))), "{lines:?}");
    assert!(lines[1].contains("add `https://example.com` to `network.allow`"), "{lines:?}");
    assert_eq!(api.connections(), 0);
}

#[test]
fn a_rule_for_sockets_grants_no_requests_and_one_for_https_no_http() {
    let api = Api::start();
    let (tcp, https) = (format!("tcp://{}", api.authority()), format!("https://{}", api.authority()));
    let host = sender(&[&tcp, &https]).start();
    assert_eq!(one(&host, &api.url("/"))["error"], "ErrorCode::HttpRequestDenied");
    assert_eq!(api.connections(), 0);
}

#[test]
fn what_only_resembles_a_granted_host_is_denied_before_anything_is_sent() {
    let api = Api::start();
    let port = api.port();
    let host = sender(&[&api.url(""), "https://api.example.com", "https://*.example.org"]).start();
    for authority in [
        format!("localhost.evil.example:{port}"),
        format!("user@localhost:{port}"),
        format!("localhost@127.0.0.1:{port}"),
        format!("localhost:{port}@evil.example"),
        format!("LOCALHOST%2eevil.example:{port}"),
        format!("127.0.0.1:{port}"),
        format!("127.1:{port}"),
        format!("0x7f000001:{port}"),
        format!("2130706433:{port}"),
        format!("0:{port}"),
        format!("[::1]:{port}"),
        format!("[::ffff:127.0.0.1]:{port}"),
        format!("localhost:{port}x"),
        format!("localhost:0{port}:80"),
        format!("localhost..:{port}"),
        String::new(),
        ":443".to_owned(),
        "@".to_owned(),
        "example.org".to_owned(),
        "xapi.example.com".to_owned(),
        "api.example.com:8443".to_owned(),
        "api.example.com:0".to_owned(),
        "[fe80::1%25eth0]".to_owned(),
        "xn--pi-7kc.example.com".to_owned(),
    ] {
        for scheme in ["http", "https"] {
            let request = json!([{"scheme": scheme, "authority": authority}]);
            let sent = send(&host, &request).remove(0);
            assert!(sent["error"].is_string(), "{scheme}://{authority}: {sent}");
        }
    }
    assert_eq!(api.connections(), 0);
    // The same name in other spellings is the same host.
    for authority in [format!("LocalHost:{port}"), format!("localhost.:{port}")] {
        let request = json!([{"scheme": "http", "authority": authority, "path": "/echo"}]);
        let sent = send(&host, &request).remove(0);
        assert!(sent["body"].as_str().unwrap().contains(&format!("\"host\":\"localhost:{port}\"")), "{sent}");
    }
    assert_eq!(api.connections(), 1);
}

#[test]
fn addresses_of_the_environment_are_out_of_reach_even_where_everything_is_granted() {
    let host = sender(&["*://*:*"]).start();
    let (runtime_api, connections) = (host.fake.address.clone(), host.fake.connections());
    for authority in [
        runtime_api.as_str(),
        "127.0.0.1",
        "localhost",
        "localhost.localdomain",
        "0.0.0.0",
        "[::]",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::1]",
        "[2001:0:53aa:64c:0:0:5601:5601]",
        "169.254.169.254",
        "169.254.170.2",
        "169.254.100.1:9001",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "224.0.0.1",
        "255.255.255.255",
        "10.0.0.1",
        "192.168.0.1",
        "[fd12::1]",
    ] {
        let sent = one(&host, &format!("http://{authority}/2018-06-01/runtime/invocation/next"));
        assert!(sent["error"].is_string(), "{authority}: {sent}");
    }
    assert_eq!(host.fake.connections(), connections);
}

#[test]
fn no_rule_grants_the_runtime_api() {
    let fake = Fake::start();
    let port = fake.address.rsplit(':').next().unwrap().to_owned();
    let spellings =
        [fake.address.clone(), format!("localhost:{port}"), format!("[::1]:{port}"), format!("127.9.9.9:{port}")];
    let rules: Vec<String> = spellings.iter().map(|spelling| format!("http://{spelling}")).collect();
    let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
    let host = sender(&rules).runtime_api(fake).start();
    let connections = host.fake.connections();
    for spelling in spellings {
        let sent = one(&host, &format!("http://{spelling}/2018-06-01/runtime/invocation/next"));
        assert_eq!(sent["error"], "ErrorCode::DestinationIpProhibited", "{spelling}");
    }
    assert_eq!(host.fake.connections(), connections);
}

#[test]
fn a_redirect_is_the_guests_to_follow_and_each_hop_is_judged() {
    let api = Api::start();
    let host = sender(&[&api.url("")]).start();
    let first = one(&host, &api.url("/redirect/http://169.254.169.254/latest/meta-data/"));
    assert_eq!((&first["status"], api.connections()), (&json!(302), 1));
    let second = one(&host, first["headers"]["location"].as_str().unwrap());
    assert!(second["error"].is_string(), "{second}");
}

#[test]
fn what_would_change_where_a_request_goes_is_refused() {
    let api = Api::start();
    let host = sender(&[&api.url("")]).start();
    let refused = |part: Value| {
        let mut request = json!({"scheme": "http", "authority": api.authority()});
        request.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
        let sent = send(&host, &json!([request])).remove(0);
        assert!(sent["error"].is_string(), "{part}: {sent}");
    };
    refused(json!({"method": "CONNECT"}));
    refused(json!({"method": "GET\r\nX: y"}));
    refused(json!({"method": "L".repeat(10_000)}));
    refused(json!({"path": "http://evil.example/"}));
    refused(json!({"path": "\\\\evil"}));
    refused(json!({"path": "/a b"}));
    refused(json!({"path": "/a\r\nX: y"}));
    refused(json!({"path": format!("/{}", "p".repeat(40_000))}));
    for (name, value) in [
        ("host", "evil.example"),
        ("transfer-encoding", "chunked"),
        ("connection", "close"),
        ("content-length", "+5"),
        ("x", "a\r\nb: c"),
        ("x:y", "z"),
    ] {
        refused(json!({"headers": [[name, value]]}));
    }
    refused(json!({"headers": [["content-length", "5"], ["content-length", "6"]]}));
    assert_eq!(api.requests().len(), 0);
    // Two slashes at the beginning are a path.
    let sent = one(&host, &api.url("//evil.example/"));
    assert_eq!((&sent["status"], api.requests()[0].subject()), (&json!(200), "//evil.example/"));
}

#[test]
fn connections_outlive_invocations_instances_and_swaps() {
    let api = Api::with_tls();
    let task_root = crate::support::task_root();
    let guest = task_root.path().join("request.wasm");
    std::fs::copy(guests::path("request"), &guest).unwrap();
    let host = Host::in_directory(task_root.path())
        .handler("request")
        .allow(&[&api.url("")])
        .certificates(api.certificates())
        .fresh()
        .refresh("0s")
        .start();
    for _ in 0..30 {
        assert_eq!(one(&host, &api.url("/bytes/1000"))["length"], 1000);
    }
    // A newer guest, which is the same one with a section that says nothing.
    let newer = [std::fs::read(&guest).unwrap(), b"\0\x02\x01x".to_vec()].concat();
    std::fs::write(&guest, newer).unwrap();
    for _ in 0..30 {
        assert_eq!(one(&host, &api.url("/chunked/1000"))["length"], 1000);
    }
    assert_eq!(api.connections(), 1);
}

#[test]
fn a_connection_that_the_server_closed_is_not_used_again() {
    let api = Api::start();
    let host = sender(&[&api.url("")]).start();
    for count in 1..=20 {
        host.program.signal("CONT");
        assert_eq!(one(&host, &api.url("/close"))["body"], "closed");
        // As in a freeze, in which the server closes the connection.
        host.program.signal("STOP");
        wait_for("the end of the connection", || (api.ended() == count).then_some(()));
    }
    host.program.signal("CONT");
    assert_eq!(api.connections(), 20);
}

#[test]
fn bodies_of_20_mb_pass_in_both_directions_through_a_guest_of_a_few_megabytes() {
    let api = Api::with_tls();
    let host = sender(&[&api.url("")]).certificates(api.certificates()).function_memory(128).start();
    let to = json!({"authority": api.authority(), "method": "POST", "path": "/echo", "body": 20_000_000});
    let sent = send(&host, &json!([to])).remove(0);
    assert!(sent["body"].as_str().unwrap().contains("\"length\":20000000"), "{sent}");
    for path in ["/bytes/20000000", "/chunked/20000000"] {
        assert_eq!(one(&host, &api.url(path))["length"], 20_000_000, "{path}");
    }
    assert_eq!(api.connections(), 1);
}

#[test]
fn twenty_requests_are_under_way_at_once() {
    let api = Api::start();
    let host = sender(&[&api.url("")]).start();
    let request = json!({"scheme": "http", "authority": api.authority(), "path": "/together/20"});
    let sent = send(&host, &Value::from(vec![request; 20]));
    assert!(sent.iter().all(|sent| sent["status"] == 200), "{sent:?}");
}

#[test]
fn requests_go_through_the_proxy_that_the_environment_names() {
    let api = Api::with_tls_for(&["api.example"]);
    let proxy = format!("http://{}", proxy_to(api.address()));
    let host = sender(&["https://api.example"]).certificates(api.certificates()).proxy(&proxy).start();
    assert_eq!(one(&host, "https://api.example/bytes/7")["length"], 7);
    assert_eq!(one(&host, "https://other.example/")["error"], "ErrorCode::HttpRequestDenied");
}

#[test]
fn one_guest_runs_with_and_without_a_network() {
    let api = Api::start();
    let host = Host::of("request").start();
    assert_eq!(host.response_json(r#"{"requests": []}"#), json!([]));
    drop(host);
    assert_eq!(one(&sender(&[&api.url("")]).start(), &api.url("/bytes/1"))["length"], 1);
    // A guest that does not import `wasi:http` does not notice.
    assert_eq!(Host::with(&answering("v1")).allow(&["https://example.com"]).start().response("{}"), "\"v1\"");
}

#[test]
fn wrong_rules_stop_the_start_with_what_is_expected() {
    let refused = Host::of("request").allow(&["https://*", "api.example.com"]).init_error("Host.Config");
    refused.explains(&["GUESTHOUSE_NETWORK_ALLOW", "`https://*`", "`*://*:*`"]);
}
