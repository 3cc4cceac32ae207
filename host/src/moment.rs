//! Time that counts although the process may be frozen.

use std::time::{Duration, Instant, SystemTime};

/// A point in time by two clocks: one stands still while Lambda keeps the process frozen, and the other can be set.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    monotonic: Instant,
    wall: SystemTime,
}

impl Moment {
    /// Now.
    pub fn now() -> Self {
        Self { monotonic: Instant::now(), wall: SystemTime::now() }
    }

    /// How long it is ago, by the clock that says more.
    pub fn elapsed(&self) -> Duration {
        self.monotonic.elapsed().max(self.wall.elapsed().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_in_which_the_process_was_frozen_counts() {
        let frozen = Moment { monotonic: Instant::now(), wall: SystemTime::now() - Duration::from_secs(3600) };
        assert!(frozen.elapsed() >= Duration::from_secs(3600));
        let set_back = Moment { monotonic: Instant::now(), wall: SystemTime::now() + Duration::from_secs(3600) };
        assert!(set_back.elapsed() < Duration::from_secs(3600));
    }
}
