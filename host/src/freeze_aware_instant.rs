//! This module measures time that includes periods in which the process was frozen.

use std::time::{Duration, Instant, SystemTime};

/// A `FreezeAwareInstant` is a point in time by two clocks. The monotonic clock may stop while Lambda freezes the
/// process, and the wall clock can be set.
#[derive(Debug, Clone, Copy)]
pub struct FreezeAwareInstant {
    monotonic: Instant,
    wall: SystemTime,
}

impl FreezeAwareInstant {
    /// Returns the current time by both clocks.
    pub fn now() -> Self {
        Self { monotonic: Instant::now(), wall: SystemTime::now() }
    }

    /// Returns how much time has passed, by the clock that shows more.
    pub fn elapsed(&self) -> Duration {
        self.monotonic.elapsed().max(self.wall.elapsed().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_in_which_the_process_was_frozen_counts() {
        let frozen =
            FreezeAwareInstant { monotonic: Instant::now(), wall: SystemTime::now() - Duration::from_secs(3600) };
        assert!(frozen.elapsed() >= Duration::from_secs(3600));
        let set_back =
            FreezeAwareInstant { monotonic: Instant::now(), wall: SystemTime::now() + Duration::from_secs(3600) };
        assert!(set_back.elapsed() < Duration::from_secs(3600));
    }
}
