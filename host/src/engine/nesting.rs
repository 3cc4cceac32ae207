//! Checks how deep components and types are nested, before anything reads them by recursion.

use wasmparser::{Parser, Payload};

use super::LoadError;

/// Checks that components and types are not nested deeper than the stack allows.
///
/// # Errors
/// Returns [`LoadError::TooMuch`] or [`LoadError::Malformed`] if they may be.
pub(super) fn check_types(bytes: &[u8]) -> Result<(), LoadError> {
    let mut depth = 0_usize;
    // The compiler reports what can't be read here.
    for payload in Parser::new(0).parse_all(bytes).map_while(Result::ok) {
        let range = match payload {
            Payload::ComponentTypeSection(types) => types.range(),
            Payload::CoreTypeSection(types) => types.range(),
            Payload::Version { .. } => {
                depth += 1;
                if depth > NESTING_LIMIT {
                    let message = format!("components that are nested more than {NESTING_LIMIT} deep");
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
            let message =
                format!("{} bytes of types in one section, but at most {TYPES_LIMIT_BYTES} are supported", range.len());
            return Err(LoadError::Malformed(message));
        }
    }
    Ok(())
}

/// The maximum size of the types in one section, in bytes, for which this stack is large enough: each level of nesting
/// takes 3 bytes of the file and about 3.5 KiB of the stack. The types of hundreds of functions take a tenth of this.
pub(super) const TYPES_LIMIT_BYTES: usize = 128 * 1024;

/// The maximum depth of components that are nested in each other. Languages' tools produce three levels.
const NESTING_LIMIT: usize = 100;
