//! Recognises what languages' runtimes write when they fail: panics, uncaught exceptions and stack traces.

/// Tracks whether the lines of standard error are about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failing {
    /// The lines are not about a failure.
    No,
    /// Up to the line that names Python's exception.
    Traceback,
    /// Up to the end of the output, which follows soon.
    Panic,
}

/// The first words of failures in Go, Rust, C and C++, AssemblyScript, and in Python if its interpreter fails.
const PANICS: &[&str] = &[
    "panic: ",
    "fatal error: ",
    "runtime: ",
    "goroutine ",
    "Assertion failed: ",
    "libc++abi: ",
    "abort: ",
    "memory allocation of ",
    "fatal runtime error: ",
    "Fatal Python error: ",
];

/// The lines with which Python introduces an exception, and an exception that caused or followed another.
const TRACEBACKS: &[&str] = &[
    "Traceback (most recent call last):",
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
];

impl Failing {
    /// Processes the next line of standard error, and returns whether it is about a failure.
    pub(super) fn hears(&mut self, line: &str) -> bool {
        let begins = |beginnings: &[&str]| beginnings.iter().any(|beginning| line.starts_with(beginning));
        // Rust writes `thread 'main' panicked at src/main.rs:7:5:`.
        let is_rusts = || line.starts_with("thread ") && line.contains(" panicked at ");
        let was = *self;
        *self = match was {
            _ if begins(PANICS) || is_rusts() => Self::Panic,
            _ if begins(TRACEBACKS) => Self::Traceback,
            Self::Traceback if !(line.is_empty() || line.starts_with([' ', '\t'])) => Self::No,
            was => was,
        };
        was != Self::No || *self != Self::No
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(lines: &[&str]) -> Vec<bool> {
        let mut failing = Failing::No;
        lines.iter().map(|line| failing.hears(line)).collect()
    }

    #[test]
    fn a_panic_goes_on_to_the_end() {
        for lines in [
            [
                "ready",
                "thread 'main' (1) panicked at src/main.rs:7:5:",
                "no such order",
                "note: run with `RUST_BACKTRACE=1`",
            ],
            ["ready", "panic: no such order", "", "goroutine 1 [running]:"],
            ["ready", "fatal error: all goroutines are asleep - deadlock!", "", "goroutine 1 [select (no cases)]:"],
            ["ready", "Assertion failed: n > 0 (main.c: main: 7)", "", ""],
        ] {
            assert_eq!(heard(&lines), [false, true, true, true], "{lines:?}");
        }
    }

    #[test]
    fn a_traceback_goes_on_to_what_the_exception_was() {
        let lines = [
            "ready",
            "Traceback (most recent call last):",
            "  File \"a.py\", line 7",
            "",
            "KeyError: 'id'",
            "on with it",
        ];
        assert_eq!(heard(&lines), [false, true, true, true, true, false]);
    }
}
