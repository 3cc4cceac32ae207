//! What other adapters got wrong, or still do: each row is an issue of theirs, or was seen in their source or in a run.
//! The numbers count these findings; those that are not about the mapping are tested elsewhere.

use serde_json::{Value, json};

use super::{
    BasePath, Gateway,
    tests::{SERVICES, event, front, head, received, responded, target, values},
};
use crate::invocation::Context;

#[test]
fn urls_that_others_got_wrong_are_right() {
    let query = |query: Value| json!({ "queryStringParameters": query });
    let all = |query: Value| json!({ "multiValueQueryStringParameters": query });
    let path = |path: &str| json!({ "path": path });
    let raw = |path: &str, query: &str| json!({ "rawPath": path, "rawQueryString": query });
    for (number, service, changes, expected) in [
        (1, "alb", query(json!({"q": "%3FshowAll%3Dtrue"})), "/p?q=%3FshowAll%3Dtrue"),
        (2, "alb", query(json!({"name": "John+Smith"})), "/p?name=John+Smith"),
        (3, "alb", query(json!({"q": "100%"})), "/p?q=100%"),
        (4, "alb-multi", all(json!({"a": ["1", "2"], "b": ["%zz"]})), "/p?a=1&a=2&b=%zz"),
        (5, "alb", json!({"multiValueHeaders": null}), "/p"),
        (19, "http-api-2", raw("/RSC/@id/a#save.txt", ""), "/RSC/@id/a%23save.txt"),
        (20, "http-api-2", raw("/a?b", ""), "/a%3Fb"),
        (21, "http-api-2", raw("/my path/ü", ""), "/my%20path/%C3%BC"),
        (21, "http-api-2", raw("/100%/%2B/%zz", ""), "/100%25/%2B/%25zz"),
        (22, "rest", path("/a%2Fb/bla+bla"), "/a%2Fb/bla+bla"),
        (22, "alb", path("/a%2Fb/bla+bla"), "/a%2Fb/bla+bla"),
        (22, "url", raw("/a%2Fb/bla+bla", ""), "/a%2Fb/bla+bla"),
        (22, "url", raw("/pa2%Fth/1", ""), "/pa2%Fth/1"),
        (23, "rest", json!({"path": "/p/", "pathParameters": {"proxy": "p"}}), "/p/"),
        (24, "rest", json!({"path": "/users/123", "resource": "/users/{proxy+}"}), "/users/123"),
        (25, "rest", path("/p"), "/p"),
        (28, "http-api-2", raw("/p", ""), "/p"),
        (28, "alb", query(json!({})), "/p"),
        (28, "rest", query(Value::Null), "/p"),
        (29, "url", raw("/p", "q=a+b"), "/p?q=a+b"),
        (30, "http-api-2", raw("/p", "a=1&a=2,3&=&b"), "/p?a=1&a=2,3&=&b"),
        (31, "rest", query(json!({"a": "1"})), "/p?a=1"),
        (31, "rest", all(json!({"a b": ["+", "&=", "ü", ""]})), "/p?a%20b=%2B&a%20b=%26%3D&a%20b=%C3%BC&a%20b="),
        (32, "url", raw("/ü", "q=ü"), "/%C3%BC?q=%C3%BC"),
        (39, "lattice-2", path("/p?a=1"), "/p?a=1"),
        (39, "lattice-1", json!({"raw_path": "/p?a=1&b=%2F", "query_string_parameters": {"a": "1"}}), "/p?a=1&b=%2F"),
        (40, "lattice-2", query(json!({"a": ["1", "b c"]})), "/p?a=1&a=b%20c"),
        (41, "rest", path("/a/../b//c/./d\\e"), "/a/../b//c/./d%5Ce"),
        (41, "http-api-2", raw("/a/../b//c/./d\\e", ""), "/a/../b//c/./d%5Ce"),
    ] {
        assert_eq!(target(&event(service, &changes)), expected, "{number} {service}");
    }
}

