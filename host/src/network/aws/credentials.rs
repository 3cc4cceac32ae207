//! This module provides the function's own AWS credentials, which no guest ever sees.
//!
//! Lambda sets them as environment variables that hold for the life of an environment. With SnapStart it names a local
//! server instead, whose credentials expire. Sources: the AWS pages "Using Lambda environment variables" and "Container
//! credential provider".

use std::time::{Duration, SystemTime};

use http::{HeaderName, HeaderValue, Uri};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::network::client::get;

/// The id of the access key that guests have. It consists of as many capital letters and digits as a real one, because
/// some programs check that.
pub const PLACEHOLDER: &str = "GUESTHOUSE0000000000";

/// The time before they expire in which credentials are fetched anew.
const RENEWAL: Duration = Duration::from_secs(5 * 60);

/// The maximum size of the response with credentials, in bytes.
const RESPONSE_LIMIT_BYTES: usize = 64 * 1024;

/// Credentials of AWS.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The id of the access key.
    pub key_id: String,
    /// The secret access key.
    pub secret: String,
    /// The session token, for credentials of a role.
    pub token: Option<String>,
}

/// Where the credentials come from.
pub enum CredentialSource {
    /// The environment variables.
    Variables(Credentials),
    /// A server that the environment variables name.
    Server {
        /// The server's address.
        uri: Uri,
        /// What the server wants to see in the header `authorization`.
        token: Token,
        /// The credentials that were fetched last, and when they expire.
        fetched: Mutex<Option<(Credentials, SystemTime)>>,
    },
    /// There are none, for this reason.
    None(String),
}

/// The token for the server with the credentials.
pub enum Token {
    /// A token that does not change. Empty if the server wants none.
    Fixed(String),
    /// A file with the current token.
    File(String),
}

impl CredentialSource {
    /// Returns the source that the environment variables name.
    pub fn new(variable: impl Fn(&str) -> Option<String>) -> Self {
        if let (Some(key_id), Some(secret)) = (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) {
            return Self::Variables(Credentials { key_id, secret, token: variable("AWS_SESSION_TOKEN") });
        }
        let Some(address) = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI") else {
            return Self::None("`AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` are not set".to_owned());
        };
        let Ok(uri) = address.parse() else {
            return Self::None("`AWS_CONTAINER_CREDENTIALS_FULL_URI` is not an address".to_owned());
        };
        let token = match variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
            Some(path) => Token::File(path),
            None => Token::Fixed(variable("AWS_CONTAINER_AUTHORIZATION_TOKEN").unwrap_or_default()),
        };
        Self::Server { uri, token, fetched: Mutex::default() }
    }

    /// Returns the credentials. Those of a server are fetched again shortly before they expire.
    ///
    /// # Errors
    /// Returns why there are none.
    pub async fn credentials(&self) -> Result<Credentials, String> {
        let (uri, token, fetched) = match self {
            Self::Variables(credentials) => return Ok(credentials.clone()),
            Self::None(reason) => return Err(reason.clone()),
            Self::Server { uri, token, fetched } => (uri, token, fetched),
        };
        let mut fetched = fetched.lock().await;
        if let Some((credentials, expires)) = &*fetched
            && SystemTime::now() + RENEWAL < *expires
        {
            return Ok(credentials.clone());
        }
        let new = fetch(uri, token).await.map_err(|error| format!("can't get the function's credentials: {error}"))?;
        Ok(fetched.insert(new).0.clone())
    }
}

/// A response of the server.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Fetched {
    access_key_id: String,
    secret_access_key: String,
    token: Option<String>,
    expiration: Option<String>,
}

async fn fetch(uri: &Uri, token: &Token) -> Result<(Credentials, SystemTime), String> {
    let token = match token {
        Token::Fixed(token) => token.clone(),
        Token::File(path) => std::fs::read_to_string(path).map_err(|error| format!("`{path}`: {error}"))?,
    };
    let token = HeaderValue::try_from(token.trim()).map_err(|_| "the token is not one for a header".to_owned())?;
    let header = (!token.is_empty()).then_some((HeaderName::from_static("authorization"), token));
    let body = get(uri, header, RESPONSE_LIMIT_BYTES).await.map_err(|error| error.to_string())?;
    let fetched: Fetched = serde_json::from_slice(&body).map_err(|_| "the response has none".to_owned())?;
    let expires = fetched.expiration.and_then(|text| humantime::parse_rfc3339(&text).ok());
    // Without an end they are fetched again after a while, in case that they were exchanged.
    let expires = expires.unwrap_or_else(|| SystemTime::now() + 2 * RENEWAL);
    let credentials =
        Credentials { key_id: fetched.access_key_id, secret: fetched.secret_access_key, token: fetched.token };
    Ok((credentials, expires))
}

/// Leaves the secrets out.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}
