//! A guest made ready to run: compiled, linked, type-checked. What can fail has failed by then.

use std::sync::{Arc, Mutex, PoisonError};

use wasmtime::component::{
    Component, InstancePre,
    types::{ComponentExtern, ComponentItem},
};

use super::{
    Engine, LoadError, UnsupportedImport,
    bindings::{handler, lifecycle},
    instance::Instance,
    state::State,
};
use crate::{
    capabilities::{Capabilities, Instances},
    failure::Failure,
    invocation::{Answer, Invocation},
    observer::Observer,
};

/// A guest made ready to run, with the instances that wait for work.
pub struct Guest {
    pub(super) pre: InstancePre<State>,
    pub(super) handler: handler::GuestIndices,
    pub(super) lifecycle: Option<lifecycle::GuestIndices>,
    pub(super) capabilities: Capabilities,
    pub(super) observer: Arc<dyn Observer>,
    /// Last in, first out: the instance used last has the warmest caches.
    idle: Mutex<Vec<Instance>>,
}

impl Guest {
    /// Compiles and links `bytes`, and makes the first instance, which runs the guest's own `init`.
    ///
    /// # Errors
    /// Whatever keeps the guest from being served; see [`LoadError`].
    pub async fn load(
        engine: &Engine,
        bytes: &[u8],
        capabilities: Capabilities,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, LoadError> {
        let component = compile(engine, bytes)?;
        let pre = engine.link(&component).map_err(|error| unlinked(&component, &error))?;
        check_contract(&component)?;
        let mismatch = |error: wasmtime::Error| LoadError::WrongTypes(format!("{error:#}"));
        let handler = handler::GuestIndices::new(&pre).map_err(mismatch)?;
        let lifecycle = match exports(&component).any(|name| name.starts_with("guesthouse:lambda/lifecycle@0.1.")) {
            true => Some(lifecycle::GuestIndices::new(&pre).map_err(mismatch)?),
            false => None,
        };
        let guest = Self { pre, handler, lifecycle, capabilities, observer, idle: Mutex::default() };
        let first = Instance::start(&guest).await.map_err(LoadError::Init)?;
        guest.keep(first);
        Ok(guest)
    }

    /// Answers one event with an instance that nobody else uses meanwhile. An instance that answers, also with an error
    /// of its own, goes on to the next event; one that faults is thrown away.
    ///
    /// # Errors
    /// The handler's own error, or what became of the guest instead of an answer.
    pub async fn invoke(&self, invocation: Invocation) -> Result<Answer, Failure> {
        let waiting = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut instance = match waiting {
            Some(instance) => instance,
            None => Instance::start(self).await?,
        };
        let answered = instance.handle(self, invocation).await?;
        if self.capabilities.instances == Instances::Reuse {
            self.keep(instance);
        }
        answered
    }

    fn keep(&self, instance: Instance) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(instance);
    }
}

fn compile(engine: &Engine, bytes: &[u8]) -> Result<Component, LoadError> {
    /// `\0asm`, then the version and the layer: 1 for a core module, 13 and 1 for a component.
    const MAGIC: &[u8] = b"\0asm";
    const CORE: &[u8] = &[1, 0, 0, 0];
    if !bytes.starts_with(MAGIC) {
        return Err(LoadError::NotWasm(bytes[..bytes.len().min(MAGIC.len())].escape_ascii().to_string()));
    }
    if bytes[MAGIC.len()..].starts_with(CORE) {
        return Err(LoadError::CoreModule);
    }
    engine.compile(bytes).map_err(|error| LoadError::Malformed(format!("{error:#}")))
}

fn exports(component: &Component) -> impl Iterator<Item = String> {
    let ty = component.component_type();
    let names: Vec<String> = ty.exports(component.engine()).map(|(name, _)| name.to_owned()).collect();
    names.into_iter()
}

fn check_contract(component: &Component) -> Result<(), LoadError> {
    let names: Vec<String> = exports(component).collect();
    let exported = |prefix: &str| names.iter().find(|name| name.starts_with(prefix)).cloned();
    if exported("guesthouse:lambda/handler@0.1.").is_some() {
        return Ok(());
    }
    if let Some(other) = exported("guesthouse:lambda/handler") {
        return Err(LoadError::WrongVersion(other));
    }
    match ["wasi:http/incoming-handler@", "wasi:http/handler@", "wasi:cli/run@"].into_iter().find_map(exported) {
        Some(later) => Err(LoadError::LaterContract(later)),
        None => Err(LoadError::NoContract(names)),
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
