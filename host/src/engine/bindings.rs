//! Contains what `bindgen!` generates from `wit/`, and nothing else.
//!
//! The bindings of the largest world, `streaming-function`, serve all: its two exports are looked up one by one, and
//! `lifecycle` may be absent. `response_interface.rs` links its import.

wasmtime::component::bindgen!({
    path: "../wit",
    world: "streaming-function",
    exports: { default: async },
});

pub(super) use self::{
    exports::guesthouse::lambda::{handler, lifecycle},
    guesthouse::lambda::{response_stream::StreamError, types},
};
