use std::{error::Error as StdError, fmt};

use crate::internal::WireError;

/// What a failed handler tells its caller. `?` makes one of any error that threads may share, boxed or not, of a `String`
/// and of a `&str`: the type's own name becomes the `errorType`, the error and its causes the `errorMessage`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// A short name that callers can match on, such as `OrderNotFound`.
    pub error_type: String,
    /// One sentence for a human.
    pub error_message: String,
    /// Where it happened, innermost first; may be empty.
    pub stack_trace: Vec<String>,
}

impl Error {
    /// An error without a stack trace.
    pub fn new(error_type: impl Into<String>, error_message: impl Into<String>) -> Self {
        Self { error_type: error_type.into(), error_message: error_message.into(), stack_trace: Vec::new() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error_type, self.error_message)
    }
}

/// An error of any kind. The markers are what lets it be boxed already, as most crates' errors of any kind are: Rust
/// takes markers off a box only where it knows both types, and not where `From` asks for it.
type Boxed = Box<dyn StdError + Send + Sync>;

impl<E: Into<Boxed>> From<E> for Error {
    fn from(error: E) -> Self {
        let error_type = short_name(std::any::type_name::<E>());
        let error: Boxed = error.into();
        let causes = std::iter::successors(error.source(), |&cause| cause.source());
        Self::new(error_type, causes.fold(error.to_string(), |message, cause| format!("{message}: {cause}")))
    }
}

/// `core::num::error::ParseIntError` is `ParseIntError`; text and boxes have no name of their own to give.
fn short_name(type_name: &str) -> &str {
    let outer = type_name.split('<').next().unwrap_or(type_name);
    match outer.rsplit("::").next().unwrap_or(outer) {
        "String" | "&str" | "Box" => "Error",
        name => name,
    }
}

impl From<Error> for WireError {
    fn from(error: Error) -> Self {
        Self { error_type: error.error_type, error_message: error.error_message, stack_trace: error.stack_trace }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question_mark<E: Into<Boxed>>(error: E) -> Error {
        fn fail<E: Into<Boxed>>(error: E) -> Result<(), Error> {
            Err(error)?;
            Ok(())
        }
        fail(error).unwrap_err()
    }

    #[test]
    fn an_error_gives_its_name_and_its_message() {
        let error = question_mark("x".parse::<u8>().unwrap_err());
        assert_eq!(error, Error::new("ParseIntError", "invalid digit found in string"));
    }

    #[test]
    fn text_and_boxes_are_errors_without_a_name() {
        assert_eq!(question_mark("no such order").error_type, "Error");
        assert_eq!(question_mark(String::from("no such order")).error_message, "no such order");
        assert_eq!(question_mark(Boxed::from("boxed")), Error::new("Error", "boxed"));
    }
}
