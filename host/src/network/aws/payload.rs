//! This module finds out how a request's body takes part in its signature.
//!
//! Source: the AWS page "Authenticating requests: using the Authorization header", table of `x-amz-content-sha256`.

use std::{fmt::Write as _, sync::Arc};

use http::{HeaderMap, Request, header::CONTENT_LENGTH};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full, Limited};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

use super::sign::PAYLOAD_HEADER;
use crate::network::{Error, client::RequestBody};

/// The maximum size of a body that the host reads before it sends it, in bytes: as large as the largest request that a
/// service takes whose SDKs do not send the digest.
pub const BUFFER_LIMIT_BYTES: usize = 16 * 1024 * 1024;

/// The words that stand for a body that is not signed. They are kept, and the body is sent as it comes.
const UNSIGNED: &[&str] = &["UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"];

/// Returns the digest of the request's body in hexadecimal digits, or a word that stands for it.
///
/// A digest that the SDK sends is taken on trust: the service compares it with the body. Without one the body is read
/// whole. Its size is taken from `buffers`, whose permits are bytes, until it was sent.
///
/// # Errors
/// Returns [`Error::NotSigned`] for a body whose parts are signed one by one, and [`Error::BodyTooLarge`].
pub async fn payload(request: &mut Request<RequestBody>, buffers: &Arc<Semaphore>) -> Result<String, Error> {
    let named = request.headers().get(PAYLOAD_HEADER).and_then(|value| value.to_str().ok());
    let is_digest = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match named {
        Some(text) if UNSIGNED.contains(&text) || is_digest(text) => return Ok(text.to_owned()),
        Some(text) if text.starts_with("STREAMING-") => {
            return Err(Error::NotSigned(format!(
                "a body whose parts are signed one by one (`{text}`) can't be signed again: switch it off in the SDK, \
                 or send the request over HTTPS"
            )));
        }
        _ => {}
    }
    if request.body().is_end_stream() {
        return Ok(hexadecimal(b""));
    }
    let too_large = || Error::BodyTooLarge(BUFFER_LIMIT_BYTES as u64);
    let bytes = length(request.headers()).unwrap_or(BUFFER_LIMIT_BYTES);
    if bytes > BUFFER_LIMIT_BYTES {
        return Err(too_large());
    }
    let permit = u32::try_from(bytes).map_err(|_| too_large())?;
    let permit = buffers.clone().acquire_many_owned(permit).await.map_err(|_| too_large())?;
    let body = std::mem::take(request.body_mut());
    let body = Limited::new(body, bytes).collect().await.map_err(|_| too_large())?.to_bytes();
    let digest = hexadecimal(&body);
    request.headers_mut().insert(CONTENT_LENGTH, body.len().into());
    let held = Full::new(body).map_err(|never| match never {}).map_frame(move |frame| {
        let _until_sent = &permit;
        frame
    });
    *request.body_mut() = held.boxed_unsync();
    Ok(digest)
}

fn length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Returns the SHA-256 digest of bytes in hexadecimal digits.
pub fn hexadecimal(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
