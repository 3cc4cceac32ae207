//! What AWS makes of functions' responses, as tables.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Response,
    header::{ACCEPT, CONTENT_TYPE},
};

use super::*;

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
    for front in [Front::Lattice, Front::LatticeV1] {
        assert_eq!(values(&to_get(front, lists), "set-cookie"), ["a=1", "b=2"]);
    }
    let both = r#"{"statusCode":200,"multiValueHeaders":{"a":["1","2"]},"headers":{"a":"3"}}"#;
    assert_eq!(values(&to_get(Front::AlbMultiValue, both), "a"), ["1", "2"]);
    assert_eq!(values(&to_get(Front::Alb, both), "a"), ["3"]);
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
        let headers = [(ACCEPT, HeaderValue::from_static(accept))].into_iter().collect();
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
fn a_response_has_only_so_many_headers() {
    let of = |count: usize| {
        let headers: Vec<String> = (0..count).map(|at| format!("\"x-{at:05}\":\"\"")).collect();
        format!("{{\"statusCode\":200,\"headers\":{{{}}}}}", headers.join(","))
    };
    assert_eq!(to_get(Front::Url, &of(1_000)).headers().len(), 1_001);
    assert!(respond(Front::Url, &Method::GET, &of(40_000)).is_err());
    // Each has seven bytes.
    assert_eq!(to_get(Front::Alb, &of(4_681)).headers().len(), 4_681);
    assert!(respond(Front::Alb, &Method::GET, &of(4_682)).is_err());
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
