//! Splits a guest's standard output and error into lines.
//!
//! Every write is processed immediately, in the guest's own call. Only the line that is not complete yet is buffered,
//! and it is passed on when the invocation ends, however it ends.
//!
//! See docs/decisions/10-log-queue.md.

mod guest_stream;
mod lines;
mod trace;

#[cfg(test)]
mod tests;

pub(super) use self::lines::{LastWords, Stdio, Stream};
