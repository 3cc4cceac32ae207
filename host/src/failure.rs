//! This module describes what a caller sees when something went wrong, as plain data.

use std::{borrow::Cow, fmt};

use serde::{Serialize, Serializer, ser::SerializeStruct as _};

/// Describes why an invocation failed, as its caller sees it, or why the start failed, as the Runtime API sees it.
///
/// Texts are lower case, without a final stop, with values in backticks. Together they are shown as `message: details`,
/// then the hint on a line of its own that starts with `hint: `.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The name to match on.
    pub error_type: ErrorType,
    /// What went wrong. Two failures with the same cause have the same message.
    pub message: String,
    /// What differs each time although the cause is the same, such as the number of attempts.
    pub details: Option<String>,
    /// The remedy.
    pub hint: Option<String>,
    /// The frames, innermost first.
    pub stack_trace: Vec<String>,
}

/// Limits a message, in characters, so that no guest can make the host log or post more than Lambda accepts (1 MiB).
const MESSAGE_LIMIT_CHARS: usize = 32 * 1024;
/// Limits details and hints, in characters.
const REST_LIMIT_CHARS: usize = 4 * 1024;
/// The maximum number of frames in a stack trace.
pub const FRAME_LIMIT: usize = 64;
/// Limits each frame, in characters.
pub const FRAME_LIMIT_CHARS: usize = 1024;
/// Limits an error type, in characters.
const ERROR_TYPE_LIMIT_CHARS: usize = 256;

/// The beginnings of the error types that the host, Lambda, its runtimes and extensions, and Step Functions use.
const RESERVED: [&str; 8] =
    ["Guest.", "Host.", "Function.", "Runtime.", "Sandbox.", "Extension.", "Lambda.", "States."];

/// The names that callers and alarms match on. They are API: `docs/errors.md` lists them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorType {
    /// The handler returned an error with this type.
    Handler(String),
    /// A trap of this kind.
    Trap(&'static str),
    /// The deadline less the margin passed.
    Timeout,
    /// The guest was refused memory and aborted.
    OutOfMemory,
    /// The guest exited.
    Exit,
    /// The response breaks the contract, or is not UTF-8.
    InvalidResponse,
    /// The response is larger than Lambda, or the service that sent the request, accepts.
    ResponseSizeTooLarge,
    /// The event is not UTF-8, is too large, did not arrive whole, or is no HTTP request for a guest that serves HTTP.
    InvalidEvent,
    /// A fault of the host itself.
    Internal,
    /// The settings can't be used.
    Config,
    /// There is no such guest.
    GuestNotFound,
    /// The guest's file can't be served.
    InvalidGuest,
    /// The guest imports what the host does not provide.
    UnsupportedImport,
    /// The artifact is not the pinned one.
    DigestMismatch,
    /// The artifact can't be read.
    SourceUnavailable,
    /// Machine code from where it can't be trusted.
    Untrusted,
}

impl Failure {
    /// Returns a failure with nothing but a type and a message.
    pub fn new(error_type: ErrorType, message: impl Into<String>) -> Self {
        Self { error_type, message: message.into(), details: None, hint: None, stack_trace: Vec::new() }
    }

    /// Returns the failure of a response that is larger than Lambda, or the host, accepts.
    pub fn response_too_large(message: impl Into<String>) -> Self {
        Self::new(ErrorType::ResponseSizeTooLarge, message).hint("put the response into S3 and return where it is")
    }

    /// Returns the failure of a start-up that took all the time there is.
    pub fn slow_start(message: impl Into<String>) -> Self {
        Self::new(ErrorType::Timeout, message)
            .hint("do less before the first event: what is only needed now and then can wait")
    }

    /// Cuts what a guest made larger than Lambda accepts.
    #[must_use]
    pub fn within_limits(mut self) -> Self {
        cut(&mut self.message, MESSAGE_LIMIT_CHARS);
        [&mut self.details, &mut self.hint].into_iter().flatten().for_each(|text| cut(text, REST_LIMIT_CHARS));
        self.stack_trace.truncate(FRAME_LIMIT);
        self.stack_trace.iter_mut().for_each(|frame| cut(frame, FRAME_LIMIT_CHARS));
        if let ErrorType::Handler(own) = &mut self.error_type {
            cut(own, ERROR_TYPE_LIMIT_CHARS);
        }
        self
    }

    /// Sets the hint.
    #[must_use]
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// Sets the details.
    #[must_use]
    pub fn details(mut self, details: impl fmt::Display) -> Self {
        self.details = Some(details.to_string());
        self
    }

    /// Returns whether both have the same cause: a log with one of them does not need the other.
    #[must_use]
    pub fn has_cause_of(&self, other: &Self) -> bool {
        (&self.error_type, &self.message) == (&other.error_type, &other.message)
    }

    /// Returns the message with the details, without the hint.
    #[must_use]
    pub fn reason(&self) -> Cow<'_, str> {
        match &self.details {
            Some(details) => format!("{}: {details}", self.message).into(),
            None => Cow::Borrowed(&self.message),
        }
    }

    /// Returns the whole text: the reason, and the hint on a line of its own.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        match &self.hint {
            Some(hint) => format!("{}\nhint: {hint}", self.reason()).into(),
            None => self.reason(),
        }
    }
}

