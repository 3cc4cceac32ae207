//! The only place that names `wasmtime`: bytes and capabilities in, answers and failures out. Nothing here knows of
//! Lambda, settings or where a guest came from.
//!
//! [`Engine`] is made once for a process; [`Guest`] is a component made ready to run; an `Instance` is one running copy
//! of it, kept between invocations in the guest's pool.

#[cfg(feature = "compiler")]
mod adapt;
mod bindings;
mod child;
mod code;
#[cfg(feature = "compiler")]
mod compiler;
#[cfg(feature = "compiler")]
mod compiler_process;
mod contract;
mod debug_info;
mod epoch;
#[cfg(feature = "compiler")]
mod examine;
mod fault;
mod guest;
mod imports;
#[cfg(feature = "compiler")]
mod inspect;
mod instance;
mod jobs;
mod link;
mod load_error;
mod memory;
mod panic;
mod precompiled;
mod state;
mod stdio;
mod symbol;
mod symbols;
mod wasi;

use std::{num::NonZeroUsize, sync::Arc};

use wasmtime::{Config, ModuleVersionStrategy, WasmBacktraceDetails, component::Linker};

use self::state::State;
pub use self::{
    code::{Code, CompileLimits},
    guest::{Guest, Invoked, Spent},
    imports::UnsupportedImport,
    jobs::work_if_asked,
    load_error::LoadError,
    memory::{Budget, resident_bytes},
    precompiled::VERSION as CODE_VERSION,
};
#[cfg(feature = "compiler")]
pub use self::{
    compiler::{Target, check, compile_ahead},
    examine::{ImportReport, MissingFeature, Report, Status},
};
use crate::failure::FRAME_LIMIT;

/// What runs guests, and what they may import. Cheap to clone.
///
/// It has no compiler. Code that is compiled in this process goes the way of code that was compiled ahead of time, so that there is one
/// way, and a compiler only where it is needed.
#[derive(Clone)]
pub struct Engine {
    engine: wasmtime::Engine,
    linker: Arc<Linker<State>>,
}

impl Engine {
    /// # Errors
    /// When this machine can't run guests, which is a fault of the build, not of a guest.
    pub fn new() -> Result<Self, LoadError> {
        let internal = |error: wasmtime::Error| LoadError::Engine(format!("{error:#}"));
        #[cfg_attr(not(feature = "compiler"), expect(unused_mut, reason = "there is no compiler to leave out"))]
        let mut config = config().map_err(internal)?;
        #[cfg(feature = "compiler")]
        config.enable_compiler(false);
        let engine = wasmtime::Engine::new(&config).map_err(internal)?;
        let mut linker = Linker::new(&engine);
        wasi::link(&mut linker).map_err(internal)?;
        epoch::start(&engine).map_err(|error| LoadError::Engine(format!("can't start a thread: {error}")))?;
        Ok(Self { engine, linker: Arc::new(linker) })
    }
}

const MIB: usize = 1024 * 1024;

/// One for those who compile and those who run: code fits no engine with other settings.
fn config() -> wasmtime::Result<Config> {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        // Interpreters in guests take hundreds of bytes of it for each call in the language that they run.
        .max_wasm_stack(2 * MIB)
        // With what the host's functions need. It is not taken before it is touched; what is, stays the instance's, and is part of what
        // the host keeps for each invocation at a time.
        .async_stack_size(3 * MIB)
        // Files and lines in stack traces are found by `debug_info`, from where in the file a frame is.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .generate_address_map(true)
        // A memory of 64 bits that is to be larger than what is reserved for each, 4 GiB, would be copied by one instruction of the guest's.
        .memory_may_move(false)
        // The same on all processors.
        .relaxed_simd_deterministic(true)
        .wasm_backtrace_max_frames(NonZeroUsize::new(FRAME_LIMIT))
        // What only WASI 0.3 needs makes each call a third slower.
        .concurrency_support(false)
        .module_version(ModuleVersionStrategy::Custom(precompiled::VERSION.to_owned()))?;
    Ok(config)
}
