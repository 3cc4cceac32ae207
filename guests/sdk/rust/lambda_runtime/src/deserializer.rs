//! This module makes of an event's text what the handler takes.

use std::{error::Error, fmt};

use serde::Deserialize;

/// Says that an event is not what the handler takes. Its type's name is seen by callers, and as it is in
/// `lambda_runtime`.
#[derive(Debug)]
pub(crate) struct DeserializeError(serde_path_to_error::Error<serde_json::Error>);

impl fmt::Display for DeserializeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("failed to deserialize the incoming data into the function's payload type: ")?;
        match self.0.path().to_string().as_str() {
            "." => writeln!(f, "{}", self.0),
            path => writeln!(f, "[{path}] {}", self.0),
        }
    }
}

impl Error for DeserializeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

pub(crate) fn deserialize<T: for<'de> Deserialize<'de>>(text: &[u8]) -> Result<T, DeserializeError> {
    serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(text)).map_err(DeserializeError)
}
