//! Why a guest can't be served.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};
use thiserror::Error;

#[cfg(feature = "compiler")]
use super::MissingFeature;
use super::UnsupportedImport;
use crate::failure::{ErrorType, Failure};

/// Why a guest can't be served. The messages say what is wrong; [`LoadError::into_failure`] adds the way out.
#[derive(Debug, Error, Serialize, Deserialize)]
pub enum LoadError {
    /// The fault is the host's.
    #[error("the engine can't start: {0}")]
    Engine(String),
    /// With what the system says.
    #[error("it can't be read: {0}")]
    Unreadable(String),
    /// The file has no bytes.
    #[error("not a wasm file: it is empty")]
    Empty,
    /// With the file's first bytes.
    #[error("not a wasm file: it starts with `{0}`, not with `\\0asm`")]
    NotWasm(String),
    /// A module of the older kind that is neither a program nor a handler, with its exports.
    #[error("a core wasm module without `_start` and without a handler: it exports {}", List(.0))]
    CoreModule(Vec<String>),
    /// A module of the older kind, with what keeps it from being a component.
    #[error("a core wasm module that can't be made a component: {0}")]
    NotAdaptable(String),
    /// The file ends too early. With its size in bytes.
    #[error("the file is cut off: it has {0} bytes, and should have more")]
    Truncated(usize),
    /// It is not valid, whatever the host had. With what is wrong.
    #[error("not a valid wasm file: {0}")]
    Malformed(String),
    /// It is valid. With the proposals that it needs and the host lacks.
    #[error("a valid wasm file that needs what this host does not have: {}", listed(.0))]
    #[cfg(feature = "compiler")]
    Features(Vec<MissingFeature>),
    /// It is valid. With what the compiler says.
    #[error("the compiler refuses it: {0}")]
    Refused(String),
    /// A core module that hands the host places in a memory that it does not show.
    #[error("it imports functions of WASI 0.1, and does not export its memory as `memory`")]
    NoMemory,
    /// A function that is called, with its own type and the one that it must have.
    #[error("`{name}` is {}, and must be `{must_be}`", .is.as_ref().map_or_else(|| "not there".to_owned(), |is| format!("`{is}`")))]
    WrongType {
        /// What is exported.
        name: String,
        /// Its type, as WIT writes it. None where it is not there.
        is: Option<String>,
        /// The contract's.
        must_be: String,
    },
    /// It is valid. With what there is too much of.
    #[error("more than the compiler takes: {0}")]
    TooMuch(String),
    /// The fault is the compiler's.
    #[error("the compiler failed")]
    Compiler,
    /// With what is wrong with the `.cwasm` file, which has no `.wasm` beside it.
    #[error("its machine code can't be used: {0}")]
    Foreign(String),
    /// This host was built without one.
    #[error("it is not compiled, and this host has no compiler")]
    NoCompiler,
    /// With the processor that this build has no compiler for.
    #[error("there is no compiler for `{0}` in this build")]
    NoTarget(String),
    /// With the time there was.
    #[error("compiling it takes longer than the {:.2} seconds there are", .0.as_secs_f64())]
    SlowToCompile(Duration),
    /// With the memory that there was, in bytes.
    #[error("compiling it takes more memory than the {} MiB there are", .0 >> 20)]
    TooMuchToCompile(u64),
    /// With the exports.
    #[error("no known contract: the component exports {}", List(.0))]
    NoContract(Vec<String>),
    /// With the export that is a contract for later.
    #[error("exports `{0}`, a contract that this version of Guesthouse does not serve yet")]
    LaterContract(String),
    /// With the export that is one.
    #[error("exports `{0}`, a release candidate, of which it is not known what it has of the release")]
    ReleaseCandidate(String),
    /// With the export whose version is not served.
    #[error("exports `{0}`, but the host knows `guesthouse:lambda@0.1.x`")]
    WrongVersion(String),
    /// With what does not fit.
    #[error("the contract's types do not match: {0}")]
    WrongTypes(String),
    /// All imports that stand in the way.
    #[error("imports what the host does not provide: {}", listed(.0))]
    UnsupportedImports(Vec<UnsupportedImport>),
    /// What became of the guest's own start-up.
    #[serde(skip)]
    #[error("{}", .0.message)]
    Init(Failure),
}

impl LoadError {
    /// The failure as the Runtime API gets it, with a hint.
    #[must_use]
    pub fn into_failure(self, name: &str) -> Failure {
        let hint = match &self {
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
            Self::NotAdaptable(_) => "build it for WASI 0.1 with a compiler of this year, or as a component",
            Self::Truncated(_) => "build and upload the guest again, and compare the two files' sizes",
            Self::Malformed(_) => {
                "build it again with its compiler's latest version: the file is damaged, or the compiler has a fault"
            }
            #[cfg(feature = "compiler")]
            Self::Features(missing) => {
                return Failure::new(ErrorType::InvalidGuest, format!("the guest `{name}`: {self}"))
                    .hint(missing.iter().map(|missing| missing.remedy.as_str()).collect::<Vec<_>>().join("; "));
            }
            Self::Refused(_) => "please report it, with the file: this is a limit of the host's compiler",
            Self::NoMemory => {
                "export the memory, which linkers do unless they are told otherwise: `(export \"memory\" (memory 0))`"
            }
            Self::TooMuch(_) => "build it with fewer of them: no compiler's output was seen that has as many",
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
                return Failure::new(ErrorType::UnsupportedImport, format!("the guest `{name}`: {self}"))
                    .hint(remedies.join("; "));
            }
            Self::Init(_) => {
                let Self::Init(mut failure) = self else { unreachable!("just matched") };
                failure.message = format!("the guest `{name}` failed to start: {}", failure.message);
                let has_hint = failure.message.contains("\nhint: ");
                return if has_hint {
                    failure
                } else {
                    failure.hint("that is in its own start-up code, which runs before its first event")
                };
            }
        };
        let error_type = match &self {
            Self::Engine(_) | Self::Compiler => ErrorType::Internal,
            Self::SlowToCompile(_) => ErrorType::Timeout,
            _ => ErrorType::InvalidGuest,
        };
        Failure::new(error_type, format!("the guest `{name}`: {self}")).hint(hint)
    }
}

/// As many things as a reader takes in.
fn listed(items: &[impl fmt::Display]) -> String {
    let mut listed: Vec<_> = items.iter().take(SHOWN).map(ToString::to_string).collect();
    if items.len() > SHOWN {
        listed.push(format!("and {} more", items.len() - SHOWN));
    }
    listed.join(", ")
}

/// How many ways out one hint has.
const REMEDIES_SHOWN: usize = 3;

/// How many things a message lists.
const SHOWN: usize = 20;

/// As many names as a reader takes in.
struct List<'a>(&'a [String]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing");
        }
        let mut items: Vec<String> = self.0.iter().take(SHOWN).map(|item| format!("`{item}`")).collect();
        if self.0.len() > SHOWN {
            items.push(format!("{} more", self.0.len() - SHOWN));
        }
        f.write_str(&items.join(", "))
    }
}
