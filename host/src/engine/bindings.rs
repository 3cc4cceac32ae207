//! Contains what `bindgen!` generates from `wit/`, and nothing else.
//!
//! The bindings of the larger world, `function-with-init`, serve both worlds: its two exports are looked up one by one,
//! and `lifecycle` may be absent.

wasmtime::component::bindgen!({
    path: "../wit",
    world: "function-with-init",
    exports: { default: async },
});

pub(super) use self::{
    exports::guesthouse::lambda::{handler, lifecycle},
    guesthouse::lambda::types,
};
