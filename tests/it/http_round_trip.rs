//! A property: whatever is sent to a front arrives at the guest, and what the guest responds arrives at the client,
//! through the host itself. `GUESTHOUSE_TEST_SEED` repeats a run.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::SystemTime,
};

use bytes::Bytes;
use guesthouse::local::front::{self, Arrived, Front, Site};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::support::{Host, guests};

const FRONTS: [Front; 7] =
    [Front::Url, Front::V1, Front::V2, Front::Alb, Front::AlbMultiValue, Front::Lattice, Front::LatticeV1];
const REQUESTS_PER_FRONT: usize = 50;

#[test]
fn what_is_sent_to_a_front_arrives_and_so_does_the_response() {
    let seed = std::env::var("GUESTHOUSE_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("GUESTHOUSE_TEST_SEED={seed}");
    let mut random = Random(fastrand::Rng::with_seed(seed));
    let host = Host::with_file(&guests::http("raw")).start();
    let pid = host.program.pid();
    for front in FRONTS {
        let site = Site { binary_media_types: vec!["*/*".to_owned()], ..Site::new(front) };
        for _ in 0..REQUESTS_PER_FRONT {
            let mut sent = Sent::random(&mut random);
            if front == Front::V2 {
                // It decodes paths, and nobody can tell `%2541` from `%41` then.
                sent.path = sent.path.replace("%25", "-");
            }
            println!("{front:?} {sent:?}");
            let seen: Value = serde_json::from_slice(sent.response(&site, &host, "/request").body()).expect("JSON");
            sent.is_what(&seen);
            let echoed = sent.response(&site, &host, "/echo");
            assert_eq!(echoed.status().as_u16(), sent.status);
            let body = if sent.has_body() { &sent.body[..] } else { b"" };
            assert!(echoed.body().as_ref() == body, "{:?}", echoed.body());
            for (name, value) in &sent.headers {
                assert_eq!(echoed.headers()[name], value.as_str());
            }
            assert_eq!(echoed.headers()["content-type"], sent.content_type);
        }
    }
    assert_eq!(host.program.pid(), pid);
}

/// A request, and what its response is to have.
#[derive(Debug)]
struct Sent {
    method: Method,
    /// Below the route. It starts with a slash, or is empty.
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    cookie: Option<String>,
    content_type: &'static str,
    body: Vec<u8>,
    status: u16,
}

impl Sent {
    fn random(random: &mut Random) -> Self {
        let text = random.0.bool();
        let length = *random.0.choice(&[0, 1, 2, 3, 100, 70_000]).expect("a length");
        let body = if text { random.text(length).into_bytes() } else { random.bytes(length) };
        let types = if text {
            ["text/plain", "application/json", "text/html; charset=utf-8", "application/xml"]
        } else {
            ["image/png", "application/octet-stream", "text/plain", "multipart/form-data; boundary=x"]
        };
        let methods = [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS];
        Self {
            method: random.0.choice(methods).expect("a method"),
            path: random.some(4, |random, _| format!("/{}", random.encoded())).concat(),
            // No front passes all on where a name comes twice.
            query: random.some(4, |random, nth| (format!("q{nth}{}", random.encoded()), random.encoded())),
            headers: random.some(4, |random, nth| (format!("x-header-{nth}"), random.value())),
            cookie: random.0.bool().then(|| format!("a={}; b={}", random.0.u32(..), random.0.u32(..))),
            content_type: random.0.choice(types).expect("a type"),
            body,
            status: random.0.choice([200, 201, 202, 204, 302, 304, 400, 404, 418, 500, 503]).expect("a status"),
        }
    }

    fn has_body(&self) -> bool {
        ![204, 304].contains(&self.status)
    }

    /// Sends it through a front to this route, and returns what the client gets.
    fn response(&self, site: &Site, host: &Host, route: &str) -> Response<Bytes> {
        let echoes = route == "/echo";
        let mut headers = HeaderMap::new();
        let mut set = |name: &str, value: &str| {
            headers.append(HeaderName::try_from(name).expect("a name"), HeaderValue::from_str(value).expect("a value"));
        };
        for (name, value) in [("host", "127.0.0.1:9000"), ("accept", "*/*"), ("content-type", self.content_type)] {
            set(name, value);
        }
        for (name, value) in &self.headers {
            set(name, value);
            set(&format!("response-{name}"), value);
        }
        if let Some(cookie) = &self.cookie {
            set("cookie", cookie);
        }
        let mut query: Vec<String> = self.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if echoes {
            set("response-content-type", self.content_type);
            query.push(format!("status={}", self.status));
        }
        let (path, query) = if echoes { (route.to_owned(), query) } else { (format!("{route}{}", self.path), query) };
        let query = query.join("&");
        let arrived = Arrived {
            function: "raw",
            method: &self.method,
            path: &path,
            query: (!query.is_empty()).then_some(query.as_str()),
            headers: &headers,
            body: &self.body,
            client: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 9000,
            request_id: "id",
            trace_id: "Root=1-2",
            at: SystemTime::now(),
        };
        let event = site.event(&arrived).expect("the front takes it").to_string();
        let response = host.response(event);
        front::buffered(site, &self.method, &headers, Bytes::from(response)).expect("the front takes the response")
    }

    /// Compares it with what a guest saw.
    fn is_what(&self, seen: &Value) {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        assert_eq!(text(&seen["method"]), self.method.as_str());
        let target = text(&seen["pathWithQuery"]);
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        assert_eq!(decoded(path), decoded(&format!("/request{}", self.path)));
        let mut pairs: Vec<_> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        let mut expected: Vec<_> = self.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        // Some events have the query as a map.
        pairs.sort_unstable_by_key(|(name, _)| decoded(name));
        expected.sort_unstable_by_key(|(name, _)| decoded(name));
        let decode = |pairs: &[(&str, &str)]| -> Vec<_> {
            pairs.iter().map(|(name, value)| (decoded(name), decoded(value))).collect()
        };
        assert_eq!(decode(&pairs), decode(&expected));
        let hex: String = self.body.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(text(&seen["body"]) == hex, "the body is another: {}", seen["body"]);
        let headers: Vec<(String, String)> = seen["headers"]
            .as_array()
            .expect("headers")
            .iter()
            .map(|header| (text(&header[0]), text(&header[1])))
            .collect();
        let of_name = |name: &str| -> Vec<&str> {
            headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
        };
        for (name, value) in &self.headers {
            assert_eq!(of_name(name), [value]);
        }
        assert_eq!(of_name("content-type"), [self.content_type]);
        assert_eq!(of_name("host"), ["127.0.0.1:9000"]);
        assert_eq!(of_name("cookie"), self.cookie.as_deref().into_iter().collect::<Vec<_>>());
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8().expect("UTF-8").into_owned()
}

struct Random(fastrand::Rng);

impl Random {
    /// Returns up to so many of something.
    fn some<T>(&mut self, limit: usize, mut one: impl FnMut(&mut Self, usize) -> T) -> Vec<T> {
        (0..self.0.usize(..=limit)).map(|nth| one(self, nth)).collect()
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.0.u8(..)).collect()
    }

    fn text(&mut self, length: usize) -> String {
        self.of("aZ09 \u{0}\t\n\"\\<&%+\u{fc}\u{20ac}\u{1f600}", length)
    }

    fn of(&mut self, characters: &str, length: usize) -> String {
        let characters: Vec<char> = characters.chars().collect();
        (0..length).map(|_| characters[self.0.usize(..characters.len())]).collect()
    }

    /// Returns a text for a path or a query, encoded. A `/` is not in it: fronts that decode paths lose it.
    fn encoded(&mut self) -> String {
        let length = self.0.usize(1..8);
        let text = self.of("aZ09-_.~ %?#&=+;:@!\"\u{fc}\u{20ac}\u{1f600}", length);
        // These stand for other paths.
        let text = if [".", ".."].contains(&text.as_str()) { "dots".to_owned() } else { text };
        percent_encoding::utf8_percent_encode(&text, ENCODED).to_string()
    }

    /// Returns a header's value.
    fn value(&mut self) -> String {
        let inside: String = (0..self.0.usize(..40)).map(|_| char::from(self.0.u8(b' '..=b'~'))).collect();
        format!("v{inside}v")
    }
}

/// All but what never needs it.
const ENCODED: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
