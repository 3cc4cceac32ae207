//! This module is what the host calls. A program exports it beside its own `main`.

use guesthouse_guest::{Context, Error, raw_handler};

use crate::{
    events::Event,
    program::{self, Progress},
};

#[cfg(target_family = "wasm")]
unsafe extern "C" {
    /// The program's `main`, with what Rust does before and after.
    fn __main_void() -> i32;
}

/// Runs the program's `main`, which calls [`program::start`].
#[cfg(target_family = "wasm")]
fn main() {
    // SAFETY: every program for WASI has this function, and it may be called once; `init` is called once.
    let _ = unsafe { __main_void() };
}

#[cfg(not(target_family = "wasm"))]
fn main() {}

fn init() -> Result<(), Error> {
    main();
    match program::progress() {
        Progress::Waits => Ok(()),
        Progress::Ended(None) => Err(Error::new(
            "MainEnded",
            "`main` ended without waiting for events: it has to await `lambda_runtime::run`, or `lambda_http::run`",
        )),
        Progress::Ended(Some(error)) => Err(error),
    }
}

fn handle(text: String, context: Context) -> Result<String, Error> {
    program::answer(Event { text, context })
}

raw_handler!(handle, init = init);
