//! Describes what a handler is loaded from, and by which rules.

use std::time::{Duration, Instant};

use crate::{
    artifact_policy::{ArtifactPolicy, Refresh},
    capabilities::Capabilities,
    source::{FetchOptions, Source},
};

/// The maximum length of Lambda's init phase for functions without provisioned concurrency. Source: the AWS page
/// "Lambda execution environment".
pub const INIT_LIMIT: Duration = Duration::from_secs(10);

/// Describes what to load, and by which rules.
#[derive(Clone)]
pub struct LoadRequest {
    /// The handler's name, for messages.
    pub handler: String,
    /// Where the guest comes from.
    pub source: Source,
    /// Which artifacts are accepted, and when a refresh is due.
    pub policy: ArtifactPolicy,
    /// What the guest may touch.
    pub capabilities: Capabilities,
    /// The longest time that fetching, compiling and starting may take together. The guest's own start-up code never
    /// has more than [`INIT_LIMIT`].
    pub init_limit: Duration,
    /// Whether somebody waits for refreshes, and may [begin one](crate::registry::Registry::refresh_now).
    pub is_watched: bool,
}

impl LoadRequest {
    /// Returns the options of a fetch that is to be over by `stop`, with this many attempts while the source may
    /// recover.
    pub(super) fn fetch_options(&self, stop: Instant, attempts: u32) -> FetchOptions {
        FetchOptions {
            limit_bytes: self.policy.limit_bytes,
            signature: self.policy.trusted_keys.require_signatures(),
            // When there are refreshes, the file is expected to be written to.
            snapshot: self.policy.refresh != Refresh::Off || self.is_watched,
            stop,
            attempts,
        }
    }
}
