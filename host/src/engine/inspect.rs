//! What the host has to know of a guest's file besides its code: what an instance of it takes in the host's own memory, and its
//! debug info.

use wasmparser::{
    CanonicalFunction, CanonicalOption, ComponentAlias, ComponentExternalKind, ComponentInstance,
    ComponentOuterAliasKind, ComponentTypeRef, FunctionBody, Instance, Operator, OperatorsReader, Parser, Payload,
};

use super::{LoadError, debug_info::ModuleDebugInfo, fault::ANSWER_READ_LIMIT_BYTES};

/// What the host keeps for an instance of a core module at the least, and for each of its globals, functions, imports and
/// elements, in bytes: upper bounds of what wasmtime takes.
const INSTANCE_BYTES: u64 = 4 * 1024;
const ITEM_BYTES: u64 = 32;

/// How many of these a memory or a table is worth, apart from what is in it.
const ITEMS_BY_MEMORY: u64 = 8;

/// What the host takes for a text in UTF-16 or Latin-1 besides as many bytes as it reads: in UTF-8 it is up to twice as long.
const TRANSCODED_BYTES: u64 = ANSWER_READ_LIMIT_BYTES as u64;

/// The cost of what can't be known: more than anybody has.
const UNKNOWN: u64 = u64::MAX / 2;

/// What the `.wasm` file tells besides its code.
pub(super) struct Inspected {
    /// What the host keeps for each instance besides its memories and tables, in bytes, at most.
    pub(super) state_bytes: u64,
    pub(super) debug_info: Vec<ModuleDebugInfo>,
}

/// Looks through a component or module that the compiler took.
pub(super) fn inspect(bytes: &[u8]) -> Inspected {
    let mut found = Inspection::default();
    for payload in Parser::new(0).parse_all(bytes) {
        // The compiler has looked at the same bytes, and more closely. What it understood and this does not can't be counted.
        if payload.and_then(|payload| found.add(payload)).is_err() {
            found.total = UNKNOWN;
            break;
        }
    }
    if found.transcodes {
        found.total = found.total.saturating_add(TRANSCODED_BYTES);
    }
    Inspected { state_bytes: found.total.min(UNKNOWN), debug_info: found.debug_info }
}

/// How often components and modules are instantiated in a component, those in others multiplied out: the compiler writes each down.
/// What languages' tools make has some tens.
const INSTANCES_LIMIT: u64 = 10_000;

/// A function with more locals than this is looked at more closely: compilers make those with some tens, interpreters' loops have
/// hundreds.
const MANY_LOCALS: u32 = 1_000;

/// How many loops a function may have, times its locals: where each loop changes each local, the compiler has as many values to place.
const LOOPS_BY_LOCALS_LIMIT: u64 = 1_000_000;

/// Refuses what is known beforehand to take the compiler too much. What only shows when it is compiled has limits there.
///
/// # Errors
/// [`LoadError::TooMuch`].
pub(super) fn check(bytes: &[u8]) -> Result<(), LoadError> {
    let mut found = Inspection { costs: Costs { component: 1, instance: 1, item: 0 }, ..Inspection::default() };
    // What can't be read here is for the compiler to say.
    for payload in Parser::new(0).parse_all(bytes).map_while(Result::ok) {
        if let Payload::CodeSectionEntry(body) = &payload {
            check_function(body)?;
        }
        if found.add(payload).is_err() {
            break;
        }
    }
    match found.total {
        UNKNOWN.. => Err(LoadError::TooMuch("it instantiates what can't be counted".to_owned())),
        instances @ INSTANCES_LIMIT.. => Err(LoadError::TooMuch(format!(
            "it instantiates {instances} components and modules, one in the other, and {INSTANCES_LIMIT} is the most"
        ))),
        _ => Ok(()),
    }
}

fn check_function(body: &FunctionBody<'_>) -> Result<(), LoadError> {
    let locals = body.get_locals_reader().into_iter().flatten().filter_map(|local| Some(local.ok()?.0));
    let locals = locals.fold(0, u32::saturating_add);
    if locals <= MANY_LOCALS {
        return Ok(());
    }
    let operators = body.get_operators_reader().into_iter().flat_map(OperatorsReader::into_iter);
    let loops = operators.filter(|operator| matches!(operator, Ok(Operator::Loop { .. }))).count() as u64;
    if loops.saturating_mul(locals.into()) <= LOOPS_BY_LOCALS_LIMIT {
        return Ok(());
    }
    Err(LoadError::TooMuch(format!(
        "a function with {locals} locals has {loops} loops, and the two multiplied may be {LOOPS_BY_LOCALS_LIMIT} at most"
    )))
}

#[derive(Default)]
struct Inspection {
    costs: Costs,
    /// Components and modules that have begun, one inside the other.
    open: Vec<Open>,
    /// Of the outermost component.
    total: u64,
    /// Whether texts of any of its functions are not UTF-8.
    transcodes: bool,
    debug_info: Vec<ModuleDebugInfo>,
}

/// What is counted for an instance of a component, besides what is in it; for one of a core module; and for each thing in that.
#[derive(Clone, Copy)]
struct Costs {
    component: u64,
    instance: u64,
    item: u64,
}

