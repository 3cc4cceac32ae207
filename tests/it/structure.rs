//! Rules of the source's structure that no compiler keeps.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::sources::{Source, sources};

/// `needle` stands only in files whose path starts with one of `homes`.
fn lives_in(needle: &str, homes: &[&str]) {
    for source in sources() {
        let at_home = homes.iter().any(|home| source.path.starts_with(home));
        let is_whole = |at: usize| !source.code[..at].ends_with(|char: char| char.is_alphanumeric() || char == '_');
        let is_there = source.code.match_indices(needle).any(|(at, _)| is_whole(at));
        assert!(at_home || !is_there, "`{needle}` is in {}, but belongs in {homes:?}", source.path);
    }
}

#[test]
fn each_foreign_thing_has_one_home() {
    lives_in("wasmtime", &["engine/"]);
    lives_in(
        "wasmparser",
        &["engine/adapt.rs", "engine/compiler.rs", "engine/examine/", "engine/guest_metadata.rs", "engine/nesting.rs"],
    );
    lives_in("wiggle", &["engine/wasi/preview1/"]);
    lives_in("wit_component", &["engine/adapt.rs"]);
    lives_in("gimli", &["engine/debug_info.rs"]);
    lives_in("addr2line", &["engine/debug_info.rs"]);
    lives_in("lambda_runtime::", &["runtime_client/official.rs"]);
    lives_in("cap_std", &["source/task_root.rs", "engine/wasi/", "tmp/depth.rs"]);
    lives_in("reqwest", &["source/access.rs", "source/remote/"]);
    lives_in("object_store", &["source/remote/aws_api.rs", "source/remote/login.rs", "source/remote/s3.rs"]);
    lives_in("oci_client", &["source/remote/upload.rs"]);
    lives_in("minisign_verify", &["trust.rs"]);
    lives_in("notify::", &["bin/guesthouse/"]);
    lives_in("rayon", &["engine/compiler.rs"]);
    lives_in("object::", &["bin/guesthouse/package/bootstrap.rs", "engine/precompiled.rs"]);
    lives_in("zip::", &["bin/guesthouse/package/archive.rs"]);
    lives_in("toml::", &["config/"]);
    lives_in("clap", &["bin/guesthouse/"]);
    lives_in("env::var", &["config/env_vars.rs"]);
    lives_in("std::env", &["config/env_vars.rs", "bin/"]);
    lives_in("println!", &["bin/"]);
    lives_in(
        "thread::",
        &[
            "engine/compiler_process.rs",
            "engine/epoch.rs",
            "engine/large_stack.rs",
            "runtime_client/",
            "local/scratch.rs",
            "logs/writer.rs",
            "registry/own_thread.rs",
            "registry/refresh_thread.rs",
        ],
    );
    lives_in("spawn_blocking", &["engine/load_code.rs", "engine/symbols.rs"]);
    lives_in("tokio::spawn", &["local/", "network/client/"]);
    lives_in("hyper", &["local/", "network/client/", "network/error.rs"]);
    lives_in("rustls", &["network/client/tls.rs", "network/error.rs", "source/remote/"]);
    lives_in("aws_sigv4", &["network/aws/sign.rs"]);
    lives_in("signal_hook", &["runtime_client/mod.rs"]);
    lives_in("anyhow", &["bin/"]);
    for unsafe_code in ["unsafe {", "unsafe fn", "unsafe impl"] {
        lives_in(unsafe_code, &["engine/precompiled.rs"]);
    }
    lives_in("httparse", &["runtime_client/http1/"]);
    lives_in("set_var", &[]);
    lives_in("unwrap()", &[]);
}

