//! This module makes events as Function URLs send them, and reads the responses to them.

use serde_json::{Value, json};

/// The size of a large event, in bytes. Lambda takes 6 MB; the rest is for the response, which has headers of its own.
const LARGE_BYTES: usize = 6_000_000;

/// Returns the event of a `GET`, with the headers that a browser sends.
pub fn get(path: &str, query: &str) -> String {
    event("GET", path, query).to_string()
}

/// Returns the event of a `POST` of text: lines of JSON, in which each quote and each end of a line is escaped.
pub fn post_text(path: &str) -> String {
    const LINE: &str = "{\"customer\":\"customer-1\",\"sku\":\"sku-1234\",\"quantity\":3,\"cents\":1299}\n";
    let escaped = json!(LINE).to_string().len() - 2;
    post(path, "text/plain", LINE.repeat(LARGE_BYTES / escaped), false)
}

/// Returns the event of a `POST` of bytes that are no text: `0xff` in each third of them.
pub fn post_bytes(path: &str) -> String {
    post(path, "application/octet-stream", "AP9B".repeat(LARGE_BYTES / 4), true)
}

fn post(path: &str, media_type: &str, body: String, is_base64: bool) -> String {
    let mut event = event("POST", path, "");
    event["headers"]["content-type"] = json!(media_type);
    event["body"] = Value::String(body);
    event["isBase64Encoded"] = json!(is_base64);
    event.to_string()
}

fn event(method: &str, path: &str, query: &str) -> Value {
    let parameters = query.split_once('=').map(|(name, value)| json!({ name: value })).unwrap_or_default();
    let domain = "7zqzvpmzlxsrhsn4vkqmlvxj4a0ggjle.lambda-url.us-east-1.on.aws";
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "cookies": ["session=0f1e2d3c4b5a69788796a5b4c3d2e1f0", "theme=dark"],
        "headers": {
            "accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "accept-encoding": "gzip, deflate, br, zstd",
            "accept-language": "en-US,en;q=0.5",
            "cookie": "session=0f1e2d3c4b5a69788796a5b4c3d2e1f0; theme=dark",
            "host": domain,
            "priority": "u=0, i",
            "sec-fetch-dest": "document",
            "sec-fetch-mode": "navigate",
            "sec-fetch-site": "none",
            "sec-fetch-user": "?1",
            "upgrade-insecure-requests": "1",
            "user-agent": agent,
            "x-amzn-tls-cipher-suite": "TLS_AES_128_GCM_SHA256",
            "x-amzn-tls-version": "TLSv1.3",
            "x-amzn-trace-id": "Root=1-6748f0a1-3f2b1c0d4e5f60718293a4b5",
            "x-forwarded-for": "203.0.113.7",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "queryStringParameters": parameters,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "7zqzvpmzlxsrhsn4vkqmlvxj4a0ggjle",
            "domainName": domain,
            "domainPrefix": "7zqzvpmzlxsrhsn4vkqmlvxj4a0ggjle",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": agent,
            },
            "requestId": "0c1d2e3f-4a5b-6c7d-8e9f-a0b1c2d3e4f5",
            "routeKey": "$default",
            "stage": "$default",
            "time": "28/Nov/2026:07:00:00 +0000",
            "timeEpoch": 1_795_849_200_000_u64,
        },
        "isBase64Encoded": false,
    })
}

/// The body of an HTTP response with status 200.
pub struct Page {
    pub body: Vec<u8>,
    pub is_base64: bool,
}

/// Reads a response in one piece, or a streamed one. Returns `None` if its status is not 200.
pub fn page(response: &[u8]) -> Option<Page> {
    let (head, streamed) = match payload(response) {
        Some(payload) => (&response[..response.len() - payload.len() - DELIMITER.len()], Some(payload)),
        None => (response, None),
    };
    let head: Value = serde_json::from_slice(head).ok()?;
    if head["statusCode"] != 200 {
        return None;
    }
    let body = streamed.or_else(|| Some(head["body"].as_str()?.as_bytes()))?.to_owned();
    Some(Page { body, is_base64: head["isBase64Encoded"] == true })
}

/// What is between the head of a streamed response and its body.
const DELIMITER: [u8; 8] = [0; 8];

/// Returns what has come of the body of a streamed response.
pub fn payload(response: &[u8]) -> Option<&[u8]> {
    let at = response.windows(DELIMITER.len()).position(|window| window == DELIMITER)?;
    Some(&response[at + DELIMITER.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_the_same_in_one_piece_and_streamed() {
        let whole = page(br#"{"statusCode":200,"body":"text"}"#).unwrap();
        let streamed = page(b"{\"statusCode\":200}\0\0\0\0\0\0\0\0text").unwrap();
        assert_eq!((whole.body, streamed.body), (b"text".to_vec(), b"text".to_vec()));
        assert!(page(br#"{"statusCode":500,"body":"text"}"#).is_none());
    }

    #[test]
    fn large_events_are_just_below_the_limit() {
        for event in [post_text("/"), post_bytes("/")] {
            assert!((5_990_000..6_010_000).contains(&event.len()), "{}", event.len());
        }
    }
}
