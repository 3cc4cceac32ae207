//! This module limits what one instance may have of the network at a time.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::aws::payload::BUFFER_LIMIT_BYTES;

/// What one instance may use at a time. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Share {
    /// One permit for each request that has a connection. Further requests wait.
    pub in_flight: Arc<Semaphore>,
    /// One permit for each byte of the bodies that the host reads before it sends them.
    pub buffers: Arc<Semaphore>,
}

impl Share {
    /// Returns the share of a new instance, with at most this many requests in flight.
    pub fn new(in_flight: usize) -> Self {
        Self { in_flight: Arc::new(Semaphore::new(in_flight)), buffers: Arc::new(Semaphore::new(BUFFER_LIMIT_BYTES)) }
    }
}
