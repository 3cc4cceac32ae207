//! This module defines the formats and levels of log lines.

use std::str::FromStr;

use crate::config::{EnvVars, variables as var};

/// Selects the format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Time, request id, level and message, separated by tabs.
    Text,
    /// One JSON object per line.
    Json,
}

/// The importance of a log line. Lines below the chosen level are not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Single steps.
    Trace,
    /// Details that help to find an error.
    Debug,
    /// Events of normal operation.
    Info,
    /// Events that should not happen.
    Warn,
    /// Failures.
    Error,
    /// Failures that end the process.
    Fatal,
}

impl Format {
    /// Returns the format that the environment variables set; text is the default.
    pub fn from_environment(environment: &EnvVars) -> Self {
        match environment.get(var::LOG_FORMAT) {
            Some(format) if format.eq_ignore_ascii_case("json") => Self::Json,
            _ => Self::Text,
        }
    }
}

impl Level {
    /// Returns the level's name as Lambda writes it.
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
