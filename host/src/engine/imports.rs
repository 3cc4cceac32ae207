//! What the host provides to guests, and what to say of an import it does not.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The interfaces of WASI 0.2 that the linker holds, by package. A test compares them with the linker.
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
    ("guesthouse:lambda", &["types"]),
];

/// An import that the host does not provide, with the nearest thing it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnsupportedImport {
    /// As the guest spells it, such as `wasi:http/outgoing-handler@0.2.4`.
    pub name: String,
    nearest: Nearest,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Nearest {
    /// The interface is there, in this version.
    OtherVersion(String),
    /// This one has the most alike name.
    Alike(String),
    /// The interface is there, but not all of the import; this is what is missing.
    Incomplete(String),
    Nothing,
}

impl UnsupportedImport {
    /// `None` for an import that the host provides.
    pub(super) fn check(name: &str) -> Option<Self> {
        let (interface, version) = name.split_once('@').unwrap_or((name, ""));
        let nearest = match provided().find(|candidate| candidate == interface) {
            Some(found) if version.starts_with(series(&found)) => return None,
            Some(found) => Nearest::OtherVersion(versioned(&found)),
            None => alike(interface).map_or(Nearest::Nothing, |found| Nearest::Alike(versioned(&found))),
        };
        Some(Self { name: name.to_owned(), nearest })
    }

    /// What a core module imports from, if not from WASI 0.1.
    #[cfg(feature = "compiler")]
    pub(super) fn of_module(name: &str) -> Self {
        let nearest = match name {
            "wasi_unstable" => Nearest::OtherVersion("wasi_snapshot_preview1".to_owned()),
            _ => Nearest::Nothing,
        };
        Self { name: name.to_owned(), nearest }
    }

    /// An import whose name is provided, but which asks for something that is not in it, for this reason.
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
            Nearest::Nothing => write!(f, "(nothing like it is provided)"),
        }
    }
}

fn provided() -> impl Iterator<Item = String> {
    PROVIDED.iter().flat_map(|(package, names)| names.iter().map(move |name| format!("{package}/{name}")))
}

/// The compatible versions, as their common beginning.
fn series(interface: &str) -> &'static str {
    if interface.starts_with("wasi:") { "0.2." } else { "0.1." }
}

fn versioned(interface: &str) -> String {
    format!("{interface}@{}x", series(interface))
}

/// The provided interface whose name is most like `interface`, if any is like it at all.
fn alike(interface: &str) -> Option<String> {
    let scored = provided().map(|candidate| (strsim::normalized_damerau_levenshtein(interface, &candidate), candidate));
    scored.filter(|(score, _)| *score > 0.6).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(name: &str) -> String {
        UnsupportedImport::check(name).unwrap().to_string()
    }

    /// One function or resource of each interface in the table.
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
    ];

    /// Whether the linker holds the item, whatever its type.
    fn is_linked(interface: &str, item: &str) -> bool {
        let ty = match item.strip_prefix("resource ") {
            Some(name) => format!(r#"(export "{name}" (type (sub resource)))"#),
            None => format!(r#"(export "{item}" (func))"#),
        };
        let text = format!(r#"(component (import "{interface}@0.2.6" (instance {ty})))"#);
        let engine = crate::engine::Engine::new().unwrap();
        let bytes = wat::parse_str(text).unwrap();
        let image = crate::engine::compiler::build(bytes, &crate::digest::Digest::of(b""), None).unwrap();
        let code = crate::memory_file::memory_file("cwasm", &image).unwrap();
        let linked = engine.link(&crate::engine::Code::map(&engine, code).unwrap().component);
        linked.err().is_none_or(|error| !format!("{error:#}").contains("implementation is missing"))
    }

    #[test]
    fn the_table_is_what_the_linker_holds() {
        let wasi: Vec<String> = provided().filter(|interface| interface.starts_with("wasi:")).collect();
        assert_eq!(wasi, ITEMS.iter().map(|(interface, _)| *interface).collect::<Vec<_>>());
        for (interface, item) in ITEMS {
            assert_eq!(UnsupportedImport::check(&format!("{interface}@0.2.6")), None);
            assert!(is_linked(interface, item), "`{item}` of `{interface}` is not in the linker");
        }
        assert!(!is_linked("wasi:http/outgoing-handler", "handle"));
    }

    #[test]
    fn an_import_in_another_version_names_the_provided_one() {
        assert_eq!(said("wasi:cli/stdout@0.3.0"), "`wasi:cli/stdout@0.3.0` (provided as `wasi:cli/stdout@0.2.x`)");
    }

    #[test]
    fn a_misspelt_import_names_the_nearest() {
        assert_eq!(
            said("wasi:clock/wall-clock@0.2.0"),
            "`wasi:clock/wall-clock@0.2.0` (nearest: `wasi:clocks/wall-clock@0.2.x`)"
        );
    }

    #[test]
    fn an_import_like_nothing_says_so() {
        assert_eq!(said("acme:billing/ledger"), "`acme:billing/ledger` (nothing like it is provided)");
    }
}
