//! Lists what the host provides to guests, and describes imports that it does not provide.
//!
//! See docs/decisions/40-all-imports-are-listed.md.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::text::most_similar;

/// The interfaces that the host provides to components, by package. A test compares those of WASI 0.2 with the linker.
const PROVIDED: &[(&str, &[&str])] = &[
    ("wasi:io", &["error", "poll", "streams"]),
    ("wasi:clocks", &["monotonic-clock", "wall-clock"]),
    ("wasi:random", &["insecure", "insecure-seed", "random"]),
    ("wasi:filesystem", &["preopens", "types"]),
    (
        "wasi:cli",
        &[
            "environment",
            "exit",
            "stderr",
            "stdin",
            "stdout",
            "terminal-input",
            "terminal-output",
            "terminal-stderr",
            "terminal-stdin",
            "terminal-stdout",
        ],
    ),
    (
        "wasi:sockets",
        &["instance-network", "ip-name-lookup", "network", "tcp", "tcp-create-socket", "udp", "udp-create-socket"],
    ),
    #[cfg(feature = "network")]
    ("wasi:http", &["outgoing-handler", "types"]),
    #[cfg(feature = "network")]
    ("wasi:tls", &["types"]),
    ("guesthouse:lambda", &["response-stream", "types"]),
];

/// The name of the module that WASI 0.1's functions are imported from.
pub(super) const PREVIEW1: &str = "wasi_snapshot_preview1";

/// The functions of WASI 0.1 and their parameters: `i` for `i32` and `I` for `i64`. All but `proc_exit` return an
/// `i32`. A test compares them with the linker.
const PREVIEW1_FUNCTIONS: &[(&str, &str)] = &[
    ("args_get", "ii"),
    ("args_sizes_get", "ii"),
    ("clock_res_get", "ii"),
    ("clock_time_get", "iIi"),
    ("environ_get", "ii"),
    ("environ_sizes_get", "ii"),
    ("fd_advise", "iIIi"),
    ("fd_allocate", "iII"),
    ("fd_close", "i"),
    ("fd_datasync", "i"),
    ("fd_fdstat_get", "ii"),
    ("fd_fdstat_set_flags", "ii"),
    ("fd_fdstat_set_rights", "iII"),
    ("fd_filestat_get", "ii"),
    ("fd_filestat_set_size", "iI"),
    ("fd_filestat_set_times", "iIIi"),
    ("fd_pread", "iiiIi"),
    ("fd_prestat_dir_name", "iii"),
    ("fd_prestat_get", "ii"),
    ("fd_pwrite", "iiiIi"),
    ("fd_read", "iiii"),
    ("fd_readdir", "iiiIi"),
    ("fd_renumber", "ii"),
    ("fd_seek", "iIii"),
    ("fd_sync", "i"),
    ("fd_tell", "ii"),
    ("fd_write", "iiii"),
    ("path_create_directory", "iii"),
    ("path_filestat_get", "iiiii"),
    ("path_filestat_set_times", "iiiiIIi"),
    ("path_link", "iiiiiii"),
    ("path_open", "iiiiiIIii"),
    ("path_readlink", "iiiiii"),
    ("path_remove_directory", "iii"),
    ("path_rename", "iiiiii"),
    ("path_symlink", "iiiii"),
    ("path_unlink_file", "iii"),
    ("poll_oneoff", "iiii"),
    ("proc_exit", "i"),
    ("proc_raise", "i"),
    ("random_get", "ii"),
    ("sched_yield", ""),
    ("sock_accept", "iii"),
    ("sock_recv", "iiiiii"),
    ("sock_send", "iiiii"),
    ("sock_shutdown", "ii"),
];

/// Returns how to build a guest without this import.
fn without(name: &str) -> &'static str {
    let module = name.split("::").next().unwrap_or_default();
    match module {
        "wasi" => "build it for one thread, in Rust for `wasm32-wasip1`",
        "env" if name == "env::memory" => "build it with a memory of its own, without `--import-memory` and threads",
        "env" | "a" => {
            "build it so that it needs WASI only: without functions of a host of its own, and with Emscripten's `-sSTANDALONE_WASM`"
        }
        "go" | "gojs" => "build it with `GOOS=wasip1`, not for browsers",
        _ if module.starts_with("__wbindgen") || module.starts_with("wbg") => {
            "build it without wasm-bindgen, in Rust for `wasm32-wasip2`"
        }
        _ if module.starts_with("extism:") => "build it as a program or as a handler, not as a plug-in of Extism",
        _ => "build it without this import",
    }
}