#[test]
fn a_stage_and_a_base_path_are_taken_off_once_and_as_whole_segments() {
    for (number, service, stage, base_path, path, expected) in [
        (26, "http-api-2", "dev", None, "/dev/test", "/test"),
        (26, "http-api-2", "dev", None, "/dev", "/"),
        (26, "http-api-2", "dev", None, "/dev/dev/x", "/dev/x"),
        (26, "http-api-2", "dev", None, "/develop", "/develop"),
        (26, "http-api-2", "dev", None, "/x/dev", "/x/dev"),
        (26, "http-api-2", "$default", None, "/$default/x", "/$default/x"),
        (26, "http-api-2", "", None, "//x", "//x"),
        (26, "url", "dev", None, "/dev/test", "/dev/test"),
        (25, "rest", "dev", None, "/dev/test", "/dev/test"),
        (27, "rest", "prod", Some("/orders"), "/orders/orders/1", "/orders/1"),
        (27, "rest", "prod", Some("/orders"), "/ordersX", "/ordersX"),
        (27, "rest", "prod", Some("/orders"), "/orders", "/"),
        (27, "rest", "prod", Some("/orders"), "/orders/", "/"),
        (27, "rest", "prod", Some("/orders"), "/x/orders", "/x/orders"),
        (27, "rest", "prod", Some("/a/b"), "/a/b/c", "/c"),
        (27, "rest", "prod", Some("/a/b"), "/a/c", "/a/c"),
        (27, "http-api-2", "dev", Some("/orders"), "/dev/orders/1", "/1"),
    ] {
        let mut event = event(service, &json!({"path": path, "rawPath": path}));
        event["requestContext"]["stage"] = json!(stage);
        let gateway = Gateway { base_path: base_path.map(|path| BasePath::parse(path).unwrap()), ..Gateway::default() };
        let received = gateway.request(&event.to_string().into(), &Context::default()).unwrap();
        assert_eq!(received.request.uri().path(), expected, "{number} {path} {stage} {base_path:?}");
    }
}

#[test]
fn headers_that_others_got_wrong_are_right() {
    let cookies = json!({"cookies": ["a=1", "b=2"], "headers": {"cookie": "a=1; b=2"}});
    let repeated = json!({"multiValueHeaders": {"Cookie": ["c=1", "d=2"], "X": ["1", "2"]}, "headers": {"X": "2"}});
    let utf8 = json!({"headers": {"x": "Jürgen 🦀", "y": "a\nb", "z": "\u{1}", "a b": "1", "": "2", "t": "a\tb"}});
    for (number, service, changes, name, expected) in [
        (6, "alb", json!({"headers": {"user-agent": "ELB-HealthChecker/2.0"}}), "host", vec!["lambda.invalid"]),
        (14, "url", cookies.clone(), "cookie", vec!["a=1; b=2"]),
        (14, "http-api-2", cookies, "cookie", vec!["a=1; b=2"]),
        (14, "url", json!({"headers": {"cookie": "a=1"}, "cookies": []}), "cookie", vec!["a=1"]),
        (15, "rest", repeated.clone(), "cookie", vec!["c=1; d=2"]),
        (38, "rest", repeated, "x", vec!["1", "2"]),
        (38, "rest", json!({"multiValueHeaders": null, "headers": {"X": "2"}}), "x", vec!["2"]),
        (32, "http-api-2", utf8.clone(), "x", vec!["Jürgen 🦀"]),
        (32, "http-api-2", utf8.clone(), "t", vec!["a\tb"]),
        (32, "http-api-2", utf8.clone(), "y", vec![]),
        (32, "http-api-2", utf8, "z", vec![]),
        (32, "http-api-2", json!({"headers": {"cookie": "ä=ü"}}), "cookie", vec!["ä=ü"]),
        (42, "alb", json!({"headers": {"x-amz-tenant-id": "evil"}}), "x-amz-tenant-id", vec![]),
    ] {
        let request = received(&event(service, &changes)).request;
        assert_eq!(values(request.headers(), name), expected, "{number} {service} {name}");
    }
}

