//! Links what guests import, or reports what is missing.
//!
//! See docs/decisions/40-all-imports-are-listed.md.

use wasmtime::{
    ExternType, Linker, Module, Result,
    component::{
        self, Component,
        types::{ComponentExtern, ComponentItem},
    },
};

use super::{
    Engine, LoadError, UnsupportedImport, imports::function_type, response_interface, store_state::StoreState, wasi,
};

impl Engine {
    /// Links a component.
    ///
    /// # Errors
    /// Returns [`LoadError::UnsupportedImports`] if an import is not provided.
    pub(super) fn link(&self, component: &Component) -> Result<component::InstancePre<StoreState>, LoadError> {
        let linked = self.linker.instantiate_pre(component);
        linked.or_else(|error| self.link_more(component, error)).map_err(|error| unlinked(component, &error))
    }

    /// Links a component that imports `wasi:http`, `wasi:tls` or the contract's own interface. Its linker is made here,
    /// so that hosts whose guests do not import them do not spend time on it.
    fn link_more(&self, component: &Component, error: wasmtime::Error) -> Result<component::InstancePre<StoreState>> {
        let ty = component.component_type();
        let imports = |package: &str| ty.imports(component.engine()).any(|(name, _)| name.starts_with(package));
        type Link = fn(&mut component::Linker<StoreState>) -> Result<()>;
        let more: &[(&str, Link)] = &[
            ("guesthouse:lambda/response-stream@", response_interface::link),
            #[cfg(feature = "network")]
            ("wasi:http/", wasi::http::link),
            #[cfg(feature = "network")]
            ("wasi:tls/", wasi::tls::link),
        ];
        let mut linker = None;
        for (_, link) in more.iter().filter(|(package, _)| imports(package)) {
            link(linker.get_or_insert_with(|| (*self.linker).clone()))?;
        }
        linker.ok_or(error)?.instantiate_pre(component)
    }

    /// Links a core module.
    ///
    /// # Errors
    /// Returns [`LoadError::UnsupportedImports`] if an import is not provided, and [`LoadError::WrongTypes`] if linking
    /// fails for another reason.
    pub(super) fn link_module(&self, module: &Module) -> Result<wasmtime::InstancePre<StoreState>, LoadError> {
        // This linker is made here, so that hosts that serve only components do not spend time on it.
        let mut linker = Linker::new(&self.engine);
        let linked = wasi::link_preview1(&mut linker).and_then(|()| linker.instantiate_pre(module));
        linked.map_err(|error| unlinked_module(module, &error))
    }
}

/// Returns the error with all imports that are not provided, not just the first.
fn unlinked(component: &Component, error: &wasmtime::Error) -> LoadError {
    let ty = component.component_type();
    let needed = ty.imports(component.engine()).filter(|(_, import)| asks_for_something(import, component));
    let names: Vec<String> = needed.map(|(name, _)| name.to_owned()).collect();
    let mut unsupported: Vec<_> = names.iter().filter_map(|name| UnsupportedImport::check(name)).collect();
    if unsupported.is_empty() {
        // Every interface is provided, so one of them lacks a function or has it with another type.
        let reason = format!("{error:#}");
        let name = names.iter().find(|name| reason.contains(name.as_str())).cloned().unwrap_or_default();
        unsupported.push(UnsupportedImport::incomplete(&name, reason));
    }
    LoadError::UnsupportedImports(unsupported)
}

/// Returns whether the host has to provide something for an import. An interface that has only types needs nothing.
fn asks_for_something(import: &ComponentExtern<'_>, component: &Component) -> bool {
    match &import.ty {
        ComponentItem::ComponentInstance(instance) => {
            instance.exports(component.engine()).any(|(_, item)| !matches!(item.ty, ComponentItem::Type(_)))
        }
        ComponentItem::Type(_) => false,
        _ => true,
    }
}

/// Returns the error for a core module, with all imports that are not provided.
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
