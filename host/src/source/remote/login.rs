//! This module authenticates to OCI registries: with an anonymous token, or with the function's credentials to ECR,
//! AWS's registry.
//!
//! Sources: the Distribution specification's page "Token Authentication"; the AWS page `GetAuthorizationToken` of the
//! ECR reference.

use object_store::{
    aws::AwsAuthorizer,
    client::{HttpRequest, HttpRequestBody},
};
use reqwest::{Client, StatusCode, Url, header::WWW_AUTHENTICATE};
use serde_json::Value;

use super::{download::read, fetch_error::FetchError, http_client::is_loopback, s3};
use crate::{
    failure::{ErrorType, Failure, chain},
    source::access::RemoteAccess,
};

/// Limits the size of a token server's response, in bytes. No response with a token is longer.
const RESPONSE_LIMIT_BYTES: u64 = 64 * 1024;

/// Returns the value of `Authorization` that the registry's response `challenge` requires.
pub(super) async fn authenticate(
    place: &str,
    registry: &str,
    challenge: &reqwest::Response,
    client: &Client,
    access: &RemoteAccess,
) -> Result<String, FetchError> {
    let ecr_authorization = match ecr_region(registry) {
        Some(region) => Some(format!("Basic {}", ecr_token(place, region, client, access).await?)),
        None => None,
    };
    let challenges = challenge.headers().get_all(WWW_AUTHENTICATE);
    let token_url = challenges.iter().find_map(|value| token_url(value.to_str().ok()?));
    let Some(token_url) = token_url else {
        return ecr_authorization.ok_or_else(|| unauthenticated(place, "it requires a name and a password"));
    };
    let is_plain = token_url.scheme() != "https" && !(is_loopback(&token_url) && is_loopback(challenge.url()));
    if is_plain {
        return Err(unauthenticated(place, "its token server has no TLS"));
    }
    let mut request = client.get(token_url);
    if let Some(authorization) = ecr_authorization {
        request = request.header("authorization", authorization);
    }
    let response = json(place, request).await?;
    let token = ["token", "access_token"].iter().find_map(|name| response[name].as_str());
    token
        .map(|token| format!("Bearer {token}"))
        .ok_or_else(|| unauthenticated(place, "the token server's response contains no token"))
}

/// Returns the name and the password for a private registry in ECR, or `None` if the registry is not in ECR.
#[cfg(feature = "cli")]
pub(super) async fn ecr_login(
    place: &str,
    registry: &str,
    client: &Client,
    access: &RemoteAccess,
) -> Result<Option<(String, String)>, FetchError> {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    let Some(region) = ecr_region(registry) else { return Ok(None) };
    let token = ecr_token(place, region, client, access).await?;
    let text = BASE64_STANDARD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let login = text.as_deref().and_then(|text| text.split_once(':'));
    login
        .map(|(name, password)| Some((name.to_owned(), password.to_owned())))
        .ok_or_else(|| unauthenticated(place, "AWS's token for it contains no name and password"))
}

/// Returns the address from which to request a token, with the service and the scope that the challenge names.
fn token_url(challenge: &str) -> Option<Url> {
    let challenges = http_auth::parse_challenges(challenge).ok()?;
    let bearer = challenges.into_iter().find(|challenge| challenge.scheme.eq_ignore_ascii_case("bearer"))?;
    let value = |parameter: &str| {
        let (_, value) = bearer.params.iter().find(|(name, _)| name.eq_ignore_ascii_case(parameter))?;
        Some(value.to_unescaped())
    };
    let mut url: Url = value("realm")?.parse().ok()?;
    for name in ["service", "scope"] {
        if let Some(value) = value(name) {
            url.query_pairs_mut().append_pair(name, &value);
        }
    }
    Some(url)
}

/// Returns the region of a private registry in ECR, or `None` if the registry is not in ECR.
fn ecr_region(registry: &str) -> Option<&str> {
    let (account, rest) = registry.split_once(".dkr.")?;
    let (service, rest) = rest.split_once('.')?;
    let (region, domain) = rest.split_once('.')?;
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let is_aws = ["amazonaws.com", "amazonaws.com.cn", "amazonaws.eu"].contains(&domain);
    (is_account && is_aws && ["ecr", "ecr-fips"].contains(&service)).then_some(region)
}

/// Returns a name and a password that are valid for 12 hours, in base64.
async fn ecr_token(place: &str, region: &str, client: &Client, access: &RemoteAccess) -> Result<String, FetchError> {
    let endpoint = ["AWS_ENDPOINT_URL_ECR", "AWS_ENDPOINT_URL"].iter().find_map(|name| access.variable(name));
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    let endpoint = endpoint.map_or_else(|| format!("https://api.ecr.{region}.{domain}/"), str::to_owned);
    let transient = |error: object_store::Error| FetchError::Transient(chain(&error));
    // Only the client's credentials are used, so its bucket need not exist.
    let provider = s3::store(access, "unused").map_err(transient)?;
    let credential = provider.credentials().get_credential().await.map_err(transient)?;
    let mut request = HttpRequest::new(HttpRequestBody::from("{}".to_owned()));
    *request.method_mut() = reqwest::Method::POST;
    *request.uri_mut() = endpoint
        .parse()
        .map_err(|error| unauthenticated(place, &format!("the address of AWS's API is not valid: {error}")))?;
    let headers = request.headers_mut();
    let target = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken";
    headers.insert("x-amz-target", reqwest::header::HeaderValue::from_static(target));
    headers.insert("content-type", reqwest::header::HeaderValue::from_static("application/x-amz-json-1.1"));
    AwsAuthorizer::new(&credential, "ecr", region).try_authorize(&mut request, None).map_err(transient)?;
    let (parts, _) = request.into_parts();
    let request = client.post(endpoint).headers(parts.headers).body("{}");
    let response = json(place, request).await?;
    let token = response["authorizationData"][0]["authorizationToken"].as_str();
    token.map(str::to_owned).ok_or_else(|| unauthenticated(place, "AWS returned no token for it"))
}

/// Sends a request to a token server, and returns the response's JSON.
async fn json(place: &str, request: reqwest::RequestBuilder) -> Result<Value, FetchError> {
    let response = request.send().await.map_err(|error| FetchError::of_request(&place, error))?;
    match response.status() {
        StatusCode::OK => {}
        status if status.is_client_error() => {
            return Err(unauthenticated(place, &format!("the token server returned `{status}`")));
        }
        status => return Err(FetchError::of_status(&place, status)),
    }
    let body = read(response, &place, RESPONSE_LIMIT_BYTES).await?;
    serde_json::from_slice(&body).map_err(|_| unauthenticated(place, "the token server's response is not JSON"))
}

fn unauthenticated(place: &str, reason: &str) -> FetchError {
    let message = format!("can't authenticate to the registry of the guest `{place}`: {reason}");
    FetchError::Permanent(Failure::new(ErrorType::SourceUnavailable, message).hint(
        "use a registry that anybody may read, or ECR with `ecr:GetAuthorizationToken` and `ecr:BatchGetImage` for the \
         function's role",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ecr_registry_is_recognized_by_its_name() {
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
    fn a_challenge_names_the_address_of_the_token_its_service_and_its_scope() {
        let challenge =
            r#"Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull""#;
        let url = token_url(challenge).unwrap();
        assert_eq!(url.as_str(), "https://auth.example/token?service=registry.example&scope=repository%3Aa%2Fb%3Apull");
        assert!(token_url(r#"Basic realm="x""#).is_none());
    }
}