#[test]
fn bodies_that_others_got_wrong_are_right() {
    for service in SERVICES {
        let name = if service == "lattice-1" { "is_base64_encoded" } else { "isBase64Encoded" };
        for (number, body, is_base64, expected) in [
            (37, json!("AP+ACg=="), json!(true), &b"\x00\xff\x80\n"[..]),
            (37, json!("AP+ACg=="), json!(false), b"AP+ACg=="),
            (37, json!("AP+ACg=="), Value::Null, b"AP+ACg=="),
            (37, json!("{\"a\":\"ü🦀\n\u{1}/\"}"), json!(false), "{\"a\":\"ü🦀\n\u{1}/\"}".as_bytes()),
            (37, json!("text"), json!(false), b"text"),
            (37, json!(""), json!(true), b""),
            (37, json!(""), json!(false), b""),
            (37, Value::Null, json!(true), b""),
        ] {
            let request = received(&event(service, &json!({"body": body, name: is_base64}))).request;
            assert_eq!(request.body(), expected, "{number} {service} {body}");
            let length = expected.len().to_string();
            assert_eq!(values(request.headers(), "content-length"), [length], "{number} {service} {body}");
        }
    }
}

#[test]
fn responses_that_others_got_wrong_are_right() {
    let cookies = [("set-cookie", "a=1; Expires=Wed, 21 Oct 2015 07:28:00 GMT"), ("set-cookie", "b=2")];
    let both = [cookies[0].1, cookies[1].1];
    let html = [("content-type", "text/html")];
    let gzip = [("content-type", "text/html"), ("content-encoding", "gzip")];
    for (number, service, headers, body, expected) in [
        (
            7,
            "alb",
            &cookies[..],
            &b"x"[..],
            json!({"statusCode": 200, "statusDescription": "200 OK", "headers": {"set-cookie": both[0], "Set-cookie": both[1]},
                "body": "x", "isBase64Encoded": false}),
        ),
        (
            7,
            "alb-multi",
            &cookies,
            b"x",
            json!({"statusCode": 200, "statusDescription": "200 OK", "multiValueHeaders": {"set-cookie": both},
                "body": "x", "isBase64Encoded": false}),
        ),
        (
            8,
            "alb",
            &[],
            b"",
            json!({"statusCode": 200, "statusDescription": "200 OK", "headers": {}, "body": "", "isBase64Encoded": false}),
        ),
        (
            10,
            "alb",
            &[("x-number", "5"), ("x-number", "true")],
            b"",
            json!({"statusCode": 200, "statusDescription": "200 OK", "headers": {"x-number": "5, true"}, "body": "",
                "isBase64Encoded": false}),
        ),
        (
            11,
            "rest",
            &html,
            b"",
            json!({"statusCode": 200, "multiValueHeaders": {"content-type": ["text/html"]}, "body": "",
                "isBase64Encoded": false}),
        ),
        (
            12,
            "url",
            &html,
            b"",
            json!({"statusCode": 200, "headers": {"content-type": "text/html"}, "body": "", "isBase64Encoded": false}),
        ),
        (
            13,
            "rest",
            &cookies,
            b"",
            json!({"statusCode": 200, "multiValueHeaders": {"set-cookie": both}, "body": "", "isBase64Encoded": false}),
        ),
        (
            16,
            "http-api-2",
            &cookies,
            b"",
            json!({"statusCode": 200, "headers": {}, "cookies": both, "body": "", "isBase64Encoded": false}),
        ),
        (
            17,
            "url",
            &cookies,
            b"",
            json!({"statusCode": 200, "headers": {}, "cookies": both, "body": "", "isBase64Encoded": false}),
        ),
        (
            18,
            "http-api-1",
            &cookies,
            b"",
            json!({"statusCode": 200, "multiValueHeaders": {"set-cookie": both}, "body": "", "isBase64Encoded": false}),
        ),
        (
            34,
            "rest",
            &[("content-type", "application/jwk-set+json")],
            b"{}",
            json!({"statusCode": 200, "multiValueHeaders": {"content-type": ["application/jwk-set+json"]}, "body": "{}",
                "isBase64Encoded": false}),
        ),
        (
            35,
            "url",
            &gzip,
            b"\x1f\x8b\x08",
            json!({"statusCode": 200, "headers": {"content-type": "text/html", "content-encoding": "gzip"},
                "body": "H4sI", "isBase64Encoded": true}),
        ),
        (36, "url", &[], b"\xff", json!({"statusCode": 200, "headers": {}, "body": "/w==", "isBase64Encoded": true})),
        (
            43,
            "url",
            &[("transfer-encoding", "chunked"), ("connection", "close"), ("content-length", "1"), ("proxy-x", "1")],
            b"x",
            json!({"statusCode": 200, "headers": {}, "body": "x", "isBase64Encoded": false}),
        ),
    ] {
        assert_eq!(responded(service, &head(200, headers), body), expected, "{number} {service}");
    }
}