fn preview1_type(name: &str, signature: &str) -> String {
    let parameters = signature.chars().map(|ty| if ty == 'I' { "i64" } else { "i32" });
    function_type(parameters, (name != "proc_exit").then_some("i32"))
}

/// Returns a function's type as text.
pub(super) fn function_type<T: fmt::Display>(
    parameters: impl IntoIterator<Item = T>,
    results: impl IntoIterator<Item = T>,
) -> String {
    let list = |types: Vec<String>| types.join(", ");
    let parameters = list(parameters.into_iter().map(|ty| ty.to_string()).collect());
    let results: Vec<_> = results.into_iter().map(|ty| ty.to_string()).collect();
    match results.as_slice() {
        [] => format!("func({parameters})"),
        [result] => format!("func({parameters}) -> {result}"),
        _ => format!("func({parameters}) -> ({})", list(results)),
    }
}

/// An import that the host does not provide, with the nearest one that it does provide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnsupportedImport {
    /// The import's name as the guest spells it, such as `wasi:http/outgoing-handler@0.2.4`.
    pub name: String,
    nearest: Nearest,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Nearest {
    /// The host provides the interface, in this version.
    OtherVersion(String),
    /// The host provides something with this, most similar name.
    Alike(String),
    /// The host provides the interface, but not all that is imported from it. Holds what is missing.
    Incomplete(String),
    /// The host provides the function, with another type.
    OtherType {
        imported: String,
        provided: String,
    },
    Nothing,
}

impl UnsupportedImport {
    /// Checks an import of a component. Returns `None` if the host provides it.
    pub(super) fn check(name: &str) -> Option<Self> {
        let (interface, version) = name.split_once('@').unwrap_or((name, ""));
        let nearest = match provided().find(|candidate| candidate == interface) {
            Some(found) if is_provided(&found, version) => return None,
            Some(found) => Nearest::OtherVersion(versioned(&found)),
            None => {
                most_similar(interface, provided()).map_or(Nearest::Nothing, |found| Nearest::Alike(versioned(&found)))
            }
        };
        Some(Self { name: name.to_owned(), nearest })
    }

    /// Checks an import of a core module, whose type is written as by [`function_type`]. Returns `None` for a function
    /// of WASI 0.1 with the right type.
    pub(super) fn check_of_module(module: &str, name: &str, ty: &str) -> Option<Self> {
        let provided = PREVIEW1_FUNCTIONS.iter().find(|(provided, _)| *provided == name);
        let nearest = match (module, provided) {
            (PREVIEW1, Some((name, signature))) => {
                let provided = preview1_type(name, signature);
                if provided == ty {
                    return None;
                }
                Nearest::OtherType { imported: ty.to_owned(), provided }
            }
            (PREVIEW1, None) => {
                let names = PREVIEW1_FUNCTIONS.iter().map(|(name, _)| (*name).to_owned());
                most_similar(name, names)
                    .map_or(Nearest::Nothing, |found| Nearest::Alike(format!("{PREVIEW1}::{found}")))
            }
            ("wasi_unstable", _) => Nearest::OtherVersion(PREVIEW1.to_owned()),
            _ => Nearest::Nothing,
        };
        Some(Self { name: format!("{module}::{name}"), nearest })
    }

    /// Returns whether the host provides the import, but not as it is imported.
    #[cfg(feature = "compiler")]
    pub(super) fn is_other_version(&self) -> bool {
        !matches!(self.nearest, Nearest::Alike(_) | Nearest::Nothing)
    }

    /// Returns what to import instead, or how to build the guest without the import.
    pub(super) fn remedy(&self) -> String {
        match &self.nearest {
            Nearest::OtherVersion(found) => format!("build it for `{found}`"),
            Nearest::Alike(found) => format!("import `{found}`, or {}", without(&self.name)),
            Nearest::Incomplete(_) => {
                "build it for WASI 0.2, with the latest version of its language's tools".to_owned()
            }
            Nearest::OtherType { provided, .. } => format!("import it as `{provided}`, which is its type in WASI 0.1"),
            Nearest::Nothing => without(&self.name).to_owned(),
        }
    }

    /// Returns an import whose name is provided, but which needs something that the interface does not have, for this
    /// reason.
    pub(super) fn incomplete(name: &str, reason: String) -> Self {
        Self { name: name.to_owned(), nearest: Nearest::Incomplete(reason) }
    }
}

