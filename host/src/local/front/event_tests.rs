//! What was recorded of the events of AWS, as tables.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::{Duration, UNIX_EPOCH},
};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

use super::*;

/// A request as a test has it.
#[derive(Clone, Copy)]
struct Given<'a> {
    method: &'a Method,
    path: &'a str,
    query: Option<&'a str>,
    headers: &'a [(&'a str, &'a str)],
    body: &'a [u8],
}

const GET: Given<'_> = Given { method: &Method::GET, path: "/", query: None, headers: &[], body: &[] };

impl Given<'_> {
    fn event_at(self, site: &Site) -> Result<Value, Refused> {
        let headers = headers(self.headers);
        site.event(&Arrived {
            function: "hello",
            method: self.method,
            path: self.path,
            query: self.query,
            headers: &headers,
            body: self.body,
            client: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 9000,
            request_id: "id-1",
            trace_id: "Root=1-2",
            at: UNIX_EPOCH + Duration::from_millis(1_584_039_838_390),
        })
    }

    fn event(self, front: Front) -> Value {
        self.event_at(&Site::new(front)).unwrap()
    }
}

fn headers(given: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.append("host", HeaderValue::from_static("127.0.0.1:9000"));
    for (name, value) in given {
        headers.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn site(front: Front, stage: Option<&str>, base_path: Option<&str>) -> Site {
    Site { stage: stage.map(str::to_owned), base_path: base_path.map(str::to_owned), ..Site::new(front) }
}

#[test]
fn a_function_urls_event_is_complete() {
    let request = Given {
        method: &Method::POST,
        path: "/a%2Fb",
        query: Some("x=1&x=%202&y"),
        headers: &[("User-Agent", "curl/8"), ("X-Two", "a"), ("X-Two", "b"), ("Content-Type", "application/json")],
        body: b"{}",
    };
    let event = request.event(Front::Url);
    let id = event["requestContext"]["apiId"].as_str().unwrap().to_owned();
    assert_eq!(id.len(), 32);
    let expected = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/a%2Fb",
        "rawQueryString": "x=1&x=%202&y",
        "queryStringParameters": {"x": "1, 2", "y": ""},
        "headers": {
            "content-length": "2",
            "content-type": "application/json",
            "host": "127.0.0.1:9000",
            "user-agent": "curl/8",
            "x-amzn-trace-id": "Root=1-2",
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-port": "9000",
            "x-forwarded-proto": "http",
            "x-two": "a,b",
        },
        "requestContext": {
            "accountId": "anonymous",
            "apiId": id,
            "domainName": format!("{id}.lambda-url.us-east-1.on.aws"),
            "domainPrefix": id,
            "http": {
                "method": "POST",
                "path": "/a/b",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "curl/8",
            },
            "requestId": "id-1",
            "routeKey": "$default",
            "stage": "$default",
            "time": "12/Mar/2020:19:03:58 +0000",
            "timeEpoch": 1_584_039_838_390_u64,
        },
        "body": "{}",
        "isBase64Encoded": false,
    });
    assert_eq!(event, expected);
}

