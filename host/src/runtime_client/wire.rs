//! The Runtime API's headers and error body.
//!
//! Sources: the AWS pages "Using the Lambda runtime API" and "Building a custom runtime". Nothing that a caller can
//! choose is trusted here: what can't be parsed is passed on as text, or counts as absent.

use std::{borrow::Cow, num::NonZeroU32, time::Duration};

use bytes::Bytes;
use http::HeaderName;
use serde::Deserialize;

use super::http1::Head;
use crate::{
    config::FunctionInfo,
    failure::Failure,
    invocation::{CognitoIdentity, Context, Deadline, Invocation},
};

/// The invocation's id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("lambda-runtime-aws-request-id");
/// The deadline, in milliseconds since the Unix epoch.
pub const DEADLINE_MS: HeaderName = HeaderName::from_static("lambda-runtime-deadline-ms");
/// The ARN by which the function was invoked.
pub const INVOKED_FUNCTION_ARN: HeaderName = HeaderName::from_static("lambda-runtime-invoked-function-arn");
/// The X-Ray header's value; may be absent.
pub const TRACE_ID: HeaderName = HeaderName::from_static("lambda-runtime-trace-id");
/// The client context that the caller sent, base64-decoded.
pub const CLIENT_CONTEXT: HeaderName = HeaderName::from_static("lambda-runtime-client-context");
/// JSON with `cognitoIdentityId` and `cognitoIdentityPoolId`.
pub const COGNITO_IDENTITY: HeaderName = HeaderName::from_static("lambda-runtime-cognito-identity");
/// The tenant, in functions with tenant isolation.
pub const TENANT_ID: HeaderName = HeaderName::from_static("lambda-runtime-aws-tenant-id");
/// A number for this delivery of the invocation, which is sent back with the reply. Older Runtime APIs do not send it.
pub const INVOCATION_ID: HeaderName = HeaderName::from_static("lambda-runtime-invocation-id");
/// The error type that goes with an error; Lambda puts it into its own metrics.
pub const FUNCTION_ERROR_TYPE: HeaderName = HeaderName::from_static("lambda-runtime-function-error-type");

/// The mode of a response: `streaming`, for one whose body comes in chunks and may end with an error.
pub const RESPONSE_MODE: HeaderName = HeaderName::from_static("lambda-runtime-function-response-mode");
/// The trailer with the error object, in base64, of a streamed response that ended with an error. The trailer with its
/// type is [`FUNCTION_ERROR_TYPE`].
pub const FUNCTION_ERROR_BODY: HeaderName = HeaderName::from_static("lambda-runtime-function-error-body");

/// The beginning of the names of all headers that describe an event.
const PREFIX: &str = "lambda-runtime-";

/// Lambda's longest timeout. An invocation without a readable deadline gets it.
const MAX_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// Holds the headers of an event, as the bytes they came in: callers can choose most of them. Of a header that comes
/// twice, the first counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventHeaders {
    request_id: Option<Bytes>,
    deadline: DeadlineHeader,
    invocation_id: Option<Bytes>,
    invoked_function_arn: Option<Bytes>,
    trace_id: Option<Bytes>,
    client_context: Option<Bytes>,
    identity: Option<Bytes>,
    tenant_id: Option<Bytes>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum DeadlineHeader {
    #[default]
    Absent,
    Unreadable,
    At(Deadline),
}

/// Identifies an invocation by the bytes that it came with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvocationKey {
    /// The request id. A retry of the same asynchronous event has the same one.
    pub request_id: Bytes,
    /// The number of this delivery, which is sent back with the reply.
    pub invocation_id: Option<Bytes>,
    /// The tenant, in functions with tenant isolation.
    pub tenant_id: Option<Bytes>,
}

