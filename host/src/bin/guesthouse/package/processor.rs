//! This module names processors as Lambda does.

use std::{fmt, str::FromStr};

use guesthouse::engine::Target;

/// A processor architecture, by the name that it has in Lambda's interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Processor(pub Target);

impl Processor {
    /// Returns the name of the file with the layer for functions on this processor.
    pub fn layer(self) -> String {
        format!("guesthouse-layer-{}-{self}.zip", env!("CARGO_PKG_VERSION"))
    }
}

impl fmt::Display for Processor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Target::X86_64 => "x86_64",
            Target::Aarch64 => "arm64",
        })
    }
}

impl FromStr for Processor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Target::ALL.into_iter().map(Self).find(|processor| processor.to_string() == text);
        found.ok_or_else(|| "expected `x86_64` or `arm64`".to_owned())
    }
}
