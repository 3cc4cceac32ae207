//! What was recorded of AWS, as tables.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::{Duration, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header::CONTENT_TYPE};
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
        Front::V1 | Front::Alb | Front::Lattice => "path",
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

fn respond(front: Front, method: &Method, response: &str) -> Result<Response<Bytes>, Malformed> {
    buffered(&Site::new(front), method, &HeaderMap::new(), Bytes::copy_from_slice(response.as_bytes()))
}

fn to_get(front: Front, response: &str) -> Response<Bytes> {
    respond(front, &Method::GET, response).unwrap_or_else(|error| panic!("{front:?} {response}: {error}"))
}

fn values<'a, B>(response: &'a Response<B>, name: &str) -> Vec<&'a str> {
    response.headers().get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
}

const ALL: [Front; 5] = [Front::Url, Front::V1, Front::V2, Front::Alb, Front::Lattice];

#[test]
fn a_response_with_a_status_is_interpreted() {
    for front in ALL {
        let response =
            to_get(front, r#"{"statusCode":201,"headers":{"X-A":"b","content-type":"text/html"},"body":"<p>"}"#);
        assert_eq!((response.status().as_u16(), &response.body()[..]), (201, &b"<p>"[..]), "{front:?}");
        assert_eq!((values(&response, "x-a"), values(&response, "content-type")), (vec!["b"], vec!["text/html"]));
        assert_eq!(to_get(front, r#"{"statusCode":"204","body":""}"#).status(), 204);
        for wrong in [
            r#"{"statusCode":99}"#,
            r#"{"statusCode":101}"#,
            r#"{"statusCode":600}"#,
            r#"{"statusCode":"x"}"#,
            r#"{"statusCode":[]}"#,
            r#"{"statusCode":200,"headers":[]}"#,
            r#"{"statusCode":200,"headers":{"a":{}}}"#,
            r#"{"statusCode":200,"headers":{"a b":"c"}}"#,
            r#"{"statusCode":200,"headers":{"a":"b\nc"}}"#,
            r#"{"statusCode":200,"body":{}}"#,
            r#"{"statusCode":200,"isBase64Encoded":"yes"}"#,
        ] {
            assert!(respond(front, &Method::GET, wrong).is_err(), "{front:?} {wrong}");
        }
    }
}

#[test]
fn a_response_without_a_status_is_the_body_where_the_front_says_so() {
    for text in [r#"{"message":"hi"}"#, "\"hi\"", "[1]", "null"] {
        for front in [Front::Url, Front::V2] {
            let response = to_get(front, text);
            assert_eq!((response.status().as_u16(), response.body().as_ref()), (200, text.as_bytes()));
            assert_eq!(values(&response, "content-type"), ["application/json"]);
        }
        for front in [Front::V1, Front::Alb, Front::Lattice] {
            assert!(respond(front, &Method::GET, text).is_err(), "{front:?} {text}");
        }
    }
    assert_eq!(to_get(Front::Url, "plain").body().as_ref(), b"plain");
    assert!(respond(Front::V2, &Method::GET, "plain").is_err());
    let response = to_get(Front::V1, r#"{"headers":{"a":"b"}}"#);
    assert_eq!((response.status().as_u16(), values(&response, "a")), (200, vec!["b"]));
}

#[test]
fn each_front_knows_its_keys() {
    let cookies = r#"{"statusCode":200,"cookies":["a=1; Expires=Wed, 21 Oct 2015 07:28:00 GMT","b=2"]}"#;
    for front in [Front::Url, Front::V2] {
        let response = to_get(front, cookies);
        assert_eq!(values(&response, "set-cookie"), ["a=1; Expires=Wed, 21 Oct 2015 07:28:00 GMT", "b=2"]);
        let multi = to_get(front, r#"{"statusCode":200,"multiValueHeaders":{"a":["b"]}}"#);
        assert_eq!(values(&multi, "a"), [""; 0]);
    }
    assert!(respond(Front::V1, &Method::GET, cookies).is_err());
    let both = r#"{"multiValueHeaders":{"a":["1","2"]},"headers":{"a":"3"}}"#;
    assert_eq!(values(&to_get(Front::V1, both), "a"), ["1", "2", "3"]);
    assert!(respond(Front::V1, &Method::GET, r#"{"multiValueHeaders":{"a":"1"}}"#).is_err());
    assert!(respond(Front::V1, &Method::GET, r#"{"statusDescription":"200 OK"}"#).is_err());
    assert_eq!(to_get(Front::V1, r#"{"headers":null,"body":null}"#).status(), 200);
    assert_eq!(values(&to_get(Front::V1, r#"{"headers":{"a":true}}"#), "a"), ["true"]);

    let described = to_get(Front::Alb, r#"{"statusCode":200,"statusDescription":"200 OK","body":""}"#);
    assert_eq!((described.status().as_u16(), values(&described, "content-type")), (200, vec![]));
    let casings = r#"{"statusCode":200,"headers":{"set-cookie":"a=1","Set-cookie":"b=2"}}"#;
    let mut cookies =
        values(&to_get(Front::Alb, casings), "set-cookie").iter().map(ToString::to_string).collect::<Vec<_>>();
    cookies.sort_unstable();
    assert_eq!(cookies, ["a=1", "b=2"]);
    for wrong in [
        r#"{"statusCode":200,"headers":null}"#,
        r#"{"statusCode":200,"body":null}"#,
        r#"{"statusCode":200,"headers":{"a":1}}"#,
    ] {
        assert!(respond(Front::Alb, &Method::GET, wrong).is_err(), "{wrong}");
    }
    let lists = r#"{"statusCode":200,"headers":{"set-cookie":["a=1","b=2"]}}"#;
    assert_eq!(values(&to_get(Front::Lattice, lists), "set-cookie"), ["a=1", "b=2"]);
    assert!(respond(Front::Url, &Method::GET, lists).is_err());
}

#[test]
fn base64_is_decoded_except_by_a_rest_api_that_knows_no_such_type() {
    let response = r#"{"statusCode":200,"body":"AP+ACg==","isBase64Encoded":true}"#;
    for front in [Front::Url, Front::V2, Front::Alb, Front::Lattice] {
        assert_eq!(to_get(front, response).body().as_ref(), [0x00, 0xff, 0x80, 0x0a]);
        assert!(respond(front, &Method::GET, r#"{"statusCode":200,"body":"?","isBase64Encoded":true}"#).is_err());
    }
    assert_eq!(to_get(Front::V1, response).body().as_ref(), b"AP+ACg==");
    let site = Site { binary_media_types: vec!["image/png".to_owned()], ..Site::new(Front::V1) };
    for (accept, decoded) in [("image/png, */*", true), ("*/*, image/png", false)] {
        let headers = headers(&[("accept", accept)]);
        let response = buffered(&site, &Method::GET, &headers, Bytes::from_static(response.as_bytes())).unwrap();
        assert_eq!(response.body().len() == 4, decoded, "{accept}");
    }
}

#[test]
fn headers_that_a_front_sets_itself_are_dropped_or_renamed() {
    let response = r#"{"statusCode":200,"headers":{"Content-Length":"5","Connection":"close","Transfer-Encoding":"chunked",
        "Keep-Alive":"timeout=5","Upgrade":"x","Proxy-Authenticate":"x","Server":"s","WWW-Authenticate":"Basic"}}"#;
    let names = |front| {
        let mut names: Vec<String> = to_get(front, response).headers().keys().map(ToString::to_string).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(names(Front::Url), ["content-type", "server", "www-authenticate", "x-amzn-remapped-content-length"]);
    assert_eq!(names(Front::V2), names(Front::Url));
    assert_eq!(
        names(Front::V1),
        [
            "content-type",
            "x-amzn-remapped-connection",
            "x-amzn-remapped-content-length",
            "x-amzn-remapped-server",
            "x-amzn-remapped-www-authenticate",
        ]
    );
    assert_eq!(names(Front::Alb), ["server", "www-authenticate"]);
}

#[test]
fn head_204_and_304_have_no_body() {
    let response = r#"{"statusCode":200,"body":"hello"}"#;
    assert!(respond(Front::Url, &Method::HEAD, response).unwrap().body().is_empty());
    assert!(respond(Front::Url, &Method::HEAD, "\"hello\"").unwrap().body().is_empty());
    assert_eq!(to_get(Front::Url, response).body().len(), 5);
    for status in [204, 304] {
        let response = format!(r#"{{"statusCode":{status},"body":"hello"}}"#);
        assert!(to_get(Front::Url, &response).body().is_empty());
    }
}

#[test]
fn a_load_balancer_takes_one_mebibyte() {
    let around = r#"{"statusCode":200,"body":""}"#;
    let of = |size: usize| around.replace("\"\"}", &format!("\"{}\"}}", "x".repeat(size - around.len())));
    assert_eq!(to_get(Front::Alb, &of(1024 * 1024)).status(), 200);
    assert!(respond(Front::Alb, &Method::GET, &of(1024 * 1024 + 1)).is_err());
    assert_eq!(to_get(Front::Url, &of(1024 * 1024 + 1)).status(), 200);
}

#[test]
fn a_streamed_response_begins_with_status_and_headers_up_to_eight_zero_bytes() {
    let begin = br#"{"statusCode":201,"headers":{"a":"b","content-length":"3"},"cookies":["c=1","d=2"]}"#;
    let whole = [&begin[..], &[0; 8], b"body"].concat();
    for cut in 0..begin.len() + 8 {
        assert!(matches!(prelude(Front::Url, &whole[..cut]).unwrap(), Prelude::Incomplete), "{cut}");
    }
    for rest in 0..=4 {
        let Prelude::Complete(response, length) = prelude(Front::Url, &whole[..begin.len() + 8 + rest]).unwrap() else {
            panic!("it is complete");
        };
        assert_eq!((response.status().as_u16(), length), (201, rest));
        assert_eq!((values(&response, "a"), values(&response, "set-cookie")), (vec!["b"], vec!["c=1", "d=2"]));
        assert_eq!(response.headers().get("content-length"), None);
    }
    let multi = [&br#"{"multiValueHeaders":{"a":["1","2"]},"cookies":["c=1"]}"#[..], &[0; 8]].concat();
    let Prelude::Complete(response, 0) = prelude(Front::V1, &multi).unwrap() else { panic!("it is complete") };
    assert_eq!((response.status().as_u16(), values(&response, "a")), (200, vec!["1", "2"]));
    assert!(prelude(Front::Url, &[&b"no JSON"[..], &[0; 8]].concat()).is_err());
    assert!(prelude(Front::Url, &[&b"{}"[..], &[0; 7], b"x", &[0; 8]].concat()).is_err());
}

#[test]
fn a_prelude_has_at_most_16_kib() {
    let of = |size: usize| {
        let around = r#"{"headers":{"a":""}}"#;
        let text = around.replace("\"\"", &format!("\"{}\"", "x".repeat(size - 8 - around.len())));
        [text.as_bytes(), &[0; 8], b"body"].concat()
    };
    assert!(matches!(prelude(Front::Url, &of(16 * 1024)), Ok(Prelude::Complete(_, 4))));
    assert!(prelude(Front::Url, &of(16 * 1024 + 1)).is_err());
}

#[test]
fn other_streamed_media_types_are_the_body_behind_a_function_url_only() {
    let typed = |content_type| raw_stream(Front::Url, content_type).unwrap().headers()[CONTENT_TYPE].clone();
    assert_eq!(
        (typed(Some("text/event-stream")), typed(None)),
        ("text/event-stream".parse().unwrap(), "application/octet-stream".parse().unwrap())
    );
    assert!(raw_stream(Front::V1, Some("text/plain")).is_err());
    assert!(is_prelude_type("application/vnd.awslambda.http-integration-response"));
    assert!(!is_prelude_type("application/json"));
}
