use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use super::{
    Gateway,
    tests::{SERVICES, event, received, refusal, refused, target, values},
};
use crate::invocation::Context;

fn refused_bytes(bytes: &[u8]) -> String {
    refusal(Gateway::default().request(&Bytes::copy_from_slice(bytes), &Context::default()))
}

#[test]
fn what_is_no_object_of_json_is_refused() {
    for (bytes, reason) in [
        (&b""[..], "the event is no JSON: EOF while parsing a value at line 1 column 0"),
        (b"{", "the event is no JSON: EOF while parsing an object at line 1 column 1"),
        (b"{\"body\": \"abc", "the event is no JSON: EOF while parsing a string at line 1 column 13"),
        (b"{} {}", "the event is no JSON: trailing characters at line 1 column 4"),
        (b"{\"a\": \x01}", "the event is no JSON: expected value at line 1 column 7"),
        (b"{\"path\": \"\xff\"}", "the event is no JSON: invalid unicode code point at line 1 column 11"),
        (b"{\"path\": \"\\x\"}", "the event is no JSON: invalid escape at line 1 column 12"),
        (
            b"{\"body\": \"a\nb\"}",
            "the event is no JSON: control character (\\u0000-\\u001F) found while parsing a string at line 1 column 11",
        ),
        (b"[]", "the event is no JSON object: invalid type: sequence, expected an object at line 1 column 0"),
        (b"null", "the event is no JSON object: invalid type: null, expected an object at line 1 column 4"),
        (b"\"a\"", "the event is no JSON object: invalid type: string \"a\", expected an object at line 1 column 3"),
    ] {
        assert_eq!(refused_bytes(bytes), reason);
    }
    // Messages are short and printable, whatever came.
    let long = refused_bytes(format!("\"{}\"", "\\u001b".repeat(10_000)).as_bytes());
    assert!(long.len() < 2_000 && !long.contains('\u{1b}'), "{long}");
}

#[test]
fn an_event_that_ends_early_is_refused_wherever_it_ends() {
    for service in SERVICES {
        let event = event(service, &json!({"body": "a\"ü"})).to_string();
        for end in 0..event.len() {
            assert!(refused_bytes(&event.as_bytes()[..end]).starts_with("the event is no JSON: "), "{end}");
        }
    }
}

#[test]
fn a_field_of_a_wrong_type_is_named() {
    for (service, changes, reason) in [
        ("alb", json!({"path": 5}), "`path` of the event can't be used: invalid type: integer `5`, expected a string"),
        (
            "alb",
            json!({"headers": [1]}),
            "`headers` of the event can't be used: invalid type: sequence, expected an object",
        ),
        (
            "alb",
            json!({"headers": {"\u{1b}x": {}}}),
            "`headers` of the event can't be used: `\\u001bx`: invalid type: map, expected a string or a list of strings",
        ),
        (
            "rest",
            json!({"multiValueHeaders": {"x": [1]}}),
            "`multiValueHeaders` of the event can't be used: `x`: invalid type: integer `1`, expected a string",
        ),
        (
            "rest",
            json!({"isBase64Encoded": "true"}),
            "`isBase64Encoded` of the event can't be used: invalid type: string \"true\", expected a boolean",
        ),
        (
            "rest",
            json!({"httpMethod": {}}),
            "`httpMethod` of the event can't be used: invalid type: map, expected a string",
        ),
        ("rest", json!({"httpMethod": "G T"}), "`httpMethod` of the event is `G T`, which is no method"),
        ("rest", json!({"httpMethod": ""}), "`httpMethod` of the event is ``, which is no method"),
        ("rest", json!({"httpMethod": "\u{1b}"}), "`httpMethod` of the event is `\\u001b`, which is no method"),
        (
            "url",
            json!({"requestContext": {"http": {"method": 1}}}),
            "`requestContext.http.method` of the event can't be used: invalid type: integer `1`, expected a string",
        ),
        ("url", json!({"requestContext": {"http": {}}}), "the event has no `requestContext.http.method`"),
        ("url", json!({"requestContext": {"http": 5}}), "the event has no `requestContext.http.method`"),
        ("url", json!({"body": {}}), "`body` of the event can't be used: an object, where a string has to be"),
        ("url", json!({"body": []}), "`body` of the event can't be used: an array, where a string has to be"),
        ("url", json!({"body": 1}), "`body` of the event can't be used: a number, where a string has to be"),
        ("url", json!({"body": true}), "`body` of the event can't be used: a boolean, where a string has to be"),
        (
            "url",
            json!({"cookies": {}}),
            "`cookies` of the event can't be used: invalid type: map, expected a string or a list of strings",
        ),
        (
            "alb",
            json!({"queryStringParameters": "a=1"}),
            "`queryStringParameters` of the event can't be used: invalid type: string \"a=1\", expected an object",
        ),
        (
            "url",
            json!({"body": "a-b", "isBase64Encoded": true}),
            "`body` of the event is no base64, which `isBase64Encoded` says it is: Invalid symbol 45, offset 1",
        ),
        (
            "lattice-1",
            json!({"body": "abc", "is_base64_encoded": true}),
            "`body` of the event is no base64, which `is_base64_encoded` says it is: Invalid padding",
        ),
    ] {
        assert_eq!(refused(&event(service, &changes)), reason);
    }
}

