//! From a core module of WASI 0.1 to the component that it would be: compilers such as Go's make no others.

mod functions;
mod room;

use std::panic::{AssertUnwindSafe, catch_unwind};

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME as WASI, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER as COMMAND,
    WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER as REACTOR,
};
use wasmparser::{Parser, Payload};
use wit_component::ComponentEncoder;

use super::{
    LoadError, UnsupportedImport,
    compiler::TYPES_LIMIT_BYTES,
    contract::{EVENT, Interface, LIFECYCLE},
};

/// How every wasm file begins.
const MAGIC: &[u8] = b"\0asm";

/// The version and the layer that follow: 1 for a core module. For a component they are 13 and 1.
const CORE: &[u8] = &[1, 0, 0, 0];

/// WASI 0.1 has 46 functions, and a large world of WIT some hundred. What makes the component takes quadratic time.
const IMPORTS_LIMIT: u32 = 1000;

/// What a program exports that has a `main`.
const START: &str = "_start";

/// The sections of which each of Go's modules has one, or both, and what is in the latter.
const GO_BUILD: &str = "go:buildid";
const PRODUCERS: (&str, &[u8]) = ("producers", b"Go cmd/compile");

/// The contract's types as a section of a module, for those that do not carry them: of a handler, and of one with an `init`. `build.rs` makes
/// them of `wit/`.
const TYPES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/function"));
const TYPES_WITH_INIT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/function-with-init"));

/// The component. One that is one already stays as it is, and is not looked at.
///
/// # Errors
/// When the bytes are neither a component nor a module that can become one.
pub(super) fn component(mut bytes: Vec<u8>) -> Result<Vec<u8>, LoadError> {
    if bytes.is_empty() {
        return Err(LoadError::Empty);
    }
    if !bytes.starts_with(MAGIC) {
        return Err(LoadError::NotWasm(bytes[..bytes.len().min(MAGIC.len())].escape_ascii().to_string()));
    }
    if !bytes[MAGIC.len()..].starts_with(CORE) {
        return Ok(bytes);
    }
    let module = Module::read(&bytes).map_err(|error| LoadError::Malformed(error.to_string()))?;
    if module.imported > IMPORTS_LIMIT {
        return Err(not_adaptable(&format!("{} imports, and {IMPORTS_LIMIT} is the most", module.imported)));
    }
    let is_handler = module.exports_of(&EVENT);
    let adapter = match (is_handler, module.exports.contains(&START)) {
        (true, _) => REACTOR,
        (false, true) => COMMAND,
        (false, false) => {
            return Err(LoadError::CoreModule(module.exports.iter().map(|&name| name.to_owned()).collect()));
        }
    };
    match module.types_bytes {
        Some(bytes) if bytes > TYPES_LIMIT_BYTES => {
            let message = format!("{bytes} bytes of component types, and {TYPES_LIMIT_BYTES} is the most");
            return Err(LoadError::NotAdaptable(message));
        }
        Some(_) => {}
        None => module.check_imports()?,
    }
    let types = match (is_handler && module.types_bytes.is_none(), module.exports_of(&LIFECYCLE)) {
        (true, true) => TYPES_WITH_INIT,
        (true, false) => TYPES,
        (false, _) => &[],
    };
    let needs_room = module.is_of_go && !module.gives_memory();
    bytes.extend_from_slice(types);
    // What a compiler left of component types is read by parts that panic over some kinds of damage.
    let made = catch_unwind(AssertUnwindSafe(|| {
        let bytes = if needs_room { room::make(&bytes)? } else { bytes };
        let encoder = ComponentEncoder::default().module(&bytes).and_then(|encoder| encoder.adapter(WASI, adapter));
        encoder.and_then(|encoder| encoder.validate(true).encode()).map_err(|error| format!("{error:#}"))
    }));
    let made = made.unwrap_or_else(|_| Err("it is damaged, in its component types if it has some".to_owned()));
    made.map_err(|message| not_adaptable(&message))
}

/// As much of a message as a reader takes in, without its line ends.
fn not_adaptable(message: &str) -> LoadError {
    const SHOWN: usize = 400;
    let words: Vec<_> = message.split_whitespace().collect();
    LoadError::NotAdaptable(words.join(" ").chars().take(SHOWN).collect())
}

/// What a core module shows of itself.
#[derive(Default)]
struct Module<'a> {
    exports: Vec<&'a str>,
    /// The modules that it imports from.
    imports: Vec<&'a str>,
    /// How much it imports.
    imported: u32,
    /// The size of what its compiler left in it of its exports and imports as a component, if it did.
    types_bytes: Option<usize>,
    /// Whether Go's own compiler made it.
    is_of_go: bool,
}

impl<'a> Module<'a> {
    fn read(bytes: &'a [u8]) -> wasmparser::Result<Self> {
        let mut module = Self::default();
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        let name = import?.module;
                        module.imported += 1;
                        // They come in runs, and there may be a million.
                        if module.imports.last() != Some(&name) {
                            module.imports.push(name);
                        }
                    }
                }
                Payload::ExportSection(exports) => {
                    for export in exports {
                        module.exports.push(export?.name);
                    }
                }
                Payload::CustomSection(section) if section.name().starts_with("component-type") => {
                    module.types_bytes = module.types_bytes.max(Some(section.data().len()));
                }
                Payload::CustomSection(section) => {
                    let (producers, go) = PRODUCERS;
                    let is_of_go = section.name() == GO_BUILD
                        || section.name() == producers && section.data().windows(go.len()).any(|part| part == go);
                    module.is_of_go |= is_of_go;
                }
                _ => {}
            }
        }
        module.imports.sort_unstable();
        module.imports.dedup();
        Ok(module)
    }

    /// A function of an interface is exported under the interface's name, a `#` and its own.
    fn exports_of(&self, interface: &Interface) -> bool {
        self.exports.iter().filter_map(|name| name.split_once('#')).any(|(name, _)| interface.is_served(name))
    }

    /// Whether it has a function that the adapter takes its memory from.
    fn gives_memory(&self) -> bool {
        self.exports.iter().any(|name| name.starts_with("cabi_realloc"))
    }

    /// # Errors
    /// When it imports from elsewhere than from WASI 0.1.
    fn check_imports(&self) -> Result<(), LoadError> {
        let others = self.imports.iter().filter(|name| **name != WASI);
        let others: Vec<_> = others.map(|name| UnsupportedImport::of_module(name)).collect();
        if others.is_empty() { Ok(()) } else { Err(LoadError::UnsupportedImports(others)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_component_types_are_the_guests_fault() {
        let text = r#"(module
            (memory (export "memory") 1)
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
            (func (export "guesthouse:lambda/handler@0.1.0#handle") (param i32) (result i32) unreachable))"#;
        let mut good = wat::parse_str(text).unwrap();
        let types_at = good.len();
        good.extend_from_slice(TYPES);
        assert!(component(good.clone()).is_ok());
        let mut refused = 0;
        // Behind the section's own header and name.
        for at in (types_at + 24..good.len()).step_by(7) {
            let mut damaged = good.clone();
            damaged[at] ^= 0x41;
            match component(damaged) {
                Ok(_) => {}
                Err(LoadError::NotAdaptable(_) | LoadError::Malformed(_)) => refused += 1,
                Err(other) => panic!("byte {at}: {other:?}"),
            }
        }
        assert!(refused > 50, "{refused}");
    }
}
