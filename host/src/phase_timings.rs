//! This module measures the phases of the start-up and of a swap.

use std::{
    fmt,
    time::{Duration, Instant},
};

/// `PhaseTimings` records how long each phase took.
#[derive(Debug, Clone)]
pub struct PhaseTimings {
    begun: Instant,
    last: Instant,
    timings: Vec<(&'static str, Duration)>,
}

impl PhaseTimings {
    /// Starts the first phase now.
    pub fn start() -> Self {
        let now = Instant::now();
        Self { begun: now, last: now, timings: Vec::new() }
    }

    /// Ends the current phase, under this name, and starts the next.
    pub fn record(&mut self, part: &'static str) {
        let now = Instant::now();
        self.timings.push((part, now - self.last));
        self.last = now;
    }
}

/// Displays the timings, as in `config 0.12, engine 0.10: 0.22 ms together`.
impl fmt::Display for PhaseTimings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
        for (number, (part, took)) in self.timings.iter().enumerate() {
            let comma = if number > 0 { ", " } else { "" };
            write!(f, "{comma}{part} {:.2}", ms(*took))?;
        }
        write!(f, ": {:.2} ms together", ms(self.last - self.begun))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_listed_in_their_order_with_their_sum() {
        let mut timings = PhaseTimings::start();
        timings.last = timings.begun;
        timings.timings = vec![("config", Duration::from_micros(120)), ("engine", Duration::from_micros(1000))];
        timings.last += Duration::from_micros(1120);
        assert_eq!(timings.to_string(), "config 0.12, engine 1.00: 1.12 ms together");
    }
}
