//! A guest's machine code, wherever it was compiled.

use std::{
    fs::File,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use wasmtime::{Module, component::Component};

use super::{Engine, LoadError, precompiled};
use crate::digest::Digest;

/// A process that is stopped takes so long to be gone.
#[cfg(feature = "compiler")]
const STOPPING: Duration = Duration::from_millis(20);

/// A guest's machine code, with what else its `.wasm` file told. Cheap to clone.
#[derive(Clone)]
pub struct Code {
    pub(super) compiled: Compiled,
    /// What the host keeps for each instance besides its memories and tables, in bytes, at most.
    pub(super) state_bytes: u64,
    /// The file that the code is in, where there is debug info in it.
    pub(super) debug_info: Option<Arc<File>>,
    pub(super) source: Digest,
    /// What it takes of memory even where nobody touches it, in bytes: it is in no file.
    pub(super) held_bytes: u64,
}

/// What a guest is.
#[derive(Clone)]
pub(super) enum Compiled {
    Component(Component),
    /// A program for WASI 0.1.
    Module(Module),
}

impl Compiled {
    /// The names of its exports.
    pub(super) fn exports(&self) -> Vec<String> {
        match self {
            Self::Component(component) => {
                let ty = component.component_type();
                ty.exports(component.engine()).map(|(name, _)| name.to_owned()).collect()
            }
            Self::Module(module) => module.exports().map(|export| export.name().to_owned()).collect(),
        }
    }
}

/// What the compiler may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileLimits {
    /// How long it may take.
    pub time: Duration,
    /// What it may have of memory, in bytes.
    pub memory_bytes: u64,
}

/// What a compiler may have where nobody says what a function has, in bytes: twice of what it takes for the largest language's guest.
const COMPILER_BYTES: u64 = 4 << 30;

/// How long it may take where nobody waits but its developer.
const COMPILER_TIME: Duration = Duration::from_secs(600);

impl Default for CompileLimits {
    fn default() -> Self {
        Self { time: COMPILER_TIME, memory_bytes: COMPILER_BYTES }
    }
}

impl Code {
    /// Maps a `.cwasm` file, if it is as it was written. Of what is not touched nothing stays in memory.
    ///
    /// The file is native code, which is not checked and can do what it likes. It must come from whoever deploys the host itself.
    ///
    /// # Errors
    /// What is wrong with the file: damage, another maker, engine or processor.
    pub fn map(engine: &Engine, file: File) -> Result<Self, String> {
        precompiled::check(&file)?;
        Self::map_own(engine, file)
    }

    /// The same, for what was written a moment ago.
    fn map_own(engine: &Engine, file: File) -> Result<Self, String> {
        // wasmtime trusts it, too, and panics over some kinds of damage.
        let mapped = catch_unwind(AssertUnwindSafe(|| precompiled::map(&engine.engine, file)));
        mapped.unwrap_or_else(|_| Err("it is damaged".to_owned()))
    }

    /// Compiles a component, or a core module that can become one, within limits.
    ///
    /// # Errors
    /// When the bytes are neither, or there is no compiler, or it takes too much.
    #[cfg(feature = "compiler")]
    pub async fn compile(
        engine: &Engine,
        bytes: Vec<u8>,
        source: Digest,
        limits: CompileLimits,
    ) -> Result<Self, LoadError> {
        let build = move || super::compiler_process::build(&bytes, &source, None, limits);
        let built = tokio::task::spawn_blocking(build);
        // Nothing stops a compiler in this process: one that takes too long is left behind.
        let built = match tokio::time::timeout(limits.time + STOPPING, built).await {
            Ok(Ok(built)) => built?,
            // What it was is in the log, where the panic itself writes it.
            Ok(Err(_)) => return Err(LoadError::Compiler),
            Err(_) => return Err(LoadError::SlowToCompile(limits.time)),
        };
        let held_bytes = built.metadata().map_or(0, |built| built.len());
        Ok(Self { held_bytes, ..Self::map_own(engine, built).map_err(LoadError::Engine)? })
    }

    /// This host was built without a compiler.
    ///
    /// # Errors
    /// Always.
    #[cfg(not(feature = "compiler"))]
    #[expect(clippy::unused_async, reason = "as with a compiler")]
    pub async fn compile(_: &Engine, _: Vec<u8>, _: Digest, _: CompileLimits) -> Result<Self, LoadError> {
        Err(LoadError::NoCompiler)
    }

    /// What it takes of memory even where nobody touches it, in bytes.
    pub fn held_bytes(&self) -> u64 {
        self.held_bytes
    }

    /// The digest of the `.wasm` file that it was compiled from.
    pub fn source(&self) -> Digest {
        self.source
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In this process, where only time has a limit.
    #[tokio::test]
    async fn a_guest_is_compiled_in_time_or_not_at_all() {
        let engine = Engine::new().unwrap();
        // Much to compile: with so little time it can't be done by chance.
        let work = "(local.set 0 (i32.mul (local.get 0) (i32.const 3)))".repeat(200_000);
        let bytes = wat::parse_str(format!(r#"(module (func (export "_start")) (func (param i32) {work}))"#)).unwrap();
        let compile = |time| {
            let limits = CompileLimits { time, memory_bytes: u64::MAX };
            Code::compile(&engine, bytes.clone(), Digest::of(&bytes), limits)
        };
        assert!(compile(Duration::from_secs(300)).await.is_ok());
        assert!(matches!(compile(Duration::ZERO).await, Err(LoadError::SlowToCompile(Duration::ZERO))));
    }
}
