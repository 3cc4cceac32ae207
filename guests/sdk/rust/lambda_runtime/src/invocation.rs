//! This module has an event in the two forms that layers and handlers see.

use bytes::Bytes;
use guesthouse_executor::Event;
use http::{HeaderValue, Response, response::Parts};

use crate::Context;

/// An event, with what Lambda says about it.
#[derive(Debug, Clone)]
pub struct LambdaEvent<T> {
    /// The event.
    pub payload: T,
    /// What Lambda says about it.
    pub context: Context,
}

impl<T> LambdaEvent<T> {
    /// Puts both together.
    pub fn new(payload: T, context: Context) -> Self {
        Self { payload, context }
    }

    /// Takes both apart.
    pub fn into_parts(self) -> (T, Context) {
        (self.payload, self.context)
    }
}

/// An event as the Runtime API has it: layers take it.
pub struct LambdaInvocation {
    /// The headers with which it came.
    pub parts: Parts,
    /// The event's text.
    pub body: Bytes,
    /// What Lambda says about it.
    pub context: Context,
}

impl From<Event> for LambdaInvocation {
    fn from(event: Event) -> Self {
        let (mut parts, ()) = Response::new(()).into_parts();
        let given = &event.context;
        let deadline = given.deadline_ms.to_string();
        let headers = [
            ("lambda-runtime-aws-request-id", Some(&given.request_id)),
            ("lambda-runtime-deadline-ms", Some(&deadline)),
            ("lambda-runtime-invoked-function-arn", Some(&given.invoked_function_arn)),
            ("lambda-runtime-trace-id", given.trace_id.as_ref()),
            ("lambda-runtime-client-context", given.client_context.as_ref()),
            ("lambda-runtime-aws-tenant-id", given.tenant_id.as_ref()),
        ];
        for (name, value) in headers {
            if let Some(Ok(value)) = value.map(|value| HeaderValue::from_str(value)) {
                parts.headers.insert(name, value);
            }
        }
        Self { parts, body: event.text.into(), context: event.context.into() }
    }
}
