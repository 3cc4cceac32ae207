//! This module refuses calls with the service's error types.

use hyper::{
    Method, Response, StatusCode,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
};
use serde_json::json;

use super::{
    arn,
    body::{self, Body},
};

const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// Describes why a request is refused, with the service's error types.
pub(super) struct Refusal {
    status: StatusCode,
    error_type: &'static str,
    message: String,
}

impl Refusal {
    fn new(status: StatusCode, error_type: &'static str, message: impl Into<String>) -> Self {
        Self { status, error_type, message: message.into() }
    }

    pub(super) fn no_route(path: &str) -> Self {
        let message = format!(
            "No such path: {path}; use POST at /2015-03-31/functions/NAME/invocations, or any method at /lambda-url/NAME/"
        );
        Self::new(StatusCode::NOT_FOUND, "UnknownOperationException", message)
    }

    pub(super) fn no_method(method: &Method) -> Self {
        let message = format!("Method {method} is not allowed: use POST");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "UnknownOperationException", message)
    }

    pub(super) fn not_found(name: &str) -> Self {
        let message = format!("Function not found: {}", arn(name));
        Self::new(StatusCode::NOT_FOUND, "ResourceNotFoundException", message)
    }

    pub(super) fn too_large(limit: usize) -> Self {
        let message = format!("Request must be smaller than {limit} bytes for the InvokeFunction operation");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException", message)
    }

    pub(super) fn broke_off() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidRequestContentException", "The request body is incomplete")
    }

    pub(super) fn caller(reason: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "AccessDeniedException", format!("This is a local Lambda: {reason}"))
    }

    pub(super) fn in_use(request_id: &str) -> Self {
        let message = format!("An invocation with the request id {request_id} is in flight");
        Self::new(StatusCode::CONFLICT, "ResourceConflictException", message)
    }

    pub(super) fn not_json(error: &serde_json::Error) -> Self {
        let message = format!("Could not parse request body into json: {error}");
        Self::new(StatusCode::BAD_REQUEST, "InvalidRequestContentException", message)
    }

    pub(super) fn bad_client_context() -> Self {
        let message = "Client context must be a valid Base64-encoded JSON object.";
        Self::new(StatusCode::BAD_REQUEST, "InvalidRequestContentException", message)
    }

    pub(super) fn invalid_type(found: &str) -> Self {
        let message = format!("Unsupported invocation type {found:?}: use RequestResponse, Event or DryRun");
        Self::new(StatusCode::BAD_REQUEST, "InvalidParameterValueException", message)
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let side = if self.status.is_server_error() { "Service" } else { "User" };
        let text = json!({"Type": side, "message": self.message, "Message": self.message}).to_string();
        let mut response = Response::new(body::full(text));
        *response.status_mut() = self.status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response.headers_mut().insert(ERROR_TYPE, HeaderValue::from_static(self.error_type));
        response
    }
}