impl fmt::Display for UnsupportedImport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ", self.name)?;
        match &self.nearest {
            Nearest::OtherVersion(found) => write!(f, "(provided as `{found}`)"),
            Nearest::Alike(found) => write!(f, "(nearest: `{found}`)"),
            Nearest::Incomplete(reason) => write!(f, "({reason})"),
            Nearest::OtherType { imported, provided } => write!(f, "(as `{imported}`, and provided as `{provided}`)"),
            Nearest::Nothing => write!(f, "(nothing like it is provided)"),
        }
    }
}

fn provided() -> impl Iterator<Item = String> {
    PROVIDED.iter().flat_map(|(package, names)| names.iter().map(move |name| format!("{package}/{name}")))
}

/// The only version of `wasi:tls` that there is.
const TLS_VERSION: &str = "0.2.0-draft";

/// Returns whether the host provides this version of an interface.
fn is_provided(interface: &str, version: &str) -> bool {
    if is_of_tls(interface) { version == TLS_VERSION } else { is_release_of(version, series(interface)) }
}

fn is_of_tls(interface: &str) -> bool {
    interface.starts_with("wasi:tls/")
}

/// Returns whether a version belongs to a series and is not a release candidate: candidates may differ from the
/// release.
pub(super) fn is_release_of(version: &str, series: &str) -> bool {
    version.starts_with(series) && !is_candidate(version)
}

/// Returns whether a version is a pre-release, such as `0.2.0-rc-2023-11-10`. Source: Semantic Versioning 2.0.0,
/// section 9.
pub(super) fn is_candidate(version: &str) -> bool {
    version.split('+').next().is_some_and(|version| version.contains('-'))
}

/// Returns the compatible versions of an interface, as their common prefix.
fn series(interface: &str) -> &'static str {
    if interface.starts_with("wasi:") { "0.2." } else { "0.1." }
}