impl EventHeaders {
    /// Stores a header if it is one of those that describe an event. Names are compared without regard to case. `value`
    /// is only called for a header that is stored.
    pub fn insert(&mut self, name: &str, value: impl FnOnce() -> Bytes) {
        if !name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX)) {
            return;
        }
        let is = |known: &HeaderName| name.eq_ignore_ascii_case(known.as_str());
        if is(&DEADLINE_MS) {
            if self.deadline == DeadlineHeader::Absent {
                let unix_ms = str::from_utf8(&value()).ok().and_then(|text| text.parse().ok());
                let at = unix_ms.map(|unix_ms| DeadlineHeader::At(Deadline { unix_ms }));
                self.deadline = at.unwrap_or(DeadlineHeader::Unreadable);
            }
            return;
        }
        let fields = [
            (&REQUEST_ID, &mut self.request_id),
            (&INVOCATION_ID, &mut self.invocation_id),
            (&INVOKED_FUNCTION_ARN, &mut self.invoked_function_arn),
            (&TRACE_ID, &mut self.trace_id),
            (&CLIENT_CONTEXT, &mut self.client_context),
            (&COGNITO_IDENTITY, &mut self.identity),
            (&TENANT_ID, &mut self.tenant_id),
        ];
        if let Some((_, field)) = fields.into_iter().find(|(known, _)| is(known)) {
            field.get_or_insert_with(value);
        }
    }

    /// Returns the request id; `None` when the event can't be completed because it has none.
    pub fn request_id(&self) -> Option<&Bytes> {
        self.request_id.as_ref().filter(|id| !id.is_empty())
    }

    /// Returns what identifies the invocation; `None` when the event can't be completed because it has no request id.
    pub fn key(&self) -> Option<InvocationKey> {
        let request_id = self.request_id()?.clone();
        Some(InvocationKey { request_id, invocation_id: self.invocation_id.clone(), tenant_id: self.tenant_id.clone() })
    }

    /// Returns the invocation's deadline. An absent or unreadable one counts as Lambda's longest timeout.
    pub fn deadline(&self) -> Deadline {
        match self.deadline {
            DeadlineHeader::At(deadline) => deadline,
            DeadlineHeader::Absent | DeadlineHeader::Unreadable => Deadline::after(MAX_TIMEOUT),
        }
    }

    /// Returns whether both are the same delivery of the same event. Lambda's own retry of an event has another
    /// deadline.
    pub fn is_same_delivery(&self, other: &Self) -> bool {
        (&self.request_id, self.deadline) == (&other.request_id, other.deadline)
    }

    /// Returns the invocation that these headers and this event make. `key` is that of the headers.
    pub fn invocation(&self, key: &InvocationKey, event: Bytes, function: &FunctionInfo) -> Invocation {
        let context = Context {
            request_id: lossy(&key.request_id).into_owned(),
            function_name: function.name.clone(),
            function_version: function.version.clone(),
            invoked_function_arn: owned(self.invoked_function_arn.as_ref()).unwrap_or_default(),
            memory_limit_mib: function.memory_mib.map_or(0, NonZeroU32::get),
            log_group_name: function.log_group_name.clone(),
            log_stream_name: function.log_stream_name.clone(),
            deadline: self.deadline(),
            trace_id: owned(self.trace_id.as_ref()),
            client_context: owned(self.client_context.as_ref()),
            identity: self.identity.as_deref().and_then(identity),
            tenant_id: owned(self.tenant_id.as_ref()),
        };
        Invocation { event, context }
    }
}

impl From<&Head> for EventHeaders {
    fn from(head: &Head) -> Self {
        let mut headers = Self::default();
        head.headers().for_each(|(name, value)| headers.insert(name, || head.value(value)));
        headers
    }
}

fn owned(value: Option<&Bytes>) -> Option<String> {
    value.map(|value| lossy(value).into_owned())
}

/// Returns a header's value as text. Values are bytes: what is not UTF-8 in them is replaced.
pub fn lossy(value: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(value) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(value),
    }
}

fn identity(json: &[u8]) -> Option<CognitoIdentity> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wire {
        cognito_identity_id: String,
        cognito_identity_pool_id: String,
    }
    let wire: Wire = serde_json::from_slice(json).ok()?;
    Some(CognitoIdentity { identity_id: wire.cognito_identity_id, identity_pool_id: wire.cognito_identity_pool_id })
}

/// Returns the failure as Lambda's error object. The failure must be [within its limits](Failure::within_limits).
pub fn error_body(failure: &Failure) -> Bytes {
    Bytes::from(serde_json::to_vec(failure).expect("text can always be written as JSON"))
}

