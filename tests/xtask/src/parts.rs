//! This module measures how long each part of a command takes.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

static PARTS: Mutex<Vec<(String, Instant)>> = Mutex::new(Vec::new());

/// Begins a part, which ends the one before.
pub fn begin(what: &str) {
    if let Ok(mut parts) = PARTS.lock() {
        parts.push((what.to_owned(), Instant::now()));
    }
}

/// Prints how long each part took. Parts of less than a second are left out.
pub fn print() {
    let Ok(parts) = PARTS.lock() else { return };
    let ends = parts.iter().skip(1).map(|(_, begun)| *begun).chain([Instant::now()]);
    let took = parts.iter().zip(ends).map(|((what, begun), end)| (what, end - *begun));
    let shown: Vec<_> = took.filter(|(_, took)| *took >= Duration::from_secs(1)).collect();
    if shown.len() < 2 {
        return;
    }
    eprintln!("\ntime by parts:");
    for (what, took) in &shown {
        eprintln!("{:>7} s  {what}", took.as_secs());
    }
    let all: Duration = shown.iter().map(|(_, took)| *took).sum();
    eprintln!("{:>7} s  together", all.as_secs());
}
