//! With what remote sources are reached: addresses, region and credentials, and one HTTP client for all.

use std::collections::BTreeMap;
#[cfg(feature = "https")]
use std::sync::{Arc, OnceLock};

/// With what remote sources are reached. Cheap to clone; the clones share connections.
#[derive(Clone, Default)]
pub struct RemoteAccess {
    #[cfg_attr(not(feature = "s3"), expect(dead_code, reason = "only AWS has variables of its own"))]
    variables: BTreeMap<String, String>,
    #[cfg(feature = "https")]
    client: Arc<OnceLock<reqwest::Client>>,
    #[cfg(feature = "https")]
    is_patient: bool,
}

impl RemoteAccess {
    /// By the variables whose names start with `AWS_`, as Lambda sets them and as AWS's own tools understand them.
    pub fn new<'a>(variables: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let aws = variables.filter(|(name, value)| name.starts_with("AWS_") && !value.is_empty());
        let variables = aws.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self {
            variables,
            #[cfg(feature = "https")]
            client: Arc::default(),
            #[cfg(feature = "https")]
            is_patient: false,
        }
    }
}

/// How long a patient client lets a server be silent.
#[cfg(feature = "https")]
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(600);

#[cfg(feature = "https")]
impl RemoteAccess {
    #[cfg(feature = "s3")]
    pub(super) fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    #[cfg(feature = "s3")]
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// With a client of its own that lets a server be silent for longer.
    #[cfg(feature = "cli")]
    pub(super) fn patient(self) -> Self {
        Self { client: Arc::default(), is_patient: true, ..self }
    }

    /// Made when it is first asked for: it reads the machine's certificates, which takes milliseconds.
    ///
    /// # Errors
    /// When there are none.
    pub(super) fn client(&self) -> Result<reqwest::Client, reqwest::Error> {
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        let client = super::remote::client(if self.is_patient { PATIENCE } else { super::remote::SILENCE })?;
        Ok(self.client.get_or_init(|| client).clone())
    }
}

/// Without the credentials.
impl std::fmt::Debug for RemoteAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RemoteAccess")
    }
}
