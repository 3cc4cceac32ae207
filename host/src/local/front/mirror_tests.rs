//! What a front of the local Lambda makes of a request arrives at a guest as it was sent, and the guest's response at
//! the client.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::SystemTime,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response};

use super::*;
use crate::{
    gateway::{Gateway, Received},
    invocation::Context,
};

const FRONTS: [Front; 7] =
    [Front::Url, Front::V1, Front::V2, Front::Alb, Front::AlbMultiValue, Front::Lattice, Front::LatticeV1];

fn headers(given: &[(&str, &str)]) -> HeaderMap {
    given.iter().map(|(n, v)| (HeaderName::try_from(*n).unwrap(), HeaderValue::from_str(v).unwrap())).collect()
}

fn received(
    site: &Site,
    method: &Method,
    path: &str,
    query: Option<&str>,
    headers: &HeaderMap,
    body: &[u8],
) -> Received {
    let event = site
        .event(&Arrived {
            function: "hello",
            method,
            path,
            query,
            headers,
            body,
            client: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 9000,
            request_id: "id",
            trace_id: "Root=1-2",
            at: SystemTime::now(),
        })
        .unwrap();
    Gateway::default()
        .request(&Bytes::from(event.to_string()), &Context::default())
        .unwrap_or_else(|e| panic!("{site:?} {e}"))
}

#[test]
fn requests_arrive_as_they_were_sent() {
    let given = headers(&[
        ("host", "127.0.0.1:9000"),
        ("cookie", "a=1; b=2"),
        ("x-a", "ü"),
        ("accept", "*/*"),
        ("content-type", "text/plain"),
    ]);
    for front in FRONTS {
        for (path, query, expected) in [
            ("/", None, "/"),
            ("/a/b/", Some("x=1&y=%20"), "/a/b/?x=1&y=%20"),
            ("/a//b", Some("q=%3Fx%3Dtrue"), "/a//b?q=%3Fx%3Dtrue"),
            ("/%C3%BC%20x", None, "/%C3%BC%20x"),
        ] {
            for body in [&b""[..], b"hello", b"h\xc3\xa9"] {
                for method in [Method::GET, Method::POST, Method::HEAD, Method::OPTIONS] {
                    let got = received(&Site::new(front), &method, path, query, &given, body).request;
                    let label = format!("{front:?} {path} {query:?}");
                    assert_eq!(got.uri().path_and_query().unwrap().as_str(), expected, "{label}");
                    assert_eq!(got.method(), &method);
                    assert_eq!(got.body().as_ref(), body, "{label}");
                    assert_eq!(got.uri().authority().unwrap().as_str(), "127.0.0.1:9000", "{label}");
                    assert_eq!(got.uri().scheme_str(), Some("http"), "{label}");
                    assert_eq!(got.headers().get_all("cookie").iter().collect::<Vec<_>>(), ["a=1; b=2"], "{label}");
                    assert_eq!(got.headers()["x-a"].as_bytes(), "ü".as_bytes(), "{label}");
                    assert_eq!(got.headers()["x-forwarded-for"], "127.0.0.1", "{label}");
                }
            }
        }
    }
    for (front, stage) in [(Front::V1, "dev"), (Front::V2, "dev")] {
        let site = Site { stage: Some(stage.to_owned()), ..Site::new(front) };
        let got = received(&site, &Method::GET, "/x", None, &given, b"");
        assert_eq!(got.request.uri().path(), "/x", "{front:?}");
    }
}

#[test]
fn binary_bodies_arrive() {
    let given = headers(&[("host", "127.0.0.1:9000"), ("content-type", "image/png"), ("accept", "image/png")]);
    for front in FRONTS {
        let site = Site {
            binary_media_types: if front == Front::V1 { vec!["*/*".into()] } else { vec![] },
            ..Site::new(front)
        };
        let bytes: Vec<u8> = (0..=255).collect();
        let got = received(&site, &Method::POST, "/", None, &given, &bytes);
        assert_eq!(got.request.body().as_ref(), bytes, "{front:?}");
        let mut response = Response::new(());
        *response.status_mut() = 418.try_into().unwrap();
        for (n, v) in [
            ("set-cookie", "a=1; Expires=Wed, 21 Oct 2015 07:28:00 GMT"),
            ("set-cookie", "b=2"),
            ("x-a", "b"),
            ("content-type", "image/png"),
            ("content-length", "9"),
            ("connection", "close"),
        ] {
            response.headers_mut().append(n, v.parse().unwrap());
        }
        let (parts, ()) = response.into_parts();
        for body in [&bytes[..], b"text", b""] {
            let json = got.front.response(&parts, body).unwrap();
            let back = buffered(&site, &Method::POST, &given, json.clone())
                .unwrap_or_else(|e| panic!("{front:?} {e} {json:?}"));
            assert_eq!(back.status(), 418);
            assert_eq!(back.body().as_ref(), body, "{front:?}");
            let mut cookies: Vec<_> = back.headers().get_all("set-cookie").iter().collect();
            cookies.sort();
            assert_eq!(cookies, ["a=1; Expires=Wed, 21 Oct 2015 07:28:00 GMT", "b=2"], "{front:?} {json:?}");
            assert_eq!(back.headers()["x-a"], "b");
            assert_eq!(back.headers()["content-type"], "image/png");
        }
        assert_eq!(got.front.can_stream(), front.streams());
        if front.streams() {
            let prelude = got.front.prelude(&parts).unwrap();
            let Prelude::Complete(back, 0) = super::prelude(front, &prelude).unwrap() else { panic!("it is complete") };
            assert_eq!(back.headers().get_all("set-cookie").iter().count(), 2, "{front:?}");
            assert_eq!((back.status().as_u16(), &back.headers()["x-a"]), (418, &HeaderValue::from_static("b")));
        }
    }
}
