//! From a core module that is a handler to the component that it would be: Go's compiler and C's make no others.
//!
//! What such a module asks of WASI 0.1 is answered by an adapter, which is made part of the component and lives in the module's own memory.
//! Its SDK gives that room, by `cabi_realloc`. Programs know nothing of that: they run as the modules that they are, see `contract`, unless
//! they import WASI 0.2 besides, with bindings that give room, too. The adapter can go once handlers can be core modules, or these languages
//! make components themselves.

use std::panic::{AssertUnwindSafe, catch_unwind};

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER as COMMAND, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER as REACTOR,
};
use wasmparser::{Chunk, Parser, Payload};
use wit_component::ComponentEncoder;

use super::{LoadError, compiler::TYPES_LIMIT_BYTES, contract::Named, examine::Examined, imports::PREVIEW1};

/// WASI 0.1 has 46 functions, and a large world of WIT some hundred. What makes the component takes quadratic time.
const IMPORTS_LIMIT: usize = 1000;

/// How the names of the sections begin that tell a module's exports and imports as a component.
pub(super) const TYPES_SECTION: &str = "component-type";

/// The contract's types as a section of a module, for those that do not carry them: of a handler, and of one with an `init`. `build.rs` makes
/// them of `wit/`.
const TYPES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/function"));
const TYPES_WITH_INIT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/function-with-init"));

/// The component that a module would be. Components and programs stay as they are.
///
/// # Errors
/// When it can't become one.
pub(super) fn adapt(bytes: Vec<u8>, examined: &Examined, named: Named) -> Result<Vec<u8>, LoadError> {
    let adapter = match named {
        _ if !examined.is_module => return Ok(bytes),
        Named::Event { .. } | Named::Command => REACTOR,
        // What it imports of WASI 0.2 only components get.
        Named::Program if examined.types_bytes.is_some() && examined.imports_beyond_preview1() => COMMAND,
        Named::Program => return Ok(bytes),
    };
    if examined.imports.len() > IMPORTS_LIMIT {
        let message = format!("{} imports, and {IMPORTS_LIMIT} is the most", examined.imports.len());
        return Err(LoadError::NotAdaptable(message));
    }
    if let Some(bytes) = examined.types_bytes.filter(|bytes| *bytes > TYPES_LIMIT_BYTES) {
        let message = format!("{bytes} bytes of component types, and {TYPES_LIMIT_BYTES} is the most");
        return Err(LoadError::NotAdaptable(message));
    }
    let own = match named {
        Named::Event { has_lifecycle: true } => TYPES_WITH_INIT,
        Named::Event { has_lifecycle: false } => TYPES,
        Named::Command | Named::Program => &[],
    };
    let with_own = |bytes: &[u8]| encode(&[bytes, own].concat(), adapter);
    if examined.types_bytes.is_none() {
        return with_own(&bytes);
    }
    encode(&bytes, adapter).or_else(|error| {
        // Custom sections never make a module invalid: those that can't be read are as good as none.
        let rest = without_types(&bytes);
        if own.is_empty() || examined.imports_beyond_preview1() {
            Err(error)
        } else {
            with_own(&rest).map_err(|_| error)
        }
    })
}

fn encode(bytes: &[u8], adapter: &[u8]) -> Result<Vec<u8>, LoadError> {
    // What a compiler left of component types is read by parts that panic over some kinds of damage.
    let made = catch_unwind(AssertUnwindSafe(|| {
        let encoder = ComponentEncoder::default().module(bytes).and_then(|encoder| encoder.adapter(PREVIEW1, adapter));
        encoder.and_then(|encoder| encoder.validate(true).encode()).map_err(|error| format!("{error:#}"))
    }));
    let made = made.unwrap_or_else(|_| Err("it is damaged, in its component types if it has some".to_owned()));
    made.map_err(|message| not_adaptable(&message))
}

/// The module without the sections that tell what it would be as a component.
fn without_types(bytes: &[u8]) -> Vec<u8> {
    let (mut parser, mut rest, mut kept) = (Parser::new(0), bytes, Vec::new());
    while let Ok(Chunk::Parsed { consumed, payload }) = parser.parse(rest, true) {
        let (piece, behind) = rest.split_at(consumed);
        if !matches!(&payload, Payload::CustomSection(section) if section.name().starts_with(TYPES_SECTION)) {
            kept.extend_from_slice(piece);
        }
        if let Payload::End(_) = payload {
            break;
        }
        rest = behind;
    }
    kept
}

/// As much of a message as a reader takes in, without its line ends.
fn not_adaptable(message: &str) -> LoadError {
    const SHOWN: usize = 400;
    let words: Vec<_> = message.split_whitespace().collect();
    LoadError::NotAdaptable(words.join(" ").chars().take(SHOWN).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{compiler::on_a_large_stack, examine::examine};

    fn component(bytes: Vec<u8>) -> Result<Vec<u8>, LoadError> {
        on_a_large_stack(|| {
            let examined = examine(&bytes)?;
            let named = examined.contract()?;
            adapt(bytes, &examined, named)
        })
    }

    const HANDLER: &str = r#"(module
        (memory (export "memory") 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
        (func (export "guesthouse:lambda/handler@0.1.0#handle") (param i32) (result i32) unreachable)
        (func (export "guesthouse:lambda/lifecycle@0.1.0#init") (result i32) unreachable))"#;

    #[test]
    fn the_contracts_types_are_those_of_the_interface_files() {
        let component = component(wat::parse_str(HANDLER).unwrap()).unwrap();
        assert_eq!(examine(&component).unwrap().contract().unwrap(), Named::Event { has_lifecycle: true });
    }

    #[test]
    fn a_section_that_can_not_be_read_is_as_good_as_none() {
        let mut module = wat::parse_str(HANDLER).unwrap();
        let good = component(module.clone()).unwrap();
        module.extend_from_slice(b"\0\x12\x10component-type:x\0");
        assert!(component(module).unwrap() == good);
    }

    /// Those of a handler without an `init`: others make wit-parser go round in circles, which takes a stack whole.
    #[test]
    fn damaged_component_types_are_the_guests_fault() {
        let mut good = wat::parse_str(HANDLER).unwrap();
        let types_at = good.len();
        good.extend_from_slice(TYPES);
        assert!(encode(&good, REACTOR).is_ok());
        let mut refused = 0;
        // Behind the section's own header and name.
        for at in (types_at + 24..good.len()).step_by(7) {
            let mut damaged = good.clone();
            damaged[at] ^= 0x41;
            match encode(&damaged, REACTOR) {
                Ok(_) => {}
                Err(LoadError::NotAdaptable(_)) => refused += 1,
                Err(other) => panic!("byte {at}: {other:?}"),
            }
            assert!(component(damaged).is_ok(), "byte {at}");
        }
        assert!(refused > 50, "{refused}");
    }
}