#[test]
fn a_response_that_may_have_no_body_has_none() {
    for service in SERVICES {
        let head_request = match service {
            "http-api-2" | "url" => json!({"requestContext": {"http": {"method": "HEAD"}}}),
            "lattice-1" | "lattice-2" => json!({"method": "HEAD"}),
            _ => json!({"httpMethod": "HEAD"}),
        };
        let cases = [
            (9, front(service), 200, true),
            (44, front(service), 204, false),
            (44, front(service), 304, false),
            (44, front(service), 103, false),
            (44, front(service), 205, true),
            (44, received(&event(service, &head_request)).front, 200, false),
        ];
        for (number, front, status, has_body) in cases {
            let json = front.response(&head(status, &[("content-length", "22")]), b"\xff").unwrap();
            let response: Value = serde_json::from_slice(&json).unwrap();
            assert_eq!(response["statusCode"], status, "{number} {service}");
            assert_eq!(response.get("body").is_some(), has_body, "{number} {service} {status}");
            assert_eq!(response["isBase64Encoded"], has_body, "{number} {service} {status}");
            assert!(!String::from_utf8_lossy(&json).contains("content-length"), "{number} {service}");
            assert!(!String::from_utf8_lossy(&json).contains("null"), "{number} {service}");
        }
    }
}

#[test]
fn the_body_of_the_request_does_not_decide_about_that_of_the_response() {
    // 33
    let base64 = event("url", &json!({"body": "AP8=", "isBase64Encoded": true}));
    let response = received(&base64).front.response(&head(200, &[]), b"{}").unwrap();
    assert_eq!(response, r#"{"statusCode":200,"headers":{},"body":"{}","isBase64Encoded":false}"#);
}

#[test]
fn a_prelude_is_json_and_eight_zeros() {
    let headers = [("content-length", "5"), ("x", "1"), ("x", "2"), ("set-cookie", "a=1"), ("set-cookie", "b=2")];
    for (number, service, status, headers, expected) in [
        (45, "url", 200, &headers[..], r#"{"statusCode":200,"headers":{"x":"1, 2"},"cookies":["a=1","b=2"]}"#),
        (
            45,
            "rest",
            200,
            &headers,
            r#"{"statusCode":200,"multiValueHeaders":{"x":["1","2"],"set-cookie":["a=1","b=2"]}}"#,
        ),
        (46, "url", 204, &[], r#"{"statusCode":204,"headers":{}}"#),
        (46, "rest", 404, &[], r#"{"statusCode":404,"multiValueHeaders":{}}"#),
    ] {
        let prelude = front(service).prelude(&head(status, headers)).unwrap();
        assert_eq!(prelude, format!("{expected}\0\0\0\0\0\0\0\0"), "{number} {service}");
    }
}

#[test]
fn a_front_that_does_not_stream_has_no_prelude() {
    for service in SERVICES {
        // 48
        let prelude = front(service).prelude(&head(200, &[]));
        assert_eq!(prelude.is_ok(), ["url", "rest"].contains(&service), "{service}");
    }
}