/// The modules from the top down: each may use only what stands below it.
#[test]
fn dependencies_point_one_way() {
    const LAYERS: &[&[&str]] = &[
        &["bin"],
        &["local"],
        &["runtime_client", "telemetry"],
        &["registry", "logs"],
        &["config", "engine"],
        &["source"],
        &["artifact_policy", "capabilities", "observer", "response_stream"],
        &["gateway", "network", "report", "response"],
        &["failure", "freeze_aware_instant", "invocation", "phase_timings"],
        &["tmp"],
        &["backoff", "digest", "files", "lock", "memory_file", "text", "trust"],
    ];
    let layer = |module: &str| {
        let place = LAYERS.iter().position(|layer| layer.contains(&module));
        place.unwrap_or_else(|| panic!("`{module}` has no layer: give it one here"))
    };
    let modules = Modules::read();
    for (path, source) in &modules.files {
        let (own, own_layer) = (top(path), layer(top(path)));
        for name in paths(&source.code) {
            let Some((used, _)) = modules.named(path, &name) else { continue };
            let is_below = layer(top(used)) > own_layer;
            assert!(is_below || top(used) == own, "{path} uses `{name}`, which stands above or beside it");
        }
    }
}

/// Returns the module at the top to which a module belongs.
fn top(module: &str) -> &str {
    module.split("::").next().unwrap()
}

/// A circle of files can only be understood, tested and changed as a whole.
#[test]
fn no_files_use_each_other_in_a_circle() {
    let modules = Modules::read();
    let uses: Uses<'_> =
        modules.files.iter().map(|(path, source)| (path.as_str(), modules.used_by(path, source))).collect();
    assert!(uses.values().map(BTreeSet::len).sum::<usize>() > 200, "the paths are not understood");
    let reached: BTreeMap<&str, BTreeSet<&str>> = uses.keys().map(|&file| (file, reached_from(file, &uses))).collect();
    let arrows = uses.iter().flat_map(|(&from, to)| to.iter().map(move |&to| (from, to)));
    let in_circles = arrows.filter(|(from, to)| reached[to].contains(from));
    let in_circles: Vec<String> = in_circles.map(|(from, to)| format!("{from} -> {to}")).collect();
    assert!(in_circles.is_empty(), "these files use each other: {in_circles:#?}");
}

type Uses<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// Returns the modules that this one needs, also through others.
fn reached_from<'a>(from: &'a str, uses: &Uses<'a>) -> BTreeSet<&'a str> {
    let (mut reached, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(from) = next.pop() {
        next.extend(uses[from].iter().copied().filter(|to| reached.insert(*to)));
    }
    reached
}

/// The host's files by module path, such as `engine::wasi::files`.
struct Modules {
    files: BTreeMap<String, Source>,
}

impl Modules {
    fn read() -> Self {
        let module = |path: &str| path.trim_end_matches(".rs").trim_end_matches("/mod").replace('/', "::");
        let library =
            sources().into_iter().filter(|source| source.path != "lib.rs" && !source.path.starts_with("bin/"));
        Self { files: library.map(|source| (module(&source.path), source)).collect() }
    }

    /// Returns the modules of which a file uses something that is defined there. What a module only passes on counts
    /// for the module that defines it.
    fn used_by(&self, path: &str, source: &Source) -> BTreeSet<&str> {
        let (code, _) = split_reexports(&source.code.replace("pub(in crate::", "pub("));
        let used = paths(&code).into_iter().filter_map(|name| self.defining(path, &name));
        used.filter(|module| *module != path).collect()
    }

    /// Returns the module that defines what this path names in the module `from`.
    fn defining(&self, from: &str, name: &str) -> Option<&str> {
        let (module, item) = self.named(from, name)?;
        let passed_on = item.and_then(|item| {
            let (_, reexports) = split_reexports(&self.files[module].code);
            let within = paths(&reexports).into_iter().find(|path| path.rsplit("::").next() == Some(item))?;
            self.defining(module, &within)
        });
        passed_on.or(Some(module))
    }

    /// Returns the module that this path names in the module `from`, and the item in it.
    fn named<'a>(&self, from: &str, name: &'a str) -> Option<(&str, Option<&'a str>)> {
        let mut module: Vec<&str> = from.split("::").collect();
        match name.split("::").next()? {
            "crate" => module.clear(),
            "super" | "self" => {}
            first if self.files.contains_key(&format!("{from}::{first}")) => {}
            _ => return None,
        }
        let mut item = None;
        for segment in name.split("::") {
            match segment {
                "crate" | "self" => {}
                "super" => drop(module.pop()),
                _ if self.files.contains_key(&[&module[..], &[segment]].concat().join("::")) => module.push(segment),
                _ => {
                    item = Some(segment);
                    break;
                }
            }
        }
        let (module, _) = self.files.get_key_value(&module.join("::"))?;
        Some((module, item))
    }
}

