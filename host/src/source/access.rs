//! This module holds what remote sources share: AWS's settings and credentials, and one HTTP client.

use std::collections::BTreeMap;
#[cfg(feature = "https")]
use std::sync::{Arc, OnceLock};

/// `RemoteAccess` is what remote sources share. It is cheap to clone; the clones share the HTTP client's connections.
#[derive(Clone, Default)]
pub struct RemoteAccess {
    #[cfg_attr(not(feature = "s3"), expect(dead_code, reason = "only AWS has variables of its own"))]
    variables: BTreeMap<String, String>,
    /// The HTTP client, which `remote::http_client` makes when it is first needed.
    #[cfg(feature = "https")]
    pub(super) client: Arc<OnceLock<reqwest::Client>>,
    /// Whether the client waits longer for a server, as uploads need.
    #[cfg(feature = "https")]
    pub(super) has_upload_timeout: bool,
}

impl RemoteAccess {
    /// Returns the access that the environment variables `AWS_*` describe. Lambda sets them, and AWS's own tools read
    /// them.
    pub fn new<'a>(variables: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let aws = variables.filter(|(name, value)| name.starts_with("AWS_") && !value.is_empty());
        let variables = aws.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self {
            variables,
            #[cfg(feature = "https")]
            client: Arc::default(),
            #[cfg(feature = "https")]
            has_upload_timeout: false,
        }
    }

    /// Returns the environment variables `AWS_*`.
    #[cfg(feature = "s3")]
    pub(super) fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns the value of an environment variable `AWS_*` that is not empty.
    #[cfg(feature = "s3")]
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// Returns the same access with an HTTP client of its own, which waits longer for a server.
    #[cfg(feature = "cli")]
    pub(super) fn with_upload_timeout(self) -> Self {
        Self { client: Arc::default(), has_upload_timeout: true, ..self }
    }
}

/// Leaves the credentials out.
impl std::fmt::Debug for RemoteAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RemoteAccess")
    }
}