#[test]
fn half_a_character_in_a_body_is_refused_and_a_whole_one_is_not() {
    for (escaped, expected) in [
        (r"\ud83e\udd80 \u00fc \/ \b\f\n\r\t \u0000", Some("🦀 ü / \u{8}\u{c}\n\r\t \0")),
        (r"\ud83e", None),
        (r"\ud83ex", None),
        (r"\ud83e\n", None),
        (r"\ud83e\u00fc", None),
        (r"\udd80\ud83e", None),
    ] {
        let event = event("url", &json!({"body": "BODY"})).to_string().replace("BODY", escaped);
        let received = Gateway::default().request(&Bytes::from(event), &Context::default());
        match expected {
            Some(text) => assert_eq!(received.unwrap().request.body(), text),
            None => assert_eq!(
                refusal(received),
                "`body` of the event can't be used: a `\\u` that is half a character",
                "{escaped}"
            ),
        }
    }
}

#[test]
fn nulls_are_as_good_as_nothing() {
    for service in SERVICES {
        let mut event = event(service, &json!({}));
        let decisive = match service {
            "rest" | "http-api-1" => vec!["httpMethod", "requestContext", "version"],
            "http-api-2" | "url" => vec!["requestContext", "version"],
            "alb" => vec!["requestContext", "httpMethod"],
            "alb-multi" => vec!["requestContext", "httpMethod"],
            "lattice-1" => vec!["raw_path", "method"],
            _ => vec!["requestContext", "method"],
        };
        for (name, value) in event.as_object_mut().unwrap() {
            if !decisive.contains(&name.as_str()) {
                *value = Value::Null;
            }
        }
        let request = received(&event).request;
        let path = if service == "lattice-1" { "/p" } else { "/" };
        assert_eq!((request.method(), request.uri().path()), (&Method::GET, path), "{service}");
        assert!(request.body().is_empty());
    }
    let nulls = json!({"headers": {"a": null, "b": [null, "1", null]}, "queryStringParameters": {"q": null}});
    let event = event("lattice-2", &nulls);
    assert_eq!(target(&event), "/p");
    let request = received(&event).request;
    assert!(!request.headers().contains_key("a"));
    assert_eq!(values(request.headers(), "b"), ["1"]);
}

