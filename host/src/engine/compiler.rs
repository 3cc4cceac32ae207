//! From a component to machine code, for this process or ahead of time for another machine.

use std::{fmt, str::FromStr};

use wasmtime::Engine;

use super::{LoadError, adapt, config, inspect::inspect, precompiled};
use crate::digest::Digest;

/// The processors that Lambda has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Lambda's `x86_64`.
    X86_64,
    /// Lambda's `arm64`, which is Graviton.
    Aarch64,
}

impl Target {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::X86_64, Self::Aarch64];

    /// The processor of this machine; `None` when Lambda has no such.
    pub fn native() -> Option<Self> {
        if cfg!(target_arch = "x86_64") {
            Some(Self::X86_64)
        } else if cfg!(target_arch = "aarch64") {
            Some(Self::Aarch64)
        } else {
            None
        }
    }

    fn triple(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-linux-gnu",
            Self::Aarch64 => "aarch64-unknown-linux-gnu",
        }
    }

    /// What each of Lambda's machines of this kind can do, beyond what all processors of the architecture can. Sources: the AWS
    /// pages "Using AVX2 vectorization in Lambda" and "Lambda instruction set architectures" (Graviton2 is an Armv8.2).
    fn features(self) -> &'static [&'static str] {
        match self {
            Self::X86_64 => &["has_sse3", "has_ssse3", "has_sse41", "has_sse42", "has_popcnt", "has_avx", "has_avx2"],
            Self::Aarch64 => &["has_lse"],
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.triple())
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|target| target.triple() == text);
        found.ok_or_else(|| format!("expected {}", Self::ALL.map(|target| format!("`{target}`")).join(" or ")))
    }
}

/// Compiles ahead of time: the content of a `.cwasm` file.
///
/// # Errors
/// When the bytes are no component, nor a module that can become one.
pub fn compile_ahead(bytes: &[u8], target: Target) -> Result<Vec<u8>, LoadError> {
    if !cfg!(feature = "cross") && Some(target) != Target::native() {
        return Err(LoadError::NoTarget(target.to_string()));
    }
    let component = adapt::component(bytes)?;
    let image = compile(&component, |config| {
        config.target(target.triple())?;
        target.features().iter().for_each(|feature| precompiled::allow(config, feature));
        Ok(())
    })?;
    precompiled::write(image, &Digest::of(bytes), &inspect(&component)).ok_or(LoadError::TooMuchDebugInfo)
}

/// Compiles, to see whether that can be done.
///
/// # Errors
/// When the bytes are no component, nor a module that can become one.
pub fn check(bytes: &[u8]) -> Result<(), LoadError> {
    compile_here(&adapt::component(bytes)?).map(drop)
}

/// Compiles for the processor that this process runs on.
///
/// # Errors
/// When the bytes are no component.
pub(super) fn compile_here(bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
    compile(bytes, |_| Ok(()))
}

/// The same on threads that are started for it: they are as important as the one that calls, and gone afterwards.
///
/// # Errors
/// When the bytes are no component, or no thread can be started.
pub(super) fn compile_apart(bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
    let pool = rayon::ThreadPoolBuilder::new().build();
    let pool = pool.map_err(|error| LoadError::Engine(format!("can't start the compiler's threads: {error}")))?;
    pool.install(|| compile_here(bytes))
}

fn compile(
    bytes: &[u8],
    adapt: impl FnOnce(&mut wasmtime::Config) -> wasmtime::Result<()>,
) -> Result<Vec<u8>, LoadError> {
    let engine = config().and_then(|mut config| adapt(&mut config).and_then(|()| Engine::new(&config)));
    let engine = engine.map_err(|error| LoadError::Engine(format!("{error:#}")))?;
    engine.precompile_component(bytes).map_err(|error| LoadError::Malformed(format!("{error:#}")))
}
