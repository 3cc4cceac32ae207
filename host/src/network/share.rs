//! This module limits what one instance may have of the network at a time.

use std::{pin::pin, sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::aws::payload::BUFFER_LIMIT_BYTES;

/// The time after which a request that waits for others is logged.
const PATIENCE: Duration = Duration::from_secs(1);

/// What one instance may use at a time. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Share {
    /// One permit for each request that has a connection. Further requests wait.
    in_flight: Arc<Semaphore>,
    /// One permit for each byte of the bodies that the host reads before it sends them.
    pub buffers: Arc<Semaphore>,
}

impl Share {
    /// Returns the share of a new instance, with at most this many requests in flight.
    pub fn new(in_flight: usize) -> Self {
        Self { in_flight: Arc::new(Semaphore::new(in_flight)), buffers: Arc::new(Semaphore::new(BUFFER_LIMIT_BYTES)) }
    }

    /// Waits until a request may have a connection. `waits` is called if that takes long.
    pub async fn turn(&self, waits: impl FnOnce()) -> OwnedSemaphorePermit {
        let mut turn = pin!(self.in_flight.clone().acquire_owned());
        let permit = match timeout(PATIENCE, &mut turn).await {
            Ok(permit) => permit,
            Err(_) => {
                waits();
                turn.await
            }
        };
        permit.expect("the semaphore is never closed")
    }
}
