//! This is [tokio](https://docs.rs/tokio), as far as a guest has it, for functions that were written for
//! `lambda_runtime`. It is tokio itself but for the attribute [`main`], for what tokio does with threads
//! ([`task::spawn_blocking`], [`fs`]), and for what a guest has not: sockets, processes and signals.

/// Files, without threads: each call is over when it returns.
pub mod fs;
/// Tasks. What would block a thread blocks the guest, which has one.
pub mod task;

pub use guesthouse_tokio_macros::main;
pub use tokio::{io, join, pin, runtime, select, spawn, sync, task_local, test, time, try_join};

/// What [`main`] expands to.
#[doc(hidden)]
pub mod guesthouse {
    pub use guesthouse_executor::start;
}
