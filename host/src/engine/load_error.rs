//! Describes why a guest can't be served.

use std::{borrow::Cow, time::Duration};

use serde::{Deserialize, Serialize};
use thiserror::Error;

#[cfg(feature = "compiler")]
use super::MissingFeature;
use super::UnsupportedImport;
use crate::{
    failure::{ErrorType, Failure},
    text,
};

/// Describes why a guest can't be served. The messages name the problem; [`LoadError::into_failure`] adds the hint.
#[derive(Debug, Error, Serialize, Deserialize)]
pub enum LoadError {
    /// The engine failed, which is a fault of the host.
    #[error("the engine can't start: {0}")]
    Engine(String),
    /// The file can't be read. Holds the system's error.
    #[error("it can't be read: {0}")]
    Unreadable(String),
    /// The file is empty.
    #[error("not a wasm file: it is empty")]
    Empty,
    /// The file is not WebAssembly. Holds its first bytes.
    #[error("not a wasm file: it starts with `{0}`, not with `\\0asm`")]
    NotWasm(String),
    /// A core module that is neither a command nor a handler. Holds its exports.
    #[error("a core wasm module without `_start` and without a handler: it exports {}", names(.0))]
    CoreModule(Vec<String>),
    /// A core module that can't become a component. Holds the reason.
    #[error("a core wasm module that can't be made a component: {0}")]
    NotAdaptable(String),
    /// The file ends too early. Holds its size in bytes.
    #[error("the file is cut off: it has {0} bytes, and should have more")]
    Truncated(usize),
    /// The file is not valid, even with all proposals of WebAssembly. Holds the reason.
    #[error("not a valid wasm file: {0}")]
    Malformed(String),
    /// The file is valid, but needs proposals of WebAssembly that the host lacks. Holds these.
    #[error("a valid wasm file that needs what this host does not have: {}", text::list(.0))]
    #[cfg(feature = "compiler")]
    Features(Vec<MissingFeature>),
    /// The file is valid, but the compiler refuses it. Holds the compiler's message.
    #[error("the compiler refuses it: {0}")]
    Refused(String),
    /// A core module that passes addresses to the host, but does not export the memory that they are in.
    #[error("it imports functions of WASI 0.1, and does not export its memory as `memory`")]
    NoMemory,
    /// A function that the host calls is missing or has another type.
    #[error("`{name}` is {}, and must be `{must_be}`", .is.as_ref().map_or_else(|| "missing".to_owned(), |is| format!("`{is}`")))]
    WrongType {
        /// The function's name.
        name: String,
        /// The exported type, in WIT's notation. `None` if the function is missing.
        is: Option<String>,
        /// The type in the contract.
        must_be: String,
    },
    /// The file would take the compiler too much. Holds what there is too much of.
    #[error("more than the compiler supports: {0}")]
    TooMuch(String),
    /// The compiler failed, which is its own fault.
    #[error("the compiler failed")]
    Compiler,
    /// The `.cwasm` file can't be used, and has no `.wasm` file beside it. Holds the reason.
    #[error("its machine code can't be used: {0}")]
    Foreign(String),
    /// The guest is not compiled, and this host was built without a compiler.
    #[error("it is not compiled, and this host has no compiler")]
    NoCompiler,
    /// This build has no compiler for the target. Holds the target.
    #[error("there is no compiler for `{0}` in this build")]
    NoTarget(String),
    /// Compiling exceeded its limit on time. Holds the limit.
    #[error("compiling it takes longer than the {:.2} seconds available", .0.as_secs_f64())]
    SlowToCompile(Duration),
    /// Compiling exceeded its limit on memory. Holds the limit, in bytes.
    #[error("compiling it takes more memory than the {} MiB available", .0 >> 20)]
    TooMuchToCompile(u64),
    /// The component exports no contract. Holds its exports.
    #[error("no known contract: the component exports {}", names(.0))]
    NoContract(Vec<String>),
    /// The guest exports a contract that a later version will serve. Holds the export.
    #[error("exports `{0}`, a contract that this version of Guesthouse does not serve yet")]
    LaterContract(String),
    /// The guest exports a release candidate of a contract. Holds the export.
    #[error("exports `{0}`, a release candidate, which may differ from the release")]
    ReleaseCandidate(String),
    /// The guest exports another version of a contract. Holds the export.
    #[error("exports `{0}`, but the host knows `guesthouse:lambda@0.1.x`")]
    WrongVersion(String),
    /// The contract's types do not match. Holds the reason.
    #[error("the contract's types do not match: {0}")]
    WrongTypes(String),
    /// The guest imports what the host does not provide. Holds all such imports.
    #[error("imports what the host does not provide: {}", text::list(.0))]
    UnsupportedImports(Vec<UnsupportedImport>),
    /// The guest's own start-up failed. Holds the failure.
    #[serde(skip)]
    #[error("{}", .0.reason())]
    Init(Failure),
}

