//! Reads what the host needs to know of a guest's file besides its code: how much of the host's own memory an instance
//! takes, and the debug info. Also refuses guests that are known to overload the compiler.

use wasmparser::{
    CanonicalFunction, CanonicalOption, ComponentAlias, ComponentExternalKind, ComponentInstance,
    ComponentOuterAliasKind, ComponentTypeRef, FunctionBody, Instance, Operator, OperatorsReader, Parser, Payload,
};

use super::{LoadError, debug_info::ModuleDebugInfo, fault::RESPONSE_READ_LIMIT_BYTES};

/// The memory that the host keeps for each instance of a core module, and for each of its functions, globals, tags,
/// imports, segments and elements, in bytes. Both are upper bounds of what wasmtime takes.
///
/// After an update of wasmtime, check them in two ways:
///
/// * Read the sizes. Most items are entries of wasmtime's `VMContext`, which `vmoffsets.rs` and `vmtypes.rs` of the
///   crate `wasmtime-environ` define. In version 48 the largest entries, `VMFuncRef` and `VMFunctionImport`, have 32
///   bytes.
/// * Measure. Build a component that instantiates one core module many times, as
///   `a_guest_with_much_state_starts_where_there_is_room_for_it_and_not_elsewhere` in `tests/it/limits.rs` does. Serve
///   it with `bootstrap`, without `AWS_LAMBDA_FUNCTION_MEMORY_SIZE`, so that memory has no limit. Compare `VmData` in
///   `/proc/PID/status` for 10 and for 900 instances: the difference divided by 890 is what one instance takes.
///   (Resident memory is too low a measure, because wasmtime fills some entries only on first use.) Repeat this for
///   modules with few and with many items of one kind. The part that grows with the number of items must be at most
///   `ITEM_BYTES` for each item, and the rest at most `INSTANCE_BYTES`. Measure memories and tables without content in
///   the same way, for `ITEMS_BY_MEMORY`.
const INSTANCE_BYTES: u64 = 4 * 1024;
const ITEM_BYTES: u64 = 32;

/// How many items a memory or a table counts as, in addition to its content.
const ITEMS_BY_MEMORY: u64 = 8;

/// The memory that the host takes in addition for texts in UTF-16 or Latin-1, in bytes. It reads at most
/// [`RESPONSE_READ_LIMIT_BYTES`] of such a text, and in UTF-8 that becomes up to twice as long.
const TRANSCODED_BYTES: u64 = RESPONSE_READ_LIMIT_BYTES as u64;

/// The cost of what can't be counted: more than any machine has.
const UNKNOWN: u64 = u64::MAX / 2;

/// Describes a `.wasm` file apart from its code.
pub(super) struct GuestMetadata {
    /// The most that the host keeps for each instance besides its memories and tables, in bytes.
    pub(super) state_bytes: u64,
    pub(super) debug_info: Vec<ModuleDebugInfo>,
}

impl GuestMetadata {
    /// Reads a component or module that the compiler accepted.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut found = Inspection::default();
        for payload in Parser::new(0).parse_all(bytes) {
            // The compiler accepted these bytes. If this code can't read them, their cost can't be counted.
            if payload.and_then(|payload| found.add(payload)).is_err() {
                found.total = UNKNOWN;
                break;
            }
        }
        if found.transcodes {
            found.total = found.total.saturating_add(TRANSCODED_BYTES);
        }
        Self { state_bytes: found.total.min(UNKNOWN), debug_info: found.debug_info }
    }
}

/// Limits how many components and modules a component instantiates, with those in nested components multiplied out,
/// because the compiler writes each of them down. Languages' tools produce some tens.
const INSTANCES_LIMIT: u64 = 10_000;

/// The number of locals above which a function's loops are counted. Compilers produce functions with some tens of
/// locals, and interpreters' loops have hundreds.
const MANY_LOCALS: u32 = 1_000;

/// Limits the number of a function's loops multiplied by the number of its locals. If each loop changes each local, the
/// compiler has this many values to place.
const LOOPS_BY_LOCALS_LIMIT: u64 = 1_000_000;

/// Refuses guests that are known beforehand to take the compiler too much. What shows only during compilation is
/// limited there.
///
/// # Errors
/// Returns [`LoadError::TooMuch`].
pub(super) fn check(bytes: &[u8]) -> Result<(), LoadError> {
    let mut found = Inspection { costs: Costs { component: 1, instance: 1, item: 0 }, ..Inspection::default() };
    // The compiler reports what can't be read here.
    for payload in Parser::new(0).parse_all(bytes).map_while(Result::ok) {
        if let Payload::CodeSectionEntry(body) = &payload {
            check_function(body)?;
        }
        if found.add(payload).is_err() {
            break;
        }
    }
    match found.total {
        UNKNOWN.. => Err(LoadError::TooMuch("it instantiates more than can be counted, or what it imports".to_owned())),
        instances @ INSTANCES_LIMIT.. => Err(LoadError::TooMuch(format!(
            "it instantiates {instances} components and modules, nested ones included, but at most {INSTANCES_LIMIT} are supported"
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
        "a function with {locals} locals has {loops} loops, but their product may be at most {LOOPS_BY_LOCALS_LIMIT}"
    )))
}

#[derive(Default)]
struct Inspection {
    costs: Costs,
    /// The components and modules that enclose the current position, outermost first.
    open: Vec<Open>,
    /// The cost of the outermost component or module.
    total: u64,
    /// Whether any function uses texts that are not UTF-8.
    transcodes: bool,
    debug_info: Vec<ModuleDebugInfo>,
}

/// The costs that are added up: for an instance of a component, apart from its content; for an instance of a core
/// module; and for each item of such a module. [`GuestMetadata::of`] counts bytes, and [`check`] counts instances.
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

/// What is known of a component so far: the cost of each of its modules and components if instantiated, and the total
/// cost of the instances that it makes.
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

/// Returns the cost of something that an enclosing component defines.
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
        GuestMetadata::of(&wat::parse_str(text).unwrap()).state_bytes
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
        assert_eq!(GuestMetadata::of(&bytes[..bytes.len() - 1]).state_bytes, UNKNOWN);
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