#[test]
fn of_a_key_that_comes_twice_the_last_counts() {
    let event = br#"{"httpMethod": "GET", "httpMethod": "PUT", "body": "a", "path": "/a", "headers": {"a": "0"},
        "requestContext": {"elb": {}, "elb": null}, "requestContext": {"elb": null, "elb": {"a": 1}},
        "headers": {"a": "1", "b": "1", "a": "2", "A": "3"}, "path": "/b", "body": "b", "\u0062ody": "c"}"#;
    let request = Gateway::default().request(&Bytes::from_static(event), &Context::default()).unwrap().request;
    assert_eq!((request.method(), request.uri().path(), &request.body()[..]), (&Method::PUT, "/b", &b"c"[..]));
    assert_eq!(values(request.headers(), "a"), ["2", "3"]);
    assert_eq!(values(request.headers(), "b"), ["1"]);
    assert_eq!(values(request.headers(), "x-amzn-request-context"), [r#"{"elb":null,"elb":{"a":1}}"#]);
}

#[test]
fn a_host_that_is_none_is_not_used() {
    let long = "a".repeat(254);
    for (host, is_one) in [
        ("example.com", true),
        ("example.com:8443", true),
        ("my_service.local", true),
        ("203.0.113.7:80", true),
        ("[2001:db8::1]", true),
        ("[2001:db8::1]:8443", true),
        (&long[1..], true),
        (&long, false),
        ("", false),
        (":80", false),
        ("example.com:", false),
        ("example.com:65536", false),
        ("example.com:+80", false),
        ("user@example.com", false),
        ("h@h:80", false),
        ("example.com/path", false),
        ("example.com?q", false),
        ("example.com#f", false),
        ("exa mple.com", false),
        ("exämple.com", false),
        ("[::1", false),
        ("[example.com]", false),
        ("[::1]x", false),
        ("a:b:c", false),
        ("a\\b", false),
    ] {
        let mut event = event("url", &json!({"headers": {"host": host}}));
        event["requestContext"]["domainName"] = json!("domain.example.com");
        let request = received(&event).request;
        let expected = if is_one { host } else { "domain.example.com" };
        assert_eq!(request.uri().authority().unwrap(), expected, "{host}");
        assert_eq!(values(request.headers(), "host"), [expected], "{host}");
        event["requestContext"]["domainName"] = json!("also@none");
        let request = received(&event).request;
        assert_eq!(request.uri().authority().unwrap(), if is_one { host } else { "lambda.invalid" }, "{host}");
    }
}

#[test]
fn the_scheme_and_the_port_are_those_that_the_client_used() {
    for (headers, expected) in [
        (json!({"host": "h"}), "https://h/p"),
        (json!({"host": "h", "x-forwarded-proto": "http"}), "http://h/p"),
        (json!({"host": "h", "X-Forwarded-Proto": "HTTP, https"}), "http://h/p"),
        (json!({"host": "h", "x-forwarded-proto": "gopher"}), "https://h/p"),
        (json!({"host": "h", "x-forwarded-port": "443"}), "https://h/p"),
        (json!({"host": "h", "x-forwarded-port": "8443"}), "https://h:8443/p"),
        (json!({"host": "h:1", "x-forwarded-port": "8443"}), "https://h:1/p"),
        (json!({"host": "[::1]", "x-forwarded-port": "8443"}), "https://[::1]:8443/p"),
        (json!({"host": "h", "x-forwarded-proto": "http", "x-forwarded-port": "80"}), "http://h/p"),
        (json!({"host": "h", "x-forwarded-proto": "http", "x-forwarded-port": "443"}), "http://h:443/p"),
        (json!({"host": "h", "x-forwarded-port": "70000"}), "https://h/p"),
        (json!({"Host": ["a", "b"]}), "https://a/p"),
    ] {
        let request = received(&event("alb", &json!({ "headers": headers }))).request;
        assert_eq!(request.uri().to_string(), expected);
    }
}

#[test]
fn a_path_has_a_slash_at_its_beginning() {
    for (path, expected) in [("", "/"), ("p", "/p"), ("*", "/*"), ("//p", "//p"), ("http://h/p", "/http://h/p")] {
        assert_eq!(target(&event("alb", &json!({ "path": path }))), expected);
        assert_eq!(target(&event("http-api-2", &json!({ "rawPath": path }))), expected);
    }
}

#[test]
fn any_byte_of_a_path_or_a_query_can_be_in_the_url() {
    for char in (0..0x180).filter_map(char::from_u32) {
        for service in SERVICES {
            let text = format!("/a{char}b");
            let (path, query) = (&text, &text[1..]);
            let event = event(
                service,
                &json!({"path": path, "rawPath": path, "raw_path": path,
                "rawQueryString": query, "queryStringParameters": {query: query}}),
            );
            let request = received(&event).request;
            assert!(request.uri().path().starts_with("/a"), "{service} {char:?}");
        }
    }
}

#[test]
fn deep_nesting_is_passed_over() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let with = |name: &str| event("url", &json!({name: "DEEP"})).to_string().replace("\"DEEP\"", &deep);
    let request = Gateway::default().request(&Bytes::from(with("other")), &Context::default());
    assert!(request.is_ok());
    assert!(refused_bytes(with("body").as_bytes()).ends_with("an array, where a string has to be"));
    assert!(refused_bytes(with("headers").as_bytes()).starts_with("`headers` of the event can't be used"));
    assert!(refused_bytes(with("requestContext").as_bytes()).contains("can't become an HTTP request"));
}
