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
    /// How old the last look may be when an invocation comes. `None` looks once, at the start.
    pub refresh: Option<Duration>,
    /// The most, in bytes, that an artifact from outside the task root may have.
    pub limit_bytes: u64,
}

impl Default for Terms {
    fn default() -> Self {
        Self { digest: None, trusted_keys: TrustedKeys::default(), refresh: None, limit_bytes: ARTIFACT_LIMIT_BYTES }
    }
}
