//! The host against real parts. `cargo xtask test` installs what these tests need and runs them.

mod support;

// What passes between Lambda and a guest.
mod answers;
mod context;
mod logs;
mod state;

// What goes wrong.
mod choosing;
mod faults;
mod four_ways;
mod init_failures;
mod runtime_api;

// Many invocations, one after another and at once.
mod concurrency;
mod endurance;

// Real callers, real emulator, real image.
mod cli;
mod image;
mod rie;
mod serve;

// The source itself.
mod tidy;