fn versioned(interface: &str) -> String {
    if is_of_tls(interface) {
        format!("{interface}@{TLS_VERSION}")
    } else {
        format!("{interface}@{}x", series(interface))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn description(name: &str) -> String {
        UnsupportedImport::check(name).unwrap().to_string()
    }

    /// One function or resource of each WASI interface in the table.
    const ITEMS: &[(&str, &str)] = &[
        ("wasi:io/error", "resource error"),
        ("wasi:io/poll", "resource pollable"),
        ("wasi:io/streams", "resource input-stream"),
        ("wasi:clocks/monotonic-clock", "now"),
        ("wasi:clocks/wall-clock", "now"),
        ("wasi:random/insecure", "get-insecure-random-u64"),
        ("wasi:random/insecure-seed", "insecure-seed"),
        ("wasi:random/random", "get-random-u64"),
        ("wasi:filesystem/preopens", "get-directories"),
        ("wasi:filesystem/types", "resource descriptor"),
        ("wasi:cli/environment", "get-environment"),
        ("wasi:cli/exit", "exit"),
        ("wasi:cli/stderr", "get-stderr"),
        ("wasi:cli/stdin", "get-stdin"),
        ("wasi:cli/stdout", "get-stdout"),
        ("wasi:cli/terminal-input", "resource terminal-input"),
        ("wasi:cli/terminal-output", "resource terminal-output"),
        ("wasi:cli/terminal-stderr", "get-terminal-stderr"),
        ("wasi:cli/terminal-stdin", "get-terminal-stdin"),
        ("wasi:cli/terminal-stdout", "get-terminal-stdout"),
        ("wasi:sockets/instance-network", "instance-network"),
        ("wasi:sockets/ip-name-lookup", "resolve-addresses"),
        ("wasi:sockets/network", "resource network"),
        ("wasi:sockets/tcp", "resource tcp-socket"),
        ("wasi:sockets/tcp-create-socket", "create-tcp-socket"),
        ("wasi:sockets/udp", "resource udp-socket"),
        ("wasi:sockets/udp-create-socket", "create-udp-socket"),
        #[cfg(feature = "network")]
        ("wasi:http/outgoing-handler", "handle"),
        #[cfg(feature = "network")]
        ("wasi:http/types", "resource fields"),
        #[cfg(feature = "network")]
        ("wasi:tls/types", "resource client-handshake"),
    ];

    /// Returns whether the linker has the item, whatever its type.
    fn is_linked(interface: &str, item: &str) -> bool {
        let ty = match item.strip_prefix("resource ") {
            Some(name) => format!(r#"(export "{name}" (type (sub resource)))"#),
            None => format!(r#"(export "{item}" (func))"#),
        };
        let text = format!(r#"(component (import "{interface}" (instance {ty})))"#);
        let engine = crate::engine::Engine::new().unwrap();
        let bytes = wat::parse_str(text).unwrap();
        let image = crate::engine::compiler::translate(&bytes, &crate::digest::Digest::of(b""), None).unwrap();
        let code = crate::memory_file::memory_file("cwasm", &image).unwrap();
        let linked = crate::engine::Code::map(&engine, code).unwrap().compiled;
        let crate::engine::code::Compiled::Component(component) = linked else { panic!("it is a component") };
        match engine.link(&component) {
            Ok(_) => true,
            Err(crate::engine::LoadError::UnsupportedImports(missing)) => {
                let is_there = |reason: &str| !reason.contains("implementation is missing");
                missing.iter().all(|import| matches!(&import.nearest, Nearest::Incomplete(reason) if is_there(reason)))
            }
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_table_is_what_the_linker_holds() {
        let wasi: Vec<String> = provided().filter(|interface| interface.starts_with("wasi:")).collect();
        assert_eq!(wasi, ITEMS.iter().map(|(interface, _)| *interface).collect::<Vec<_>>());
        for (interface, item) in ITEMS {
            let version = if is_of_tls(interface) { TLS_VERSION } else { "0.2.6" };
            assert_eq!(UnsupportedImport::check(&format!("{interface}@{version}")), None);
            assert!(
                is_linked(&format!("{interface}@{version}"), item),
                "`{item}` of `{interface}` is not in the linker"
            );
        }
        assert!(!is_linked("wasi:keyvalue/store@0.2.0-draft", "open"));
    }

    #[test]
    fn the_functions_of_wasi_0_1_are_those_that_the_linker_holds() {
        let imports: String = PREVIEW1_FUNCTIONS
            .iter()
            .map(|(name, signature)| {
                let ty = |ty| if ty == 'I' { "i64 " } else { "i32 " };
                let result = if *name == "proc_exit" { "" } else { "(result i32)" };
                let parameters: String = signature.chars().map(ty).collect();
                format!(r#"(import "{PREVIEW1}" "{name}" (func (param {parameters}) {result}))"#)
            })
            .collect();
        let compiler = wasmtime::Engine::new(&crate::engine::config().unwrap()).unwrap();
        let module = wasmtime::Module::new(&compiler, wat::parse_str(format!("(module {imports})")).unwrap()).unwrap();
        let mut linker = wasmtime::Linker::<crate::engine::store_state::StoreState>::new(&compiler);
        crate::engine::wasi::link_preview1(&mut linker).unwrap();
        linker.instantiate_pre(&module).unwrap();
    }

    #[test]
    fn an_import_in_another_version_names_the_provided_one() {
        assert_eq!(
            description("wasi:cli/stdout@0.3.0"),
            "`wasi:cli/stdout@0.3.0` (provided as `wasi:cli/stdout@0.2.x`)"
        );
    }

    #[test]
    fn a_candidate_for_a_release_is_none() {
        assert_eq!(UnsupportedImport::check("wasi:cli/stdout@0.2.12+build-7"), None);
        let name = "wasi:cli/stdout@0.2.0-rc-2023-11-10";
        assert_eq!(description(name), format!("`{name}` (provided as `wasi:cli/stdout@0.2.x`)"));
    }

    #[test]
    fn a_misspelt_import_names_the_nearest() {
        assert_eq!(
            description("wasi:clock/wall-clock@0.2.0"),
            "`wasi:clock/wall-clock@0.2.0` (nearest: `wasi:clocks/wall-clock@0.2.x`)"
        );
    }

    #[test]
    fn an_import_of_a_core_module_is_named_with_what_is_nearest() {
        let description =
            |module, name, ty| UnsupportedImport::check_of_module(module, name, ty).map(|import| import.to_string());
        assert_eq!(description(PREVIEW1, "fd_close", "func(i32) -> i32"), None);
        for (module, name, ty, expected) in [
            (PREVIEW1, "fd_close", "func(i64) -> i32", "(as `func(i64) -> i32`, and provided as `func(i32) -> i32`)"),
            (PREVIEW1, "fd_clone", "func(i32) -> i32", "(nearest: `wasi_snapshot_preview1::fd_close`)"),
            ("wasi_unstable", "fd_close", "func(i32) -> i32", "(provided as `wasi_snapshot_preview1`)"),
            ("env", "fd_close", "func(i32) -> i32", "(nothing like it is provided)"),
        ] {
            assert_eq!(description(module, name, ty), Some(format!("`{module}::{name}` {expected}")));
        }
    }

    #[test]
    fn an_import_like_nothing_says_so() {
        assert_eq!(description("acme:billing/ledger"), "`acme:billing/ledger` (nothing like it is provided)");
    }
}
