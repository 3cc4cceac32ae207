//! Compiles components and core modules to machine code, for this process or ahead of time for another machine.
//!
//! See docs/decisions/33-target-baseline.md.

use wasmparser::Parser;
use wasmtime::Engine;

use super::{
    LoadError, adapt, config,
    examine::{self, examine},
    guest_metadata::{self, GuestMetadata},
    large_stack::{STACK_BYTES, on_a_large_stack},
    nesting::check_types,
    precompiled,
    target::Target,
};
use crate::digest::Digest;

/// Compiles a guest in this process, and returns the content of a `.cwasm` file. Without a target, the code is for the
/// processor that this process runs on.
///
/// # Errors
/// Fails if the bytes are not a guest.
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

/// Compiles a component, or a core module that is a command, whatever it imports and exports. Returns the content of a
/// `.cwasm` file.
pub(super) fn translate(bytes: &[u8], source: &Digest, target: Option<Target>) -> Result<Vec<u8>, LoadError> {
    let image = compile(bytes, |config| {
        if let Some(target) = target {
            config.target(target.triple())?;
            target.features().iter().for_each(|feature| precompiled::allow(config, feature));
        }
        Ok(())
    })?;
    Ok(precompiled::write(image, source, &GuestMetadata::of(bytes)))
}

/// Compiles with the settings of the host's engine, which `adapt` may change.
///
/// # Errors
/// Fails if the bytes are not a guest, or if a thread can't be started.
fn compile(
    bytes: &[u8],
    adapt: impl FnOnce(&mut wasmtime::Config) -> wasmtime::Result<()>,
) -> Result<Vec<u8>, LoadError> {
    guest_metadata::check(bytes)?;
    let engine = config().and_then(|mut config| adapt(&mut config).and_then(|()| Engine::new(&config)));
    let engine = engine.map_err(|error| LoadError::Engine(format!("{error:#}")))?;
    // The compiler gets threads of its own, which have the same large stack and end with the pool.
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
    use crate::engine::nesting::TYPES_LIMIT_BYTES;

    /// Returns a component whose types are nested this many levels deep.
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
            // The result does not matter here: the stack must be large enough for it.
            let _ = build(levels);
        }
        for levels in [most + 2, 10 * most] {
            let refused = build(levels).map(|_| ());
            assert!(matches!(refused, Err(LoadError::Malformed(_))), "{levels}: {refused:?}");
        }
    }
}
