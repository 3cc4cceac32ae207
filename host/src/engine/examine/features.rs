//! This module finds the WebAssembly proposals that a file needs and that the host does not support.

use serde::{Deserialize, Serialize};
use std::fmt;
use wasmparser::{Parser, Payload, Result, TypeRef, Validator, WasmFeatures};

use super::sections::section_at;

/// The features that the host's compiler supports: WebAssembly 3.0 with the instructions for threads, and components. A
/// test compares them with wasmtime.
const OF_HOST: WasmFeatures = WasmFeatures::WASM3.union(WasmFeatures::COMPONENT_MODEL);

/// All proposals that the validator knows.
pub(super) const EVERY_FEATURE: WasmFeatures = WasmFeatures::all();

/// A `MissingFeature` is a proposal that a file needs and that the host does not support, with its first use in the
/// file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingFeature {
    name: String,
    section: String,
    offset: usize,
    /// How to build the file without the proposal.
    pub(in crate::engine) remedy: String,
}

impl fmt::Display for MissingFeature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (in its {}, at byte {:#x})", self.name, self.section, self.offset)
    }
}

/// Returns the proposals that a valid file needs and that the host does not support.
///
/// # Errors
/// If the file is not valid even with all proposals.
pub(super) fn missing(bytes: &[u8]) -> Result<Vec<MissingFeature>> {
    let missing = beyond(bytes, OF_HOST)?.into_iter().map(|(feature, offset)| {
        let section = section_at(bytes, offset).unwrap_or("header");
        let (name, remedy) = described(feature);
        MissingFeature { name: name.to_owned(), section: section.to_owned(), offset, remedy: remedy.to_owned() }
    });
    Ok(missing.chain(shared_memory(bytes)).collect())
}

/// Returns the first shared memory that the file defines or imports. Guests have only one thread, and wasmtime's
/// limiter does not apply to shared memories.
pub(in crate::engine) fn shared_memory(bytes: &[u8]) -> Option<MissingFeature> {
    let found = Parser::new(0).parse_all(bytes).map_while(Result::ok).find_map(|payload| match payload {
        Payload::MemorySection(memories) => {
            let mut memories = memories.into_iter_with_offsets().map_while(Result::ok);
            memories.find(|(_, memory)| memory.shared).map(|(offset, _)| offset)
        }
        Payload::ImportSection(imports) => {
            let offset = imports.range().start;
            let mut types = imports.into_imports().map_while(Result::ok).map(|import| import.ty);
            types.any(|ty| matches!(ty, TypeRef::Memory(memory) if memory.shared)).then_some(offset)
        }
        _ => None,
    });
    found.map(|offset| {
        let (name, remedy) = described(WasmFeatures::THREADS);
        let section = section_at(bytes, offset).unwrap_or_default();
        MissingFeature { name: name.to_owned(), section: section.to_owned(), offset, remedy: remedy.to_owned() }
    })
}

/// Returns the names of the proposals that a file needs beyond WebAssembly 2.0 and components. Returns none for a file
/// that is not valid.
pub(super) fn beyond_2(bytes: &[u8]) -> Vec<String> {
    let needed = beyond(bytes, WasmFeatures::WASM2.union(WasmFeatures::COMPONENT_MODEL)).unwrap_or_default();
    needed.into_iter().map(|(feature, _)| described(feature).0.to_owned()).collect()
}

/// Returns the proposals that a file needs beyond `features`, each with the offset of its first use.
fn beyond(bytes: &[u8], mut features: WasmFeatures) -> Result<Vec<(WasmFeatures, usize)>> {
    let validate = |features| Validator::new_with_features(features).validate_all(bytes).map(drop);
    let mut needed = Vec::new();
    // Each round finds one more proposal.
    while let Err(error) = validate(features) {
        let named = error.missing_wasm_feature().filter(|named| !features.contains(*named));
        let Some(feature) = named.or_else(|| one_of(features, validate)) else { return Err(error) };
        features |= feature;
        needed.push((feature, error.offset()));
    }
    Ok(needed)
}

