//! Random requests are put into the events that each service would make of them, and have to arrive as they were. The
//! same for responses and what each service makes of its JSON.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use fastrand::Rng;
use http::{HeaderMap, HeaderValue};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::tests::{SERVICES, event, front, head, received};

const ROUNDS: u64 = 200;

/// A request as a client sends it.
#[derive(Debug)]
struct Sent {
    method: &'static str,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    cookies: Vec<String>,
    body: Vec<u8>,
}

fn text(rng: &mut Rng, longest: usize) -> String {
    const CHARS: [char; 16] = ['a', 'b', 'Z', '0', '-', '.', '_', '~', ' ', '%', '&', '=', '+', '/', 'ü', '🦀'];
    (0..rng.usize(..=longest)).map(|_| rng.choice(CHARS).unwrap_or('a')).collect()
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8().unwrap().into_owned()
}

impl Sent {
    fn random(rng: &mut Rng) -> Self {
        // No `%` in a path: what API Gateway makes of it can't be undone.
        let segment = |rng: &mut Rng| encoded(&text(rng, 6).replace('%', "#?"));
        let path: String = (0..rng.usize(1..5)).map(|_| format!("/{}", segment(rng))).collect();
        let query = (0..rng.usize(0..4)).map(|_| (encoded(&format!("k{}", text(rng, 3))), encoded(&text(rng, 6))));
        let query = query.collect();
        let header = |rng: &mut Rng| (format!("X-{}", rng.u8(0..6)), format!("v{}e", text(rng, 9)));
        let headers = (0..rng.usize(0..6)).map(|_| header(rng)).collect();
        let cookies = (0..rng.usize(0..3)).map(|number| format!("c{number}={}", rng.u8(..))).collect();
        let body = match rng.u8(0..3) {
            0 => Vec::new(),
            1 => format!("{{\"a\": \"{}\"}}\n\0", text(rng, 40)).into_bytes(),
            _ => (0..rng.usize(..200)).map(|_| rng.u8(..)).collect(),
        };
        let method = rng.choice(["GET", "HEAD", "POST", "PUT", "PURGE"]).unwrap_or("GET");
        Self { method, path, query, headers, cookies, body }
    }

    /// Keeps the last of each, as a service does that has no place for more.
    fn one_each(&mut self) {
        for list in [&mut self.query, &mut self.headers] {
            let last: BTreeMap<String, String> = list.drain(..).collect();
            list.extend(last);
        }
        self.cookies.truncate(1);
    }

    fn query(&self) -> String {
        self.query.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
    }

    fn headers(&self) -> Vec<(String, String)> {
        let own = [("host".to_owned(), "h".to_owned())];
        let cookies = self.cookies.iter().map(|cookie| ("Cookie".to_owned(), cookie.clone()));
        own.into_iter().chain(self.headers.clone()).chain(cookies).collect()
    }

