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

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::network::aws::payload::hexadecimal;

    /// 30 August 2015, 12:36:00 UTC.
    const SUITE_TIME: u64 = 1_440_938_160;

    /// 24 May 2013, 00:00:00 UTC.
    const S3_TIME: u64 = 1_369_353_600;

    fn credentials(key_id: &str, secret: &str) -> Credentials {
        Credentials { key_id: key_id.to_owned(), secret: secret.to_owned(), token: None }
    }

    /// Signs a request over these headers, and returns the signature.
    fn signature(
        (method, url): (&str, &str),
        headers: &[(&'static str, &str)],
        service: &str,
        (credentials, time): (&Credentials, u64),
    ) -> String {
        let uri: Uri = url.parse().unwrap();
        let host = uri.authority().unwrap().to_string();
        let mut request = Request::builder().method(method).uri(uri).header(HOST, host).body(()).unwrap();
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        let signed_headers = headers.iter().map(|(name, _)| *name).collect();
        let scope = Authorization { algorithm: "", key_id: "", region: "us-east-1", service, signed_headers };
        let time = UNIX_EPOCH + Duration::from_secs(time);
        sign(&mut request, &scope, &hexadecimal(b""), credentials, time).unwrap();
        let value = request.headers()[AUTHORIZATION].to_str().unwrap();
        value.rsplit('=').next().unwrap().to_owned()
    }

    /// The signatures are those of AWS's test suite for Signature Version 4, which is in the crate `aws-sigv4`.
    #[test]
    fn signatures_are_those_of_awss_test_suite() {
        let own = credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
        let signed = |path: &str, headers: &[(&'static str, &str)], own: &Credentials| {
            let url = format!("https://example.amazonaws.com{path}");
            signature(("GET", &url), headers, "service", (own, SUITE_TIME))
        };
        let unreserved = "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        for (path, expected) in [
            ("/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
            ("/?Param2=value2&Param1=value1", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
            ("//example//", "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"),
            (unreserved, "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"),
        ] {
            assert_eq!(signed(path, &[], &own), expected, "{path}");
        }
        let headers = [("my-header1", " value1"), ("my-header2", " \"a   b   c\"")];
        let expected = "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736";
        assert_eq!(signed("/", &headers, &own), expected);
        let token = Some("6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267".to_owned());
        let expected = "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8";
        assert_eq!(signed("/", &[], &Credentials { token, ..own }), expected);
    }

    /// The signatures are those of the AWS page "Signature calculations for the authorization header".
    #[test]
    fn signatures_for_s3_are_those_of_its_documentation() {
        let own = credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
        for (path, headers, expected) in [
            (
                "/test.txt",
                &[("range", "bytes=0-9")][..],
                "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
            ),
            ("/?lifecycle", &[], "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
            ("/?max-keys=2&prefix=J", &[], "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
        ] {
            let url = format!("https://examplebucket.s3.amazonaws.com{path}");
            assert_eq!(signature(("GET", &url), headers, "s3", (&own, S3_TIME)), expected, "{path}");
        }
    }

    #[test]
    fn a_path_for_s3_has_one_form_and_keeps_its_meaning() {
        for (path, canonical) in [
            ("/", "/"),
            ("/a//b/../c/", "/a//b/../c/"),
            ("/a%20b", "/a%20b"),
            ("/a%2fb", "/a%2Fb"),
            ("/tilde%7E*'()!", "/tilde~%2A%27%28%29%21"),
            ("/p+q&r=s", "/p%2Bq%26r%3Ds"),
            ("/100%25", "/100%25"),
            ("/%E6%97%A5", "/%E6%97%A5"),
            ("/a?b=%2f&c=+", "/a?b=%2f&c=+"),
        ] {
            let uri: Uri = format!("https://s3.amazonaws.com{path}").parse().unwrap();
            let made = with_canonical_path(&uri).unwrap();
            assert_eq!(made.path_and_query().unwrap().as_str(), canonical, "{path}");
        }
    }

    #[test]
    fn what_the_guest_signed_is_replaced_and_not_kept_beside() {
        let own = credentials("AKID", "secret");
        let uri: Uri = "https://sqs.us-east-1.amazonaws.com/".parse().unwrap();
        let mut request = Request::builder().uri(uri).header(HOST, "sqs.us-east-1.amazonaws.com").body(()).unwrap();
        for name in ["authorization", "x-amz-date", "date", "x-amz-security-token"] {
            request.headers_mut().append(name, "the guest's".parse().unwrap());
        }
        let scope = Authorization {
            algorithm: "",
            key_id: "",
            region: "us-east-1",
            service: "sqs",
            signed_headers: vec!["date", "user-agent"],
        };
        sign(&mut request, &scope, &hexadecimal(b""), &own, UNIX_EPOCH).unwrap();
        let left: Vec<_> = request.headers().values().filter(|value| *value == "the guest's").collect();
        assert!(left.is_empty() && request.headers().get_all(AUTHORIZATION).iter().count() == 1);
    }
}
