//! From a component to machine code, for this process or ahead of time for another machine.

use std::{
    fmt,
    io::{Read as _, Seek as _},
    str::FromStr,
    thread,
};

use wasmparser::{Parser, Payload};
use wasmtime::Engine;

use super::{
    LoadError, adapt,
    code::CompileLimits,
    compiler_process, config,
    examine::{self, examine},
    inspect::{self, inspect},
    precompiled,
};
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

/// Compiles ahead of time, in a process of its own with these limits: the content of a `.cwasm` file.
///
/// # Errors
/// When the bytes are no guest, or when compiling them takes too much.
pub fn compile_ahead(bytes: &[u8], target: Target, limits: CompileLimits) -> Result<Vec<u8>, LoadError> {
    if !cfg!(feature = "cross") && Some(target) != Target::native() {
        return Err(LoadError::NoTarget(target.to_string()));
    }
    let (mut built, mut image) =
        (compiler_process::build(bytes, &Digest::of(bytes), Some(target), limits)?, Vec::new());
    let read = built.rewind().and_then(|()| built.read_to_end(&mut image));
    read.map_err(|error| LoadError::Engine(format!("can't read what the compiler wrote: {error}")))?;
    Ok(image)
}

/// Compiles in this process: the content of a `.cwasm` file. Without a target, for the processor that this process runs on.
///
/// # Errors
/// When the bytes are no guest.
pub(super) fn build(bytes: Vec<u8>, source: &Digest, target: Option<Target>) -> Result<Vec<u8>, LoadError> {
    on_a_large_stack(|| {
        check_types(&bytes)?;
        let examined = examine(&bytes)?;
        let named = examined.runnable()?;
        if let Some(missing) = examine::shared_memory(&bytes) {
            return Err(LoadError::Features(vec![missing]));
        }
        translate(&adapt::adapt(bytes, &examined, named)?, source, target)
    })
}

/// The same for a component, or a module that is a program, whatever it exports.
pub(super) fn translate(bytes: &[u8], source: &Digest, target: Option<Target>) -> Result<Vec<u8>, LoadError> {
    let image = compile(bytes, |config| {
        if let Some(target) = target {
            config.target(target.triple())?;
            target.features().iter().for_each(|feature| precompiled::allow(config, feature));
        }
        Ok(())
    })?;
    Ok(precompiled::write(image, source, &inspect(bytes)))
}

/// Compiles for this machine, in a process of its own with these limits, to see whether that can be done.
///
/// # Errors
/// As those of [`compile_ahead`].
pub fn check(bytes: &[u8], limits: CompileLimits) -> Result<(), LoadError> {
    compiler_process::build(bytes, &Digest::of(bytes), None, limits).map(drop)
}

/// What the compiler has as its stack, in bytes: it reads types that are nested in each other by recursion. What is not touched costs
/// nothing.
pub(super) const STACK_BYTES: usize = 256 * 1024 * 1024;

/// The size of the types in one section, in bytes, for which that is enough: a level takes 3 bytes of the file, and some 3.5 KiB of the
/// stack. Types of hundreds of functions take a tenth of this.
pub(super) const TYPES_LIMIT_BYTES: usize = 128 * 1024;

/// How deep components may be nested in each other. Tools make three levels.
const NESTING_LIMIT: usize = 100;

/// Does what reads a guest's types. An overflow of the stack would be the end of the process.
///
/// # Errors
/// Those of the work; that the thread can't be started; [`LoadError::Compiler`] for a panic.
pub(super) fn on_a_large_stack<T: Send>(work: impl FnOnce() -> Result<T, LoadError> + Send) -> Result<T, LoadError> {
    thread::scope(|scope| {
        let started =
            thread::Builder::new().name("compiler".to_owned()).stack_size(STACK_BYTES).spawn_scoped(scope, work);
        let started = started.map_err(|error| LoadError::Engine(format!("can't start a thread: {error}")))?;
        // What a panic was it says itself, on standard error.
        started.join().unwrap_or(Err(LoadError::Compiler))
    })
}

/// # Errors
/// When types may be nested deeper than there is a stack for.
pub(super) fn check_types(bytes: &[u8]) -> Result<(), LoadError> {
    let mut depth = 0_usize;
    // What can't be read here is for the compiler to say.
    for payload in Parser::new(0).parse_all(bytes).map_while(Result::ok) {
        let range = match payload {
            Payload::ComponentTypeSection(types) => types.range(),
            Payload::CoreTypeSection(types) => types.range(),
            Payload::Version { .. } => {
                depth += 1;
                if depth > NESTING_LIMIT {
                    let message = format!("components in each other, more than {NESTING_LIMIT} deep");
                    return Err(LoadError::TooMuch(message));
                }
                continue;
            }
            Payload::End(_) => {
                depth = depth.saturating_sub(1);
                continue;
            }
            _ => continue,
        };
        if range.len() > TYPES_LIMIT_BYTES {
            let message = format!("{} bytes of types in one section, and {TYPES_LIMIT_BYTES} is the most", range.len());
            return Err(LoadError::Malformed(message));
        }
    }
    Ok(())
}

/// # Errors
/// When the bytes are no guest, or no thread can be started.
fn compile(
    bytes: &[u8],
    adapt: impl FnOnce(&mut wasmtime::Config) -> wasmtime::Result<()>,
) -> Result<Vec<u8>, LoadError> {
    inspect::check(bytes)?;
    let engine = config().and_then(|mut config| adapt(&mut config).and_then(|()| Engine::new(&config)));
    let engine = engine.map_err(|error| LoadError::Engine(format!("{error:#}")))?;
    // The threads are started for it: they have as large a stack, and are gone afterwards.
    let pool = rayon::ThreadPoolBuilder::new().stack_size(STACK_BYTES).build();
    let pool = pool.map_err(|error| LoadError::Engine(format!("can't start the compiler's threads: {error}")))?;
    let compiled = pool.install(|| match Parser::is_core_wasm(bytes) {
        true => engine.precompile_module(bytes),
        false => engine.precompile_component(bytes),
    });
    compiled.map_err(|error| examine::refusal(bytes, format!("{error:#}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A component type in a component type, and so on.
    fn nested(levels: usize) -> Vec<u8> {
        let mut types = vec![1];
        types.extend([0x41, 0x01, 0x01].repeat(levels));
        types.extend([0x41, 0x00]);
        let mut length = types.len();
        let mut bytes = b"\0asm\x0d\0\x01\0\x07".to_vec();
        while length >= 0x80 {
            bytes.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        bytes.push(length as u8);
        bytes.extend(types);
        bytes
    }

    #[test]
    fn types_that_are_nested_deep_are_refused_and_do_not_end_the_process() {
        let build = |levels| {
            let bytes = nested(levels);
            on_a_large_stack(|| check_types(&bytes).and_then(|()| translate(&bytes, &Digest::of(b""), None)))
        };
        assert!(build(3).is_ok());
        let most = TYPES_LIMIT_BYTES / 3 - 2;
        for levels in [600, 2_000, most] {
            // Whatever is made of it, there is a stack for it.
            let _ = build(levels);
        }
        for levels in [most + 2, 10 * most] {
            let refused = build(levels).map(|_| ());
            assert!(matches!(refused, Err(LoadError::Malformed(_))), "{levels}: {refused:?}");
        }
    }
}