    /// Returns the event that the service makes.
    fn event(&self, service: &str, rng: &mut Rng) -> Value {
        let (body, is_base64) = match std::str::from_utf8(&self.body) {
            Ok(text) if rng.bool() => (json!(text), false),
            _ => (json!(BASE64_STANDARD.encode(&self.body)), true),
        };
        let mut event = event(service, &json!({"body": body, "isBase64Encoded": is_base64}));
        let target = match self.query() {
            query if query.is_empty() => self.path.clone(),
            query => format!("{}?{query}", self.path),
        };
        let decoded_query = self.query.iter().map(|(name, value)| (decoded(name), decoded(value)));
        let joined = |headers: &[(String, String)]| -> Value {
            lists(headers.iter().cloned()).into_iter().map(|(name, values)| (name, json!(values.join(",")))).collect()
        };
        let lower: Vec<(String, String)> =
            self.headers().into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        match service {
            "rest" | "http-api-1" => {
                event["httpMethod"] = json!(self.method);
                event["path"] = json!(self.path);
                event["multiValueHeaders"] = json!(lists(self.headers().into_iter()));
                event["headers"] = json!(self.headers().into_iter().collect::<BTreeMap<_, _>>());
                event["multiValueQueryStringParameters"] = json!(lists(decoded_query.clone()));
                event["queryStringParameters"] = json!(decoded_query.collect::<BTreeMap<_, _>>());
            }
            "http-api-2" | "url" => {
                let path = if service == "url" { self.path.clone() } else { decoded(&self.path) };
                event["requestContext"]["http"]["method"] = json!(self.method);
                event["rawPath"] = json!(path);
                event["rawQueryString"] = json!(self.query());
                let is_url = service == "url";
                let kept: Vec<_> = lower.into_iter().filter(|(name, _)| name != "cookie").collect();
                event["headers"] = joined(&kept);
                if !self.cookies.is_empty() {
                    event["cookies"] = json!(self.cookies);
                    if is_url {
                        event["headers"]["cookie"] = json!(self.cookies.join("; "));
                    }
                }
            }
            "alb" => {
                event["httpMethod"] = json!(self.method);
                event["path"] = json!(self.path);
                event["headers"] = json!(lower.into_iter().collect::<BTreeMap<_, _>>());
                event["queryStringParameters"] = json!(self.query.iter().cloned().collect::<BTreeMap<_, _>>());
            }
            "alb-multi" => {
                event["httpMethod"] = json!(self.method);
                event["path"] = json!(self.path);
                event["multiValueHeaders"] = json!(lists(lower.into_iter()));
                event["multiValueQueryStringParameters"] = json!(lists(self.query.iter().cloned()));
            }
            "lattice-1" => {
                let body = event["body"].take();
                return json!({"raw_path": target, "method": self.method, "headers": joined(&lower), "body": body,
                    "is_base64_encoded": is_base64, "query_string_parameters": lists(decoded_query)});
            }
            _ => {
                event["path"] = json!(target);
                event["method"] = json!(self.method);
                event["headers"] = json!(lists(lower.into_iter()));
                event["queryStringParameters"] = json!(lists(decoded_query));
            }
        }
        event
    }
}

fn lists(pairs: impl Iterator<Item = (String, String)>) -> BTreeMap<String, Vec<String>> {
    let mut lists = BTreeMap::<_, Vec<_>>::new();
    for (name, value) in pairs {
        lists.entry(name).or_default().push(value);
    }
    lists
}

/// Returns what no service keeps apart: the values of each name as one.
fn joined(headers: &HeaderMap) -> BTreeMap<String, String> {
    let names = headers.keys().map(http::HeaderName::as_str);
    let names = names.filter(|name| !name.starts_with("x-amz") && !["content-length", "host"].contains(name));
    let value = |value: &HeaderValue| String::from_utf8(value.as_bytes().to_vec()).unwrap();
    let all = |name| headers.get_all(name).iter().map(value).collect::<Vec<_>>().join(",");
    names.map(|name| (name.to_owned(), all(name))).collect()
}

#[test]
fn random_requests_arrive_as_they_were_through_each_service() {
    for (seed, service) in (0..ROUNDS).flat_map(|seed| SERVICES.map(|service| (seed, service))) {
        let mut rng = Rng::with_seed(seed);
        let mut sent = Sent::random(&mut rng);
        if service == "alb" {
            sent.one_each();
        }
        let request = received(&sent.event(service, &mut rng)).request;
        let shown = format!("{service} {seed} {sent:?}");
        assert_eq!(request.method(), sent.method, "{shown}");
        assert_eq!(request.body(), &sent.body, "{shown}");
        match service {
            "http-api-2" => assert_eq!(decoded(request.uri().path()), decoded(&sent.path), "{shown}"),
            _ => assert_eq!(request.uri().path(), sent.path, "{shown}"),
        }
        let query = request.uri().query().unwrap_or_default();
        match service {
            // These keep no order between names.
            "rest" | "http-api-1" | "alb" | "alb-multi" => {
                let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap());
                let arrived = lists(pairs.map(|(name, value)| (decoded(name), decoded(value))));
                let sent = lists(sent.query.iter().map(|(name, value)| (decoded(name), decoded(value))));
                assert_eq!(arrived, sent, "{shown}");
            }
            _ => assert_eq!(query, sent.query(), "{shown}"),
        }
        let mut expected: BTreeMap<String, String> = lists(sent.headers.iter().cloned())
            .into_iter()
            .map(|(name, values)| (name.to_ascii_lowercase(), values.join(",")))
            .collect();
        if !sent.cookies.is_empty() {
            let separator = if service == "lattice-1" { "," } else { "; " };
            expected.insert("cookie".to_owned(), sent.cookies.join(separator));
        }
        assert_eq!(joined(request.headers()), expected, "{shown}");
    }
}

