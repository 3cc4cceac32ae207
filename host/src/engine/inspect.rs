//! What the host has to know of a guest's file besides its code: what an instance of it takes in the host's own memory, and its
//! debug info.

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind, ComponentTypeRef, Instance,
    Parser, Payload,
};

use super::{
    code::Inspected,
    debug_info::{DebugInfo, ModuleDebugInfo},
};

/// What the host keeps for an instance of a core module at the least, and for each of its globals, functions, imports and
/// elements, in bytes: upper bounds of what wasmtime takes.
const INSTANCE_BYTES: u64 = 4 * 1024;
const ITEM_BYTES: u64 = 32;

/// The cost of what can't be known: more than anybody has.
const UNKNOWN: u64 = u64::MAX / 2;

/// Looks through a component that the compiler took.
pub(super) fn inspect(bytes: &[u8]) -> Inspected {
    let mut found = Inspection::default();
    for payload in Parser::new(0).parse_all(bytes) {
        // The compiler has looked at the same bytes, and more closely. What it understood and this does not can't be counted.
        if payload.and_then(|payload| found.add(payload)).is_err() {
            found.total = UNKNOWN;
            break;
        }
    }
    Inspected { state_bytes: found.total.min(UNKNOWN), debug_info: DebugInfo::new(found.debug_info) }
}

/// What compiling a component or module takes in memory, in bytes, as far as it can be understood: for each byte of its code some 75
/// were measured, with small guests and large ones; for one of its tables' elements 260; and 30 for what else the compiler keeps.
pub(super) fn compiler_bytes(bytes: &[u8]) -> u64 {
    let understood = Parser::new(0).parse_all(bytes).map_while(Result::ok);
    let sizes = understood.filter_map(|payload| {
        let for_each: u64 = match payload {
            Payload::CodeSectionStart { .. } => 80,
            Payload::ElementSection(_) => 300,
            // These are copied, or what is in them comes by itself.
            Payload::DataSection(_)
            | Payload::CustomSection(_)
            | Payload::ModuleSection { .. }
            | Payload::ComponentSection { .. } => 3,
            _ => 40,
        };
        Some((payload.as_section()?.1.len() as u64).saturating_mul(for_each))
    });
    sizes.fold(0, u64::saturating_add)
}

#[derive(Default)]
struct Inspection {
    /// Components and modules that have begun, one inside the other.
    open: Vec<Open>,
    /// Of the outermost component.
    total: u64,
    debug_info: Vec<ModuleDebugInfo>,
}

enum Open {
    Component(Scope),
    Module { items: u64, debug_info: ModuleDebugInfo },
}

/// What is known in a component so far: what each module and each component in it costs, and what its own instances do.
#[derive(Default)]
struct Scope {
    modules: Vec<u64>,
    components: Vec<u64>,
    total: u64,
}

impl Inspection {
    fn add(&mut self, payload: Payload<'_>) -> wasmparser::Result<()> {
        match payload {
            Payload::Version { encoding: wasmparser::Encoding::Component, .. } => {
                self.open.push(Open::Component(Scope::default()));
            }
            Payload::Version { encoding: wasmparser::Encoding::Module, .. } => {
                self.open.push(Open::Module { items: 0, debug_info: ModuleDebugInfo::default() });
            }
            Payload::End(_) => self.close(),
            payload => {
                let outer = self.open.len().saturating_sub(1);
                let (outer, innermost) = self.open.split_at_mut(outer);
                match innermost.first_mut() {
                    Some(Open::Module { items, debug_info }) => module(payload, items, debug_info)?,
                    Some(Open::Component(scope)) => component(&payload, scope, outer)?,
                    None => {}
                }
            }
        }
        Ok(())
    }

    fn close(&mut self) {
        let (Some(closed), outer) = (self.open.pop(), self.open.last_mut()) else { return };
        match (closed, outer) {
            (Open::Component(scope), Some(Open::Component(outer))) => outer.components.push(scope.total),
            (Open::Component(scope), _) => self.total = scope.total,
            (Open::Module { items, debug_info }, outer) => {
                if let Some(Open::Component(outer)) = outer {
                    outer.modules.push(items.saturating_mul(ITEM_BYTES).saturating_add(INSTANCE_BYTES));
                }
                self.debug_info.extend((!debug_info.is_empty()).then_some(debug_info));
            }
        }
    }
}

