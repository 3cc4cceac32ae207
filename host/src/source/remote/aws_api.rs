//! This module sends signed requests to AWS's APIs, for the developer's tool.
//!
//! See docs/decisions/20-three-remote-clients.md for the client, and login.rs for the signer.

use std::{sync::OnceLock, time::Duration};

use object_store::{
    aws::{AwsAuthorizer, AwsCredential},
    client::{HttpRequest, HttpRequestBody},
};
use reqwest::{
    Client, Method, Url,
    header::{HeaderName, HeaderValue},
    redirect::Policy,
};

use super::{
    download::read,
    fetch_error::FetchError,
    http_client::{build, is_loopback},
};
use crate::failure::chain;

/// Limits a response, in bytes. The largest is that of an invocation: 6 MB of response, and headers.
const RESPONSE_LIMIT_BYTES: u64 = 8 << 20;

/// The maximum time in which AWS sends nothing: an invocation takes up to 15 minutes.
const READ_TIMEOUT: Duration = Duration::from_secs(16 * 60);

/// An `AwsApi` signs requests with one set of credentials, and sends them.
#[derive(Clone)]
pub struct AwsApi {
    client: OnceLock<Client>,
    key_id: String,
    secret: String,
    token: Option<String>,
}

/// Describes a request before it is signed.
#[derive(Debug, Clone)]
pub struct ApiRequest {
    /// The service's name in signatures.
    pub service: &'static str,
    /// The region that the signature names.
    pub region: String,
    /// The method of HTTP, in capitals.
    pub method: &'static str,
    /// The address, with the query.
    pub url: String,
    /// The headers that the API needs.
    pub headers: Vec<(&'static str, String)>,
    /// The body, which may be empty.
    pub body: Vec<u8>,
}

/// Holds a response with any status.
#[derive(Debug, Clone, Default)]
pub struct ApiResponse {
    /// The status of HTTP.
    pub status: u16,
    /// The headers that are text, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl ApiResponse {
    /// Returns the value of a header, whose name is in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl AwsApi {
    /// Makes a client with these credentials.
    #[must_use]
    pub fn new(key_id: String, secret: String, token: Option<String>) -> Self {
        Self { client: OnceLock::new(), key_id, secret, token }
    }

    /// AWS's APIs redirect nobody. A redirect would take the session's token elsewhere.
    fn client(&self) -> Result<&Client, String> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = build(READ_TIMEOUT, Policy::none()).map_err(|error| chain(&error))?;
        Ok(self.client.get_or_init(|| client))
    }

    /// Sends a request, and returns the response, whatever its status is.
    ///
    /// # Errors
    /// A text that says why there is no response.
    pub async fn send(&self, request: &ApiRequest) -> Result<ApiResponse, String> {
        let url: Url = request.url.parse().map_err(|error| format!("`{}` is not an address: {error}", request.url))?;
        if url.scheme() != "https" && !is_loopback(&url) {
            return Err(format!("`{}` has no TLS, which is for the loopback interface only", request.url));
        }
        let method: Method = request.method.parse().map_err(|_| "the method is not one of HTTP".to_owned())?;
        let mut signed = HttpRequest::new(HttpRequestBody::from(request.body.clone()));
        *signed.method_mut() = method.clone();
        *signed.uri_mut() = url.as_str().parse().map_err(|error| format!("`{url}` is not an address: {error}"))?;
        for (name, value) in &request.headers {
            let value = HeaderValue::from_str(value).map_err(|_| format!("the header `{name}` has a bad value"))?;
            signed.headers_mut().insert(HeaderName::from_static(name), value);
        }
        if self.token.as_ref().is_some_and(|token| HeaderValue::from_str(token).is_err()) {
            return Err("the session token of the credentials is not one".to_owned());
        }
        let credential =
            AwsCredential { key_id: self.key_id.clone(), secret_key: self.secret.clone(), token: self.token.clone() };
        let authorizer = AwsAuthorizer::new(&credential, request.service, &request.region);
        authorizer.try_authorize(&mut signed, None).map_err(|error| chain(&error))?;
        let (parts, _) = signed.into_parts();
        let sent = self.client()?.request(method, url).headers(parts.headers).body(request.body.clone()).send().await;
        let response = sent.map_err(|error| chain(&error.without_url()))?;
        let status = response.status().as_u16();
        let text = |(name, value): (&HeaderName, &HeaderValue)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        };
        let headers = response.headers().iter().filter_map(text).collect();
        let body = read(response, &"AWS", RESPONSE_LIMIT_BYTES).await.map_err(|error| match error {
            FetchError::Transient(reason) => reason,
            FetchError::Permanent(failure) => failure.reason().into_owned(),
            FetchError::Rejected(_, failure) => failure.reason().into_owned(),
        })?;
        Ok(ApiResponse { status, headers, body })
    }
}

/// Leaves the credentials out.
impl std::fmt::Debug for AwsApi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AwsApi")
    }
}
