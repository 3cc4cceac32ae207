use bytes::Bytes;
use http::HeaderValue;
use serde_json::{Value, json};

use super::{
    BasePath, Gateway,
    headers::HEADERS_LIMIT_BYTES,
    target::URI_LIMIT_BYTES,
    tests::{event, front, head, receive, received, refusal, refused, responded},
};
use crate::{
    failure::{ErrorType, Failure},
    invocation::{Context, PAYLOAD_LIMIT_BYTES},
};

fn too_large(response: Result<Bytes, Failure>) -> String {
    let failure = response.unwrap_err();
    assert_eq!(failure.error_type, ErrorType::ResponseSizeTooLarge);
    assert!(failure.hint.is_some());
    failure.reason().into_owned()
}

#[test]
fn a_response_that_is_too_large_names_the_front_and_its_limit() {
    for (service, limit, named) in [
        ("rest", PAYLOAD_LIMIT_BYTES, "API Gateway"),
        ("http-api-2", PAYLOAD_LIMIT_BYTES, "API Gateway"),
        ("url", PAYLOAD_LIMIT_BYTES, "a Function URL"),
        ("lattice-1", PAYLOAD_LIMIT_BYTES, "VPC Lattice"),
        ("lattice-2", PAYLOAD_LIMIT_BYTES, "VPC Lattice"),
        ("alb", 1024 * 1024, "an Application Load Balancer"),
        ("alb-multi", 1024 * 1024, "an Application Load Balancer"),
    ] {
        let front = front(service);
        assert_eq!(front.body_limit_bytes(), limit);
        // Each body is too large in a way of its own: as it is, with its escapes, in base64.
        for byte in [b'"', b'\0', 0xff].into_iter().filter(|_| ["alb", "rest"].contains(&service)) {
            let refused = too_large(front.response(&head(200, &[]), &vec![byte; limit - 9]));
            assert!(refused.starts_with(&format!("the response is larger than {named} accepts")), "{refused}");
        }
        let refused = too_large(front.response(&head(200, &[]), &vec![b'x'; limit + 1]));
        let json = limit + 1;
        let expected =
            format!("the response is larger than {named} accepts, which is {limit} bytes: {json} bytes as JSON");
        assert_eq!(refused, expected);
    }
}

#[test]
fn a_response_is_as_large_as_the_front_accepts_and_no_larger() {
    for (service, limit) in [("url", PAYLOAD_LIMIT_BYTES), ("alb", 1024 * 1024)] {
        let (front, head) = (front(service), head(200, &[("x", "1")]));
        let rest = front.response(&head, b"").unwrap().len();
        let body = vec![b'x'; limit - rest + 1];
        assert_eq!(front.response(&head, &body[1..]).unwrap().len(), limit, "{service}");
        let refused = too_large(front.response(&head, &body));
        assert!(refused.ends_with(&format!(": {} bytes as JSON", limit + 1)), "{refused}");
    }
}

#[test]
fn a_body_is_base64_where_that_is_shorter_and_the_front_decodes_it() {
    // Each character of the first is six as text and four thirds in base64, of the second two.
    for (body, is_shorter) in [("\u{1}".repeat(30), true), ("\"".repeat(30), true), ("a\"bc".repeat(30), false)] {
        for service in ["http-api-2", "url", "alb", "alb-multi", "lattice-1", "lattice-2"] {
            assert_eq!(
                responded(service, &head(200, &[]), body.as_bytes())["isBase64Encoded"],
                is_shorter,
                "{service}"
            );
        }
        for service in ["rest", "http-api-1"] {
            let response = responded(service, &head(200, &[]), body.as_bytes());
            assert_eq!((&response["body"], &response["isBase64Encoded"]), (&json!(body), &json!(false)), "{service}");
        }
    }
}

#[test]
fn a_prelude_is_as_large_as_lambda_accepts_and_no_larger() {
    for service in ["url", "rest"] {
        let rest = front(service).prelude(&head(200, &[("x", "")])).unwrap().len();
        let value = "v".repeat(16 * 1024 - rest);
        assert_eq!(front(service).prelude(&head(200, &[("x", &value)])).unwrap().len(), 16 * 1024);
        let refused = too_large(front(service).prelude(&head(200, &[("x", &format!("{value}v"))])));
        assert!(refused.ends_with("16385 bytes as JSON, where 16384 are possible"), "{refused}");
    }
}

#[test]
fn the_headers_for_a_load_balancer_have_a_limit_of_their_own() {
    let value = "v".repeat(32 * 1024 - 1);
    for service in ["alb", "alb-multi"] {
        front(service).response(&head(200, &[("x", &value)]), b"").unwrap();
        let refused = too_large(front(service).response(&head(200, &[("xx", &value)]), b""));
        assert!(refused.ends_with("32769 bytes, where 32768 are possible"), "{refused}");
    }
    front("url").response(&head(200, &[("xx", &value)]), b"").unwrap();
}

#[test]
fn as_many_cookies_can_be_set_as_set_cookie_has_spellings() {
    let cookies = |count: usize| vec![("set-cookie", "a=1"); count];
    for service in ["alb", "lattice-1", "lattice-2"] {
        let response = responded(service, &head(200, &cookies(512)), b"");
        assert_eq!(response["headers"].as_object().unwrap().len(), 512, "{service}");
        let failure = front(service).response(&head(200, &cookies(513)), b"").unwrap_err();
        assert_eq!(failure.error_type, ErrorType::InvalidResponse);
        assert_eq!(failure.message, "the response has 513 cookies, and 512 can be sent");
    }
    assert_eq!(responded("url", &head(200, &cookies(513)), b"")["cookies"].as_array().unwrap().len(), 513);
}