#[test]
fn each_front_has_its_path() {
    let fields = |front| match front {
        Front::Url | Front::V2 => "rawPath",
        Front::V1 | Front::Alb | Front::AlbMultiValue | Front::Lattice => "path",
        Front::LatticeV1 => "raw_path",
    };
    for (site, path, query, expected) in [
        (Site::new(Front::Url), "/pa2%Fth/1%2F2", None, "/pa2%Fth/1%2F2"),
        (Site::new(Front::Url), "/a/../b//c/", None, "/a/../b//c/"),
        (Site::new(Front::V2), "/RSC/%40id%2Fx%23s", None, "/RSC/@id/x#s"),
        (Site::new(Front::V2), "/my%20path/%C3%BC%3F", None, "/my path/ü?"),
        (site(Front::V2, Some("dev"), None), "/test", None, "/dev/test"),
        (site(Front::V2, Some("$default"), None), "/test", None, "/test"),
        (site(Front::V2, Some("dev"), Some("shop")), "/test", None, "/shop/test"),
        (Site::new(Front::V1), "/u/test%2Balias@gmail.com", None, "/u/test%2Balias@gmail.com"),
        (Site::new(Front::V1), "//proxy-value", None, "/proxy-value"),
        (Site::new(Front::V1), "/a//b/", None, "/a//b/"),
        (site(Front::V1, Some("dev"), None), "/x", None, "/x"),
        (site(Front::V1, Some("dev"), Some("shop")), "/x", None, "/shop/x"),
        (Site::new(Front::Alb), "/a%2Fb", Some("x=1"), "/a%2Fb"),
        (Site::new(Front::Lattice), "/p", Some("a=1&a=2"), "/p?a=1&a=2"),
        (Site::new(Front::Lattice), "/p", None, "/p"),
        (Site::new(Front::AlbMultiValue), "/a%2Fb", Some("x=1"), "/a%2Fb"),
        (Site::new(Front::LatticeV1), "/p", Some("a=1&a=2"), "/p?a=1&a=2"),
    ] {
        let event = Given { path, query, ..GET }.event_at(&site).unwrap();
        assert_eq!(event[fields(site.front)], expected, "{site:?} {path}");
    }
}

#[test]
fn a_rest_api_names_its_stage_resource_and_parameter_beside_the_path() {
    for (site, path, context_path, resource, parameters) in [
        (Site::new(Front::V1), "/", "/prod/", "/", Value::Null),
        (Site::new(Front::V1), "/p/", "/prod/p/", "/{proxy+}", json!({"proxy": "p"})),
        (Site::new(Front::V1), "//p", "/prod//p", "/{proxy+}", json!({"proxy": "p"})),
        (site(Front::V1, Some("dev"), None), "/a/b", "/dev/a/b", "/{proxy+}", json!({"proxy": "a/b"})),
        (site(Front::V1, Some("dev"), Some("shop")), "/a", "/shop/a", "/{proxy+}", json!({"proxy": "a"})),
    ] {
        let event = Given { path, ..GET }.event_at(&site).unwrap();
        assert_eq!(event["requestContext"]["path"], context_path);
        assert_eq!(
            (&event["resource"], &event["requestContext"]["resourcePath"]),
            (&json!(resource), &json!(resource))
        );
        assert_eq!(event["pathParameters"], parameters);
        assert_eq!(event["requestContext"]["stage"], site.stage.as_deref().unwrap_or("prod"));
    }
}

#[test]
fn each_front_has_its_query() {
    let request = Given { query: Some("q=%3FshowAll%3Dtrue&n=a+b&q=100%&e"), ..GET };
    let decoded = json!({"q": "?showAll=true,100%", "n": "a b", "e": ""});
    for front in [Front::Url, Front::V2] {
        let event = request.event(front);
        assert_eq!(event["rawQueryString"], "q=%3FshowAll%3Dtrue&n=a+b&q=100%&e");
        assert_eq!(event["queryStringParameters"], decoded);
        assert_eq!(GET.event(front)["rawQueryString"], "");
        assert_eq!(GET.event(front).get("queryStringParameters"), None);
    }
    let event = request.event(Front::V1);
    assert_eq!(event["queryStringParameters"], json!({"q": "100%", "n": "a b", "e": ""}));
    assert_eq!(
        event["multiValueQueryStringParameters"],
        json!({"q": ["?showAll=true", "100%"], "n": ["a b"], "e": [""]})
    );
    assert_eq!(GET.event(Front::V1)["queryStringParameters"], Value::Null);
    assert_eq!(Given { query: Some("a=1;b=2"), ..GET }.event(Front::V1)["queryStringParameters"]["b"], "2");
    let refused = Given { query: Some("a=1|2"), ..GET }.event_at(&Site::new(Front::V1));
    assert_eq!(refused.unwrap_err().status, StatusCode::BAD_REQUEST);

    let raw = json!({"q": "100%", "n": "a+b", "e": ""});
    assert_eq!(request.event(Front::Alb)["queryStringParameters"], raw);
    assert_eq!(GET.event(Front::Alb)["queryStringParameters"], json!({}));
    let lists = json!({"q": ["%3FshowAll%3Dtrue", "100%"], "n": ["a+b"], "e": [""]});
    assert_eq!(request.event(Front::Lattice)["queryStringParameters"], lists);
    assert_eq!(request.event(Front::AlbMultiValue)["multiValueQueryStringParameters"], lists);
    assert_eq!(request.event(Front::AlbMultiValue).get("queryStringParameters"), None);
    let joined = json!({"q": "%3FshowAll%3Dtrue,100%", "n": "a+b", "e": ""});
    assert_eq!(request.event(Front::LatticeV1)["query_string_parameters"], joined);
}

