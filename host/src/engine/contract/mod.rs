//! What a guest exports for the host to call: one of the contracts, found by the names of its exports.

mod command;
mod event;

use wasmtime::{Result, Store};

pub(super) use self::command::START;

use super::{
    Engine, LoadError,
    bindings::handler,
    code::Compiled,
    fault::Doing,
    imports::{is_candidate, is_release_of},
    state::{State, Surroundings},
};
use crate::{
    capabilities::Capabilities,
    failure::Failure,
    invocation::{Answer, Invocation},
};

/// A guest that keeps one of the contracts, ready to be instantiated.
pub(super) enum Contract {
    Event(event::Handler),
    Command(command::Program),
}

/// What of an instance is called.
pub(super) enum Exports {
    Event(handler::Guest),
    Command(command::Start),
}

/// The contract as a guest's exports name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    Event {
        has_lifecycle: bool,
    },
    Command,
    /// The same, as a core module.
    Program,
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
            _ => Ok(exports.iter().any(|name| name == START).then_some(Self::Program)),
        }
    }

    /// The contract's name.
    #[cfg(feature = "compiler")]
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Event { .. } => "event",
            Self::Command | Self::Program => "command",
        }
    }

    /// What it has to export, with its types.
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
            Self::Program => vec![of(None, START, command::START_TYPE)],
        }
    }
}

/// A function that a guest has to export, in an interface or, as a core module, on its own.
#[cfg(feature = "compiler")]
pub(super) struct Required {
    pub(super) interface: Option<&'static Interface>,
    pub(super) function: &'static str,
    pub(super) ty: &'static str,
}

impl Contract {
    /// Finds the contract that a guest keeps, and links what the guest imports.
    ///
    /// # Errors
    /// When there is no such, when the exports have the right names and other types, or when imports are missing.
    pub(super) fn prepare(engine: &Engine, compiled: &Compiled) -> Result<Self, LoadError> {
        let named = Named::find(&compiled.exports())?;
        let wrong = |error: wasmtime::Error| LoadError::WrongTypes(format!("{error:#}"));
        let found = |named: Option<Named>| named.ok_or_else(|| LoadError::NoContract(compiled.exports()));
        match compiled {
            Compiled::Component(component) => {
                let pre = engine.link(component)?;
                match found(named)? {
                    Named::Event { has_lifecycle } => event::Handler::new(pre, has_lifecycle).map(Self::Event),
                    Named::Command | Named::Program => command::Program::of_component(pre).map(Self::Command),
                }
                .map_err(wrong)
            }
            Compiled::Module(module) => {
                let pre = engine.link_module(module)?;
                found(named)?;
                Ok(Self::Command(command::Program::Module(pre)))
            }
        }
    }

    /// Its name.
    #[cfg(feature = "compiler")]
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Event(_) => "event",
            Self::Command(_) => "command",
        }
    }

    /// Whether an instance may serve whichever event comes. A program is made for one, and ends with it.
    pub(super) fn is_for_any_invocation(&self) -> bool {
        matches!(self, Self::Event(_))
    }

    /// What an instance gets when it is made, where that is for one invocation only.
    pub(super) fn surroundings(
        &self,
        invocation: Option<&Invocation>,
        capabilities: &Capabilities,
    ) -> Option<Surroundings> {
        match self {
            Self::Event(_) => None,
            Self::Command(_) => Some(command::surroundings(invocation, &capabilities.arguments, &capabilities.env)),
        }
    }

    /// Runs all of a guest's code that comes before its first event. The inner error is the guest's own.
    pub(super) async fn start(&self, store: &mut Store<State>) -> Result<Result<Exports, Failure>> {
        Ok(match self {
            Self::Event(handler) => handler.start(store).await?.map(Exports::Event),
            Self::Command(program) => Ok(Exports::Command(program.start(store).await?)),
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
            Self::Command(start) => command::call(start, store).await,
        }
    }
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
