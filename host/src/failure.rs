//! What a caller sees when something went wrong, as plain data.

use std::fmt;

/// A failed invocation as its caller sees it, or a failed init as the Runtime API sees it.
///
/// Messages are lower case, without a final stop, with values in backticks; a way out follows on a line of its own that
/// starts with `hint: `.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub error_type: ErrorType,
    pub message: String,
    /// Innermost frame first.
    pub stack_trace: Vec<String>,
}

/// The names that callers and alarms match on. They are API: the README lists them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorType {
    /// The guest's own: its handler returned an error with this type.
    Handler(String),
    /// A trap of this kind.
    Trap(&'static str),
    Timeout,
    OutOfMemory,
    Exit,
    InvalidResponse,
    ResponseSizeTooLarge,
    InvalidEvent,
    Internal,
    Config,
    GuestNotFound,
    InvalidGuest,
    UnsupportedImport,
    DigestMismatch,
    SourceUnavailable,
    Untrusted,
}

impl Failure {
    pub fn new(error_type: ErrorType, message: impl Into<String>) -> Self {
        Self { error_type, message: message.into(), stack_trace: Vec::new() }
    }

    /// Adds the way out, as a line of its own.
    #[must_use]
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.message = format!("{}\nhint: {hint}", self.message);
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error_type, self.message)
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