impl ErrorType {
    /// Returns the type of a handler's own error. It can't pass for one of the host's or of Lambda's: alarms match on
    /// those. White space around it is dropped, as it is in the header that carries it (RFC 9110, section 5.5).
    pub fn of_handler(own: &str) -> Self {
        let own = own.trim();
        let is_reserved = |name: &&str| own.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
        Self::Handler(match own {
            "" => "Error".to_owned(),
            _ if RESERVED.iter().any(is_reserved) => format!("Handler.{own}"),
            _ => own.to_owned(),
        })
    }
}

fn cut(text: &mut String, chars: usize) {
    if let Some((end, _)) = text.char_indices().nth(chars) {
        text.truncate(end);
        text.shrink_to_fit();
    }
}

/// Returns an error with all its causes, as one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Writes the object that Lambda expects.
impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut error = serializer.serialize_struct("Failure", 3)?;
        error.serialize_field("errorType", &self.error_type.to_string())?;
        error.serialize_field("errorMessage", &self.text())?;
        error.serialize_field("stackTrace", &self.stack_trace)?;
        error.end()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error_type, self.text())
    }
}

impl std::error::Error for Failure {}

impl fmt::Display for ErrorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Handler(own) => own,
            Self::Trap(kind) => return write!(f, "Guest.Trap.{kind}"),
            Self::Timeout => "Guest.Timeout",
            Self::OutOfMemory => "Guest.OutOfMemory",
            Self::Exit => "Guest.Exit",
            Self::InvalidResponse => "Guest.InvalidResponse",
            Self::ResponseSizeTooLarge => "Function.ResponseSizeTooLarge",
            Self::InvalidEvent => "Host.InvalidEvent",
            Self::Internal => "Host.Internal",
            Self::Config => "Host.Config",
            Self::GuestNotFound => "Host.GuestNotFound",
            Self::InvalidGuest => "Host.InvalidGuest",
            Self::UnsupportedImport => "Host.UnsupportedImport",
            Self::DigestMismatch => "Host.DigestMismatch",
            Self::SourceUnavailable => "Host.SourceUnavailable",
            Self::Untrusted => "Host.Untrusted",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Callers and alarms match on these: a change here breaks them.
    #[test]
    fn the_names_are_these() {
        for (error_type, name) in [
            (ErrorType::Handler("OrderNotFound".into()), "OrderNotFound"),
            (ErrorType::Trap("Unreachable"), "Guest.Trap.Unreachable"),
            (ErrorType::Timeout, "Guest.Timeout"),
            (ErrorType::OutOfMemory, "Guest.OutOfMemory"),
            (ErrorType::Exit, "Guest.Exit"),
            (ErrorType::InvalidResponse, "Guest.InvalidResponse"),
            (ErrorType::ResponseSizeTooLarge, "Function.ResponseSizeTooLarge"),
            (ErrorType::InvalidEvent, "Host.InvalidEvent"),
            (ErrorType::Internal, "Host.Internal"),
            (ErrorType::Config, "Host.Config"),
            (ErrorType::GuestNotFound, "Host.GuestNotFound"),
            (ErrorType::InvalidGuest, "Host.InvalidGuest"),
            (ErrorType::UnsupportedImport, "Host.UnsupportedImport"),
            (ErrorType::DigestMismatch, "Host.DigestMismatch"),
            (ErrorType::SourceUnavailable, "Host.SourceUnavailable"),
            (ErrorType::Untrusted, "Host.Untrusted"),
        ] {
            assert_eq!(error_type.to_string(), name);
        }
    }

    #[test]
    fn a_type_of_the_guests_own_stays_as_it_is_and_can_not_pass_for_the_hosts() {
        for (own, shown) in [
            ("OrderNotFound", "OrderNotFound"),
            ("Guest.Timeout", "Handler.Guest.Timeout"),
            ("Host.Internal", "Handler.Host.Internal"),
            (" Host.Internal", "Handler.Host.Internal"),
            ("\t\u{a0}host.internal\r\n", "Handler.host.internal"),
            ("Function.ResponseSizeTooLarge", "Handler.Function.ResponseSizeTooLarge"),
            ("Runtime.ExitError", "Handler.Runtime.ExitError"),
            ("SANDBOX.Timedout", "Handler.SANDBOX.Timedout"),
            ("Extension.Crash", "Handler.Extension.Crash"),
            ("Lambda.TooManyRequestsException", "Handler.Lambda.TooManyRequestsException"),
            ("States.TaskFailed", "Handler.States.TaskFailed"),
            ("Hostile", "Hostile"),
            ("Höst", "Höst"),
            ("", "Error"),
            (" \n", "Error"),
        ] {
            assert_eq!(ErrorType::of_handler(own).to_string(), shown);
        }
    }

    #[test]
    fn a_failure_is_shown_as_its_reason_and_its_hint() {
        let failure = Failure::new(ErrorType::Config, "wrong").hint("right");
        assert_eq!(failure.to_string(), "Host.Config: wrong\nhint: right");
        assert_eq!(failure.details("3 times").to_string(), "Host.Config: wrong: 3 times\nhint: right");
    }

    #[test]
    fn details_are_not_part_of_the_cause() {
        let failure = |message: &str, details: &str| Failure::new(ErrorType::Config, message).details(details);
        assert!(failure("a", "1").has_cause_of(&failure("a", "2")));
        assert!(!failure("a", "1").has_cause_of(&failure("b", "1")));
    }
}