#[test]
fn cookies_are_in_a_list_and_function_urls_have_the_header_too() {
    let request = Given { headers: &[("cookie", "a=1; b=2"), ("cookie", "c=3")], ..GET };
    let all = json!(["a=1", "b=2", "c=3"]);
    let (url, v2) = (request.event(Front::Url), request.event(Front::V2));
    assert_eq!((&url["cookies"], &v2["cookies"]), (&all, &all));
    assert_eq!((&url["headers"]["cookie"], &v2["headers"]["cookie"]), (&json!("a=1; b=2; c=3"), &Value::Null));
    assert_eq!(GET.event(Front::Url).get("cookies"), None);
    assert_eq!(request.event(Front::V1)["multiValueHeaders"]["Cookie"], json!(["a=1; b=2", "c=3"]));
    assert_eq!(request.event(Front::Alb)["headers"]["cookie"], "c=3");
    assert_eq!(request.event(Front::Lattice)["headers"]["cookie"], json!(["a=1; b=2", "c=3"]));
    assert_eq!(request.event(Front::AlbMultiValue)["multiValueHeaders"]["cookie"], json!(["a=1; b=2", "c=3"]));
    assert_eq!(request.event(Front::AlbMultiValue).get("headers"), None);
}

#[test]
fn headers_for_the_next_hop_stay_behind_and_those_of_proxies_are_added() {
    let hops = [
        ("connection", "keep-alive, X-Private"),
        ("x-private", "1"),
        ("keep-alive", "timeout=5"),
        ("te", "trailers"),
        ("transfer-encoding", "chunked"),
        ("expect", "100-continue"),
        ("upgrade", "h2c"),
        ("proxy-authorization", "x"),
    ];
    let ends = [("x-forwarded-for", "203.0.113.7"), ("x-forwarded-proto", "https"), ("accept", "*/*")];
    let given: Vec<(&str, &str)> = hops.into_iter().chain(ends).collect();
    for (front, name) in [
        (Front::Url, "x-forwarded-for"),
        (Front::V2, "x-forwarded-for"),
        (Front::V1, "X-Forwarded-For"),
        (Front::Alb, "x-forwarded-for"),
        (Front::Lattice, "x-forwarded-for"),
    ] {
        let event = Given { headers: &given, body: b"x", ..GET }.event(front);
        let names: Vec<String> =
            event["headers"].as_object().unwrap().keys().map(|name| name.to_ascii_lowercase()).collect();
        let mut expected =
            vec!["accept", "host", "x-amzn-trace-id", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto"];
        if front != Front::V1 {
            expected.insert(1, "content-length");
        }
        let mut sorted = names.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, expected, "{front:?}");
        let value = &event["headers"][name];
        assert_eq!(value.as_str().or(value[0].as_str()), Some("203.0.113.7, 127.0.0.1"), "{front:?}");
    }
}

#[test]
fn a_rest_api_keeps_the_case_of_names_and_drops_a_signature() {
    let given = [("authorization", "AWS4-HMAC-SHA256 x"), ("sec-fetch-mode", "cors"), ("content-type", "text/a")];
    let event = Given { headers: &given, ..GET }.event(Front::V1);
    assert_eq!(event["headers"].get("Authorization"), None);
    assert_eq!(
        (&event["headers"]["sec-fetch-mode"], &event["headers"]["Content-Type"]),
        (&json!("cors"), &json!("text/a"))
    );
    let event = Given { headers: &[("authorization", "Bearer x")], ..GET }.event(Front::V1);
    assert_eq!(event["headers"]["Authorization"], "Bearer x");
}

