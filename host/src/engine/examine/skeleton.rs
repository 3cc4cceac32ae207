//! This module replaces the bodies of a guest's functions.

/// The id of a module's code section. Source: the WebAssembly core specification, "Modules".
const CODE: u8 = 10;
/// The ids of a component's sections that hold a module or another component. Source: the component model's "Binary".
const CORE_MODULE: u8 = 1;
const COMPONENT: u8 = 4;

/// The length of the header before a file's first section, in bytes.
const HEADER_BYTES: usize = 8;

/// Returns the same component or module with functions that only trap. The bytes must be a valid wasm file.
const FUNCTION: &[u8] = &[3, 0, 0x00, 0x0b];

/// Returns the same component or module with functions that do nothing. The bytes must be a valid wasm file.
pub(super) fn without_functions(bytes: &[u8]) -> Vec<u8> {
    let (header, mut rest) = bytes.split_at(HEADER_BYTES.min(bytes.len()));
    let is_module = header.get(4) == Some(&1);
    let mut bare = header.to_vec();
    while let Some((section, behind)) = Section::read(rest) {
        match section {
            Section { id: CODE, content, .. } if is_module => {
                let (count, after) = number(content).unwrap_or_default();
                let functions = FUNCTION.repeat(count as usize);
                let count = &content[..content.len() - after.len()];
                add(&mut bare, CODE, &[count, &functions].concat());
            }
            Section { id: id @ (CORE_MODULE | COMPONENT), content } if !is_module => {
                add(&mut bare, id, &without_functions(content));
            }
            Section { id, content } => add(&mut bare, id, content),
        }
        rest = behind;
    }
    bare
}

struct Section<'a> {
    id: u8,
    content: &'a [u8],
}

impl<'a> Section<'a> {
    /// Splits the bytes into their first section and the rest.
    fn read(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (id, rest) = bytes.split_first()?;
        let (length, rest) = number(rest)?;
        let (content, behind) = rest.split_at_checked(length as usize)?;
        Some((Self { id: *id, content }, behind))
    }
}

/// Splits the bytes into a number in LEB128 and the rest.
fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let mut number = 0_u32;
    for (place, byte) in bytes.iter().enumerate().take(5) {
        number |= u32::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((number, &bytes[place + 1..]));
        }
    }
    None
}

/// Appends a section, with its length in LEB128.
fn add(to: &mut Vec<u8>, id: u8, content: &[u8]) {
    to.push(id);
    let mut length = content.len();
    while length >= 0x80 {
        to.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    to.push(length as u8);
    to.extend_from_slice(content);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_without_its_functions_has_the_same_imports_and_exports() {
        let work = "(drop (i32.mul (i32.const 7) (i32.const 3)))".repeat(100);
        let text = format!(
            r#"(component
              (import "wasi:cli/exit@0.2.0" (instance))
              (core module $m (func (export "run") (result i32) {work} (i32.const 0)) (func (local i64) {work}))
              (core instance $c (instantiate $m))
              (func $run (result (result)) (canon lift (core func $c "run")))
              (instance $e (export "run" (func $run)))
              (export "wasi:cli/run@0.2.0" (instance $e)))"#
        );
        let whole = wat::parse_str(text).unwrap();
        let bare = without_functions(&whole);
        assert!(bare.len() < whole.len() / 4, "{} of {} bytes", bare.len(), whole.len());
        wasmparser::Validator::new().validate_all(&bare).unwrap();
        let names = |bytes: &[u8]| {
            let examined = super::super::examine(bytes).unwrap();
            let imports: Vec<_> = examined.imports.iter().map(|import| import.name.clone()).collect();
            (imports, examined.exports.iter().map(|export| export.name.clone()).collect::<Vec<_>>())
        };
        assert_eq!(names(&bare), names(&whole));
    }
}
