//! This module fetches guests from S3, and from services with the same interface. `guesthouse push` also writes through
//! it.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use futures_util::StreamExt as _;
use object_store::{
    ClientOptions, Error, GetOptions, ObjectStore as _, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey},
    client::{HttpClient, HttpConnector},
    path::Path,
};

use super::{
    download::{Body, Download},
    fetch_error::{self, FetchError},
    http_client,
};
use crate::{
    failure::{Failure, chain},
    source::{access::RemoteAccess, artifact::Validator, errors::unusable},
};

/// An `Object` is an object in a bucket.
#[derive(Debug, Clone)]
pub struct Object {
    bucket: String,
    key: Path,
    access: RemoteAccess,
    store: Arc<OnceLock<AmazonS3>>,
}

/// A `Connector` makes S3's client use the HTTP client that all remote sources share, with its limits.
#[derive(Debug)]
struct Connector(RemoteAccess);

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = http_client::client(&self.0);
        client.map(HttpClient::new).map_err(|error| Error::Generic { store: "S3", source: Box::new(error) })
    }
}

/// Returns a client for a bucket, with the region and the credentials from Lambda's environment variables.
pub(super) fn store(access: &RemoteAccess, bucket: &str) -> object_store::Result<AmazonS3> {
    let mut builder = AmazonS3Builder::new();
    for (name, value) in access.variables() {
        if let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    // Without credentials, the client would request some from an address that Lambda does not have. A public bucket can
    // be read without a signature.
    let sources = ["AWS_ACCESS_KEY_ID", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"];
    let has_credentials = sources.iter().any(|name| access.variable(name).is_some());
    let no_retries = RetryConfig { max_retries: 0, ..RetryConfig::default() };
    builder
        .with_bucket_name(bucket)
        .with_skip_signature(!has_credentials)
        .with_allow_http(true)
        .with_retry(no_retries)
        .with_http_connector(Connector(access.clone()))
        .build()
}

impl Object {
    /// Parses a reference.
    ///
    /// # Errors
    /// [`ErrorType::Config`](crate::failure::ErrorType::Config) if it does not name an object.
    pub(super) fn parse(reference: &str, access: &RemoteAccess) -> Result<Self, Failure> {
        let named = reference.strip_prefix("s3://").and_then(|rest| rest.split_once('/'));
        let (bucket, key) = named
            .filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty())
            .ok_or_else(|| unusable(reference, "it names no bucket, or no key").hint("write `s3://BUCKET/KEY.wasm`"))?;
        let key = Path::parse(key).map_err(|error| {
            unusable(reference, format!("its key is not valid: {error}")).hint("write `s3://BUCKET/KEY.wasm`")
        })?;
        Ok(Self { bucket: bucket.to_owned(), key, access: access.clone(), store: Arc::default() })
    }

    /// Returns the object's key.
    pub(super) fn key(&self) -> &str {
        self.key.as_ref()
    }

    /// Fetches the object whose key ends with this suffix in addition, unless it still has the validator that is
    /// `known`.
    pub(super) async fn get(
        &self,
        suffix: &str,
        known: Option<&Validator>,
        limit_bytes: u64,
    ) -> Result<Download, FetchError> {
        let store = self.store().map_err(|error| self.fetch_error(error))?;
        let if_none_match = match known {
            Some(Validator::Http { etag, .. }) => etag.clone(),
            _ => None,
        };
        let options = GetOptions { if_none_match, ..GetOptions::default() };
        let result = match store.get_opts(&self.key_with(suffix), options).await {
            Err(Error::NotModified { .. }) => return Ok(Download::NotModified),
            result => result.map_err(|error| self.fetch_error(error))?,
        };
        let validator = Validator::Http { etag: result.meta.e_tag.clone(), version: result.meta.version.clone() };
        let body = Body::new(self.to_string(), Some(result.meta.size), limit_bytes);
        let mut body = body.map_err(|error| error.for_validator(&validator))?;
        let mut chunks = result.into_stream();
        while let Some(chunk) = chunks.next().await {
            body.push(&chunk.map_err(|error| self.fetch_error(error))?)?;
        }
        Ok(Download::Complete { bytes: body.bytes, validator, signature: None })
    }

    /// Writes the object whose key ends with this suffix in addition.
    ///
    /// # Errors
    /// A summary of S3's error.
    #[cfg(feature = "cli")]
    pub(super) async fn put(&self, suffix: &str, bytes: Vec<u8>) -> Result<(), String> {
        use object_store::ObjectStoreExt as _;
        let put = async { self.store()?.put(&self.key_with(suffix), bytes.into()).await };
        put.await.map(drop).map_err(|error| summary(&error))
    }

    /// Removes the object whose key ends with this suffix in addition, if there is one.
    ///
    /// # Errors
    /// A summary of S3's error.
    #[cfg(feature = "cli")]
    pub(super) async fn remove(&self, suffix: &str) -> Result<(), String> {
        use object_store::ObjectStoreExt as _;
        let removed = async { self.store()?.delete(&self.key_with(suffix)).await };
        removed.await.map_err(|error| summary(&error))
    }

    fn key_with(&self, suffix: &str) -> Path {
        if suffix.is_empty() { self.key.clone() } else { Path::from(format!("{}{suffix}", self.key)) }
    }

    /// Returns the bucket's client, which the first call makes.
    fn store(&self) -> object_store::Result<&AmazonS3> {
        if let Some(store) = self.store.get() {
            return Ok(store);
        }
        let store = store(&self.access, &self.bucket)?;
        Ok(self.store.get_or_init(|| store))
    }

    fn fetch_error(&self, error: Error) -> FetchError {
        match error {
            Error::NotFound { .. } => FetchError::Permanent(fetch_error::not_found(self)),
            Error::PermissionDenied { .. } => FetchError::Permanent(fetch_error::access_denied(self, "403 Forbidden")),
            Error::Unauthenticated { .. } => {
                FetchError::Permanent(fetch_error::access_denied(self, "401 Unauthorized"))
            }
            error => FetchError::Transient(summary(&error)),
        }
    }
}

/// Returns a summary of an error. If S3 sent it, that is only its code: the body of the response has another ID each
/// time, and may contain a token. Otherwise it is the last two causes, because the outer errors repeat them.
fn summary(error: &dyn std::error::Error) -> String {
    let code = chain(error).split("<Code>").nth(1).and_then(|rest| rest.split("</Code>").next()).map(str::to_owned);
    if let Some(code) = code.filter(|code| code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
        return format!("S3 returned `{code}`");
    }
    let causes = std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string);
    let causes: Vec<String> = causes.filter(|cause| !cause.contains(['<', '\n'])).collect();
    match causes.is_empty() {
        true => "S3 returned an error".to_owned(),
        false => causes[causes.len().saturating_sub(2)..].join(": "),
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_of_a_response_of_s3_is_its_code_and_that_of_another_error_is_its_causes() {
        let error = |text: &str| {
            let connect = Error::Generic { store: "TCP", source: text.to_owned().into() };
            summary(&Error::Generic { store: "S3", source: Box::new(connect) })
        };
        let body = "400: <Error><Code>ExpiredToken</Code><Token-0>secret</Token-0></Error>";
        assert_eq!(error(body), "S3 returned `ExpiredToken`");
        assert_eq!(error("refused"), "Generic TCP error: refused: refused");
        assert_eq!(error("<b>secret</b>"), "S3 returned an error");
    }

    #[test]
    fn a_reference_names_a_bucket_and_a_key() {
        let parse = |reference| Object::parse(reference, &RemoteAccess::default());
        assert_eq!(parse("s3://bucket/a/b c.wasm").unwrap().to_string(), "s3://bucket/a/b c.wasm");
        for reference in ["s3://bucket", "s3://bucket/", "s3:///key", "s3://bucket/a//b"] {
            assert!(parse(reference).is_err(), "{reference}");
        }
    }
}