#[test]
fn each_front_passes_bodies_on_as_text_or_in_base64() {
    const BINARY: &[u8] = &[0x00, 0xff, 0x80, 0x0a];
    let body = |front, headers: &[(&str, &str)], body: &[u8]| {
        let event = Given { headers, body, ..GET }.event(front);
        (event["body"].as_str().map(str::to_owned), event["isBase64Encoded"].as_bool().unwrap())
    };
    let (text, base64) = ((Some("a=1".to_owned()), false), (Some("YT0x".to_owned()), true));
    for front in [Front::Url, Front::V2, Front::Alb, Front::Lattice] {
        for media_type in ["text/plain", "TEXT/html; charset=utf-8", "application/json", "application/xml"] {
            assert_eq!(body(front, &[("content-type", media_type)], b"a=1"), text, "{front:?} {media_type}");
        }
        for media_type in ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "image/png", ""] {
            assert_eq!(body(front, &[("content-type", media_type)], b"a=1"), base64, "{front:?} {media_type}");
        }
        assert_eq!(body(front, &[], b"a=1"), base64, "{front:?}");
        assert_eq!(body(front, &[("content-type", "text/plain")], BINARY), (Some("AP+ACg==".to_owned()), true));
    }
    let compressed = [("content-type", "text/plain"), ("content-encoding", "identity")];
    assert_eq!(body(Front::Alb, &compressed, b"a=1"), base64);
    assert_eq!(body(Front::Url, &compressed, b"a=1"), text);

    assert_eq!(body(Front::V1, &[], b"a=1"), text);
    assert_eq!(body(Front::V1, &[], BINARY), (Some("\0\u{fffd}\u{fffd}\n".to_owned()), false));
    for (binary, is_base64) in [("*/*", true), ("image/png", true), ("image/*", false)] {
        let site = Site { binary_media_types: vec![binary.to_owned()], ..Site::new(Front::V1) };
        let event = Given { headers: &[("content-type", "image/png")], body: b"a=1", ..GET }.event_at(&site).unwrap();
        assert_eq!(event["isBase64Encoded"], is_base64, "{binary}");
    }

    for (front, none) in [(Front::V1, json!(null)), (Front::Alb, json!("")), (Front::Lattice, json!(null))] {
        assert_eq!(GET.event(front)["body"], none);
    }
    assert_eq!((GET.event(Front::Url).get("body"), GET.event(Front::V2).get("body")), (None, None));
}

#[test]
fn only_so_much_is_passed_on_without_the_body() {
    for (front, at_most, status) in [
        (Front::V1, 10_240, 431),
        (Front::V2, 10_240, 431),
        (Front::Alb, 16_384, 414),
        (Front::Url, 65_536, 431),
        (Front::Lattice, 65_536, 431),
    ] {
        // The method and the header `host`, and for all but a load balancer's line, count, too.
        let others = if front == Front::Alb { 3 } else { "GEThost127.0.0.1:9000".len() };
        let path = "/".repeat(at_most - others);
        assert!(Given { path: &path, ..GET }.event_at(&Site::new(front)).is_ok(), "{front:?}");
        let path = format!("{path}/");
        let refused = Given { path: &path, ..GET }.event_at(&Site::new(front)).unwrap_err();
        assert_eq!(refused.status, status, "{front:?}");
        assert!(refused.message.contains(&at_most.to_string()), "{}", refused.message);
    }
    let value = "x".repeat(16 * 1024 - 1);
    let given = |name| [(name, value.as_str())];
    assert!(Given { headers: &given("a"), ..GET }.event_at(&Site::new(Front::Alb)).is_ok());
    let refused = Given { headers: &given("ab"), ..GET }.event_at(&Site::new(Front::Alb)).unwrap_err();
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
}