/// Returns the headers and the body that a client gets of a response's JSON.
fn sent_on(service: &str, json: &[u8]) -> (BTreeMap<String, Vec<String>>, Vec<u8>) {
    let response: Value = serde_json::from_slice(json).unwrap();
    let mut headers = Vec::new();
    let none = Map::new();
    for (name, value) in response["headers"].as_object().unwrap_or(&none) {
        headers.push((name.to_ascii_lowercase(), value.as_str().unwrap().to_owned()));
    }
    for (name, values) in response["multiValueHeaders"].as_object().unwrap_or(&none) {
        let values = values.as_array().unwrap().iter().map(|value| value.as_str().unwrap().to_owned());
        headers.extend(values.map(|value| (name.clone(), value)));
    }
    for cookie in response["cookies"].as_array().unwrap_or(&Vec::new()) {
        headers.push(("set-cookie".to_owned(), cookie.as_str().unwrap().to_owned()));
    }
    let known = match service {
        "rest" | "http-api-1" => &["statusCode", "multiValueHeaders", "body", "isBase64Encoded"][..],
        "http-api-2" | "url" => &["statusCode", "headers", "cookies", "body", "isBase64Encoded"],
        "alb-multi" => &["statusCode", "statusDescription", "multiValueHeaders", "body", "isBase64Encoded"],
        _ => &["statusCode", "statusDescription", "headers", "body", "isBase64Encoded"],
    };
    assert!(response.as_object().unwrap().keys().all(|key| known.contains(&key.as_str())), "{service} {response}");
    let body = response["body"].as_str().unwrap();
    let body = match &response["isBase64Encoded"] {
        Value::Bool(true) => BASE64_STANDARD.decode(body).unwrap(),
        _ => body.as_bytes().to_vec(),
    };
    (lists(headers.into_iter()), body)
}

#[test]
fn random_responses_arrive_as_they_were_through_each_service() {
    for (seed, service) in (0..ROUNDS).flat_map(|seed| SERVICES.map(|service| (seed, service))) {
        let mut rng = Rng::with_seed(seed);
        let sent = Sent::random(&mut rng);
        let mut head = head(rng.u16(205..=303), &[]);
        for (name, value) in &sent.headers {
            let name = http::HeaderName::try_from(name.as_str()).unwrap();
            head.headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        for cookie in &sent.cookies {
            head.headers.append("set-cookie", format!("{cookie}; Expires=Wed, 21 Oct").parse().unwrap());
        }
        let json = front(service).response(&head, &sent.body).unwrap();
        let (headers, body) = sent_on(service, &json);
        assert_eq!(body, sent.body, "{service} {seed}");
        let are_joined = !["rest", "http-api-1", "alb-multi"].contains(&service);
        let mut expected = lists(sent.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())));
        for values in expected.values_mut().filter(|_| are_joined) {
            *values = vec![values.join(", ")];
        }
        let mut arrived = headers;
        let mut cookies = arrived.remove("set-cookie").unwrap_or_default();
        // The spellings of the name are not in this order.
        cookies.sort_unstable();
        let sent_cookies: Vec<String> =
            sent.cookies.iter().map(|cookie| format!("{cookie}; Expires=Wed, 21 Oct")).collect();
        assert_eq!((arrived, cookies), (expected, sent_cookies), "{service} {seed}");
    }
}
