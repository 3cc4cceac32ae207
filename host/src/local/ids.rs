//! This module identifies invocations: by the ids that their callers chose, or by new ones.

use std::time::{SystemTime, UNIX_EPOCH};

use hyper::{HeaderMap, header::HeaderName};
use uuid::Uuid;

use crate::runtime_client::wire;

/// The header with the request id.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// Returns the request id.
pub(super) fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(&REQUEST_ID).and_then(|id| id.to_str().ok()).filter(|id| is_id(id));
    given.map_or_else(|| Uuid::new_v4().to_string(), str::to_owned)
}

/// Returns whether the text can be a request id, which becomes part of paths and headers.
fn is_id(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// Returns the trace id in X-Ray's format. A new one has its version, seconds since the epoch, 24 hexadecimal digits of
/// a random UUID, and is not sampled.
pub(super) fn trace_id(headers: &HeaderMap) -> String {
    if let Some(given) = headers.get(&TRACE_ID) {
        return wire::lossy(given.as_bytes()).into_owned();
    }
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let random = Uuid::new_v4().simple().to_string();
    format!("Root=1-{seconds:08x}-{};Parent={};Sampled=0", &random[..24], &Uuid::new_v4().simple().to_string()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_of_the_callers_is_taken_only_if_it_fits_into_a_path() {
        assert!(is_id("my-req-id"));
        for bad in ["", "a/b", "a b", "a\u{e9}", &"x".repeat(129)] {
            assert!(!is_id(bad), "{bad}");
        }
    }
}