/// Finds a proposal without which the file is not valid. This is for validation errors that name no proposal.
fn one_of(features: WasmFeatures, validate: impl Fn(WasmFeatures) -> Result<()>) -> Option<WasmFeatures> {
    validate(EVERY_FEATURE).ok()?;
    let others = EVERY_FEATURE.difference(features);
    others.iter().find(|feature| validate(EVERY_FEATURE.difference(*feature)).is_err())
}

const WITHOUT: &str = "build it without this proposal";

/// The names of the proposals in messages, and how to build a file without each.
const DESCRIPTIONS: &[(WasmFeatures, &str, &str)] = &[
    (WasmFeatures::EXCEPTIONS, "exceptions", WITHOUT),
    (WasmFeatures::GC, "garbage collection", WITHOUT),
    (WasmFeatures::TAIL_CALL, "tail calls", WITHOUT),
    (WasmFeatures::EXTENDED_CONST, "extended constants", WITHOUT),
    (WasmFeatures::FUNCTION_REFERENCES, "typed function references", WITHOUT),
    (WasmFeatures::MULTI_MEMORY, "several memories", WITHOUT),
    (WasmFeatures::RELAXED_SIMD, "relaxed SIMD", WITHOUT),
    (WasmFeatures::MEMORY64, "memories of 64 bits", WITHOUT),
    (
        WasmFeatures::THREADS,
        "threads, with memory that they share",
        "build it for one thread: without `-pthread`, in Rust for `wasm32-wasip1` or `wasm32-wasip2`",
    ),
    (WasmFeatures::SHARED_EVERYTHING_THREADS, "shared-everything threads", "build it for one thread"),
    (
        WasmFeatures::LEGACY_EXCEPTIONS,
        "exceptions as they were before WebAssembly 3.0",
        "build it with `-mllvm -wasm-use-legacy-eh=false`, or translate it with `wasm-opt --translate-to-exnref`",
    ),
    (
        WasmFeatures::STACK_SWITCHING,
        "stack switching",
        "build it without stack switching, which most toolchains use only on request, or use Asyncify instead",
    ),
    (
        WasmFeatures::WIDE_ARITHMETIC,
        "wide arithmetic",
        "build it without `-mwide-arithmetic`, in Rust without `-C target-feature=+wide-arithmetic`",
    ),
    (WasmFeatures::CUSTOM_PAGE_SIZES, "pages of other sizes", "build it without the linker's `--page-size`"),
    (WasmFeatures::MEMORY_CONTROL, "memory control", WITHOUT),
    (WasmFeatures::CUSTOM_DESCRIPTORS, "custom descriptors", WITHOUT),
    (WasmFeatures::COMPACT_IMPORTS, "the compact import section", WITHOUT),
    (
        WasmFeatures::CM_ASYNC,
        "the component model's asynchronous functions, as WASI 0.3 has them",
        "build it for WASI 0.2, in Rust for `wasm32-wasip2`",
    ),
    (
        WasmFeatures::CM_ASYNC_STACKFUL,
        "the component model's asynchronous functions with stacks of their own",
        "build it for WASI 0.2",
    ),
    (
        WasmFeatures::CM_MORE_ASYNC_BUILTINS,
        "more built-in functions of the component model's asynchronous functions",
        "build it for WASI 0.2",
    ),
    (WasmFeatures::CM_THREADING, "the component model's threads", "build it for one thread"),
    (WasmFeatures::CM_ERROR_CONTEXT, "the component model's error contexts", "build it for WASI 0.2"),
    (
        WasmFeatures::CM_FIXED_LENGTH_LISTS,
        "the component model's lists of fixed length",
        "use lists or tuples in its WIT",
    ),
    (WasmFeatures::CM_MAP, "the component model's maps", "use lists of tuples in its WIT"),
    (WasmFeatures::CM_GC, "the component model with garbage collection", "build it with linear memory"),
    (WasmFeatures::CM64, "the component model with memories of 64 bits", "build it with memories of 32 bits"),
    (WasmFeatures::CM_VALUES, "the component model's values", "build it with functions in their place"),
    (WasmFeatures::CM_NESTED_NAMES, "the component model's nested names", "use names of one package each"),
];

