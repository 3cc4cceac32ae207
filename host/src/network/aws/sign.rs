//! This module signs a request for AWS, with AWS's own implementation of Signature Version 4.

use std::time::SystemTime;

use aws_credential_types::Credentials as SigningCredentials;
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign as sign_request,
    },
    sign::v4::SigningParams,
};
use http::{
    HeaderName, HeaderValue, Request, Uri,
    header::{AUTHORIZATION, CONTENT_TYPE, DATE, HOST},
};

use super::{authorization::Authorization, credentials::Credentials};

/// The header with the digest of the body, or with a word that stands for it.
pub const PAYLOAD_HEADER: &str = "x-amz-content-sha256";

/// Headers that are never signed, because they may change on the way.
const UNSIGNED: &[&str] = &["connection", "expect", "transfer-encoding", "user-agent", "x-amzn-trace-id"];

/// Replaces the signature of a request. `payload` is the digest of its body in hexadecimal digits, or a word that
/// stands for it.
///
/// The same headers are signed as before, besides those that AWS wants signed. The path of a request for S3 is brought
/// into its canonical form, because S3 takes it as it is; for all other services the signature has its own form.
///
/// # Errors
/// Returns why the request can't be signed.
pub fn sign<B>(
    request: &mut Request<B>,
    signature: &Authorization<'_>,
    payload: &str,
    credentials: &Credentials,
    time: SystemTime,
) -> Result<(), String> {
    let is_s3 = signature.service.starts_with("s3");
    if is_s3 {
        let uri = with_canonical_path(request.uri())?;
        *request.uri_mut() = uri;
    }
    for name in [AUTHORIZATION.as_str(), DATE.as_str(), "x-amz-date", "x-amz-security-token"] {
        request.headers_mut().remove(name);
    }
    let mut settings = SigningSettings::default();
    if is_s3 {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    settings.excluded_headers = Some(UNSIGNED.iter().map(|name| (*name).into()).collect());
    let identity = SigningCredentials::new(
        credentials.key_id.clone(),
        credentials.secret.clone(),
        credentials.token.clone(),
        None,
        "guesthouse",
    )
    .into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(signature.region)
        .name(signature.service)
        .time(time)
        .settings(settings)
        .build()
        .map_err(|error| error.to_string())?;
    let is_signed = |name: &HeaderName| {
        let is_own =
            *name == HOST || *name == CONTENT_TYPE || *name == "content-md5" || name.as_str().starts_with("x-amz-");
        is_own || signature.signed_headers.contains(&name.as_str())
    };
    let uri = request.uri().to_string();
    let headers = request.headers().iter().filter(|(name, _)| is_signed(name));
    let headers: Option<Vec<(&str, &str)>> =
        headers.map(|(name, value)| Some((name.as_str(), std::str::from_utf8(value.as_bytes()).ok()?))).collect();
    let headers = headers.ok_or("a header that has to be signed is not UTF-8")?;
    let body = SignableBody::Precomputed(payload.to_owned());
    let signable = SignableRequest::new(request.method().as_str(), uri, headers.into_iter(), body);
    let signed =
        signable.and_then(|signable| sign_request(signable, &params.into())).map_err(|error| with_causes(&error))?;
    let (instructions, _) = signed.into_parts();
    for (name, value) in instructions.headers() {
        let name = HeaderName::try_from(name).map_err(|error| error.to_string())?;
        let value = HeaderValue::try_from(value).map_err(|error| error.to_string())?;
        request.headers_mut().insert(name, value);
    }
    Ok(())
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Returns the address with its path in the form that S3 signs: all but letters, digits and `-._~/` encoded, in capital
/// digits. Nothing that is encoded changes its meaning: `%2F` is not a `/`.
fn with_canonical_path(uri: &Uri) -> Result<Uri, String> {
    let mut path = String::with_capacity(uri.path().len());
    let mut rest = uri.path().as_bytes();
    while let [byte, after @ ..] = rest {
        let decoded = match rest {
            [b'%', high, low, ..] => {
                std::str::from_utf8(&[*high, *low]).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok())
            }
            _ => None,
        };
        let (byte, is_encoded) = decoded.map_or((*byte, false), |decoded| (decoded, true));
        let is_plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || (byte == b'/' && !is_encoded);
        if is_plain {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
        rest = if is_encoded { &rest[3..] } else { after };
    }
    if let Some(query) = uri.query() {
        path.push('?');
        path.push_str(query);
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path.parse().map_err(|_| "the path can't be signed".to_owned())?);
    Uri::from_parts(parts).map_err(|error| error.to_string())
}
