//! Where the time goes before the first event.

use std::{
    fmt,
    time::{Duration, Instant},
};

/// A clock that notes how long each part of the start took.
#[derive(Debug, Clone)]
pub struct Laps {
    begun: Instant,
    last: Instant,
    laps: Vec<(&'static str, Duration)>,
}

impl Laps {
    /// Begins now.
    pub fn begin() -> Self {
        let now = Instant::now();
        Self { begun: now, last: now, laps: Vec::new() }
    }

    /// This part is done; the next begins.
    pub fn done(&mut self, part: &'static str) {
        let now = Instant::now();
        self.laps.push((part, now - self.last));
        self.last = now;
    }
}

/// As `config 0.12, engine 0.10: 0.22 ms together`.
impl fmt::Display for Laps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
        for (number, (part, took)) in self.laps.iter().enumerate() {
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
        let mut laps = Laps::begin();
        laps.last = laps.begun;
        laps.laps = vec![("config", Duration::from_micros(120)), ("engine", Duration::from_micros(1000))];
        laps.last += Duration::from_micros(1120);
        assert_eq!(laps.to_string(), "config 0.12, engine 1.00: 1.12 ms together");
    }
}
