//! Guests in S3, or in what speaks like it.

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
    Fetched, Mark, RemoteAccess,
    http::Body,
    trouble::{self, Trouble},
    unusable,
};
use crate::failure::{Failure, chain};

/// An object in a bucket.
#[derive(Debug, Clone)]
pub struct Object {
    bucket: String,
    key: Path,
    access: RemoteAccess,
    store: Arc<OnceLock<AmazonS3>>,
}

/// All remote sources share one HTTP client, with its limits.
#[derive(Debug)]
struct Connector(RemoteAccess);

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = self.0.client();
        client.map(HttpClient::new).map_err(|error| Error::Generic { store: "S3", source: Box::new(error) })
    }
}

/// A client for a bucket, by Lambda's variables.
pub(super) fn store(access: &RemoteAccess, bucket: &str) -> object_store::Result<AmazonS3> {
    let mut builder = AmazonS3Builder::new();
    for (name, value) in access.variables() {
        if let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    // Without credentials it would ask an address that Lambda does not have. Anybody may read a public bucket.
    let has_credentials =
        ["AWS_ACCESS_KEY_ID", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"];
    let is_known = has_credentials.iter().any(|name| access.variable(name).is_some());
    let never = RetryConfig { max_retries: 0, ..RetryConfig::default() };
    builder
        .with_bucket_name(bucket)
        .with_skip_signature(!is_known)
        .with_allow_http(true)
        .with_retry(never)
        .with_http_connector(Connector(access.clone()))
        .build()
}

impl Object {
    /// # Errors
    /// [`crate::failure::ErrorType::Config`] for what names no object.
    pub(super) fn parse(reference: &str, access: &RemoteAccess) -> Result<Self, Failure> {
        let named = reference.strip_prefix("s3://").and_then(|rest| rest.split_once('/'));
        let (bucket, key) = named
            .filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty())
            .ok_or_else(|| unusable(reference, "it names no bucket, or no key").hint("write `s3://BUCKET/KEY.wasm`"))?;
        let key = Path::parse(key).map_err(|error| {
            unusable(reference, format!("its key is not one: {error}")).hint("write `s3://BUCKET/KEY.wasm`")
        })?;
        Ok(Self { bucket: bucket.to_owned(), key, access: access.clone(), store: Arc::default() })
    }

    pub(super) fn key(&self) -> &str {
        self.key.as_ref()
    }

    /// Reads the object, or the one beside it with this ending.
    pub(super) async fn get(&self, ending: &str, known: Option<&Mark>, limit_bytes: u64) -> Result<Fetched, Trouble> {
        let store = self.store().map_err(|error| self.trouble(error))?;
        let if_none_match = match known {
            Some(Mark::Http { etag, .. }) => etag.clone(),
            _ => None,
        };
        let options = GetOptions { if_none_match, ..GetOptions::default() };
        let got = match store.get_opts(&self.beside(ending), options).await {
            Err(Error::NotModified { .. }) => return Ok(Fetched::Unchanged),
            got => got.map_err(|error| self.trouble(error))?,
        };
        let mark = Mark::Http { etag: got.meta.e_tag.clone(), revision: got.meta.version.clone() };
        let body = Body::new(self.to_string(), Some(got.meta.size), limit_bytes);
        let mut body = body.map_err(|trouble| trouble.about(&mark))?;
        let mut pieces = got.into_stream();
        while let Some(piece) = pieces.next().await {
            body.push(&piece.map_err(|error| self.trouble(error))?)?;
        }
        Ok(Fetched::Found { bytes: body.bytes, mark, signature: None })
    }

    /// Writes the object, or the one beside it with this ending.
    ///
    /// # Errors
    /// What S3 says.
    #[cfg(feature = "cli")]
    pub(super) async fn put(&self, ending: &str, bytes: Vec<u8>) -> Result<(), String> {
        use object_store::ObjectStoreExt as _;
        let put = async { self.store()?.put(&self.beside(ending), bytes.into()).await };
        put.await.map(drop).map_err(|error| brief(&error))
    }

    /// Removes the one beside the object with this ending, if there is one.
    ///
    /// # Errors
    /// What S3 says.
    #[cfg(feature = "cli")]
    pub(super) async fn remove(&self, ending: &str) -> Result<(), String> {
        use object_store::ObjectStoreExt as _;
        let removed = async { self.store()?.delete(&self.beside(ending)).await };
        removed.await.map_err(|error| brief(&error))
    }

    fn beside(&self, ending: &str) -> Path {
        if ending.is_empty() { self.key.clone() } else { Path::from(format!("{}{ending}", self.key)) }
    }

    fn store(&self) -> object_store::Result<&AmazonS3> {
        if let Some(store) = self.store.get() {
            return Ok(store);
        }
        let store = store(&self.access, &self.bucket)?;
        Ok(self.store.get_or_init(|| store))
    }

    fn trouble(&self, error: Error) -> Trouble {
        match error {
            Error::NotFound { .. } => Trouble::Lasting(trouble::not_found(self)),
            Error::PermissionDenied { .. } => Trouble::Lasting(trouble::not_allowed(self, "403 Forbidden")),
            Error::Unauthenticated { .. } => Trouble::Lasting(trouble::not_allowed(self, "401 Unauthorized")),
            error => Trouble::Passing(brief(&error)),
        }
    }
}

/// What S3 says, without the body of its answer: that has another id each time, and may have a token in it. Of what else went wrong only
/// the causes: the rest says the same again.
fn brief(error: &dyn std::error::Error) -> String {
    let code = chain(error).split("<Code>").nth(1).and_then(|rest| rest.split("</Code>").next()).map(str::to_owned);
    if let Some(code) = code.filter(|code| code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
        return format!("S3 answers `{code}`");
    }
    let causes = std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string);
    let causes: Vec<String> = causes.filter(|cause| !cause.contains(['<', '\n'])).collect();
    match causes.is_empty() {
        true => "S3 answers with an error".to_owned(),
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
    fn of_an_answer_of_s3s_only_the_code_is_told_and_of_what_else_went_wrong_the_causes() {
        let error = |text: &str| {
            let connect = Error::Generic { store: "TCP", source: text.to_owned().into() };
            brief(&Error::Generic { store: "S3", source: Box::new(connect) })
        };
        let body = "400: <Error><Code>ExpiredToken</Code><Token-0>secret</Token-0></Error>";
        assert_eq!(error(body), "S3 answers `ExpiredToken`");
        assert_eq!(error("refused"), "Generic TCP error: refused: refused");
        assert_eq!(error("<b>secret</b>"), "S3 answers with an error");
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
