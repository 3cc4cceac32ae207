//! Which artifacts a handler takes, and when it looks for a newer one.

use std::time::Duration;

use crate::{digest::Digest, trust::TrustedKeys};

/// The most, in bytes, that an artifact from outside the task root may have unless the settings say otherwise, or the function is small.
pub const ARTIFACT_LIMIT_BYTES: u64 = 64 * 1024 * 1024;

/// Which artifacts a handler takes, and when it looks for a newer one.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The only `.wasm` file to take, if one is pinned.
    pub digest: Option<Digest>,
    /// Whose signatures artifacts from outside the task root must carry, if there are any.
    pub trusted_keys: TrustedKeys,
    /// When a newer one is looked for.
    pub refresh: Refresh,
    /// The most, in bytes, that an artifact from outside the task root may have.
    pub limit_bytes: u64,
}

/// When a newer artifact is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresh {
    /// Never: the one from the start stays.
    Off,
    /// Before each invocation, which waits for it.
    EachTime,
    /// Meanwhile, when an invocation comes and the last look is older than this.
    Every(Duration),
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            digest: None,
            trusted_keys: TrustedKeys::default(),
            refresh: Refresh::Off,
            limit_bytes: ARTIFACT_LIMIT_BYTES,
        }
    }
}
