//! Proposals of WebAssembly that a file needs and the host lacks.

use serde::{Deserialize, Serialize};
use std::fmt;
use wasmparser::{Result, Validator, WasmFeatures};

use super::damage::section_at;

/// What the host's compiler takes: WebAssembly 3.0 and components, but no threads. A test compares it with wasmtime.
const OF_HOST: WasmFeatures =
    WasmFeatures::WASM3.difference(WasmFeatures::THREADS).union(WasmFeatures::COMPONENT_MODEL);

/// Everything that anybody proposes.
pub(super) const EVERY_FEATURE: WasmFeatures = WasmFeatures::all();

/// A proposal that a file needs, and where it shows first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingFeature {
    name: String,
    section: String,
    offset: usize,
    /// How the file is made without it.
    pub(in crate::engine) remedy: String,
}

impl fmt::Display for MissingFeature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (in its {}, at byte {:#x})", self.name, self.section, self.offset)
    }
}

/// The proposals that a valid file needs and the host lacks.
///
/// # Errors
/// When the file is not valid, whatever the host had.
pub(super) fn missing(bytes: &[u8]) -> Result<Vec<MissingFeature>> {
    let validate = |features| Validator::new_with_features(features).validate_all(bytes).map(drop);
    let mut missing = Vec::new();
    let mut features = OF_HOST;
    // Each time there is one more.
    while let Err(error) = validate(features) {
        let named = error.missing_wasm_feature().filter(|named| !features.contains(*named));
        let Some(feature) = named.or_else(|| needed(features, validate)) else { return Err(error) };
        features |= feature;
        let section = section_at(bytes, error.offset()).unwrap_or_else(|| "header".to_owned());
        let (name, remedy) = told(feature);
        missing.push(MissingFeature {
            name: name.to_owned(),
            section,
            offset: error.offset(),
            remedy: remedy.to_owned(),
        });
    }
    Ok(missing)
}

/// One of those without which it is not valid. Not every error names one.
fn needed(features: WasmFeatures, validate: impl Fn(WasmFeatures) -> Result<()>) -> Option<WasmFeatures> {
    validate(EVERY_FEATURE).ok()?;
    let others = EVERY_FEATURE.difference(features);
    others.iter().find(|feature| validate(EVERY_FEATURE.difference(*feature)).is_err())
}

/// What is said of proposals: their names, and how to do without.
const TOLD: &[(WasmFeatures, &str, &str)] = &[
    (
        WasmFeatures::THREADS,
        "threads, with shared memory and atomics",
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
        "build it without: in most toolchains it has to be asked for, or Asyncify does the same",
    ),
    (
        WasmFeatures::WIDE_ARITHMETIC,
        "wide arithmetic",
        "build it without `-mwide-arithmetic`, in Rust without `-C target-feature=+wide-arithmetic`",
    ),
    (WasmFeatures::CUSTOM_PAGE_SIZES, "pages of other sizes", "build it without the linker's `--page-size`"),
    (WasmFeatures::MEMORY_CONTROL, "memory control", "build it without"),
    (WasmFeatures::CUSTOM_DESCRIPTORS, "custom descriptors", "build it without"),
    (WasmFeatures::COMPACT_IMPORTS, "the compact import section", "build it without"),
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

fn told(feature: WasmFeatures) -> (&'static str, &'static str) {
    let found = TOLD.iter().find(|(told, ..)| told.intersects(feature));
    found.map_or(("a proposal that is no part of WebAssembly 3.0", "build it without"), |(_, name, remedy)| {
        (*name, *remedy)
    })
}
