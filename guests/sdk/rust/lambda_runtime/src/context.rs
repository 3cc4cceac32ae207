//! This module has what Lambda says about an invocation.

use std::{
    collections::HashMap,
    env,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use guesthouse_executor::Context as Given;
use serde::{Deserialize, Serialize};

/// What Lambda says about an invocation.
#[non_exhaustive]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Context {
    /// The invocation's id.
    pub request_id: String,
    /// When Lambda gives up on it, in milliseconds since the Unix epoch.
    pub deadline: u64,
    /// The ARN by which the function was invoked.
    pub invoked_function_arn: String,
    /// The X-Ray trace header's value.
    pub xray_trace_id: Option<String>,
    /// What a mobile application says about itself.
    pub client_context: Option<ClientContext>,
    /// Who called, when the caller came with Amazon Cognito credentials.
    pub identity: Option<CognitoIdentity>,
    /// The tenant, for functions with tenant isolation.
    pub tenant_id: Option<String>,
    /// What the function is.
    pub env_config: Arc<Config>,
}

impl Context {
    /// When Lambda gives up on the invocation.
    pub fn deadline(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.deadline)
    }
}

impl From<Given> for Context {
    fn from(given: Given) -> Self {
        Self {
            request_id: given.request_id,
            deadline: given.deadline_ms,
            invoked_function_arn: given.invoked_function_arn,
            xray_trace_id: given.trace_id,
            // A caller can send anything, and what is no client context is none.
            client_context: given.client_context.and_then(|text| serde_json::from_str(&text).ok()),
            identity: given.identity.map(|identity| CognitoIdentity {
                identity_id: identity.identity_id,
                identity_pool_id: identity.identity_pool_id,
            }),
            tenant_id: given.tenant_id,
            env_config: Arc::new(Config {
                function_name: given.function_name,
                memory: given.memory_limit_mib.try_into().unwrap_or(i32::MAX),
                version: given.function_version,
                log_stream: given.log_stream_name,
                log_group: given.log_group_name,
            }),
        }
    }
}

/// What the function is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Its name.
    pub function_name: String,
    /// Its memory, in MiB.
    pub memory: i32,
    /// Its version.
    pub version: String,
    /// Where this environment logs.
    pub log_stream: String,
    /// Where the function logs.
    pub log_group: String,
}

impl Config {
    /// Reads Lambda's environment variables.
    pub fn from_env() -> Self {
        let variable = |name| env::var(name).unwrap_or_default();
        Self {
            function_name: variable("AWS_LAMBDA_FUNCTION_NAME"),
            memory: variable("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").parse().unwrap_or_default(),
            version: variable("AWS_LAMBDA_FUNCTION_VERSION"),
            log_stream: variable("AWS_LAMBDA_LOG_STREAM_NAME"),
            log_group: variable("AWS_LAMBDA_LOG_GROUP_NAME"),
        }
    }
}

/// What a mobile application says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientContext {
    /// Which application it is.
    #[serde(default)]
    pub client: ClientApplication,
    /// What it adds.
    #[serde(default)]
    pub custom: HashMap<String, String>,
    /// Its environment.
    #[serde(default)]
    pub environment: HashMap<String, String>,
}

/// Which application called.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientApplication {
    /// The id of this installation.
    #[serde(alias = "installation_id")]
    pub installation_id: String,
    /// The application's title.
    #[serde(alias = "app_title")]
    pub app_title: String,
    /// Its version's name.
    #[serde(alias = "app_version_name")]
    pub app_version_name: String,
    /// Its version's code.
    #[serde(alias = "app_version_code")]
    pub app_version_code: String,
    /// Its package's name.
    #[serde(alias = "app_package_name")]
    pub app_package_name: String,
}

/// Who called, when the caller came with Amazon Cognito credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CognitoIdentity {
    /// The caller's identity.
    #[serde(alias = "cognitoIdentityId", alias = "identity_id")]
    pub identity_id: String,
    /// The pool that vouches for it.
    #[serde(alias = "cognitoIdentityPoolId", alias = "identity_pool_id")]
    pub identity_pool_id: String,
}
