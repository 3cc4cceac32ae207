//! Defines the contracts. A contract is what a guest exports for the host to call, and is found by the names of the
//! exports.

mod called;
mod command;
mod event;
#[cfg(feature = "network")]
mod http;
mod lifecycle;

use wasmtime::{Result, Store};
#[cfg(feature = "network")]
use wasmtime_wasi_http::p2::bindings::exports::wasi::http::incoming_handler;

pub(super) use self::{
    called::{Called, Rest},
    command::START,
};

use super::{
    Engine, LoadError,
    bindings::handler,
    code::Compiled,
    fault::Phase,
    imports::{is_candidate, is_release_of},
    store_state::{CommandIo, StoreState},
};
use crate::{
    capabilities::{Capabilities, Instances},
    failure::Failure,
    invocation::Invocation,
    response_stream::ResponseWriter,
};

/// A guest that fulfils one of the contracts, ready to be instantiated.
pub(super) enum Contract {
    Event(event::Handler),
    #[cfg(feature = "network")]
    Http(http::HttpHandler),
    Command(command::CommandPre),
}

/// The functions of an instance that the host calls.
pub(super) enum Callable {
    Event(handler::Guest),
    #[cfg(feature = "network")]
    Http(incoming_handler::Guest),
    Command(command::Start),
}

/// Names the contract that a guest exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ContractKind {
    Event {
        has_lifecycle: bool,
    },
    Http {
        has_lifecycle: bool,
    },
    Command,
    /// The contract `command`, fulfilled by a core module that runs as it is.
    CoreCommand,
}

pub(super) const EVENT: Interface = Interface { name: "guesthouse:lambda/handler", series: "0.1." };
pub(super) const LIFECYCLE: Interface = Interface { name: "guesthouse:lambda/lifecycle", series: "0.1." };
const HTTP: Interface = Interface { name: "wasi:http/incoming-handler", series: "0.2." };
/// The contract `http` in WASI 0.3, which a later version will serve.
const LATER_HTTP: &str = "wasi:http/handler@";
const COMMAND: Interface = Interface { name: "wasi:cli/run", series: "0.2." };

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
        if cfg!(feature = "network") && has(&HTTP) {
            return Ok(Some(Self::Http { has_lifecycle: has(&LIFECYCLE) }));
        }
        let later = || exports.iter().find(|name| name.starts_with(LATER_HTTP));
        let unserved = |other: &String| match other.split_once('@') {
            Some((_, version)) if is_candidate(version) => LoadError::ReleaseCandidate(other.clone()),
            _ => LoadError::LaterContract(other.clone()),
        };
        if let Some(other) = exports.iter().find(|name| HTTP.matches(name) != Match::Other).or_else(later) {
            return Err(unserved(other));
        }
        match other(&COMMAND) {
            Some(other) if !has(&COMMAND) => Err(unserved(other)),
            _ if has(&COMMAND) => Ok(Some(Self::Command)),
            _ => Ok(exports.iter().any(|name| name == START).then_some(Self::CoreCommand)),
        }
    }

    /// Returns the contract's name.
    #[cfg(feature = "compiler")]
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Event { .. } => "event",
            Self::Http { .. } => "http",
            Self::Command | Self::CoreCommand => "command",
        }
    }

    /// Returns the functions that the guest must export, with their types.
    #[cfg(feature = "compiler")]
    pub(super) fn functions(self) -> Vec<Required> {
        let of = |interface, function, ty| Required { interface, function, ty };
        let with_init = |handle, has_lifecycle: bool| {
            let init = has_lifecycle.then(|| of(Some(&LIFECYCLE), "init", lifecycle::INIT_TYPE));
            std::iter::once(handle).chain(init).collect()
        };
        match self {
            Self::Event { has_lifecycle } => with_init(of(Some(&EVENT), "handle", event::HANDLE_TYPE), has_lifecycle),
            Self::Http { has_lifecycle } => with_init(of(Some(&HTTP), "handle", HTTP_HANDLE_TYPE), has_lifecycle),
            Self::Command => vec![of(Some(&COMMAND), "run", command::RUN_TYPE)],
            Self::CoreCommand => vec![of(None, START, command::START_TYPE)],
        }
    }
}

/// The type of the function of the contract `http` that the host calls, as text.
#[cfg(feature = "compiler")]
const HTTP_HANDLE_TYPE: &str = "func(own<resource>, own<resource>)";

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
                    #[cfg(feature = "network")]
                    ContractKind::Http { has_lifecycle } => http::HttpHandler::new(pre, has_lifecycle).map(Self::Http),
                    #[cfg(not(feature = "network"))]
                    ContractKind::Http { .. } => return Err(LoadError::NoContract(compiled.exports())),
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
        !matches!(self, Self::Command(_))
    }

    /// Returns whether an instance serves more than one invocation where the settings do not say so.
    pub(super) fn instances(&self) -> Instances {
        match self {
            Self::Event(_) => Instances::Reuse,
            #[cfg(feature = "network")]
            Self::Http(handler) if handler.is_made_for_reuse() => Instances::Reuse,
            #[cfg(feature = "network")]
            Self::Http(_) => Instances::Fresh,
            Self::Command(_) => Instances::Fresh,
        }
    }

    /// Returns the input and output of a new instance, if it serves only the invocation that it is made for.
    pub(super) fn command_io(&self, invocation: Option<&Invocation>, capabilities: &Capabilities) -> Option<CommandIo> {
        match self {
            Self::Event(_) => None,
            #[cfg(feature = "network")]
            Self::Http(_) => None,
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
            #[cfg(feature = "network")]
            Self::Http(handler) => handler.start(store).await?.map(Callable::Http),
            Self::Command(command) => Ok(Callable::Command(command.start(store).await?)),
        })
    }
}

impl Callable {
    pub(super) fn phase(&self) -> Phase {
        match self {
            Self::Event(_) => Phase::Handling,
            #[cfg(feature = "network")]
            Self::Http(_) => Phase::Handling,
            Self::Command(_) => Phase::Running,
        }
    }

    /// Handles an event. The error is a fault before the outcome was known, after which the instance can't be used
    /// again.
    #[cfg_attr(not(feature = "network"), expect(unused_variables, reason = "only requests have settings of their own"))]
    pub(super) async fn call(
        &self,
        store: &mut Store<StoreState>,
        invocation: Invocation,
        writer: ResponseWriter,
        capabilities: &Capabilities,
    ) -> Result<Called> {
        match self {
            Self::Event(handler) => {
                let outcome = event::call(handler, store, &invocation.event, invocation.context, writer).await;
                outcome.map(Called::ended)
            }
            #[cfg(feature = "network")]
            Self::Http(handler) => {
                // Boxed, because it is several times as large as the others, which would take as much room.
                Box::pin(http::call(handler, store, &invocation, &capabilities.gateway, writer)).await
            }
            Self::Command(start) => command::call(start, store).await.map(Called::ended),
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
