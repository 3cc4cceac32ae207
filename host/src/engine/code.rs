//! A guest's machine code, wherever it was compiled.

use std::{
    fs::File,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use wasmtime::component::Component;

use super::{Engine, LoadError, debug_info::DebugInfo, precompiled};
use crate::digest::Digest;

/// A guest's machine code, with what else its `.wasm` file told. Cheap to clone.
#[derive(Clone)]
pub struct Code {
    pub(super) component: Component,
    pub(super) inspected: Arc<Inspected>,
    pub(super) source: Digest,
}

/// What the `.wasm` file tells besides its code.
pub(super) struct Inspected {
    /// What the host keeps for each instance besides its memories and tables, in bytes, at most.
    pub(super) state_bytes: u64,
    pub(super) debug_info: DebugInfo,
}

/// What else there is to do while code is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Nothing: all waits for it.
    Now,
    /// Invocations, which come first: the compiler's threads are no more important than the one that asks for it, and it does not
    /// begin where it would take more memory than is left of the function's.
    Meanwhile {
        /// What the process may have, in bytes, where that is known.
        function_bytes: Option<u64>,
    },
}

impl Code {
    /// Maps a `.cwasm` file: what is not touched is not read.
    ///
    /// The file is native code, which is not checked and can do what it likes. It must come from whoever deploys the host itself.
    ///
    /// # Errors
    /// What is wrong with the file: another maker, engine or processor.
    pub fn map(engine: &Engine, file: File) -> Result<Self, String> {
        // wasmtime trusts it, too, and panics over some kinds of damage.
        let mapped = catch_unwind(AssertUnwindSafe(|| precompiled::map(&engine.engine, file)));
        mapped.unwrap_or_else(|_| Err("it is damaged".to_owned()))
    }

    /// Compiles a component, or a core module that can become one, within `limit`.
    ///
    /// # Errors
    /// When the bytes are neither, or there is no compiler or no time.
    #[cfg(feature = "compiler")]
    pub async fn compile(
        engine: &Engine,
        bytes: Vec<u8>,
        source: Digest,
        limit: Duration,
        urgency: Urgency,
    ) -> Result<Self, LoadError> {
        let runtime = engine.engine.clone();
        let compile = move || {
            super::compiler::on_a_large_stack(|| {
                let function_bytes = match urgency {
                    Urgency::Now => None,
                    Urgency::Meanwhile { function_bytes } => function_bytes,
                };
                check_room(&bytes, function_bytes)?;
                let bytes = super::adapt::component(bytes)?;
                // What became a component has more code now.
                check_room(&bytes, function_bytes)?;
                let image = match urgency {
                    Urgency::Now => super::compiler::compile_here(&bytes)?,
                    Urgency::Meanwhile { .. } => super::compiler::compile_apart(&bytes)?,
                };
                let component = precompiled::load(&runtime, &image);
                let component = component.map_err(|error| LoadError::Engine(format!("{error:#}")))?;
                Ok(Self { component, inspected: Arc::new(super::inspect::inspect(&bytes)), source })
            })
        };
        // On a thread of its own, because nothing stops a compiler: one that takes too long is left behind.
        match tokio::time::timeout(limit, tokio::task::spawn_blocking(compile)).await {
            Ok(Ok(compiled)) => compiled,
            // What it was is in the log, where the panic itself writes it.
            Ok(Err(_)) => Err(LoadError::Compiler),
            Err(_) => Err(LoadError::SlowToCompile(limit)),
        }
    }

    /// This host was built without a compiler.
    ///
    /// # Errors
    /// Always.
    #[cfg(not(feature = "compiler"))]
    #[expect(clippy::unused_async, reason = "as with a compiler")]
    pub async fn compile(_: &Engine, _: Vec<u8>, _: Digest, _: Duration, _: Urgency) -> Result<Self, LoadError> {
        Err(LoadError::NoCompiler)
    }

    /// The digest of the `.wasm` file that it was compiled from.
    pub fn source(&self) -> Digest {
        self.source
    }
}

/// The kernel ends a process that takes more than the function has, and with it all that it has in flight.
#[cfg(feature = "compiler")]
fn check_room(bytes: &[u8], function_bytes: Option<u64>) -> Result<(), LoadError> {
    let Some(function_bytes) = function_bytes else { return Ok(()) };
    let left = function_bytes.saturating_sub(super::memory::resident_bytes());
    let needed = super::inspect::compiler_bytes(bytes);
    if needed <= left { Ok(()) } else { Err(LoadError::NoRoomToCompile { needed, left }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_guest_is_compiled_in_time_or_not_at_all() {
        let engine = Engine::new().unwrap();
        // Much to compile: with so little time it can't be done by chance.
        let work = "(local.set 0 (i32.mul (local.get 0) (i32.const 3)))".repeat(20_000);
        let bytes = wat::parse_str(format!("(component (core module (func (param i32) {work})))")).unwrap();
        let compile = |limit| {
            Code::compile(
                &engine,
                bytes.clone(),
                Digest::of(&bytes),
                limit,
                Urgency::Meanwhile { function_bytes: None },
            )
        };
        assert!(compile(Duration::from_secs(60)).await.is_ok());
        assert!(matches!(compile(Duration::ZERO).await, Err(LoadError::SlowToCompile(Duration::ZERO))));
    }
    #[tokio::test]
    async fn a_guest_is_compiled_while_others_serve_where_there_is_memory_for_it_and_not_elsewhere() {
        let engine = Engine::new().unwrap();
        let work = "(local.set 0 (i32.mul (local.get 0) (i32.const 3)))".repeat(1_000);
        let bytes = wat::parse_str(format!("(component (core module (func (param i32) {work})))")).unwrap();
        let compile = |function_bytes| {
            let urgency = Urgency::Meanwhile { function_bytes: Some(function_bytes) };
            Code::compile(&engine, bytes.clone(), Digest::of(&bytes), Duration::from_secs(60), urgency)
        };
        let resident = crate::engine::memory::resident_bytes();
        assert!(compile(resident + (1 << 30)).await.is_ok());
        assert!(matches!(compile(1).await, Err(LoadError::NoRoomToCompile { left: 0, .. })));
    }

    #[test]
    fn elements_of_tables_need_room_to_be_compiled_as_code_does() {
        let elements = |count: usize| {
            let nulls = "(ref.null func)".repeat(count);
            wat::parse_str(format!("(component (core module (elem funcref {nulls})))")).unwrap()
        };
        let room = Some(crate::engine::memory::resident_bytes() + (64 << 20));
        assert!(check_room(&elements(1_000), room).is_ok());
        // Three bytes each: 90 MB.
        assert!(matches!(check_room(&elements(100_000), room), Err(LoadError::NoRoomToCompile { .. })));
    }
}
