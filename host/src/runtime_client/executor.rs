//! The executors of the runtime clients' threads.
//!
//! See docs/decisions/04-one-thread-per-worker.md.

use std::{io, time::Duration};

use tokio::runtime::{Builder, Runtime};

/// The maximum number of threads that an executor has besides its own: one waits for the compiler at first, and later
/// they read and write files for guests that do so without waiting.
const BLOCKING_THREADS: usize = 4;

/// Returns the executor of one worker. It has one thread: to wake another one costs more than everything else in the
/// loop.
pub(super) fn current_thread() -> io::Result<Runtime> {
    build(Builder::new_current_thread())
}

/// Builds an executor with what all have in common.
pub(super) fn build(mut builder: Builder) -> io::Result<Runtime> {
    builder.max_blocking_threads(BLOCKING_THREADS).thread_keep_alive(Duration::from_millis(100)).enable_all().build()
}
