//! What a caller sees when something went wrong, as plain data.

use std::fmt;

use serde::{Serialize, Serializer, ser::SerializeStruct as _};

/// A failed invocation as its caller sees it, or a failed init as the Runtime API sees it.
///
/// Messages are lower case, without a final stop, with values in backticks; a way out follows on a line of its own that
/// starts with `hint: `.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The name to match on.
    pub error_type: ErrorType,
    /// What went wrong, and the way out.
    pub message: String,
    /// Innermost frame first.
    pub stack_trace: Vec<String>,
}

/// How much of a failure is kept, so that no guest can make the host log or send more than Lambda takes (1 MiB).
const MESSAGE_LIMIT_CHARS: usize = 32 * 1024;
/// At most this many frames are shown.
pub const FRAME_LIMIT: usize = 64;
/// Of each frame at most this many characters.
pub const FRAME_LIMIT_CHARS: usize = 1024;
const ERROR_TYPE_LIMIT_CHARS: usize = 256;

/// How the types begin that the host, Lambda, its runtimes and extensions, and Step Functions give to errors.
const RESERVED: [&str; 8] =
    ["Guest.", "Host.", "Function.", "Runtime.", "Sandbox.", "Extension.", "Lambda.", "States."];

/// The names that callers and alarms match on. They are API: the README lists them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorType {
    /// The guest's own: its handler returned an error with this type.
    Handler(String),
    /// A trap of this kind.
    Trap(&'static str),
    /// The deadline less the margin passed.
    Timeout,
    /// Memory was refused and the guest gave up.
    OutOfMemory,
    /// The guest ended itself.
    Exit,
    /// The answer breaks the contract, or is not UTF-8.
    InvalidResponse,
    /// The answer is larger than Lambda takes.
    ResponseSizeTooLarge,
    /// The event is not UTF-8, is too large, or did not come whole.
    InvalidEvent,
    /// A fault of the host.
    Internal,
    /// Settings that can't be used.
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
    /// A failure without frames.
    pub fn new(error_type: ErrorType, message: impl Into<String>) -> Self {
        Self { error_type, message: message.into(), stack_trace: Vec::new() }
    }

    /// An answer that Lambda, or the host, does not take because of its size.
    pub fn response_too_large(message: impl Into<String>) -> Self {
        Self::new(ErrorType::ResponseSizeTooLarge, message).hint("put the answer into S3 and return where it is")
    }

    /// A start-up that took all the time there is.
    pub fn slow_start(message: impl Into<String>) -> Self {
        Self::new(ErrorType::Timeout, message)
            .hint("do less before the first event: what is only needed now and then can wait")
    }

    /// Cuts what a guest made larger than Lambda takes.
    #[must_use]
    pub fn within_limits(mut self) -> Self {
        cut(&mut self.message, MESSAGE_LIMIT_CHARS);
        self.stack_trace.truncate(FRAME_LIMIT);
        self.stack_trace.iter_mut().for_each(|frame| cut(frame, FRAME_LIMIT_CHARS));
        if let ErrorType::Handler(own) = &mut self.error_type {
            cut(own, ERROR_TYPE_LIMIT_CHARS);
        }
        self
    }

    /// Adds the way out, as a line of its own.
    #[must_use]
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.message = format!("{}\nhint: {hint}", self.message);
        self
    }
}

impl ErrorType {
    /// A type of the guest's own. It can't pass for one of the host's or of Lambda's: alarms match on those. White space around it
    /// does not count in the header that carries it (RFC 9110, section 5.5), nor does it here.
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

/// An error with all its causes, as one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// With the keys that Lambda has for it.
impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut error = serializer.serialize_struct("Failure", 3)?;
        error.serialize_field("errorType", &self.error_type.to_string())?;
        error.serialize_field("errorMessage", &self.message)?;
        error.serialize_field("stackTrace", &self.stack_trace)?;
        error.end()
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
    fn a_hint_is_a_line_of_its_own() {
        let failure = Failure::new(ErrorType::Config, "wrong").hint("right");
        assert_eq!(failure.to_string(), "Host.Config: wrong\nhint: right");
    }
}
