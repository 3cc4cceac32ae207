//! What a guest exports for the host to call: one of the contracts, found by the names of its exports.

mod command;
mod event;

use wasmtime::{
    Result, Store,
    component::{Component, InstancePre},
};
use wasmtime_wasi::p2::bindings::Command;

use super::{
    LoadError,
    bindings::handler,
    fault::Doing,
    state::{Program, State},
};
use crate::{
    capabilities::Capabilities,
    failure::Failure,
    invocation::{Answer, Invocation},
};

/// The contract that a guest keeps, ready to be called.
pub(super) enum Contract {
    Event(event::Indices),
    Command(command::Indices),
}

/// What of an instance is called.
pub(super) enum Exports {
    Event(handler::Guest),
    Command(Command),
}

/// The contract as a guest's exports name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    Event { has_lifecycle: bool },
    Command,
}

pub(super) const EVENT: Interface = Interface { name: "guesthouse:lambda/handler", series: "0.1." };
pub(super) const LIFECYCLE: Interface = Interface { name: "guesthouse:lambda/lifecycle", series: "0.1." };
const COMMAND: Interface = Interface { name: "wasi:cli/run", series: "0.2." };

/// Contracts that a later version will serve.
const LATER: &[&str] = &["wasi:http/incoming-handler@", "wasi:http/handler@"];

impl Named {
    /// Looks at the exports, in this order: `event`, `http`, `command`. `None` where no contract is among them.
    ///
    /// # Errors
    /// When it is a contract that this host does not serve: whatever the guest imports, that is what stands in the way.
    pub(super) fn find(component: &Component) -> Result<Option<Self>, LoadError> {
        let names = exports(component);
        let other = |interface: &Interface| names.iter().find(|name| interface.matches(name) == Match::OtherVersion);
        if let Some(other) = other(&EVENT).or_else(|| other(&LIFECYCLE)) {
            return Err(LoadError::WrongVersion(other.clone()));
        }
        let has = |interface: &Interface| names.iter().any(|name| interface.is_served(name));
        if has(&EVENT) {
            return Ok(Some(Self::Event { has_lifecycle: has(&LIFECYCLE) }));
        }
        let later = names.iter().find(|name| LATER.iter().any(|later| name.starts_with(later)));
        if let Some(later) = later.or_else(|| other(&COMMAND)) {
            return Err(LoadError::LaterContract(later.clone()));
        }
        Ok(has(&COMMAND).then_some(Self::Command))
    }
}

impl Contract {
    /// # Errors
    /// When the exports have the right names and other types.
    pub(super) fn prepare(named: Named, pre: &InstancePre<State>) -> Result<Self, LoadError> {
        let prepared = match named {
            Named::Event { has_lifecycle } => event::Indices::new(pre, has_lifecycle).map(Self::Event),
            Named::Command => command::Indices::new(pre).map(Self::Command),
        };
        prepared.map_err(|error| LoadError::WrongTypes(format!("{error:#}")))
    }

    /// Whether an instance may serve whichever event comes. A program is made for one, and ends with it.
    pub(super) fn is_for_any_invocation(&self) -> bool {
        matches!(self, Self::Event(_))
    }

    /// What an instance gets when it is made, where that is for one invocation only.
    pub(super) fn program(&self, invocation: Option<&Invocation>, capabilities: &Capabilities) -> Option<Program> {
        match self {
            Self::Event(_) => None,
            Self::Command(_) => Some(command::program(invocation, &capabilities.arguments, &capabilities.env)),
        }
    }

    /// Runs all of a guest's code that comes before its first event. The inner error is the guest's own.
    pub(super) async fn start(
        &self,
        store: &mut Store<State>,
        pre: &InstancePre<State>,
    ) -> Result<Result<Exports, Failure>> {
        let instance = pre.instantiate_async(&mut *store).await?;
        Ok(match self {
            Self::Event(indices) => indices.start(store, &instance).await?.map(Exports::Event),
            Self::Command(indices) => Ok(Exports::Command(indices.start(store, &instance)?)),
        })
    }
}

impl Exports {
    pub(super) fn doing(&self) -> Doing {
        match self {
            Self::Event(_) => Doing::Answering,
            Self::Command(_) => Doing::Running,
        }
    }

    /// Has an event answered. After an inner error the instance is as good as before.
    pub(super) async fn call(
        &self,
        store: &mut Store<State>,
        invocation: Invocation,
    ) -> Result<Result<Answer, Failure>> {
        match self {
            Self::Event(handler) => event::call(handler, store, &invocation.event, invocation.context).await,
            Self::Command(command) => command::call(command, store).await,
        }
    }
}

pub(super) fn exports(component: &Component) -> Vec<String> {
    let ty = component.component_type();
    ty.exports(component.engine()).map(|(name, _)| name.to_owned()).collect()
}

/// An interface and its versions that are compatible with each other.
pub(super) struct Interface {
    name: &'static str,
    series: &'static str,
}

/// How an export stands to an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Match {
    Served,
    OtherVersion,
    Other,
}

impl Interface {
    pub(super) fn is_served(&self, export: &str) -> bool {
        self.matches(export) == Match::Served
    }

    fn matches(&self, export: &str) -> Match {
        let (name, version) = export.split_once('@').unwrap_or((export, ""));
        match (name == self.name, version.starts_with(self.series)) {
            (true, true) => Match::Served,
            (true, false) => Match::OtherVersion,
            (false, _) => Match::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compatible_versions_are_served_and_others_are_not() {
        for (export, expected) in [
            ("guesthouse:lambda/handler@0.1.0", Match::Served),
            ("guesthouse:lambda/handler@0.1.7", Match::Served),
            ("guesthouse:lambda/handler@0.2.0", Match::OtherVersion),
            ("guesthouse:lambda/handler@0.10.0", Match::OtherVersion),
            ("guesthouse:lambda/handler", Match::OtherVersion),
            ("guesthouse:lambda/handlers@0.1.0", Match::Other),
        ] {
            assert_eq!(EVENT.matches(export), expected, "{export}");
        }
    }
}
