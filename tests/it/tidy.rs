//! Rules of the source that no compiler keeps.

use std::{
    fs,
    path::{Path, PathBuf},
};

use guesthouse::config::variables;

use crate::support::{
    faults::{self, Afterwards},
    guests, root,
};

struct Source {
    /// Relative to `host/src`.
    path: String,
    /// Without comments and without tests.
    code: String,
    lines: usize,
}

fn sources() -> Vec<Source> {
    let base = root().join("host/src");
    let mut sources = Vec::new();
    for file in files(&base) {
        let text = fs::read_to_string(&file).unwrap();
        let path = file.strip_prefix(&base).unwrap().to_str().unwrap().to_owned();
        if path.ends_with("tests.rs") {
            continue;
        }
        let before_tests = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        let code =
            before_tests.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        sources.push(Source { path, code, lines: text.lines().count() });
    }
    assert!(sources.len() > 20);
    sources
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// `needle` stands only in files whose path starts with one of `homes`.
fn lives_in(needle: &str, homes: &[&str]) {
    for source in sources() {
        let at_home = homes.iter().any(|home| source.path.starts_with(home));
        assert!(at_home || !source.code.contains(needle), "`{needle}` is in {}, but belongs in {homes:?}", source.path);
    }
}

#[test]
fn each_foreign_thing_has_one_home() {
    lives_in("wasmtime", &["engine/"]);
    lives_in("wasmparser", &["engine/adapt.rs", "engine/compiler.rs", "engine/examine/", "engine/inspect.rs"]);
    lives_in("wiggle", &["engine/wasi/preview1/"]);
    lives_in("wit_component", &["engine/adapt.rs"]);
    lives_in("gimli", &["engine/debug_info.rs"]);
    lives_in("addr2line", &["engine/debug_info.rs"]);
    lives_in("lambda_runtime::", &["edge/official.rs"]);
    lives_in("cap_std", &["source/task_root.rs", "engine/wasi/", "tmp/depth.rs"]);
    lives_in("reqwest", &["source/access.rs", "source/remote/"]);
    lives_in("object_store", &["source/remote/s3.rs", "source/remote/login.rs"]);
    lives_in("oci_client", &["source/remote/upload.rs"]);
    lives_in("minisign_verify", &["trust.rs"]);
    lives_in("notify::", &["bin/guesthouse/"]);
    lives_in("rayon", &["engine/compiler.rs"]);
    lives_in("toml::", &["config/"]);
    lives_in("clap", &["bin/guesthouse/"]);
    lives_in("env::var", &["config/environment.rs"]);
    lives_in("std::env", &["config/environment.rs", "bin/"]);
    lives_in("println!", &["bin/"]);
    lives_in(
        "thread::",
        &[
            "engine/compiler",
            "engine/epoch.rs",
            "edge/",
            "local/scratch.rs",
            "logs/writer.rs",
            "registry/apart.rs",
            "registry/looker.rs",
        ],
    );
    lives_in("spawn_blocking", &["engine/code.rs", "engine/symbols.rs"]);
    lives_in("tokio::spawn", &["local/"]);
    lives_in("signal_hook", &["edge/mod.rs"]);
    lives_in("anyhow", &["bin/"]);
    lives_in("unsafe", &["engine/precompiled.rs"]);
    lives_in("httparse", &["edge/head.rs", "edge/http.rs"]);
    lives_in("set_var", &[]);
    lives_in("unwrap()", &[]);
}

/// The modules from the top down: each may use only what stands below it.
#[test]
fn dependencies_point_one_way() {
    const LAYERS: &[&[&str]] = &[
        &["bin"],
        &["local"],
        &["edge", "telemetry"],
        &["registry", "logs"],
        &["config", "engine"],
        &["source"],
        &["capabilities", "failure", "invocation", "laps", "moment", "observer", "terms"],
        &["digest", "files", "memory_file", "text", "tmp", "trust"],
    ];
    let layer = |module: &str| LAYERS.iter().position(|layer| layer.contains(&module));
    for source in sources().iter().filter(|source| source.path != "lib.rs") {
        let module = source.path.split('/').next().unwrap().trim_end_matches(".rs");
        let own = layer(module).unwrap_or_else(|| panic!("`{module}` has no layer: give it one here"));
        for other in LAYERS.iter().take(own + 1).copied().flatten().filter(|other| **other != module) {
            assert!(!uses(&source.code, other), "{} uses `{other}`, which stands above or beside it", source.path);
        }
    }
}

/// Whether the code names the module, in a path or in a `use` of several.
fn uses(code: &str, module: &str) -> bool {
    let in_group = |group: &str| {
        let end = group.find("};").unwrap_or(group.len());
        group[..end].lines().flat_map(|line| line.split(", ")).any(|part| {
            let part = part.trim().trim_start_matches('{');
            part.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', ',', '}']))
        })
    };
    code.contains(&format!("crate::{module}::")) || code.split("use crate::{").skip(1).any(in_group)
}

