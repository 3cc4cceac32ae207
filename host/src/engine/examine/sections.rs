//! Names the sections of a wasm file, as the specification does.

use wasmparser::{Parser, Payload};

/// Returns the name of the innermost section at this offset.
pub(super) fn section_at(bytes: &[u8], offset: usize) -> Option<&'static str> {
    let payloads = Parser::new(0).parse_all(bytes).map_while(Result::ok);
    let at_offset = payloads.filter(|payload| {
        payload.as_section().is_some_and(|(_, range)| range.contains(&offset) || range.end == offset)
    });
    at_offset.last().map(|payload| name(&payload))
}

fn name(payload: &Payload<'_>) -> &'static str {
    match payload {
        Payload::TypeSection(_) => "type section",
        Payload::ImportSection(_) => "import section",
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
