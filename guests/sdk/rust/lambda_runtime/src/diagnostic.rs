use std::{any::type_name, convert::Infallible, io};

use serde::{Deserialize, Serialize};

use crate::{Error, deserializer::DeserializeError};

/// An error as a function's caller sees it. An error type of one's own has `From` for it, and so chooses both texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnostic {
    /// What kind of error it is. For errors that do not choose it, it is the name of the Rust type.
    pub error_type: String,
    /// What happened, for a human.
    pub error_message: String,
}

/// Defines how errors become diagnostics, of which the type is the name of a reference to them, as in `lambda_runtime`.
macro_rules! from {
    ($($(#[$condition:meta])* $error:ty),+ $(,)?) => {
        $(
            $(#[$condition])*
            impl From<$error> for Diagnostic {
                fn from(error: $error) -> Self {
                    Self { error_type: type_name::<&$error>().to_owned(), error_message: error.to_string() }
                }
            }
        )+
    };
}

from! {
    DeserializeError,
    Error,
    Box<dyn std::error::Error>,
    Infallible,
    String,
    &'static str,
    io::Error,
    #[cfg(feature = "anyhow")]
    anyhow::Error,
    #[cfg(feature = "eyre")]
    eyre::Report,
    #[cfg(feature = "miette")]
    miette::Report,
}

impl From<Diagnostic> for guesthouse_executor::Error {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::new(diagnostic.error_type, diagnostic.error_message)
    }
}
