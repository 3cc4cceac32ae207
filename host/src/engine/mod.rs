//! This is the only module that names `wasmtime`: bytes and capabilities go in, responses and failures come out. It
//! does not use the Runtime API or the settings, and does not know where a guest came from.
//!
//! A process makes one [`Engine`]. A [`Guest`] is a component or core module that is ready to run. An `Instance` is one
//! running copy of it, which the guest keeps between invocations.
//!
//! See docs/decisions/24-copying-collector.md.
//! See docs/decisions/34-quick-start.md.

#[cfg(feature = "compiler")]
mod adapt;
mod bindings;
mod child;
mod code;
#[cfg(feature = "compiler")]
mod code_cache;
mod compile_limits;
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
#[cfg(feature = "compiler")]
mod guest_metadata;
mod imports;
mod instance;
mod jobs;
#[cfg(feature = "compiler")]
mod large_stack;
mod link;
mod load_code;
mod load_error;
#[cfg(feature = "compiler")]
mod nesting;
mod panic;
mod precompiled;
mod response_interface;
mod stdio;
mod store_limiter;
mod store_state;
mod symbol;
mod symbols;
#[cfg(feature = "compiler")]
mod target;
mod wasi;

#[cfg(feature = "compiler")]
use std::path::PathBuf;
use std::{num::NonZeroUsize, sync::Arc};

use wasmtime::{Config, ModuleVersionStrategy, WasmBacktraceDetails, component::Linker};

#[cfg(feature = "cli")]
pub use self::precompiled::processor_of;
use self::store_state::StoreState;
pub use self::{
    code::Code,
    compile_limits::CompileLimits,
    guest::{Guest, InstanceUse, Running},
    imports::UnsupportedImport,
    jobs::work_if_asked,
    load_error::LoadError,
    precompiled::VERSION as CODE_VERSION,
    store_limiter::{MemoryPool, resident_bytes},
};
#[cfg(feature = "compiler")]
pub use self::{
    compiler_process::{check, compile_ahead},
    examine::{ImportReport, MissingFeature, Report, Status},
    target::Target,
};
use crate::failure::FRAME_LIMIT;

/// Runs guests, and provides what they import. Cheap to clone.
///
/// The engine has no compiler. Code that is compiled at the start is written and mapped like code that was compiled
/// ahead of time, so there is one code path, and a compiler only where one is needed.
#[derive(Clone)]
pub struct Engine {
    engine: wasmtime::Engine,
    linker: Arc<Linker<StoreState>>,
    #[cfg(feature = "compiler")]
    code_cache: Option<Arc<code_cache::CodeCache>>,
}

impl Engine {
    /// Creates the engine, and starts its epoch ticker.
    ///
    /// # Errors
    /// Fails if this machine can't run guests, which is a fault of the build, not of a guest.
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
        Ok(Self {
            engine,
            linker: Arc::new(linker),
            #[cfg(feature = "compiler")]
            code_cache: None,
        })
    }

    /// Has the engine keep what it compiles in this directory, and look there first. The directory must be one that
    /// only the user can write to, and no guest.
    #[cfg(feature = "compiler")]
    #[must_use]
    pub fn keeping(self, directory: PathBuf) -> Self {
        Self { code_cache: Some(Arc::new(code_cache::CodeCache::new(directory))), ..self }
    }
}

const MIB: usize = 1024 * 1024;

/// Returns the settings of the engine that compiles and of the one that runs: code does not fit an engine with other
/// settings.
fn config() -> wasmtime::Result<Config> {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        // Interpreters in guests take hundreds of bytes of the stack for each call in the language that they run.
        .max_wasm_stack(2 * MIB)
        // This is the wasm stack plus 1 MiB for the host's functions. Pages are committed on first use and stay with
        // the instance. They are counted in `INVOCATION_MEMORY_MIB` of `config`.
        .async_stack_size(3 * MIB)
        // `debug_info` finds the files and lines for stack traces, from the offset of each frame in the guest's file.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .generate_address_map(true)
        // If memories could move, growing a 64-bit memory beyond its reservation of 4 GiB would copy it, in a single
        // instruction of the guest's.
        .memory_may_move(false)
        // Relaxed SIMD gives the same results on all processors.
        .relaxed_simd_deterministic(true)
        .wasm_backtrace_max_frames(NonZeroUsize::new(FRAME_LIMIT))
        // Only WASI 0.3 needs this, and it makes each call a third slower.
        .concurrency_support(false)
        .module_version(ModuleVersionStrategy::Custom(precompiled::VERSION.to_owned()))?;
    Ok(config)
}
