//! What comes of an invocation, in the words of the tests.

use std::{fmt, ops::Deref};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::http::Message;

/// What came of an invocation: a response, an error object, or neither.
#[derive(Debug, Clone)]
pub struct Reply {
    message: Message,
    outcome: Outcome,
    /// What a test shows when it fails.
    about: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Response,
    Error,
    /// The invocation was refused.
    Neither,
}

impl Reply {
    /// Reads what the host posted to the Runtime API: its path tells what it is.
    pub fn posted(message: Message) -> Self {
        let outcome = match message.subject().rsplit('/').next() {
            Some("response") => Outcome::Response,
            Some("error") => Outcome::Error,
            _ => Outcome::Neither,
        };
        Self::new(message, outcome)
    }

    /// Reads what `serve` returned: its status and a header tell what it is.
    pub fn served(message: Message) -> Self {
        let outcome = match (message.subject(), message.header("x-amz-function-error")) {
            ("200", None) => Outcome::Response,
            ("200", Some(_)) => Outcome::Error,
            _ => Outcome::Neither,
        };
        Self::new(message, outcome)
    }

    /// Reads what the emulator returned: it marks errors by nothing but their form.
    pub fn emulated(message: Message) -> Self {
        let object = serde_json::from_slice::<Value>(&message.body);
        let is_error = object.is_ok_and(|object| object.get("errorType").is_some());
        let outcome = match message.subject() {
            _ if is_error => Outcome::Error,
            "200" => Outcome::Response,
            _ => Outcome::Neither,
        };
        Self::new(message, outcome)
    }

    /// Reads what the AWS command line wrote, and whether it called that an error.
    pub fn written(text: String, is_error: bool) -> Self {
        let outcome = if is_error { Outcome::Error } else { Outcome::Response };
        Self::new(Message { body: text.into_bytes(), ..Message::default() }, outcome)
    }

    fn new(message: Message, outcome: Outcome) -> Self {
        let about = message.subject().to_owned();
        Self { message, outcome, about }
    }

    /// Adds what a test is to show when it fails, such as the turn of a loop.
    pub fn about(mut self, what: impl fmt::Display) -> Self {
        self.about = format!("{what}: {}", self.about);
        self
    }

    pub fn is_response(&self) -> bool {
        self.outcome == Outcome::Response
    }

    pub fn is_error(&self) -> bool {
        self.outcome == Outcome::Error
    }

    /// Returns the response's text; fails the test unless it is a response.
    #[track_caller]
    pub fn response(&self) -> &str {
        assert!(self.is_response(), "{} is no response: {}", self.about, self.shown());
        self.text()
    }

    /// Returns the response's value; fails the test unless it is a response, and JSON.
    #[track_caller]
    pub fn response_json(&self) -> Value {
        let response = self.response();
        serde_json::from_str(response).unwrap_or_else(|error| panic!("{}: {error}: {}", self.about, self.shown()))
    }

    /// Returns the error; fails the test unless it is one of this type.
    #[track_caller]
    pub fn error(&self, error_type: &str) -> InvocationError {
        self.any_error().has_type(error_type)
    }

    /// Returns the error; fails the test unless it is one.
    #[track_caller]
    pub fn any_error(&self) -> InvocationError {
        assert!(self.is_error(), "{} is no error: {}", self.about, self.shown());
        let object = serde_json::from_slice(&self.body);
        let object = object.unwrap_or_else(|error| panic!("{}: {error}: {}", self.about, self.shown()));
        InvocationError { about: self.about.clone(), object }
    }

    /// Returns the error that ended a streamed response; fails the test if its end was a good one.
    #[track_caller]
    pub fn error_at_end(&self, error_type: &str) -> InvocationError {
        assert!(self.is_response(), "{} is no response: {}", self.about, self.shown());
        let body = self.trailer("lambda-runtime-function-error-body");
        let body = body.unwrap_or_else(|| panic!("{}: it ended well: {}", self.about, self.shown()));
        let object = serde_json::from_slice(&STANDARD.decode(body).expect("base64")).expect("JSON");
        assert_eq!(self.trailer("lambda-runtime-function-error-type"), Some(error_type), "{}", self.about);
        InvocationError { about: self.about.clone(), object }.has_type(error_type)
    }

    fn shown(&self) -> String {
        shown(&String::from_utf8_lossy(&self.body))
    }
}

impl Deref for Reply {
    type Target = Message;

    fn deref(&self) -> &Message {
        &self.message
    }
}

/// As much of a text as is of use when a test fails.
fn shown(text: &str) -> String {
    text.chars().take(2_000).collect()
}

/// An error object: what a caller gets instead of a response.
#[derive(Debug, Clone)]
pub struct InvocationError {
    about: String,
    object: Value,
}

impl InvocationError {
    /// Fails the test unless the error has this type.
    #[track_caller]
    pub fn has_type(self, error_type: &str) -> Self {
        assert_eq!(self.error_type(), error_type, "{self:#}");
        self
    }

    /// Fails the test unless this is a part of the message.
    #[track_caller]
    pub fn says(self, part: &str) -> Self {
        assert!(self.message().contains(part), "{part:?} is not in {self:#}");
        self
    }

    /// Fails the test unless the message starts like this.
    #[track_caller]
    pub fn starts(self, beginning: &str) -> Self {
        assert!(self.message().starts_with(beginning), "{beginning:?} is not the beginning of {self:#}");
        self
    }

    /// Fails the test unless the message has a hint.
    #[track_caller]
    pub fn has_hint(self) -> Self {
        self.says("\nhint: ")
    }

    /// Fails the test unless the message has all these parts and a hint, and no stack trace comes with it.
    #[track_caller]
    pub fn explains(self, parts: &[&str]) -> Self {
        let error = parts.iter().fold(self, |error, part| error.says(part)).has_hint();
        assert_eq!(error.stack_trace(), [""; 0], "{error:#}");
        error
    }

    #[track_caller]
    pub fn error_type(&self) -> &str {
        self.object["errorType"].as_str().unwrap_or_else(|| panic!("there is no type in {self:#}"))
    }

    #[track_caller]
    pub fn message(&self) -> &str {
        self.object["errorMessage"].as_str().unwrap_or_else(|| panic!("there is no message in {self:#}"))
    }

    /// Returns the frames, innermost first.
    #[track_caller]
    pub fn stack_trace(&self) -> Vec<String> {
        serde_json::from_value(self.object["stackTrace"].clone())
            .unwrap_or_else(|error| panic!("{error}: there is no stack trace in {self:#}"))
    }

    /// Returns the whole object.
    pub fn json(&self) -> &Value {
        &self.object
    }
}

/// The whole object; in the form `{:#}` what it is about comes first, and what is too long to be read is cut off.
impl fmt::Display for InvocationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let object = self.object.to_string();
        if f.alternate() { write!(f, "{}: {}", self.about, shown(&object)) } else { f.write_str(&object) }
    }
}