#[test]
fn a_value_that_is_not_utf8_is_read_as_iso_8859_1() {
    let mut head = head(200, &[("x", "Jürgen")]);
    head.headers.insert("y", HeaderValue::from_bytes(b"J\xfcrgen").unwrap());
    let response = responded("url", &head, b"");
    assert_eq!(response["headers"], json!({"x": "Jürgen", "y": "Jürgen"}));
}

#[test]
fn an_unknown_status_is_described_for_a_load_balancer() {
    for (status, description) in [(200, "200 OK"), (404, "404 Not Found"), (299, "299 Unknown")] {
        assert_eq!(responded("alb", &head(status, &[]), b"")["statusDescription"], description);
    }
}

#[test]
fn a_url_is_as_long_as_the_guest_can_receive_and_no_longer() {
    let rest = "https://api.example.com/".len();
    for (service, path) in [("rest", "path"), ("alb", "path"), ("url", "rawPath"), ("lattice-2", "path")] {
        let long = |length: usize| event(service, &json!({ path: format!("/{}", "x".repeat(length - rest)) }));
        let uri = received(&long(URI_LIMIT_BYTES)).request.uri().to_string();
        assert_eq!(uri.len(), URI_LIMIT_BYTES, "{service}");
        let message = refused(&long(URI_LIMIT_BYTES + 1));
        assert_eq!(message, "the request's URL has more than 65534 bytes", "{service}");
    }
    for (service, changes) in [
        ("rest", json!({"path": "ü".repeat(20_000)})),
        ("rest", json!({"queryStringParameters": {"a": "b".repeat(70_000)}})),
        ("alb", json!({"queryStringParameters": {"ü".repeat(20_000): ""}})),
        ("url", json!({"rawQueryString": "b".repeat(70_000)})),
        ("http-api-2", json!({"rawPath": "%".repeat(30_000)})),
        ("lattice-1", json!({"raw_path": "/?".repeat(40_000)})),
        ("lattice-1", json!({"query_string_parameters": {"a": vec!["b"; 16_000], "b": "b".repeat(20_000)}})),
    ] {
        assert_eq!(refused(&event(service, &changes)), "the request's URL has more than 65534 bytes", "{service}");
    }
}

#[test]
fn headers_are_as_large_as_the_limit_and_no_larger() {
    let with = |length: usize| event("alb", &json!({"headers": {"host": "h", "x": "v".repeat(length)}}));
    let size = |event: &Value| -> usize {
        received(event).request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
    };
    assert!(size(&with(100_000)) > 100_000);
    let longest = HEADERS_LIMIT_BYTES - size(&with(0));
    assert_eq!(size(&with(longest)), HEADERS_LIMIT_BYTES);
    assert_eq!(refused(&with(longest + 1)), "the request's headers are larger than 131072 bytes");
    let context = json!({"elb": {}, "x": "ü".repeat(30_000)});
    assert_eq!(
        refused(&event("alb", &json!({"requestContext": context}))),
        "the request's headers are larger than 131072 bytes"
    );
}

#[test]
fn the_values_of_an_event_are_counted() {
    let headers = |count: usize| json!({"headers": {"x": vec![""; count]}});
    received(&event("lattice-2", &headers(16 * 1024)));
    let message = refused(&event("lattice-2", &headers(16 * 1024 + 1)));
    assert_eq!(message, "`headers` of the event can't be used: `x`: more than 16384 values");
    let many: serde_json::Map<_, _> = (0..16 * 1024 + 1).map(|number| (number.to_string(), json!("v"))).collect();
    let message = refused(&event("alb", &json!({ "headers": many })));
    assert_eq!(message, "`headers` of the event can't be used: more than 16384 values");
    received(&event("url", &json!({"cookies": vec!["a"; 16 * 1024]})));
    let message = refused(&event("url", &json!({"cookies": vec!["a"; 16 * 1024 + 1]})));
    assert_eq!(message, "`cookies` of the event can't be used: more than 16384 values");
}

#[test]
fn a_base_path_is_made_of_whole_segments() {
    for path in ["/v1", "/a/b", "/a%20b/c.d_e-f~g", "/@x", "/..."] {
        assert!(BasePath::parse(path).is_ok(), "{path}");
    }
    for (path, reason) in [
        ("", "begins with no `/`"),
        ("v1", "begins with no `/`"),
        ("/", "has no segment"),
        ("/v1/", "has an empty segment, or ends in `/`"),
        ("//v1", "has an empty segment, or ends in `/`"),
        ("/a/../b", "has the segment `..`"),
        ("/.", "has the segment `.`"),
        ("/a?b", "has `?`, which no path of a URL has"),
        ("/a b", "has ` `, which no path of a URL has"),
        ("/ü", "has `\\u{fc}`, which no path of a URL has"),
        ("/a\n", "has `\\n`, which no path of a URL has"),
    ] {
        assert_eq!(BasePath::parse(path).unwrap_err(), reason, "{path:?}");
    }
}

#[test]
fn a_context_that_can_not_be_a_header_fails_the_request() {
    let context = Context { tenant_id: Some("a\nb".into()), ..Context::default() };
    let received = Gateway::default().request(&event("url", &json!({})).to_string().into(), &context);
    assert_eq!(refusal(received), "what belongs into the header `x-amz-tenant-id` has control characters");
    assert!(receive(&event("url", &json!({}))).is_ok());
}
