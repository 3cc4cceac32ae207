//! This module describes what is wrong with a file that no WebAssembly host could accept.

use wasmparser::{Chunk, Error, Parser, Payload};

use super::sections::section_at;
use crate::engine::LoadError;

/// Returns an error for a truncated file, or else one that names the damage and its place.
pub(super) fn damage(bytes: &[u8], error: &Error) -> LoadError {
    if is_truncated(bytes) {
        return LoadError::Truncated(bytes.len());
    }
    let place = section_at(bytes, error.offset()).map_or_else(String::new, |section| format!(", in its {section}"));
    LoadError::Malformed(format!("{} (at byte {:#x}{place})", one_line(error.message()), error.offset()))
}

/// Returns whether the file ends in the middle of a header or section, or of an inner module or component.
fn is_truncated(bytes: &[u8]) -> bool {
    // The parsers of the enclosing modules and components, the innermost last.
    let (mut outer, mut parser, mut rest) = (Vec::new(), Parser::new(0), bytes);
    loop {
        match parser.parse(rest, false) {
            Ok(Chunk::NeedMoreData(_)) => return true,
            Ok(Chunk::Parsed { consumed, payload }) => {
                rest = &rest[consumed..];
                match payload {
                    Payload::ModuleSection { parser: inner, .. } | Payload::ComponentSection { parser: inner, .. } => {
                        outer.push(std::mem::replace(&mut parser, inner));
                    }
                    Payload::End(_) => match outer.pop() {
                        Some(outer) => parser = outer,
                        None => return false,
                    },
                    _ => {}
                }
            }
            Err(_) => return false,
        }
        // A parser that expects more data never reports the end of the outermost module or component.
        if rest.is_empty() && outer.is_empty() {
            return false;
        }
    }
}

/// Joins the lines of a message.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
