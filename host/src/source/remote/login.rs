//! How an OCI registry lets the host in: nobody's token, or that of AWS's own registry.
//!
//! Sources: the Distribution specification's page "Token Authentication"; the AWS page `GetAuthorizationToken` of the ECR reference.

use object_store::{
    aws::AwsAuthorizer,
    client::{HttpRequest, HttpRequestBody},
};
use reqwest::{Client, StatusCode, Url, header::WWW_AUTHENTICATE};
use serde_json::Value;

use super::{
    RemoteAccess,
    http::{is_loopback, read},
    s3,
    trouble::Trouble,
};
use crate::failure::{ErrorType, Failure};

/// No token's answer is longer, in bytes.
const LIMIT_BYTES: u64 = 64 * 1024;

/// The value of `Authorization` that the registry's `challenge` asks for.
pub(super) async fn answer(
    place: &str,
    registry: &str,
    challenge: &reqwest::Response,
    client: &Client,
    access: &RemoteAccess,
) -> Result<String, Trouble> {
    let own = match ecr_region(registry) {
        Some(region) => Some(format!("Basic {}", ecr_token(place, region, client, access).await?)),
        None => None,
    };
    let asked = challenge.headers().get_all(WWW_AUTHENTICATE).iter().find_map(|value| bearer(value.to_str().ok()?));
    let Some(asked) = asked else {
        return own.ok_or_else(|| refused(place, "it asks for a name and a password"));
    };
    let is_plain = asked.scheme() != "https" && !(is_loopback(&asked) && is_loopback(challenge.url()));
    if is_plain {
        return Err(refused(place, "it asks for its token to be fetched without TLS"));
    }
    let mut request = client.get(asked);
    if let Some(own) = own {
        request = request.header("authorization", own);
    }
    let answer = json(place, request).await?;
    let token = ["token", "access_token"].iter().find_map(|name| answer[name].as_str());
    token.map(|token| format!("Bearer {token}")).ok_or_else(|| refused(place, "it gives no token"))
}

/// Name and password, where the registry is one of AWS's.
#[cfg(feature = "cli")]
pub(super) async fn ecr_login(
    place: &str,
    registry: &str,
    client: &Client,
    access: &RemoteAccess,
) -> Result<Option<(String, String)>, Trouble> {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    let Some(region) = ecr_region(registry) else { return Ok(None) };
    let token = ecr_token(place, region, client, access).await?;
    let text = BASE64_STANDARD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let login = text.as_deref().and_then(|text| text.split_once(':'));
    login
        .map(|(name, password)| Some((name.to_owned(), password.to_owned())))
        .ok_or_else(|| refused(place, "AWS gives no name and password for it"))
}

/// Where to fetch a token, with what for.
fn bearer(challenge: &str) -> Option<Url> {
    let challenges = http_auth::parse_challenges(challenge).ok()?;
    let bearer = challenges.into_iter().find(|challenge| challenge.scheme.eq_ignore_ascii_case("bearer"))?;
    let value = |wanted: &str| {
        let param = bearer.params.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted))?;
        Some(param.1.to_unescaped())
    };
    let mut url: Url = value("realm")?.parse().ok()?;
    for name in ["service", "scope"] {
        if let Some(value) = value(name) {
            url.query_pairs_mut().append_pair(name, &value);
        }
    }
    Some(url)
}

/// The region of a private registry of AWS's.
fn ecr_region(registry: &str) -> Option<&str> {
    let (account, rest) = registry.split_once(".dkr.")?;
    let (service, rest) = rest.split_once('.')?;
    let (region, domain) = rest.split_once('.')?;
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let is_aws = ["amazonaws.com", "amazonaws.com.cn", "amazonaws.eu"].contains(&domain);
    (is_account && is_aws && ["ecr", "ecr-fips"].contains(&service)).then_some(region)
}

/// A name and a password for 12 hours, in base64.
async fn ecr_token(place: &str, region: &str, client: &Client, access: &RemoteAccess) -> Result<String, Trouble> {
    let endpoint = ["AWS_ENDPOINT_URL_ECR", "AWS_ENDPOINT_URL"].iter().find_map(|name| access.variable(name));
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    let endpoint = endpoint.map_or_else(|| format!("https://api.ecr.{region}.{domain}/"), str::to_owned);
    let passing = |error: object_store::Error| Trouble::Passing(crate::failure::chain(&error));
    let provider = s3::store(access, "unused").map_err(passing)?;
    let credential = provider.credentials().get_credential().await.map_err(passing)?;
    let mut request = HttpRequest::new(HttpRequestBody::from("{}".to_owned()));
    *request.method_mut() = reqwest::Method::POST;
    *request.uri_mut() = endpoint.parse().map_err(|error| refused(place, &format!("its address is none: {error}")))?;
    let headers = request.headers_mut();
    let target = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken";
    headers.insert("x-amz-target", reqwest::header::HeaderValue::from_static(target));
    headers.insert("content-type", reqwest::header::HeaderValue::from_static("application/x-amz-json-1.1"));
    AwsAuthorizer::new(&credential, "ecr", region).try_authorize(&mut request, None).map_err(passing)?;
    let (parts, _) = request.into_parts();
    let request = client.post(endpoint).headers(parts.headers).body("{}");
    let answer = json(place, request).await?;
    let token = answer["authorizationData"][0]["authorizationToken"].as_str();
    token.map(str::to_owned).ok_or_else(|| refused(place, "AWS gives no token for it"))
}

async fn json(place: &str, request: reqwest::RequestBuilder) -> Result<Value, Trouble> {
    let answer = request.send().await.map_err(|error| Trouble::of_request(&place, error))?;
    match answer.status() {
        StatusCode::OK => {}
        status if status.is_client_error() => {
            return Err(refused(place, &format!("whoever gives its tokens answers `{status}`")));
        }
        status => return Err(Trouble::of_status(&place, status)),
    }
    let body = read(answer, &place, LIMIT_BYTES).await?;
    serde_json::from_slice(&body).map_err(|_| refused(place, "whoever gives its tokens does not answer in JSON"))
}

fn refused(place: &str, reason: &str) -> Trouble {
    Trouble::Lasting(
        Failure::new(ErrorType::SourceUnavailable, format!("the registry of the guest `{place}` lets nobody in: {reason}"))
            .hint("use a registry that anybody may read, or ECR with `ecr:GetAuthorizationToken` and `ecr:BatchGetImage` for the function's role"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_of_awss_is_told_by_its_name() {
        for (registry, region) in [
            ("123456789012.dkr.ecr.eu-central-1.amazonaws.com", Some("eu-central-1")),
            ("123456789012.dkr.ecr-fips.us-east-1.amazonaws.com", Some("us-east-1")),
            ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", Some("cn-north-1")),
            ("123456789012.dkr.ecr.us-east-1.amazonaws.com.evil.example", None),
            ("evil.dkr.ecr.us-east-1.amazonaws.com", None),
            ("public.ecr.aws", None),
            ("ghcr.io", None),
        ] {
            assert_eq!(ecr_region(registry), region, "{registry}");
        }
    }

    #[test]
    fn a_challenge_says_where_to_fetch_a_token_and_what_for() {
        let challenge =
            r#"Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull""#;
        let url = bearer(challenge).unwrap();
        assert_eq!(url.as_str(), "https://auth.example/token?service=registry.example&scope=repository%3Aa%2Fb%3Apull");
        assert!(bearer(r#"Basic realm="x""#).is_none());
    }
}
