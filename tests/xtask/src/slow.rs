//! This module finds out which tests are slow.
//!
//! The stable test harness does not print durations. It starts tests in the order of their names, as many at once as
//! there are threads, and the next one whenever one has ended. So the times at which it prints the ends of tests show
//! when each test began.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::Result;

/// The maximum number of slow tests that are printed.
const SHOWN: usize = 15;

/// The minimum duration of a slow test.
const LEAST: Duration = Duration::from_secs(5);

/// Runs a command that runs tests, and prints the slowest tests at the end.
///
/// # Errors
/// If the command can't be run, or fails.
pub fn run(command: &mut Command) -> Result<()> {
    let mut child =
        command.stdout(Stdio::piped()).spawn().map_err(|error| format!("can't run {command:?}: {error}"))?;
    let output = child.stdout.take().ok_or("the tests have no output")?;
    let (mut binary, mut took) = (Binary::begin(Instant::now()), Vec::new());
    for line in BufReader::new(output).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        println!("{line}");
        if is_beginning(&line) {
            took.extend(std::mem::replace(&mut binary, Binary::begin(Instant::now())).took(threads()));
        } else if let Some(name) = ended(&line) {
            binary.ended.push((name.to_owned(), Instant::now()));
        }
    }
    took.extend(binary.took(threads()));
    took.retain(|(_, took)| *took >= LEAST);
    took.sort_by_key(|(_, took)| std::cmp::Reverse(*took));
    for (name, took) in took.iter().take(SHOWN) {
        println!("{:>7} s  {name}", took.as_secs());
    }
    let status = child.wait()?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} failed: {status}").into()) }
}

/// Returns the number of threads that the harness uses.
fn threads() -> usize {
    let told = std::env::var("RUST_TEST_THREADS").ok().and_then(|told| told.parse().ok());
    told.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
}

/// Holds what one test binary has printed.
struct Binary {
    begun: Instant,
    ended: Vec<(String, Instant)>,
}

impl Binary {
    fn begin(begun: Instant) -> Self {
        Self { begun, ended: Vec::new() }
    }

    /// Returns how long each of the binary's tests took.
    fn took(self, threads: usize) -> Vec<(String, Duration)> {
        let Self { begun, ended } = self;
        let begins = std::iter::repeat_n(begun, threads).chain(ended.iter().map(|(_, end)| *end)).collect::<Vec<_>>();
        let mut in_order: Vec<_> = ended.iter().collect();
        in_order.sort();
        let took = in_order.iter().zip(begins).map(|((name, end), begun)| (name.clone(), end.duration_since(begun)));
        took.collect()
    }
}

fn is_beginning(line: &str) -> bool {
    line.strip_prefix("running ").is_some_and(|rest| rest.ends_with(" tests") || rest.ends_with(" test"))
}

/// Returns the name of a test that has ended.
fn ended(line: &str) -> Option<&str> {
    line.strip_prefix("test ")?.split_once(" ... ").map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_begins_when_a_thread_is_free_for_it() {
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        // `a` and `b` begin together, `c` begins when `b` has ended, and `d` when `a` has.
        let ended = [("b", 2), ("a", 5), ("d", 6), ("c", 9)].map(|(name, end)| (name.to_owned(), at(end)));
        let took = Binary { begun, ended: ended.to_vec() }.took(2);
        let took: Vec<_> = took.iter().map(|(name, took)| (name.as_str(), took.as_secs())).collect();
        assert_eq!(took, [("a", 5), ("b", 2), ("c", 7), ("d", 1)]);
    }

    #[test]
    fn lines_of_tests_are_distinguished_from_others() {
        assert!(is_beginning("running 12 tests") && is_beginning("running 1 test") && !is_beginning("running late"));
        assert_eq!(ended("test a::b ... ok"), Some("a::b"));
        assert_eq!(ended("test a::b ... ignored, it takes minutes"), Some("a::b"));
        assert_eq!(ended("test result: ok. 12 passed"), None);
        assert_eq!(ended("test a::b has been running for over 60 seconds"), None);
    }
}
