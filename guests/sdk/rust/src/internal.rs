//! What the macros expand to. Not for direct use: it may change with any version.

use std::io::Write as _;

use serde::{Serialize, de::DeserializeOwned};

use crate::{Context, Error};

pub mod function {
    wit_bindgen::generate!({
        path: "wit",
        world: "function",
        pub_export_macro: true,
        export_macro_name: "export_function",
    });
}

/// `lifecycle` alone: together with `function` it makes the world `function-with-init`.
pub mod lifecycle {
    wit_bindgen::generate!({
        inline: "
            package guesthouse:guest;
            world prepared { export guesthouse:lambda/lifecycle@0.1.0; }
        ",
        path: "wit",
        world: "guesthouse:guest/prepared",
        with: { "guesthouse:lambda/types@0.1.0": super::function::guesthouse::lambda::types },
        pub_export_macro: true,
        export_macro_name: "export_lifecycle",
    });
}

/// The imports of a handler that streams its responses.
pub mod streaming {
    wit_bindgen::generate!({
        inline: "
            package guesthouse:guest;
            world streaming { import guesthouse:lambda/response-stream@0.1.0; }
        ",
        path: "wit",
        world: "guesthouse:guest/streaming",
        generate_all,
    });
}

pub use self::function::guesthouse::lambda::types::{Context as WireContext, HandlerError as WireError};
pub use self::{function::export_function, lifecycle::export_lifecycle};

/// Runs a handler of text.
pub fn raw<E: Into<Error>>(
    handle: impl FnOnce(String, Context) -> Result<String, E>,
    event: String,
    context: WireContext,
) -> Result<String, WireError> {
    let handled = handle(event, context.into());
    flush();
    handled.map_err(|error| error.into().into())
}

/// Runs a handler of types.
pub fn typed<Event: DeserializeOwned, Response: Serialize, E: Into<Error>>(
    handle: impl FnOnce(Event, Context) -> Result<Response, E>,
    event: String,
    context: Context,
) -> Result<String, Error> {
    let event = serde_json::from_str(&event)
        .map_err(|error| Error::new("InvalidEvent", format!("the event is not what the handler takes: {error}")))?;
    let response = handle(event, context).map_err(Into::into)?;
    serde_json::to_string(&response)
        .map_err(|error| Error::new("InvalidResponse", format!("the response can't be written as JSON: {error}")))
}

/// Runs the preparation of an instance.
pub fn init<E: Into<Error>>(init: impl FnOnce() -> Result<(), E>) -> Result<(), WireError> {
    let prepared = init();
    flush();
    prepared.map_err(|error| error.into().into())
}

/// Runs what is asynchronous to its end. Tasks that it spawned and did not await end with it.
#[cfg(feature = "wstd")]
pub fn block_on<F: Future>(future: F) -> F::Output {
    wstd::runtime::block_on(future)
}

/// Standard output keeps a line until it is complete. What this invocation printed must not come out in the next one.
fn flush() {
    // Where nothing can be written there is nobody to tell.
    let _ = std::io::stdout().flush();
}
