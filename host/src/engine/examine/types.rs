//! This module writes types as text, in the syntax of WIT. The names of parameters are left out, because the host
//! passes arguments by position.

use std::fmt::Write as _;

use wasmparser::{
    SubType, ValType,
    component_types::{ComponentDefinedType, ComponentEntityType, ComponentFuncTypeId, ComponentValType},
    names::KebabString,
    types::{EntityType, TypesRef},
};

use crate::engine::imports::function_type;

/// The maximum length of a type's text, in bytes; a longer one is cut. A few nested types can have a text that is
/// larger than any memory.
const LENGTH_LIMIT_BYTES: usize = 2_000;

/// Returns the type of a core module's import or export.
pub(super) fn core(types: TypesRef<'_>, ty: EntityType) -> String {
    match ty {
        EntityType::Func(id) | EntityType::FuncExact(id) => {
            let SubType { composite_type, .. } = &types[id];
            let function = composite_type.unwrap_func();
            function_type(function.params().iter().map(value_type), function.results().iter().map(value_type))
        }
        EntityType::Table(_) => "table".to_owned(),
        EntityType::Memory(memory) if memory.shared => "memory (shared)".to_owned(),
        EntityType::Memory(_) => "memory".to_owned(),
        EntityType::Global(global) => format!("global {}", global.content_type),
        EntityType::Tag(_) => "tag".to_owned(),
    }
}

fn value_type(ty: &ValType) -> String {
    ty.to_string()
}

/// Returns the type of a component's import or export.
pub(super) fn component(types: TypesRef<'_>, ty: &ComponentEntityType) -> String {
    match ty {
        ComponentEntityType::Module(_) => "core module".to_owned(),
        ComponentEntityType::Func(id) => function(types, *id),
        ComponentEntityType::Value(_) => "value".to_owned(),
        ComponentEntityType::Type { .. } => "type".to_owned(),
        ComponentEntityType::Instance(_) => "interface".to_owned(),
        ComponentEntityType::Component(_) => "component".to_owned(),
    }
}

/// Returns the items of an interface, with their types.
pub(super) fn items(types: TypesRef<'_>, ty: &ComponentEntityType) -> Vec<(String, String)> {
    let ComponentEntityType::Instance(id) = ty else { return Vec::new() };
    types[*id].exports.iter().map(|(name, item)| (name.clone(), component(types, &item.ty))).collect()
}

/// Returns whether the item consists of types only, so that the host need not provide anything for it.
pub(super) fn is_only_types(types: TypesRef<'_>, ty: &ComponentEntityType) -> bool {
    let is_type = |ty: &ComponentEntityType| matches!(ty, ComponentEntityType::Type { .. });
    match ty {
        ComponentEntityType::Instance(id) => types[*id].exports.values().all(|item| is_type(&item.ty)),
        ty => is_type(ty),
    }
}

/// Returns a component function's type.
fn function(types: TypesRef<'_>, id: ComponentFuncTypeId) -> String {
    let function = &types[id];
    let mut text = Text { types, written: String::new() };
    text.write(if function.async_ { "async func(" } else { "func(" });
    text.list(function.params.iter().map(|(_, ty)| (None, Some(*ty))));
    text.write(")");
    if let Some(result) = function.result {
        text.write(" -> ");
        text.value(result);
    }
    text.finish()
}

/// A `Text` collects a type's text, up to its maximum length.
struct Text<'a> {
    types: TypesRef<'a>,
    written: String,
}

impl Text<'_> {
    fn write(&mut self, text: &str) {
        if self.written.len() <= LENGTH_LIMIT_BYTES {
            self.written.push_str(text);
        }
    }

    /// Returns whether the text has reached its maximum length.
    fn is_full(&self) -> bool {
        self.written.len() > LENGTH_LIMIT_BYTES
    }

    fn finish(mut self) -> String {
        if self.is_full() {
            self.written.truncate(self.written.floor_char_boundary(LENGTH_LIMIT_BYTES));
            self.written.push('…');
        }
        self.written
    }

    fn value(&mut self, ty: ComponentValType) {
        match ty {
            ComponentValType::Primitive(primitive) => {
                let _ = write!(self.written, "{primitive}");
            }
            ComponentValType::Type(id) if !self.is_full() => self.defined(&self.types[id].clone()),
            ComponentValType::Type(_) => {}
        }
    }

    fn defined(&mut self, ty: &ComponentDefinedType) {
        let some = |ty: &ComponentValType| (None, Some(*ty));
        match ty {
            ComponentDefinedType::Primitive(primitive) => self.write(&primitive.to_string()),
            ComponentDefinedType::Record(record) => {
                let fields = record.fields.iter().map(|(name, ty)| (Some(name.as_str().to_owned()), Some(*ty)));
                self.braces("record", fields);
            }
            ComponentDefinedType::Variant(variant) => {
                let cases = variant.cases.iter().map(|(name, case)| (Some(name.as_str().to_owned()), case.ty));
                self.braces("variant", cases);
            }
            ComponentDefinedType::Flags(names) => self.names("flags", names.iter().map(KebabString::as_str)),
            ComponentDefinedType::Enum(names) => self.names("enum", names.iter().map(KebabString::as_str)),
            ComponentDefinedType::List { element, .. } => self.angles("list", [some(element)]),
            ComponentDefinedType::FixedLengthList { element, .. } => self.angles("list", [some(element)]),
            ComponentDefinedType::Map { key, value, .. } => self.angles("map", [some(key), some(value)]),
            ComponentDefinedType::Tuple(tuple) => self.angles("tuple", tuple.types.iter().map(some)),
            ComponentDefinedType::Option { ty, .. } => self.angles("option", [some(ty)]),
            ComponentDefinedType::Result { ok, err, .. } => match (ok, err) {
                (None, None) => self.write("result"),
                (ok, None) => self.angles("result", [(None, *ok)]),
                (ok, err) => self.angles("result", [(None, *ok), (None, *err)]),
            },
            ComponentDefinedType::Own(_) => self.write("own<resource>"),
            ComponentDefinedType::Borrow(_) => self.write("borrow<resource>"),
            ComponentDefinedType::Future { ty, .. } => self.angles("future", [(None, *ty)]),
            ComponentDefinedType::Stream { ty, .. } => self.angles("stream", [(None, *ty)]),
        }
    }

    fn braces(&mut self, kind: &str, parts: impl Iterator<Item = Part>) {
        self.write(kind);
        self.write(" { ");
        self.list(parts);
        self.write(" }");
    }

    fn names<'a>(&mut self, kind: &str, names: impl Iterator<Item = &'a str>) {
        self.braces(kind, names.map(|name| (Some(name.to_owned()), None)));
    }

    fn angles(&mut self, kind: &str, parts: impl IntoIterator<Item = Part>) {
        self.write(kind);
        self.write("<");
        self.list(parts.into_iter());
        self.write(">");
    }

    fn list(&mut self, parts: impl Iterator<Item = Part>) {
        for (number, part) in parts.enumerate() {
            if self.is_full() {
                return;
            }
            if number > 0 {
                self.write(", ");
            }
            match part {
                (Some(name), Some(ty)) => {
                    self.write(&name);
                    self.write(": ");
                    self.value(ty);
                }
                (Some(name), None) => self.write(&name),
                (None, Some(ty)) => self.value(ty),
                (None, None) => self.write("_"),
            }
        }
    }
}

/// A name and a type, either of which may be absent.
type Part = (Option<String>, Option<ComponentValType>);