/// Returns a proposal's name, and how to build a file without it.
fn described(feature: WasmFeatures) -> (&'static str, &'static str) {
    let found = DESCRIPTIONS.iter().find(|(features, ..)| features.intersects(feature));
    found.map_or(("a proposal that is not part of WebAssembly 3.0", WITHOUT), |(_, name, remedy)| (*name, *remedy))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_host_takes_is_what_its_compiler_takes() {
        let engine = wasmtime::Engine::new(&crate::engine::config().unwrap()).unwrap();
        for (feature, text) in [
            (WasmFeatures::EXCEPTIONS, "(module (tag) (func (throw 0)))"),
            (WasmFeatures::GC, "(module (type (struct)))"),
            (WasmFeatures::TAIL_CALL, "(module (func (return_call 0)))"),
            (WasmFeatures::EXTENDED_CONST, "(module (global i32 (i32.add (i32.const 1) (i32.const 1))))"),
            (
                WasmFeatures::FUNCTION_REFERENCES,
                "(module (type $f (func)) (func (param (ref $f)) (call_ref $f (local.get 0))))",
            ),
            (WasmFeatures::MULTI_MEMORY, "(module (memory 1) (memory 1))"),
            (
                WasmFeatures::RELAXED_SIMD,
                "(module (func (param v128) (result v128) (f32x4.relaxed_madd (local.get 0) (local.get 0) (local.get 0))))",
            ),
            (WasmFeatures::MEMORY64, "(module (memory i64 1))"),
            (WasmFeatures::THREADS, "(module (memory 1) (func (atomic.fence)))"),
            (WasmFeatures::COMPONENT_MODEL, "(component)"),
            (WasmFeatures::LEGACY_EXCEPTIONS, "(module (tag) (func try catch 0 end))"),
            (WasmFeatures::STACK_SWITCHING, "(module (type $f (func)) (type (cont $f)))"),
            (
                WasmFeatures::WIDE_ARITHMETIC,
                "(module (func (result i64 i64) (i64.mul_wide_u (i64.const 1) (i64.const 2))))",
            ),
            (WasmFeatures::CUSTOM_PAGE_SIZES, "(module (memory 1 (pagesize 1)))"),
        ] {
            let bytes = wat::parse_str(text).unwrap();
            let compiled = match Parser::is_component(&bytes) {
                true => engine.precompile_component(&bytes),
                false => engine.precompile_module(&bytes),
            };
            assert_eq!(compiled.is_ok(), OF_HOST.contains(feature), "{text}");
            assert_eq!(missing(&bytes).unwrap().is_empty(), OF_HOST.contains(feature), "{text}");
        }
    }

    #[test]
    fn all_that_is_missing_is_named_with_where_it_shows_and_how_to_do_without() {
        let text = r#"(module (memory 1 2 shared) (type $f (func)) (type (cont $f))
            (func (result i64 i64) (i64.mul_wide_u (i64.const 1) (i64.const 2))))"#;
        let missing = missing(&wat::parse_str(text).unwrap()).unwrap();
        let described: Vec<_> = missing.iter().map(ToString::to_string).collect();
        for (described, expected) in described.iter().zip([
            "stack switching (in its type section, at byte 0x",
            "wide arithmetic (in its code section, at byte 0x",
            "threads, with memory that they share (in its memory section, at byte 0x",
        ]) {
            assert!(described.starts_with(expected), "{described}");
        }
        assert_eq!(described.len(), 3);
        assert!(missing[1].remedy.contains("-mwide-arithmetic"));
    }
}
