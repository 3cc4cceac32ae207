//! This module describes what a fetch should return, and what it may cost.

use std::time::Instant;

/// Describes what a fetch should return, and what it may cost.
#[derive(Debug, Clone)]
pub struct FetchOptions {
    /// The maximum size, in bytes, of an artifact from outside the task root.
    pub limit_bytes: u64,
    /// Whether to fetch the artifact's signature, too.
    pub signature: bool,
    /// Whether to copy machine code from the task root into memory, so that it does not change when its file is written
    /// to.
    pub snapshot: bool,
    /// The time by which the fetch must be over.
    pub stop: Instant,
    /// The maximum number of attempts before that time, if the errors are transient.
    pub attempts: u32,
}
