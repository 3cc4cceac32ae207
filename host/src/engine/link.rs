//! What guests import is given to them, or it is said what is missing.

use wasmtime::{
    ExternType, Linker, Module, Result,
    component::{
        self, Component,
        types::{ComponentExtern, ComponentItem},
    },
};

use super::{Engine, LoadError, UnsupportedImport, imports::function_type, state::State, wasi};

impl Engine {
    /// # Errors
    /// [`LoadError::UnsupportedImports`].
    pub(super) fn link(&self, component: &Component) -> Result<component::InstancePre<State>, LoadError> {
        self.linker.instantiate_pre(component).map_err(|error| unlinked(component, &error))
    }

    /// # Errors
    /// [`LoadError::UnsupportedImports`].
    pub(super) fn link_module(&self, module: &Module) -> Result<wasmtime::InstancePre<State>, LoadError> {
        // It is made here, so that those who have components only need not wait for it.
        let mut linker = Linker::new(&self.engine);
        let linked = wasi::link_preview1(&mut linker).and_then(|()| linker.instantiate_pre(module));
        linked.map_err(|error| unlinked_module(module, &error))
    }
}

/// All imports that stand in the way, not just the first.
fn unlinked(component: &Component, error: &wasmtime::Error) -> LoadError {
    let ty = component.component_type();
    let needed = ty.imports(component.engine()).filter(|(_, import)| asks_for_something(import, component));
    let names: Vec<String> = needed.map(|(name, _)| name.to_owned()).collect();
    let mut unsupported: Vec<_> = names.iter().filter_map(|name| UnsupportedImport::check(name)).collect();
    if unsupported.is_empty() {
        // Every interface is there, so one of them lacks a function or has it with other types.
        let reason = format!("{error:#}");
        let name = names.iter().find(|name| reason.contains(name.as_str())).cloned().unwrap_or_default();
        unsupported.push(UnsupportedImport::incomplete(&name, reason));
    }
    LoadError::UnsupportedImports(unsupported)
}

/// An interface of nothing but types needs no one to provide it.
fn asks_for_something(import: &ComponentExtern<'_>, component: &Component) -> bool {
    match &import.ty {
        ComponentItem::ComponentInstance(instance) => {
            instance.exports(component.engine()).any(|(_, item)| !matches!(item.ty, ComponentItem::Type(_)))
        }
        ComponentItem::Type(_) => false,
        _ => true,
    }
}

/// The same of a core module.
fn unlinked_module(module: &Module, error: &wasmtime::Error) -> LoadError {
    let unsupported = module.imports().filter_map(|import| {
        let ty = match import.ty() {
            ExternType::Func(function) => function_type(function.params(), function.results()),
            _ => String::new(),
        };
        UnsupportedImport::check_of_module(import.module(), import.name(), &ty)
    });
    match unsupported.collect::<Vec<_>>() {
        unsupported if unsupported.is_empty() => LoadError::WrongTypes(format!("{error:#}")),
        unsupported => LoadError::UnsupportedImports(unsupported),
    }
}