impl LoadError {
    /// Returns the failure for the Runtime API, with a hint.
    #[must_use]
    pub fn into_failure(self, name: &str) -> Failure {
        let hint = self.hint();
        match self {
            Self::Init(mut failure) => {
                failure.message = format!("the guest `{name}` failed to start: {}", failure.message);
                failure.hint.get_or_insert_with(|| hint.into_owned());
                failure
            }
            _ => Failure::new(self.error_type(), format!("the guest `{name}`: {self}")).hint(hint),
        }
    }

    fn error_type(&self) -> ErrorType {
        match self {
            Self::Engine(_) | Self::Compiler => ErrorType::Internal,
            Self::SlowToCompile(_) => ErrorType::Timeout,
            Self::UnsupportedImports(_) => ErrorType::UnsupportedImport,
            _ => ErrorType::InvalidGuest,
        }
    }

    /// Returns the remedy.
    fn hint(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Engine(_) | Self::Compiler => "this is a fault of the host: please report it",
            Self::Unreadable(_) => "name a `.wasm` or `.cwasm` file that a build wrote",
            Self::NotWasm(beginning) if beginning.starts_with('(') => {
                "this is WebAssembly's text format: make it binary, with `wat2wasm` or `wasm-tools parse`"
            }
            Self::Empty | Self::NotWasm(_) => {
                "name a component, or a module of WASI 0.1: `guesthouse new` writes a project that makes one"
            }
            Self::CoreModule(exports) if exports.iter().any(|name| name == "_initialize") => {
                "it is a library: build a program, with a `main`, or a handler with its language's SDK (`guesthouse new`)"
            }
            Self::CoreModule(_) => {
                "build a program for WASI, in Rust with `--target wasm32-wasip2`, or a handler with its language's SDK (`guesthouse new`)"
            }
            Self::NotAdaptable(_) => "build it for WASI 0.1 with a current compiler, or as a component",
            Self::Truncated(_) => "build and upload the guest again, and compare the two files' sizes",
            Self::Malformed(_) => {
                "build it again with its compiler's latest version: the file is damaged, or the compiler has a fault"
            }
            #[cfg(feature = "compiler")]
            Self::Features(missing) => {
                return missing.iter().map(|missing| missing.remedy.as_str()).collect::<Vec<_>>().join("; ").into();
            }
            Self::Refused(_) => "please report it, with the file: this is a limit of the host's compiler",
            Self::NoMemory => "export the memory, which linkers do by default: `(export \"memory\" (memory 0))`",
            Self::TooMuch(_) => "build it with fewer of them: no known compiler produces as many",
            Self::Foreign(reason) if reason.contains("compiled for architecture") => {
                "it is for functions of the other architecture: for this one compile it with `guesthouse compile` and its `--target`"
            }
            Self::Foreign(_) => {
                "compile it again with `guesthouse compile` of the host's version, or put its `.wasm` file beside it"
            }
            Self::NoTarget(_) => "build `guesthouse` with the feature `cross`, as it is by default",
            Self::NoCompiler => "compile it with `guesthouse compile`, and deploy the `.cwasm` file that this writes",
            Self::SlowToCompile(_) => {
                "compile it ahead of time with `guesthouse compile`, and deploy the `.cwasm` file"
            }
            Self::TooMuchToCompile(_) => {
                "compile it ahead of time with `guesthouse compile`, sign what that writes where it does not come from the task root, or \
                 raise the function's memory"
            }
            Self::NoContract(_) => {
                "export `guesthouse:lambda/handler@0.1.0`, which the SDKs do (`guesthouse new`), or `wasi:cli/run@0.2.x`"
            }
            Self::ReleaseCandidate(_) => {
                "build it for a release, `wasi:cli/run@0.2.x`, with the latest version of its language's tools"
            }
            Self::LaterContract(_) => "export `guesthouse:lambda/handler@0.1.0` for now",
            Self::WrongVersion(_) | Self::WrongTypes(_) | Self::WrongType { .. } => {
                "build the guest with the SDK or the WIT files of this host's version, or update the host"
            }
            Self::UnsupportedImports(imports) => {
                let mut remedies: Vec<_> = imports.iter().map(UnsupportedImport::remedy).collect();
                remedies.dedup();
                remedies.truncate(REMEDIES_SHOWN);
                return remedies.join("; ").into();
            }
            Self::Init(_) => "correct its own start-up code, which runs before the first event",
        })
    }
}

/// The maximum number of remedies in one hint.
const REMEDIES_SHOWN: usize = 3;

/// Returns the names as a list for a message.
fn names(names: &[String]) -> String {
    match names.is_empty() {
        true => "nothing".to_owned(),
        false => text::list(names.iter().map(|name| format!("`{name}`"))),
    }
}
