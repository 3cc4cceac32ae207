//! Defines the contracts. A contract is what a guest exports for the host to call, and is found by the names of the
//! exports.

mod command;
mod event;

use wasmtime::{Result, Store};

pub(super) use self::command::START;

use super::{
    Engine, LoadError,
    bindings::handler,
    code::Compiled,
    fault::Phase,
    imports::{is_candidate, is_release_of},
    store_state::{CommandIo, StoreState},
};
use crate::{capabilities::Capabilities, failure::Failure, invocation::Invocation, response::Outcome};

/// A guest that fulfils one of the contracts, ready to be instantiated.
pub(super) enum Contract {
    Event(event::Handler),
    Command(command::CommandPre),
}

/// The functions of an instance that the host calls.
pub(super) enum Callable {
    Event(handler::Guest),
    Command(command::Start),
}

/// Names the contract that a guest exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ContractKind {
    Event {
        has_lifecycle: bool,
    },
    Command,
    /// The contract `command`, fulfilled by a core module that runs as it is.
    CoreCommand,
}

pub(super) const EVENT: Interface = Interface { name: "guesthouse:lambda/handler", series: "0.1." };
pub(super) const LIFECYCLE: Interface = Interface { name: "guesthouse:lambda/lifecycle", series: "0.1." };
const COMMAND: Interface = Interface { name: "wasi:cli/run", series: "0.2." };

/// The prefixes of the contracts that a later version will serve.
const LATER: &[&str] = &["wasi:http/incoming-handler@", "wasi:http/handler@"];

impl ContractKind {
    /// Finds the contract among the exports, in this order: `event`, `http`, `command`. Returns `None` if there is
    /// none.
    ///
    /// # Errors
    /// Fails if this host does not serve the contract, or not in this version. That is reported before missing imports.
    pub(super) fn find(exports: &[String]) -> Result<Option<Self>, LoadError> {
        let has = |interface: &Interface| exports.iter().any(|name| interface.is_served(name));
        let other = |interface: &Interface| exports.iter().find(|name| interface.matches(name) == Match::OtherVersion);
        if let Some(other) = other(&EVENT).or_else(|| other(&LIFECYCLE)) {
            return Err(LoadError::WrongVersion(other.clone()));
        }
        if has(&EVENT) {
            return Ok(Some(Self::Event { has_lifecycle: has(&LIFECYCLE) }));
        }
        let later = exports.iter().find(|name| LATER.iter().any(|later| name.starts_with(later)));
        if let Some(later) = later {
            return Err(LoadError::LaterContract(later.clone()));
        }
        match other(&COMMAND) {
            Some(other)
                if !has(&COMMAND) && other.split_once('@').is_some_and(|(_, version)| is_candidate(version)) =>
            {
                Err(LoadError::ReleaseCandidate(other.clone()))
            }
            Some(other) if !has(&COMMAND) => Err(LoadError::LaterContract(other.clone())),
            _ if has(&COMMAND) => Ok(Some(Self::Command)),
            _ => Ok(exports.iter().any(|name| name == START).then_some(Self::CoreCommand)),
        }
    }

    /// Returns the contract's name.
    #[cfg(feature = "compiler")]
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Event { .. } => "event",
            Self::Command | Self::CoreCommand => "command",
        }
    }

    /// Returns the functions that the guest must export, with their types.
    #[cfg(feature = "compiler")]
    pub(super) fn functions(self) -> Vec<Required> {
        let of = |interface, function, ty| Required { interface, function, ty };
        match self {
            Self::Event { has_lifecycle } => {
                let mut functions = vec![of(Some(&EVENT), "handle", event::HANDLE_TYPE)];
                functions.extend(has_lifecycle.then(|| of(Some(&LIFECYCLE), "init", event::INIT_TYPE)));
                functions
            }
            Self::Command => vec![of(Some(&COMMAND), "run", command::RUN_TYPE)],
            Self::CoreCommand => vec![of(None, START, command::START_TYPE)],
        }
    }
}

/// A function that a guest must export: in an interface or, as a core module, directly.
#[cfg(feature = "compiler")]
pub(super) struct Required {
    pub(super) interface: Option<&'static Interface>,
    pub(super) function: &'static str,
    pub(super) ty: &'static str,
}

impl Contract {
    /// Finds the contract that a guest fulfils, and links what the guest imports.
    ///
    /// # Errors
    /// Fails if there is no such contract, if exports have the right names but other types, or if imports are missing.
    pub(super) fn prepare(engine: &Engine, compiled: &Compiled) -> Result<Self, LoadError> {
        let named = ContractKind::find(&compiled.exports())?;
        let wrong = |error: wasmtime::Error| LoadError::WrongTypes(format!("{error:#}"));
        let found = |named: Option<ContractKind>| named.ok_or_else(|| LoadError::NoContract(compiled.exports()));
        match compiled {
            Compiled::Component(component) => {
                let pre = engine.link(component)?;
                match found(named)? {
                    ContractKind::Event { has_lifecycle } => event::Handler::new(pre, has_lifecycle).map(Self::Event),
                    ContractKind::Command | ContractKind::CoreCommand => {
                        command::CommandPre::of_component(pre).map(Self::Command)
                    }
                }
                .map_err(wrong)
            }
            Compiled::Module(module) => {
                let pre = engine.link_module(module)?;
                found(named)?;
                Ok(Self::Command(command::CommandPre::Module(pre)))
            }
        }
    }

    /// Returns whether an instance may serve any invocation. An instance of a command is made for one invocation, and
    /// ends with it.
    pub(super) fn is_for_any_invocation(&self) -> bool {
        matches!(self, Self::Event(_))
    }

    /// Returns the input and output of a new instance, if it serves only the invocation that it is made for.
    pub(super) fn command_io(&self, invocation: Option<&Invocation>, capabilities: &Capabilities) -> Option<CommandIo> {
        match self {
            Self::Event(_) => None,
            Self::Command(_) => {
                Some(command::command_io(invocation, &capabilities.grants.arguments, &capabilities.grants.env))
            }
        }
    }

    /// Makes an instance, and runs all of the guest's code that comes before its first event. The inner error is the
    /// guest's own.
    pub(super) async fn start(&self, store: &mut Store<StoreState>) -> Result<Result<Callable, Failure>> {
        Ok(match self {
            Self::Event(handler) => handler.start(store).await?.map(Callable::Event),
            Self::Command(command) => Ok(Callable::Command(command.start(store).await?)),
        })
    }
}

impl Callable {
    pub(super) fn phase(&self) -> Phase {
        match self {
            Self::Event(_) => Phase::Handling,
            Self::Command(_) => Phase::Running,
        }
    }

    /// Handles an event. After an outcome the instance can be used again, after an error it can't.
    pub(super) async fn call(&self, store: &mut Store<StoreState>, invocation: Invocation) -> Result<Outcome> {
        match self {
            Self::Event(handler) => event::call(handler, store, &invocation.event, invocation.context).await,
            Self::Command(start) => command::call(start, store).await,
        }
    }
}

/// An interface, and the prefix of the versions that are compatible with each other.
pub(super) struct Interface {
    name: &'static str,
    series: &'static str,
}

/// The result of comparing an export with an interface.
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
        match (name == self.name, is_release_of(version, self.series)) {
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
            ("guesthouse:lambda/handler@0.1.0-rc.1", Match::OtherVersion),
            ("guesthouse:lambda/handler", Match::OtherVersion),
            ("guesthouse:lambda/handlers@0.1.0", Match::Other),
        ] {
            assert_eq!(EVENT.matches(export), expected, "{export}");
        }
    }
}
