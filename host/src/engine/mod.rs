//! The only place that names `wasmtime`: bytes and capabilities in, answers and failures out. Nothing here knows of
//! Lambda, settings or where a guest came from.
//!
//! [`Engine`] is made once for a process; [`Guest`] is a component made ready to run; an `Instance` is one running copy
//! of it, kept between invocations in the guest's pool.

mod bindings;
mod contract;
mod debug_info;
mod epoch;
mod fault;
mod guest;
mod imports;
mod inspect;
mod instance;
mod load_error;
mod memory;
mod state;
mod stdio;
mod symbol;
mod wasi;

use std::{num::NonZeroUsize, sync::Arc};

use wasmtime::{
    Config, WasmBacktraceDetails,
    component::{Component, InstancePre, Linker},
};

use self::state::State;
pub use self::{guest::Guest, imports::UnsupportedImport, load_error::LoadError};
use crate::failure::FRAME_LIMIT;

/// The compiler and what guests may import. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    engine: wasmtime::Engine,
    linker: Arc<Linker<State>>,
}

impl Engine {
    /// # Errors
    /// When this machine can't run the compiler's code, which is a fault of the build, not of a guest.
    pub fn new() -> Result<Self, LoadError> {
        let internal = |error: wasmtime::Error| LoadError::Engine(format!("{error:#}"));
        let engine = wasmtime::Engine::new(&config()).map_err(internal)?;
        let mut linker = Linker::new(&engine);
        wasi::link(&mut linker).map_err(internal)?;
        epoch::start(&engine).map_err(|error| LoadError::Engine(format!("can't start a thread: {error}")))?;
        Ok(Self { engine, linker: Arc::new(linker) })
    }

    fn compile(&self, bytes: &[u8]) -> wasmtime::Result<Component> {
        Component::from_binary(&self.engine, bytes)
    }

    fn link(&self, component: &Component) -> wasmtime::Result<InstancePre<State>> {
        self.linker.instantiate_pre(component)
    }
}

fn config() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        // Files and lines in stack traces are found by `debug_info`, from where in the file a frame is.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .generate_address_map(true)
        // Nobody needs memories and tables of 64 bits, whose limits are others.
        .wasm_memory64(false)
        .wasm_backtrace_max_frames(NonZeroUsize::new(FRAME_LIMIT));
    config
}
