//! Makes a guest's machine code: from a `.cwasm` file, or by compiling its `.wasm` file.
//!
//! See docs/decisions/28-one-path-for-code.md.

#[cfg(feature = "compiler")]
use std::time::Duration;
use std::{
    fs::File,
    panic::{AssertUnwindSafe, catch_unwind},
};

use super::{Engine, LoadError, code::Code, compile_limits::CompileLimits, precompiled};
use crate::digest::Digest;

/// How long a killed process takes to end.
#[cfg(feature = "compiler")]
const STOPPING: Duration = Duration::from_millis(20);

impl Code {
    /// Maps a `.cwasm` file, and checks a small one for damage. Pages that are not touched take no memory.
    ///
    /// The file is native code, which is not verified and can do anything. It must come from somebody who is trusted
    /// like the one who deploys the host.
    ///
    /// # Errors
    /// Returns what is wrong with the file: it is damaged, or was made by another program, or for another engine or
    /// processor.
    pub fn map(engine: &Engine, file: File) -> Result<Self, String> {
        precompiled::check(&file)?;
        Self::map_own(engine, file)
    }

    /// Maps a file that the host itself has just written, without checking it for damage.
    fn map_own(engine: &Engine, file: File) -> Result<Self, String> {
        // wasmtime trusts the file too, and panics on some kinds of damage.
        let mapped = catch_unwind(AssertUnwindSafe(|| precompiled::map(&engine.engine, file)));
        mapped.unwrap_or_else(|_| Err("it is damaged".to_owned()))
    }

    /// Compiles a component, or a core module that is a command or can become a component, within limits.
    ///
    /// # Errors
    /// Fails if the bytes are neither, or if compiling them exceeds the limits.
    #[cfg(feature = "compiler")]
    pub async fn compile(
        engine: &Engine,
        bytes: Vec<u8>,
        source: Digest,
        limits: CompileLimits,
    ) -> Result<Self, LoadError> {
        let kept = engine.code_cache.as_ref().and_then(|cache| Self::map(engine, cache.find(source)?).ok());
        if let Some(code) = kept.filter(|code| code.source() == source) {
            return Ok(code);
        }
        let build = move || super::compiler_process::build(&bytes, &source, None, limits);
        let built = tokio::task::spawn_blocking(build);
        // A compiler in this process can't be stopped. If it takes too long, it is abandoned.
        let built = match tokio::time::timeout(limits.time + STOPPING, built).await {
            Ok(Ok(built)) => built?,
            // The panic has written its own message to the log.
            Ok(Err(_)) => return Err(LoadError::Compiler),
            Err(_) => return Err(LoadError::SlowToCompile(limits.time)),
        };
        // Where nothing can be kept, it is compiled again.
        let _ = engine.code_cache.as_ref().map(|cache| cache.keep(source, &built));
        let held_bytes = built.metadata().map_or(0, |built| built.len());
        Ok(Self { held_bytes, ..Self::map_own(engine, built).map_err(LoadError::Engine)? })
    }

    /// Fails, because this host was built without a compiler.
    ///
    /// # Errors
    /// Always returns [`LoadError::NoCompiler`].
    #[cfg(not(feature = "compiler"))]
    #[expect(clippy::unused_async, reason = "as with a compiler")]
    pub async fn compile(_: &Engine, _: Vec<u8>, _: Digest, _: CompileLimits) -> Result<Self, LoadError> {
        Err(LoadError::NoCompiler)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Returns a guest that is so large that it can't be compiled in no time by chance.
    fn large() -> Vec<u8> {
        let work = "(local.set 0 (i32.mul (local.get 0) (i32.const 3)))".repeat(200_000);
        wat::parse_str(format!(r#"(module (func (export "_start")) (func (param i32) {work}))"#)).unwrap()
    }

    #[tokio::test]
    async fn a_compiled_guest_is_kept_and_what_does_not_fit_is_compiled_again() {
        let directory = tempfile::tempdir().unwrap();
        let engine = Engine::new().unwrap().keeping(directory.path().to_owned());
        let bytes = large();
        let source = Digest::of(&bytes);
        let compile =
            |time| Code::compile(&engine, bytes.clone(), source, CompileLimits { time, memory_bytes: u64::MAX });
        compile(Duration::from_secs(300)).await.unwrap();
        // Nothing is compiled in no time.
        assert_eq!(compile(Duration::ZERO).await.unwrap().source(), source);
        let kept = std::fs::read_dir(directory.path()).unwrap().next().unwrap().unwrap().path();
        std::fs::write(&kept, "damaged").unwrap();
        assert!(matches!(compile(Duration::ZERO).await, Err(LoadError::SlowToCompile(Duration::ZERO))));
        compile(Duration::from_secs(300)).await.unwrap();
        assert!(compile(Duration::ZERO).await.is_ok());
    }

    /// Compiles in this process, where only the time is limited.
    #[tokio::test]
    async fn a_guest_is_compiled_in_time_or_not_at_all() {
        let engine = Engine::new().unwrap();
        let bytes = large();
        let compile = |time| {
            let limits = CompileLimits { time, memory_bytes: u64::MAX };
            Code::compile(&engine, bytes.clone(), Digest::of(&bytes), limits)
        };
        assert!(compile(Duration::from_secs(300)).await.is_ok());
        assert!(matches!(compile(Duration::ZERO).await, Err(LoadError::SlowToCompile(Duration::ZERO))));
    }
}
