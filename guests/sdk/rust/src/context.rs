use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::internal::WireContext;

/// What Lambda says about one invocation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Context {
    /// The invocation's id. A retry of the same asynchronous event carries the same id.
    pub request_id: String,
    /// The function's name.
    pub function_name: String,
    /// Its version, or `$LATEST`.
    pub function_version: String,
    /// The ARN by which the function was invoked, with the alias if it was one.
    pub invoked_function_arn: String,
    /// The memory configured for the function, in MiB.
    pub memory_limit_mib: u32,
    /// The CloudWatch log group.
    pub log_group_name: String,
    /// The CloudWatch log stream of this environment.
    pub log_stream_name: String,
    /// When Lambda gives up on this invocation, in milliseconds since the Unix epoch.
    pub deadline_ms: u64,
    /// The X-Ray trace header's value.
    pub trace_id: Option<String>,
    /// The client context exactly as the caller sent it: usually, but not always, JSON.
    pub client_context: Option<String>,
    /// Who called, when the caller came with Amazon Cognito credentials.
    pub identity: Option<CognitoIdentity>,
    /// The tenant, for functions with tenant isolation.
    pub tenant_id: Option<String>,
}

/// Who called, when the caller came with Amazon Cognito credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CognitoIdentity {
    /// The caller's identity.
    pub identity_id: String,
    /// The pool that vouches for it.
    pub identity_pool_id: String,
}

impl Context {
    /// How long Lambda still waits for the response. Zero when the deadline has passed.
    pub fn remaining_time(&self) -> Duration {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Duration::from_millis(self.deadline_ms).saturating_sub(now)
    }
}

impl From<WireContext> for Context {
    fn from(wire: WireContext) -> Self {
        Self {
            request_id: wire.request_id,
            function_name: wire.function_name,
            function_version: wire.function_version,
            invoked_function_arn: wire.invoked_function_arn,
            memory_limit_mib: wire.memory_limit_mib,
            log_group_name: wire.log_group_name,
            log_stream_name: wire.log_stream_name,
            deadline_ms: wire.deadline_ms,
            trace_id: wire.trace_id,
            client_context: wire.client_context,
            identity: wire.identity.map(|identity| CognitoIdentity {
                identity_id: identity.identity_id,
                identity_pool_id: identity.identity_pool_id,
            }),
            tenant_id: wire.tenant_id,
        }
    }
}
