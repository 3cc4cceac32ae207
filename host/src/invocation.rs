//! This module describes one event on its way through the host, as plain data. It knows neither wasm nor Lambda's
//! protocol.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

/// The maximum size of an event, or of a buffered response, on Lambda, in bytes. Sources: the AWS page "Lambda quotas",
/// and what AWS's emulator reports.
pub const PAYLOAD_LIMIT_BYTES: usize = 6_291_556;

/// An `Invocation` is one event with its context.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// The payload as it arrived. The host does not parse it.
    pub event: Bytes,
    /// The context that Lambda sent with the event.
    pub context: Context,
}

/// A `Context` has what Lambda sends about one invocation. The fields are those of the record `context` in `wit/`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// The request id. A retry of the same asynchronous event has the same one.
    pub request_id: String,
    /// The function's name. Empty if the environment does not provide it.
    pub function_name: String,
    /// The function's version, a number or `$LATEST`. Empty if the environment does not provide it.
    pub function_version: String,
    /// The function's ARN, with the alias if it was invoked by one.
    pub invoked_function_arn: String,
    /// The function's memory, in MiB. 0 if the environment does not provide it.
    pub memory_limit_mib: u32,
    /// The log group in CloudWatch.
    pub log_group_name: String,
    /// The log stream in CloudWatch, one for each environment.
    pub log_stream_name: String,
    /// The time at which Lambda ends the invocation.
    pub deadline: Deadline,
    /// The value of the X-Ray header.
    pub trace_id: Option<String>,
    /// The client context: opaque text, as the caller sent it.
    pub client_context: Option<String>,
    /// The caller's identity, if it is known and well formed.
    pub identity: Option<CognitoIdentity>,
    /// The tenant's id, in functions with tenant isolation.
    pub tenant_id: Option<String>,
}

/// A `CognitoIdentity` identifies a caller that uses Amazon Cognito credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CognitoIdentity {
    /// The identity's id.
    pub identity_id: String,
    /// The id of the identity pool that issued the identity.
    pub identity_pool_id: String,
}

/// A `Deadline` is the time at which Lambda ends an invocation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Deadline {
    /// Milliseconds since the Unix epoch.
    pub unix_ms: u64,
}

impl Deadline {
    /// Returns the deadline that is `timeout` from now.
    pub fn after(timeout: Duration) -> Self {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + timeout;
        Self { unix_ms: u64::try_from(at.as_millis()).unwrap_or(u64::MAX) }
    }

    /// Returns how long a guest may run from now on: until `margin` before the deadline. The margin is at most a tenth
    /// of the time that is left, so that it does not use up a short timeout.
    pub fn budget(self, margin: Duration) -> TimeBudget {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let left = Duration::from_millis(self.unix_ms).saturating_sub(now);
        let margin = margin.min(left / 10);
        TimeBudget { guest: left - margin, margin }
    }
}

/// A `TimeBudget` divides the time until a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeBudget {
    /// The time that the guest may use.
    pub guest: Duration,
    /// The time between the guest's end and the deadline.
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
