//! What is wrong with a file that is not valid, whatever the host had.

use wasmparser::{Chunk, Error, Parser, Payload};

use crate::engine::LoadError;

/// Says whether the file is cut off, and where it is broken.
pub(super) fn damage(bytes: &[u8], error: &Error) -> LoadError {
    if is_truncated(bytes) {
        return LoadError::Truncated(bytes.len());
    }
    let place = section_at(bytes, error.offset()).map_or_else(String::new, |section| format!(", in its {section}"));
    LoadError::Malformed(format!("{} (at byte {:#x}{place})", one_line(error.message()), error.offset()))
}

/// Whether the file ends before what it began.
fn is_truncated(bytes: &[u8]) -> bool {
    // Parsers of what is outside, behind what is inside.
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
            // The end of the file is no end of what is outermost, for who expects more.
            Err(_) => return false,
        }
        if rest.is_empty() && outer.is_empty() {
            return false;
        }
    }
}

/// The innermost section that this byte is in, by its name in the specification.
pub(super) fn section_at(bytes: &[u8], offset: usize) -> Option<String> {
    let mut found = None;
    for payload in Parser::new(0).parse_all(bytes) {
        let Ok(payload) = payload else { break };
        match payload.as_section() {
            Some((_, range)) if range.contains(&offset) || range.end == offset => {}
            _ => continue,
        }
        found = Some(match payload {
            Payload::ImportSection(imports) => {
                let mut last = None;
                for import in imports.into_iter_with_offsets() {
                    match import {
                        Ok((at, import)) if at <= offset => last = Some(import),
                        _ => break,
                    }
                }
                let _ = last;
                "import section".to_owned()
            }
            payload => name(&payload).to_owned(),
        });
    }
    found
}

fn name(payload: &Payload<'_>) -> &'static str {
    match payload {
        Payload::TypeSection(_) => "type section",
        Payload::FunctionSection(_) => "function section",
        Payload::TableSection(_) => "table section",
        Payload::MemorySection(_) => "memory section",
        Payload::TagSection(_) => "tag section",
        Payload::GlobalSection(_) => "global section",
        Payload::ExportSection(_) => "export section",
        Payload::StartSection { .. } => "start section",
        Payload::ElementSection(_) => "element section",
        Payload::DataCountSection { .. } => "data count section",
        Payload::DataSection(_) => "data section",
        Payload::CodeSectionStart { .. } | Payload::CodeSectionEntry(_) => "code section",
        Payload::CustomSection(_) => "custom section",
        Payload::ComponentTypeSection(_) => "component's type section",
        Payload::ComponentImportSection(_) => "component's import section",
        Payload::ComponentExportSection(_) => "component's export section",
        Payload::ComponentCanonicalSection(_) => "component's canonical section",
        _ => "component's sections",
    }
}

/// A message that was written over several lines.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
