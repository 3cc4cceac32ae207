//! Defines the processors that machine code can be for.
//!
//! See docs/decisions/33-target-baseline.md.

use std::{fmt, str::FromStr};

/// The processor architectures that Lambda offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Lambda's `x86_64`.
    X86_64,
    /// Lambda's `arm64`, which is Graviton.
    Aarch64,
}

impl Target {
    /// All targets.
    pub const ALL: [Self; 2] = [Self::X86_64, Self::Aarch64];

    /// Returns the target of this machine, or `None` if Lambda has no such processor.
    pub fn native() -> Option<Self> {
        if cfg!(target_arch = "x86_64") {
            Some(Self::X86_64)
        } else if cfg!(target_arch = "aarch64") {
            Some(Self::Aarch64)
        } else {
            None
        }
    }

    /// Returns the target's name, as compilers write it.
    pub(super) fn triple(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-linux-gnu",
            Self::Aarch64 => "aarch64-unknown-linux-gnu",
        }
    }

    /// Returns the processor features that each of Lambda's machines of this architecture has, beyond those that all
    /// its processors have. Sources: the AWS pages "Using AVX2 vectorization in Lambda" and "Lambda instruction set
    /// architectures" (Graviton2 is an Armv8.2).
    pub(super) fn features(self) -> &'static [&'static str] {
        match self {
            Self::X86_64 => &["has_sse3", "has_ssse3", "has_sse41", "has_sse42", "has_popcnt", "has_avx", "has_avx2"],
            Self::Aarch64 => &["has_lse"],
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.triple())
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|target| target.triple() == text);
        found.ok_or_else(|| format!("expected {}", Self::ALL.map(|target| format!("`{target}`")).join(" or ")))
    }
}
