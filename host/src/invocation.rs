//! One event on its way through the host: plain data, no wasm, no Lambda.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

/// The most, in bytes, that Lambda takes as an event or as a buffered answer. Source: the AWS page "Lambda quotas", and what the
/// emulator says.
pub const PAYLOAD_LIMIT_BYTES: usize = 6_291_556;

/// One event with its context.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// The payload, as it came: the host does not look into it.
    pub event: Bytes,
    /// What Lambda says about the invocation.
    pub context: Context,
}

/// The text a handler answered with. The host does not look into it either.
pub type Answer = String;

/// What Lambda says about one invocation; the fields are those of the record `context` in `wit/`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// A retry of the same asynchronous event carries the same id.
    pub request_id: String,
    /// Empty where the environment does not say.
    pub function_name: String,
    /// A number or `$LATEST`; empty where the environment does not say.
    pub function_version: String,
    /// With the alias, if it was invoked by one.
    pub invoked_function_arn: String,
    /// The function's memory, in MiB; 0 where the environment does not say.
    pub memory_limit_mib: u32,
    /// CloudWatch's log group.
    pub log_group_name: String,
    /// CloudWatch's log stream of this environment.
    pub log_stream_name: String,
    /// When Lambda gives up.
    pub deadline: Deadline,
    /// The X-Ray header's value.
    pub trace_id: Option<String>,
    /// Opaque text, as the caller sent it.
    pub client_context: Option<String>,
    /// Who called, when it is known and well formed.
    pub identity: Option<CognitoIdentity>,
    /// For functions with tenant isolation.
    pub tenant_id: Option<String>,
}

/// Who called, when the caller came with Amazon Cognito credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CognitoIdentity {
    /// The caller's identity.
    pub identity_id: String,
    /// The pool that vouches for it.
    pub identity_pool_id: String,
}

/// The moment at which Lambda gives up on an invocation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Deadline {
    /// Milliseconds since the Unix epoch.
    pub unix_ms: u64,
}

impl Deadline {
    /// The deadline that is `timeout` away from now.
    pub fn after(timeout: Duration) -> Self {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + timeout;
        Self { unix_ms: u64::try_from(at.as_millis()).unwrap_or(u64::MAX) }
    }

    /// How long a guest may run from now on: until `margin` before the deadline. The margin is never more than a tenth
    /// of what is left, so that a short timeout is not eaten up by it.
    pub fn budget(self, margin: Duration) -> Budget {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let left = Duration::from_millis(self.unix_ms).saturating_sub(now);
        let margin = margin.min(left / 10);
        Budget { guest: left - margin, margin }
    }
}

/// The time until a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// What the guest may use.
    pub guest: Duration,
    /// What comes after that.
    pub margin: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_margin_is_taken_off_a_long_timeout_whole_and_off_a_short_one_as_a_tenth() {
        let margin = Duration::from_millis(100);
        let long = Deadline::after(Duration::from_secs(60)).budget(margin).guest;
        assert!(long <= Duration::from_millis(59_900) && long > Duration::from_secs(54), "{long:?}");
        let short = Deadline::after(Duration::from_secs(100)).budget(Duration::from_secs(50)).guest;
        assert!(short <= Duration::from_secs(90) && short > Duration::from_secs(50), "{short:?}");
    }

    #[test]
    fn a_deadline_in_the_past_leaves_nothing() {
        assert_eq!(Deadline { unix_ms: 1 }.budget(Duration::from_millis(100)).guest, Duration::ZERO);
    }
}
