//! Starts the epoch ticker, which makes guests yield while they compute.
//!
//! Compiled code compares the engine's epoch with its store's deadline at loop heads and function entries. A thread
//! increments the epoch every [`TICK`]. A guest that computes longer than that yields to the executor, which then
//! checks whether the invocation's time is over, and runs other invocations. The thread has a weak reference to the
//! engine and ends with it.
//!
//! See docs/decisions/21-epochs.md.

use std::{io, thread, time::Duration};

use wasmtime::Engine;

/// How long a guest may compute before it yields. This is well below the margin by which guests are stopped early.
pub(super) const TICK: Duration = Duration::from_millis(5);

/// Starts the ticker's thread.
///
/// # Errors
/// Fails if no thread can be started.
pub(super) fn start(engine: &Engine) -> io::Result<()> {
    let weak = engine.weak();
    let tick = move || {
        while let Some(engine) = weak.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(TICK);
        }
    };
    thread::Builder::new().name("epoch".to_owned()).stack_size(64 * 1024).spawn(tick).map(drop)
}