/// Returns the failure's type as the value of a header. A guest may have put anything into it: what a header can't
/// carry becomes `?`.
pub fn error_type_header(failure: &Failure) -> String {
    let readable = |char: char| if char.is_ascii_graphic() || char == ' ' { char } else { '?' };
    failure.error_type.to_string().chars().map(readable).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::failure::ErrorType;

    fn context(sent: &[(&HeaderName, &[u8])]) -> Context {
        let fixed: (&HeaderName, &[u8]) = (&REQUEST_ID, b"id-1");
        let mut headers = EventHeaders::default();
        for (name, value) in sent.iter().copied().chain([fixed]) {
            headers.insert(&name.as_str().to_uppercase(), || Bytes::copy_from_slice(value));
        }
        headers.invocation(&headers.key().unwrap(), Bytes::new(), &FunctionInfo::default()).context
    }

    #[test]
    fn a_client_context_is_text_whatever_it_says() {
        for (sent, got) in
            [(&b"{\"custom\":{}}"[..], "{\"custom\":{}}"), (b"not json", "not json"), (b"\xff{", "\u{fffd}{")]
        {
            assert_eq!(context(&[(&CLIENT_CONTEXT, sent)]).client_context.as_deref(), Some(got));
        }
    }

    #[test]
    fn a_malformed_identity_is_none() {
        let good = br#"{"cognitoIdentityId":"id","cognitoIdentityPoolId":"pool"}"#;
        assert_eq!(context(&[(&COGNITO_IDENTITY, good)]).identity.unwrap().identity_pool_id, "pool");
        for bad in [&b"{}"[..], b"[]", b"", b"{\"cognitoIdentityId\":3}", b"\xff"] {
            assert_eq!(context(&[(&COGNITO_IDENTITY, bad)]).identity, None);
        }
    }

    #[test]
    fn an_unreadable_deadline_counts_as_the_longest_timeout() {
        for bad in [&b"soon"[..], b"", b"-1", b"99999999999999999999"] {
            let left = context(&[(&DEADLINE_MS, bad)]).deadline.budget(Duration::ZERO).guest;
            assert!(left > MAX_TIMEOUT - Duration::from_secs(10) && left <= MAX_TIMEOUT, "{left:?}");
        }
        assert_eq!(context(&[(&DEADLINE_MS, b"42")]).deadline.unix_ms, 42);
    }

    #[test]
    fn without_a_request_id_there_is_no_invocation() {
        for id in [None, Some(&b""[..])] {
            let mut headers = EventHeaders::default();
            id.into_iter().for_each(|id| headers.insert(REQUEST_ID.as_str(), || Bytes::from_static(id)));
            assert!(headers.key().is_none());
        }
    }

    #[test]
    fn of_headers_that_come_twice_the_first_counts() {
        let twice = context(&[(&TRACE_ID, b"a"), (&TRACE_ID, b"b"), (&DEADLINE_MS, b"1"), (&DEADLINE_MS, b"2")]);
        assert_eq!((twice.trace_id.as_deref(), twice.deadline.unix_ms), (Some("a"), 1));
    }

    #[test]
    fn an_error_body_has_lambdas_three_members() {
        let mut failure = Failure::new(ErrorType::Trap("Unreachable"), "boom");
        failure.stack_trace = vec!["main".to_owned()];
        let body: Value = serde_json::from_slice(&error_body(&failure)).unwrap();
        assert_eq!(
            body,
            json!({"errorType": "Guest.Trap.Unreachable", "errorMessage": "boom", "stackTrace": ["main"]})
        );
    }

    #[test]
    fn a_guest_can_not_make_an_error_larger_than_lambda_takes() {
        let mut failure = Failure::new(ErrorType::Handler("é".repeat(1_000_000)), "\u{1}".repeat(50_000_000));
        failure.stack_trace = vec!["\u{10ffff}".repeat(100_000); 1000];
        let failure = failure.within_limits();
        assert!(error_body(&failure).len() < 1024 * 1024);
        assert_eq!(error_type_header(&failure).len(), 256);
    }

    #[test]
    fn an_error_type_of_the_guests_own_can_not_break_out_of_its_header() {
        let header = error_type_header(&Failure::new(ErrorType::Handler("a\r\nb: c".into()), ""));
        assert_eq!(header, "a??b: c");
    }
}
