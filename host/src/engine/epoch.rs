//! The tick by which computing guests come up for air.
//!
//! Compiled code compares the engine's epoch with its store's deadline at loop heads and function entries. A thread moves
//! the epoch on every [`TICK`]; a guest that computes longer than that yields to the executor, which then looks whether the
//! invocation's time is up and lets other invocations on. The thread holds the engine weakly and ends with it.

use std::{io, thread, time::Duration};

use wasmtime::Engine;

/// How long a guest may compute before it yields: well below the margin by which guests are stopped early.
pub(super) const TICK: Duration = Duration::from_millis(5);

/// # Errors
/// When no thread can be started.
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