/// Separates the statements with which a module passes on what others define, from the rest.
fn split_reexports(code: &str) -> (String, String) {
    let (mut own, mut reexports) = (String::new(), String::new());
    for statement in code.split_inclusive(';') {
        let begin = statement.rfind("\npub").map_or(0, |at| at + 1);
        let (before, last) = statement.split_at(begin);
        let is_reexport = last.strip_prefix("pub").is_some_and(|rest| {
            let rest = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or(rest, |(_, rest)| rest);
            rest.starts_with(" use ")
        });
        own.push_str(before);
        if is_reexport { reexports.push_str(last) } else { own.push_str(last) }
    }
    (own, reexports)
}

/// Returns the paths that the code names. Those of a `use` of several are written out.
fn paths(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for statement in code.split(';') {
        let rest = match statement.rsplit_once("use ") {
            Some((before, tree)) if before.is_empty() || before.ends_with(['\n', ' ']) => {
                write_out("", &tree.split_whitespace().collect::<Vec<_>>().join(" "), &mut found);
                before
            }
            _ => statement,
        };
        let words = rest.split(|char: char| !char.is_alphanumeric() && char != '_' && char != ':');
        found.extend(words.filter(|word| word.contains("::")).map(str::to_owned));
    }
    found
}

/// Writes `a::{b, c::d}` out as `a::b` and `a::c::d`.
fn write_out(prefix: &str, tree: &str, found: &mut Vec<String>) {
    let tree = tree.trim();
    let Some((before, group)) = tree.split_once('{') else {
        let name = tree.split(" as ").next().unwrap_or(tree);
        found.push(format!("{prefix}{name}").trim_end_matches("::self").to_owned());
        return;
    };
    let group = group.trim_end().trim_end_matches('}');
    let (mut depth, mut begin) = (0, 0);
    for (at, char) in group.char_indices().chain([(group.len(), ',')]) {
        match char {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 || at == group.len() => {
                if !group[begin..at].trim().is_empty() {
                    write_out(&format!("{prefix}{before}"), &group[begin..at], found);
                }
                begin = at + 1;
            }
            _ => {}
        }
    }
}

#[test]
fn files_can_be_read_in_one_sitting() {
    for source in sources() {
        let lines = source.text.lines().count();
        assert!(lines < 450, "{} has {lines} lines", source.path);
    }
    let bootstrap = sources().into_iter().find(|source| source.path == "bin/bootstrap.rs").unwrap();
    assert!(bootstrap.text.lines().count() <= 65, "bin/bootstrap.rs is to be a table of contents");
}

#[test]
fn lines_have_at_most_120_columns() {
    for source in sources() {
        for (number, line) in source.text.lines().enumerate() {
            let columns = line.chars().count();
            // rustfmt leaves texts as they are.
            let is_text =
                line.contains('"') || line.trim_end().ends_with('\\') || line.contains("://") || line.contains("| ");
            assert!(columns <= 120 || is_text, "{}:{} has {columns} columns", source.path, number + 1);
        }
    }
}

/// `ARCHITECTURE.md` has the words that took their place.
#[test]
fn words_that_were_replaced_do_not_come_back() {
    const REPLACED: &[&str] = &[
        "change over",
        "changed over",
        "changes over",
        "crew",
        "folder",
        "folders",
        "laps",
        "looker",
        "looks now",
        "look now",
        "look_now",
        "moment_of",
        "spent",
        "runtime edge",
        "GUESTHOUSE_EDGE",
    ];
    for source in sources() {
        let text = source.text.to_lowercase();
        for word in REPLACED.iter().map(|word| word.to_lowercase()) {
            let is_part = |char: Option<char>| char.is_some_and(|char| char.is_alphanumeric() || char == '_');
            let is_whole = |at: usize| {
                !is_part(text[..at].chars().next_back()) && !is_part(text[at + word.len()..].chars().next())
            };
            let is_there = text.match_indices(&word).any(|(at, _)| is_whole(at));
            assert!(!is_there, "{} says `{word}`: use the words of ARCHITECTURE.md", source.path);
        }
    }
}