impl Default for Costs {
    fn default() -> Self {
        Self { component: 0, instance: INSTANCE_BYTES, item: ITEM_BYTES }
    }
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
            Payload::ComponentCanonicalSection(functions) => {
                for function in functions {
                    self.transcodes |= transcodes(&function?);
                }
            }
            payload => {
                let outer = self.open.len().saturating_sub(1);
                let (outer, innermost) = self.open.split_at_mut(outer);
                match innermost.first_mut() {
                    Some(Open::Module { items, debug_info }) => module(payload, items, debug_info)?,
                    Some(Open::Component(scope)) => component(&payload, scope, outer, self.costs)?,
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
                let cost = items.saturating_mul(self.costs.item).saturating_add(self.costs.instance);
                match outer {
                    Some(Open::Component(outer)) => outer.modules.push(cost),
                    _ => self.total = cost,
                }
                self.debug_info.extend((!debug_info.is_empty()).then_some(debug_info));
            }
        }
    }
}

fn transcodes(function: &CanonicalFunction) -> bool {
    let (CanonicalFunction::Lift { options, .. } | CanonicalFunction::Lower { options, .. }) = function else {
        return false;
    };
    options.iter().any(|option| matches!(option, CanonicalOption::UTF16 | CanonicalOption::CompactUTF16))
}

fn module(payload: Payload<'_>, items: &mut u64, debug_info: &mut ModuleDebugInfo) -> wasmparser::Result<()> {
    match payload {
        Payload::ImportSection(imports) => *items += u64::from(imports.count()),
        Payload::FunctionSection(functions) => *items += u64::from(functions.count()),
        Payload::GlobalSection(globals) => *items += u64::from(globals.count()),
        Payload::TagSection(tags) => *items += u64::from(tags.count()),
        Payload::MemorySection(memories) => *items += ITEMS_BY_MEMORY * u64::from(memories.count()),
        Payload::TableSection(tables) => *items += ITEMS_BY_MEMORY * u64::from(tables.count()),
        Payload::DataSection(segments) => *items += u64::from(segments.count()),
        Payload::ElementSection(segments) => {
            for segment in segments {
                *items += 1 + match segment?.items {
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

fn component(payload: &Payload<'_>, scope: &mut Scope, outer: &[Open], costs: Costs) -> wasmparser::Result<()> {
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
                    let inner = cost(&scope.components, component_index).saturating_add(costs.component);
                    scope.total = scope.total.saturating_add(inner);
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
        let one = INSTANCE_BYTES + 5 * ITEM_BYTES;
        assert_eq!(state_bytes(&module.replace("core module $m", "module")), one);
        assert_eq!(state_bytes(&format!("(component {module})")), 0);
        let instance = "(core instance (instantiate $m))";
        assert_eq!(state_bytes(&format!("(component {module} {instance} {instance})")), 2 * one);
        let nested = format!("(component $c {instance}) (instance (instantiate $c)) (instance (instantiate $c))");
        assert_eq!(state_bytes(&format!("(component {module} {nested})")), 2 * one);
    }

    #[test]
    fn texts_that_are_not_utf8_cost_what_they_become() {
        let lifted = |encoding: &str| {
            let options = format!(r#"(memory (core memory $i "m")) (realloc (core func $i "r")) {encoding}"#);
            state_bytes(&format!(
                r#"(component
                  (core module $m (memory (export "m") 1)
                    (func (export "r") (param i32 i32 i32 i32) (result i32) i32.const 0) (func (export "f") (param i32 i32)))
                  (core instance $i (instantiate $m))
                  (func (param "a" string) (canon lift (core func $i "f") {options})))"#
            ))
        };
        let utf8 = lifted("");
        assert_eq!(lifted("string-encoding=utf8"), utf8);
        for encoding in ["string-encoding=utf16", "string-encoding=latin1+utf16"] {
            assert_eq!(lifted(encoding), utf8 + TRANSCODED_BYTES, "{encoding}");
        }
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

    #[test]
    fn instances_are_multiplied_out_and_so_are_loops_and_locals() {
        let nested = |levels: usize| {
            let more: String = (1..=levels)
                .map(|level| {
                    let inner = level - 1;
                    format!("(component $c{level} (alias outer 1 $c{inner} (component $x)) (instance (instantiate $x)) (instance (instantiate $x)))")
                })
                .collect();
            wat::parse_str(format!("(component (component $c0) {more} (instance (instantiate $c{levels})))")).unwrap()
        };
        assert!(check(&nested(12)).is_ok());
        assert!(check(&nested(13)).is_err());
        assert!(check(&nested(60)).is_err());
        assert!(check(&nested(70)).is_err());
        let function = |locals: usize, loops: usize| {
            let (locals, begin, end) = ("i32 ".repeat(locals), "(loop ".repeat(loops), ")".repeat(loops));
            wat::parse_str(format!("(component (core module (func (local {locals}) {begin}{end})))")).unwrap()
        };
        for (locals, loops, is_taken) in [(1_000, 10_000, true), (2_000, 500, true), (2_000, 501, false)] {
            assert_eq!(check(&function(locals, loops)).is_ok(), is_taken, "{locals} locals, {loops} loops");
        }
    }
}
