//! Runs work on a thread whose stack is large enough for nested types.

use std::thread;

use super::LoadError;

/// The size of the compiler's stack, in bytes. The compiler reads nested types by recursion. Pages that are not touched
/// cost nothing.
pub(super) const STACK_BYTES: usize = 256 * 1024 * 1024;

/// Runs work that reads a guest's types, on a thread with a large stack. An overflow of the stack would end the
/// process.
///
/// # Errors
/// Returns the errors of the work, [`LoadError::Engine`] if the thread can't be started, and [`LoadError::Compiler`]
/// for a panic.
pub(super) fn on_a_large_stack<T: Send>(work: impl FnOnce() -> Result<T, LoadError> + Send) -> Result<T, LoadError> {
    thread::scope(|scope| {
        let started =
            thread::Builder::new().name("compiler".to_owned()).stack_size(STACK_BYTES).spawn_scoped(scope, work);
        let started = started.map_err(|error| LoadError::Engine(format!("can't start a thread: {error}")))?;
        // The panic has written its own message to standard error.
        started.join().unwrap_or(Err(LoadError::Compiler))
    })
}
