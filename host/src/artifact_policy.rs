//! This module describes which artifacts a handler accepts, and when it checks for a newer one.

use std::time::Duration;

use crate::{digest::Digest, trust::TrustedKeys};

/// The default maximum size of an artifact from outside the task root, in bytes. It is lower for functions with little
/// memory.
pub const ARTIFACT_LIMIT_BYTES: u64 = 64 * 1024 * 1024;

/// An `ArtifactPolicy` is the set of rules for which artifacts a handler accepts, and when it checks for a newer one.
#[derive(Debug, Clone)]
pub struct ArtifactPolicy {
    /// The digest of the only `.wasm` file that is accepted, if one is pinned.
    pub digest: Option<Digest>,
    /// The keys of which one must have signed an artifact from outside the task root. Without keys, no signature is
    /// required.
    pub trusted_keys: TrustedKeys,
    /// When to refresh.
    pub refresh: Refresh,
    /// The maximum size of an artifact from outside the task root, in bytes.
    pub limit_bytes: u64,
}

/// A `Refresh` is when the host checks for a newer artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresh {
    /// Never: the artifact from the start serves until the end.
    Off,
    /// Before each invocation, which waits for the refresh.
    EachTime,
    /// In the background, when an invocation arrives and the last refresh is older than this.
    Every(Duration),
}

impl Default for ArtifactPolicy {
    fn default() -> Self {
        Self {
            digest: None,
            trusted_keys: TrustedKeys::default(),
            refresh: Refresh::Off,
            limit_bytes: ARTIFACT_LIMIT_BYTES,
        }
    }
}
