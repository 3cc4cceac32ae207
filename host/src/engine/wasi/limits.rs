//! Has the limits that WASI 0.1 and 0.2 share.

/// The maximum number of random bytes that a guest may request with one call. They are generated in the host's memory.
pub(in crate::engine) const RANDOM_LIMIT_BYTES: u64 = 1024 * 1024;

/// The maximum number of pollables in one call of `poll`, and of subscriptions in one call of `poll_oneoff`. An
/// instance can have fewer resources open than this; naming one twice has no use.
pub(super) const POLL_LIMIT: usize = 4 * 1024;