fn module(payload: Payload<'_>, items: &mut u64, debug_info: &mut ModuleDebugInfo) -> wasmparser::Result<()> {
    match payload {
        Payload::ImportSection(imports) => *items += u64::from(imports.count()),
        Payload::FunctionSection(functions) => *items += u64::from(functions.count()),
        Payload::GlobalSection(globals) => *items += u64::from(globals.count()),
        Payload::ElementSection(segments) => {
            for segment in segments {
                *items += match segment?.items {
                    wasmparser::ElementItems::Functions(functions) => u64::from(functions.count()),
                    wasmparser::ElementItems::Expressions(_, expressions) => u64::from(expressions.count()),
                };
            }
        }
        Payload::CodeSectionStart { range, .. } => debug_info.code = range,
        Payload::CustomSection(section) if section.name().starts_with(".debug_") => {
            debug_info.add(section.name(), section.data());
        }
        _ => {}
    }
    Ok(())
}

fn component(payload: &Payload<'_>, scope: &mut Scope, outer: &[Open]) -> wasmparser::Result<()> {
    let cost = |costs: &[u64], index: u32| costs.get(index as usize).copied().unwrap_or(UNKNOWN);
    match payload {
        Payload::InstanceSection(instances) => {
            for instance in instances.clone() {
                if let Instance::Instantiate { module_index, .. } = instance? {
                    scope.total = scope.total.saturating_add(cost(&scope.modules, module_index));
                }
            }
        }
        Payload::ComponentInstanceSection(instances) => {
            for instance in instances.clone() {
                if let ComponentInstance::Instantiate { component_index, .. } = instance? {
                    scope.total = scope.total.saturating_add(cost(&scope.components, component_index));
                }
            }
        }
        Payload::ComponentImportSection(imports) => {
            for import in imports.clone() {
                match import?.ty {
                    ComponentTypeRef::Module(_) => scope.modules.push(UNKNOWN),
                    ComponentTypeRef::Component(_) => scope.components.push(UNKNOWN),
                    _ => {}
                }
            }
        }
        Payload::ComponentExportSection(exports) => {
            for export in exports.clone() {
                let export = export?;
                match export.kind {
                    ComponentExternalKind::Module => scope.modules.push(cost(&scope.modules, export.index)),
                    ComponentExternalKind::Component => scope.components.push(cost(&scope.components, export.index)),
                    _ => {}
                }
            }
        }
        Payload::ComponentAliasSection(aliases) => {
            for alias in aliases.clone() {
                match alias? {
                    ComponentAlias::InstanceExport { kind: ComponentExternalKind::Module, .. } => {
                        scope.modules.push(UNKNOWN);
                    }
                    ComponentAlias::InstanceExport { kind: ComponentExternalKind::Component, .. } => {
                        scope.components.push(UNKNOWN);
                    }
                    ComponentAlias::Outer { kind: ComponentOuterAliasKind::CoreModule, count, index } => {
                        scope.modules.push(aliased(outer, count, |scope| cost(&scope.modules, index)));
                    }
                    ComponentAlias::Outer { kind: ComponentOuterAliasKind::Component, count, index } => {
                        scope.components.push(aliased(outer, count, |scope| cost(&scope.components, index)));
                    }
                    _ => {}
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// What something of a component further out costs.
fn aliased(outer: &[Open], count: u32, cost: impl Fn(&Scope) -> u64) -> u64 {
    match outer.iter().rev().nth((count as usize).wrapping_sub(1)) {
        Some(Open::Component(scope)) => cost(scope),
        _ => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state_bytes(text: &str) -> u64 {
        inspect(&wat::parse_str(text).unwrap()).state_bytes
    }

    #[test]
    fn each_instance_of_a_module_costs_what_the_module_has() {
        let module = "(core module $m (global i32 (i32.const 0)) (func $f) (elem func $f $f))";
        let one = INSTANCE_BYTES + 4 * ITEM_BYTES;
        assert_eq!(state_bytes(&format!("(component {module})")), 0);
        let instance = "(core instance (instantiate $m))";
        assert_eq!(state_bytes(&format!("(component {module} {instance} {instance})")), 2 * one);
        let nested = format!("(component $c {instance}) (instance (instantiate $c)) (instance (instantiate $c))");
        assert_eq!(state_bytes(&format!("(component {module} {nested})")), 2 * one);
    }

    #[test]
    fn a_file_that_can_not_be_read_to_its_end_costs_more_than_there_is() {
        let bytes = wat::parse_str("(component (core module) (core module))").unwrap();
        assert_eq!(inspect(&bytes[..bytes.len() - 1]).state_bytes, UNKNOWN);
    }

    #[test]
    fn what_can_not_be_known_costs_more_than_there_is() {
        let text = r#"(component (import "m" (core module $m)) (core instance (instantiate $m)))"#;
        assert_eq!(state_bytes(text), UNKNOWN);
    }
}