#[test]
fn files_can_be_read_in_one_sitting() {
    for source in sources() {
        assert!(source.lines <= 500, "{} has {} lines", source.path, source.lines);
    }
    let bootstrap = sources().into_iter().find(|source| source.path == "bin/bootstrap.rs").unwrap();
    assert!(bootstrap.lines <= 65, "bin/bootstrap.rs is to be a table of contents");
}

/// wasmtime itself looks at its major version only.
#[test]
fn machine_code_is_told_by_the_versions_that_are_built() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let version = |name: &str| {
        let package = lock.split("[[package]]").find(|package| package.contains(&format!("\nname = \"{name}\"\n")));
        package.unwrap().split("version = \"").nth(1).unwrap().split('"').next().unwrap()
    };
    let expected = format!("guesthouse {}, wasmtime {}", version("guesthouse"), version("wasmtime"));
    assert_eq!(guesthouse::engine::CODE_VERSION, expected);
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).unwrap()
}

#[test]
fn every_variable_is_in_the_readme() {
    for variable in variables::ALL {
        assert!(readme().contains(&format!("`{variable}`")), "{variable}");
    }
}

#[test]
fn every_error_type_is_in_the_readme() {
    let failure = fs::read_to_string(root().join("host/src/failure.rs")).unwrap();
    let code = failure.split("#[cfg(test)]").next().unwrap();
    let names = code.split('"').filter(|part| {
        ["Guest.", "Host.", "Function."].iter().any(|start| part.starts_with(start) && part != start)
            && !part.contains('{')
    });
    let names: Vec<&str> = names.collect();
    assert!(names.len() > 10);
    for name in names {
        assert!(readme().contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn every_fixture_is_used_by_a_test() {
    let folders = ["tests/it", "tests/xtask"];
    let files = folders.iter().flat_map(|folder| files(&root().join(folder)));
    let tests: String = files.filter_map(|file| fs::read_to_string(file).ok()).collect();
    for fixture in guests::fixtures() {
        assert!(tests.contains(&format!("\"{fixture}\"")), "no test uses the fixture `{fixture}`");
    }
}

fn page_of_faults() -> String {
    fs::read_to_string(root().join("tests/faults.md")).unwrap()
}

#[test]
fn the_page_of_faults_lists_those_that_are_caused() {
    let page = page_of_faults();
    let table = page.split("## In guests").nth(1).unwrap().split("These have tests").next().unwrap();
    let listed: Vec<&str> = table.lines().filter(|line| line.starts_with("| ")).skip(2).collect();
    let faults = faults::all();
    let expected = faults.iter().map(|fault| {
        let next = if fault.instance == Afterwards::Kept { "the same" } else { "a new one" };
        format!("| {} | `{}` | {next} |", fault.name, fault.error_type)
    });
    let expected: Vec<String> = expected.collect();
    expected.iter().for_each(|row| assert!(listed.contains(&row.as_str()), "{row}"));
    assert_eq!(listed.len(), expected.len());
}

#[test]
fn the_tests_that_the_page_of_faults_names_are_there() {
    let modules: Vec<PathBuf> = files(&root().join("tests/it"));
    let named = page_of_faults().split('`').filter(|part| part.contains("::")).map(str::to_owned).collect::<Vec<_>>();
    assert!(named.len() > 20);
    for test in named {
        let (module, name) = test.split_once("::").unwrap();
        let file =
            modules.iter().find(|file| file.ends_with(format!("{module}.rs"))).unwrap_or_else(|| panic!("{test}"));
        assert!(fs::read_to_string(file).unwrap().contains(&format!("fn {name}()")), "{test}");
    }
}
