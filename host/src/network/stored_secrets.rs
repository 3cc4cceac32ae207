//! This module fetches secrets from AWS Secrets Manager and from the SSM Parameter Store, in the function's own name.
//!
//! Sources: the AWS pages "GetSecretValue" and "GetParameter" of both services' API references.

use std::{sync::Arc, time::SystemTime};

use bytes::Bytes;
use http::{
    HeaderValue, Request, Uri,
    header::{CONTENT_TYPE, HOST},
};
use http_body_util::{BodyExt as _, Full, Limited};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::{
    aws::{authorization::Authorization, credentials::CredentialSource, payload::hexadecimal, sign::sign},
    client::{Client, RequestBody, Timeouts},
    host::parse_authority,
    rules::Grant,
    secrets::Stored,
};

/// The maximum size of a response with a secret, in bytes. A secret has 64 KiB at most.
const RESPONSE_LIMIT_BYTES: usize = 256 * 1024;

/// Where the services are from which secrets come.
pub struct Stores {
    region: Option<String>,
    secrets_manager: Option<String>,
    parameter_store: Option<String>,
}

/// A request for one secret.
struct ApiRequest {
    service: &'static str,
    target: &'static str,
    endpoint: Option<String>,
    id: String,
    body: String,
}

impl Stores {
    /// Returns the stores that the environment variables name.
    pub fn new(variable: impl Fn(&str) -> Option<String>) -> Self {
        let endpoint = |name: &str| variable(name).or_else(|| variable("AWS_ENDPOINT_URL"));
        Self {
            region: variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION")),
            secrets_manager: endpoint("AWS_ENDPOINT_URL_SECRETS_MANAGER"),
            parameter_store: endpoint("AWS_ENDPOINT_URL_SSM"),
        }
    }

    /// Fetches a secret.
    ///
    /// # Errors
    /// Returns why there is none.
    pub async fn fetch(
        &self,
        stored: &Stored,
        client: &Client,
        credentials: &CredentialSource,
    ) -> Result<String, String> {
        let request = match stored {
            Stored::SecretsManager(id) => ApiRequest {
                service: "secretsmanager",
                target: "secretsmanager.GetSecretValue",
                endpoint: self.secrets_manager.clone(),
                id: id.clone(),
                body: json!({ "SecretId": id }).to_string(),
            },
            Stored::Variable(name) => return Err(format!("the environment variable `{name}` is not set")),
            Stored::Parameter(name) => ApiRequest {
                service: "ssm",
                target: "AmazonSSM.GetParameter",
                endpoint: self.parameter_store.clone(),
                id: name.clone(),
                body: json!({ "Name": name, "WithDecryption": true }).to_string(),
            },
        };
        self.call(request, client, credentials).await
    }

    async fn call(
        &self,
        request: ApiRequest,
        client: &Client,
        credentials: &CredentialSource,
    ) -> Result<String, String> {
        let ApiRequest { service, target, endpoint, id, body } = request;
        // An ARN names its region: arn:aws:ssm:eu-central-1:123456789012:parameter/name
        let of_arn = id.strip_prefix("arn:").and_then(|arn| arn.split(':').nth(2)).filter(|region| !region.is_empty());
        let region = of_arn.or(self.region.as_deref()).ok_or("`AWS_REGION` is not set")?;
        let endpoint = endpoint.unwrap_or_else(|| format!("https://{service}.{region}.amazonaws.com"));
        let uri: Uri = format!("{}/", endpoint.trim_end_matches('/')).parse().map_err(|_| not_an_address(&endpoint))?;
        let authority = uri.authority().ok_or_else(|| not_an_address(&endpoint))?.as_str().to_owned();
        let default_port = if uri.scheme_str() == Some("http") { 80 } else { 443 };
        let (host, port) = parse_authority(&authority, Some(default_port))?;

        let digest = hexadecimal(body.as_bytes());
        let body = Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed_unsync();
        let mut request: Request<RequestBody> = Request::new(body);
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(HOST, HeaderValue::try_from(authority).map_err(|error| error.to_string())?);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
        headers.insert("x-amz-target", HeaderValue::from_static(target));
        let credentials = credentials.credentials().await?;
        let signature =
            Authorization { algorithm: "AWS4-HMAC-SHA256", key_id: "", region, service, signed_headers: Vec::new() };
        sign(&mut request, &signature, &digest, &credentials, SystemTime::now())?;

        let permit = Arc::new(Semaphore::new(1)).acquire_owned().await.map_err(|error| error.to_string())?;
        // The endpoint is the environment's own choice, not a guest's.
        let grant = Grant::of_environment(host, port);
        let response = client.send(&grant, request, Timeouts::default(), permit).await;
        let response = response.map_err(|error| format!("`{endpoint}`: {error}"))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), RESPONSE_LIMIT_BYTES).collect().await;
        let body = body.map_err(|error| format!("`{endpoint}`: {error}"))?.to_bytes();
        let text = |pointer: &str, body: &Value| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let value = text("/SecretString", &body).or_else(|| text("/Parameter/Value", &body));
        value.ok_or_else(|| {
            match (text("/__type", &body), text("/message", &body).or_else(|| text("/Message", &body))) {
                (None, None) if status.is_success() => "it has no text".to_owned(),
                (None, None) => format!("`{endpoint}` returned the status {status}"),
                (kind, message) => [kind, message].into_iter().flatten().collect::<Vec<_>>().join(": "),
            }
        })
    }
}

fn not_an_address(endpoint: &str) -> String {
    format!("`{endpoint}` is not an address")
}
