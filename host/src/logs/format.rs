//! How lines are written, and which.

use std::str::FromStr;

use crate::config::{Environment, variables as var};

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Time, request id, level and message, between tabs.
    Text,
    /// One object a line.
    Json,
}

/// How much a line matters. Lines below the chosen level are not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Each step.
    Trace,
    /// For whoever looks for a fault.
    Debug,
    /// What happens.
    Info,
    /// What should not happen.
    Warn,
    /// What failed.
    Error,
    /// What ended the process.
    Fatal,
}

impl Format {
    /// The one that the environment asks for.
    pub fn from_environment(environment: &Environment) -> Self {
        match environment.get(var::LOG_FORMAT) {
            Some(format) if format.eq_ignore_ascii_case("json") => Self::Json,
            _ => Self::Text,
        }
    }
}

impl Level {
    /// As Lambda writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }
}

impl FromStr for Level {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let all = [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Fatal];
        all.into_iter().find(|level| level.name().eq_ignore_ascii_case(text)).ok_or(())
    }
}
