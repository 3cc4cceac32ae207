//! What `bindgen!` makes of `wit/`, and nothing else.
//!
//! Both worlds are served by the larger one's bindings: its two exports are looked up one by one, and `lifecycle` may be
//! absent.

wasmtime::component::bindgen!({
    path: "../wit",
    world: "function-with-init",
    exports: { default: async },
});

pub(super) use self::{
    exports::guesthouse::lambda::{handler, lifecycle},
    guesthouse::lambda::types,
};
