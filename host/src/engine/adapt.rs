//! Turns a core module that is a handler into a component, because the contract `event` is a component's.
//!
//! The component contains an adapter, which implements the module's imports of WASI 0.1 with WASI 0.2. The adapter
//! keeps its stack and its state in the module's own memory, which the guest's SDK allocates for it in `cabi_realloc`.
//!
//! The adapter is still needed for two kinds of guests:
//!
//! * handlers in core modules: the builds of the SDKs for Go (`GOOS=wasip1`) and C (clang's `wasm32-wasi`) produce no
//!   others;
//! * commands in core modules that import interfaces of WASI 0.2 besides WASI 0.1, with bindings that export
//!   `cabi_realloc`.
//!
//! All other commands in core modules run as they are, with the host's own WASI 0.1; see `contract`.
//!
//! This file can be deleted once the host calls handlers in core modules directly, or once the builds of both SDKs
//! produce components. The second kind would then need another solution, or would be refused.
//!
//! See docs/decisions/32-contract-types.md.
//! See docs/decisions/37-handler-modules.md.

use std::panic::{AssertUnwindSafe, catch_unwind};

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER as COMMAND, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER as REACTOR,
};
use wasmparser::{Chunk, Parser, Payload};
use wit_component::ComponentEncoder;

use super::{
    LoadError,
    contract::ContractKind,
    examine::{Examined, TYPES_SECTION},
    imports::PREVIEW1,
    nesting::TYPES_LIMIT_BYTES,
};

/// Limits the number of imports. WASI 0.1 has 46 functions, and a large WIT world has about a hundred. The time to
/// encode the component grows with the square of this number.
const IMPORTS_LIMIT: usize = 1000;

/// The contract's types as a custom section, for modules that do not carry them: for a handler, and for a handler with
/// an `init`. `build.rs` generates them from `wit/`.
const TYPES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/function"));
const TYPES_WITH_INIT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/function-with-init"));

/// The same types with those of WASI 0.2, for handlers that import more than WASI 0.1.
const NETWORK_TYPES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/function-with-network"));
const NETWORK_TYPES_WITH_INIT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/function-with-init-and-network"));
const HTTP_TYPES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/http"));
const HTTP_TYPES_WITH_INIT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/http-with-init"));

/// Returns the component for a core module that has to become one. Components, and commands that run as core modules,
/// are returned unchanged.
///
/// # Errors
/// Returns [`LoadError::NotAdaptable`] if the module can't become a component.
pub(super) fn adapt(bytes: Vec<u8>, examined: &Examined, named: ContractKind) -> Result<Vec<u8>, LoadError> {
    let adapter = match named {
        _ if !examined.is_module => return Ok(bytes),
        ContractKind::Event { .. } | ContractKind::Http { .. } | ContractKind::Command => REACTOR,
        // Only a component can import WASI 0.2.
        ContractKind::CoreCommand if examined.types_bytes.is_some() && examined.imports_beyond_preview1() => COMMAND,
        ContractKind::CoreCommand => return Ok(bytes),
    };
    if examined.imports.len() > IMPORTS_LIMIT {
        let message = format!("it has {} imports, but at most {IMPORTS_LIMIT} are supported", examined.imports.len());
        return Err(LoadError::NotAdaptable(message));
    }
    if let Some(bytes) = examined.types_bytes.filter(|bytes| *bytes > TYPES_LIMIT_BYTES) {
        let message = format!("it has {bytes} bytes of component types, but at most {TYPES_LIMIT_BYTES} are supported");
        return Err(LoadError::NotAdaptable(message));
    }
    let own = match (named, examined.imports_beyond_preview1()) {
        (ContractKind::Event { has_lifecycle: true }, false) => TYPES_WITH_INIT,
        (ContractKind::Event { has_lifecycle: false }, false) => TYPES,
        (ContractKind::Event { has_lifecycle: true }, true) => NETWORK_TYPES_WITH_INIT,
        (ContractKind::Event { has_lifecycle: false }, true) => NETWORK_TYPES,
        (ContractKind::Http { has_lifecycle: true }, _) => HTTP_TYPES_WITH_INIT,
        (ContractKind::Http { has_lifecycle: false }, _) => HTTP_TYPES,
        (ContractKind::Command | ContractKind::CoreCommand, _) => &[],
    };
    let with_own = |bytes: &[u8]| encode(&[bytes, own].concat(), adapter);
    if examined.types_bytes.is_none() {
        return with_own(&bytes);
    }
    encode(&bytes, adapter).or_else(|error| {
        // A damaged custom section does not make a module invalid, so types that can't be read are treated as missing.
        let rest = without_types(&bytes);
        if own.is_empty() || examined.imports_beyond_preview1() {
            Err(error)
        } else {
            with_own(&rest).map_err(|_| error)
        }
    })
}

fn encode(bytes: &[u8], adapter: &[u8]) -> Result<Vec<u8>, LoadError> {
    // The parsers of component types panic on some kinds of damage.
    let made = catch_unwind(AssertUnwindSafe(|| {
        let encoder = ComponentEncoder::default().module(bytes).and_then(|encoder| encoder.adapter(PREVIEW1, adapter));
        encoder.and_then(|encoder| encoder.validate(true).encode()).map_err(|error| format!("{error:#}"))
    }));
    let made = made.unwrap_or_else(|_| Err("it is damaged, possibly in its component types".to_owned()));
    made.map_err(|message| not_adaptable(&message))
}

/// Returns the module without the sections that describe it as a component.
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

/// Returns the error with the encoder's message, which is put on one line and shortened to `SHOWN` characters.
fn not_adaptable(message: &str) -> LoadError {
    const SHOWN: usize = 400;
    let words: Vec<_> = message.split_whitespace().collect();
    LoadError::NotAdaptable(words.join(" ").chars().take(SHOWN).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{examine::examine, large_stack::on_a_large_stack};

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
        assert_eq!(examine(&component).unwrap().contract().unwrap(), ContractKind::Event { has_lifecycle: true });
    }

    #[test]
    fn a_section_that_can_not_be_read_is_as_good_as_none() {
        let mut module = wat::parse_str(HANDLER).unwrap();
        let good = component(module.clone()).unwrap();
        module.extend_from_slice(b"\0\x12\x10component-type:x\0");
        assert!(component(module).unwrap() == good);
    }

    /// Damages the types of a handler without an `init`. With those of one with an `init`, some damage sends wit-parser
    /// into endless recursion, which overflows the stack.
    #[test]
    fn damaged_component_types_are_the_guests_fault() {
        let mut good = wat::parse_str(HANDLER).unwrap();
        let types_at = good.len();
        good.extend_from_slice(TYPES);
        assert!(encode(&good, REACTOR).is_ok());
        let mut refused = 0;
        // The first 24 bytes are the section's header and name.
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
