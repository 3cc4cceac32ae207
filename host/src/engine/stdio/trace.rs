//! Distinguishes a failure's message on standard error from what the language's runtime prints around it.

/// Returns whether a line describes a failure. The notes that Rust and Go print after a panic's message do not.
pub(super) fn is_message(line: &str) -> bool {
    let is_signal = line.starts_with("[signal ") && line.contains(" pc=") && line.ends_with(']');
    !line.trim().is_empty() && !line.starts_with("note: ") && line != "stack backtrace:" && !is_signal
}

/// Returns whether a stack trace of Go's begins with this line, such as `goroutine 1 [running]:`.
pub(super) fn begins(line: &str) -> bool {
    line == "runtime stack:" || line.starts_with("goroutine ") && line.ends_with("]:")
}

/// Returns whether a stack trace continues with this line: a function with its arguments, the file and line below it,
/// or an empty line between two goroutines.
pub(super) fn continues(line: &str) -> bool {
    line.is_empty() || line.starts_with(['\t', ' ']) || line.starts_with("created by ") || line.ends_with(')')
}
