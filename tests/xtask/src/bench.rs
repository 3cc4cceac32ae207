//! The command `bench` builds what the benchmark compares, below `target/bench`, and runs the benchmark.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{Result, bench_http, bench_network, cargo, guests, root, run as execute, say, tools};

/// The names of the guests in Rust in the benchmark, and of the fixtures that they are.
const RUST: &[(&str, &str)] =
    &[("hello", "greet"), ("orders", "orders"), ("echo", "echo"), ("log", "talk"), ("compute", "compute")];

/// Runs the benchmark. `only` is what it runs instead of everything.
pub fn run(only: &[&str]) -> Result<()> {
    tools::wasm_targets()?;
    tools::peers()?;
    let path = tools::go()?;
    tools::c()?;
    let built = root().join("target/bench");
    fs::create_dir_all(&built)?;
    if only == ["http"] {
        bench_http::build(&built, &ahead(&built), &path)?;
    } else {
        programs(&built, &path)?;
        guests(&built, &path)?;
        bench_network::build(&built, &ahead(&built), &path)?;
    }
    say("running the benchmark (6 minutes)");
    let mut bench = Command::new(root().join("target/release/bench"));
    execute(bench.arg(ahead(&built)).args(only).current_dir(root()))
}

/// Builds `bootstrap` and the native functions. `path` is the value of `PATH` by which Go is found.
fn programs(built: &Path, path: &str) -> Result<()> {
    say(
        "building `bootstrap` with and without its parts, and the native functions (20 minutes when it is the first time)",
    );
    let release = root().join("target/release");
    bootstrap(built, "", "bootstrap-lean")?;
    bootstrap(built, "network", "bootstrap-lean-with-network")?;
    bootstrap(built, "compiler,lambda-runtime,oci", "bootstrap-without-network")?;
    bootstrap(built, ALL_FEATURES, "bootstrap")?;
    execute(cargo(&root()).args([
        "build",
        "--locked",
        "--release",
        "--package",
        "bench",
        "--package",
        "native-bench",
        "--package",
        "native-network",
    ]))?;
    fs::copy(release.join("native-bench"), built.join("native"))?;
    guests::go_function(&root().join("tests/bench/go"), path, &built.join("go"))?;
    write_go_version(built, path)?;
    for (directory, file) in [("python", "app.py"), ("node", "app.mjs")] {
        fs::create_dir_all(built.join(directory))?;
        fs::copy(root().join("tests/bench").join(directory).join(file), built.join(directory).join(file))?;
    }
    Ok(())
}

/// The features of the `bootstrap` that is published.
pub const ALL_FEATURES: &str = "compiler,lambda-runtime,network,oci";

/// Builds a `bootstrap` with these features.
pub fn bootstrap(built: &Path, features: &str, name: &str) -> Result<()> {
    let mut cargo = cargo(&root());
    cargo.args(["build", "--locked", "--profile", "host", "--package", "guesthouse", "--bin", "bootstrap"]);
    execute(cargo.args(["--no-default-features", "--features", features]))?;
    // The file is copied beside its place and moved there, because the previous one may still run.
    fs::copy(root().join("target/host/bootstrap"), built.join("partial"))?;
    Ok(fs::rename(built.join("partial"), built.join(name))?)
}

/// Writes down which Go builds, for the reports.
pub fn write_go_version(built: &Path, path: &str) -> Result<()> {
    let version = Command::new("go").arg("version").env("PATH", path).output()?;
    Ok(fs::write(built.join("go.version"), version.stdout)?)
}

/// Builds the guests by language: their `.wasm` files in `guests`, and their `.cwasm` files in `ahead`.
fn guests(built: &Path, path: &str) -> Result<()> {
    say("building the guests");
    let guests = built.join("guests");
    for language in ["rust", "c", "go", "js", "python"] {
        fs::create_dir_all(guests.join(language))?;
    }
    rust(&guests.join("rust"))?;
    guests::c_handler("tests/bench/c/hello.c", &guests.join("c/hello.wasm"))?;
    guests::compiler()?;
    guests::go_by_tool(&root().join("tests/bench/go"), path, &guests.join("go/hello.wasm"))?;
    let source = root().join("tests/bench/node/app.mjs");
    let handlers = ["hello", "orders", "echo"]
        .map(|name| (source.as_path(), name, guests.join("js").join(name).with_extension("wasm")));
    guests::javascript_handlers(&handlers)?;
    let python = guests.join("python/hello.wasm");
    guests::python_handler("tests/bench/python/guest.py", &tools::guest_python()?, &python)?;
    say("compiling the guests ahead of time (1 minute)");
    for language in fs::read_dir(&guests)? {
        let language = language?;
        let ahead = ahead(built).join(language.file_name());
        fs::create_dir_all(&ahead)?;
        for guest in fs::read_dir(language.path())?.flatten().map(|entry| entry.path()) {
            // Guests in Go have their sources beside them.
            let Some(name) = guest.file_stem().filter(|_| guest.extension().is_some_and(|ending| ending == "wasm"))
            else {
                continue;
            };
            guests::compile_to(&guest, &ahead.join(name).with_extension("cwasm"))?;
        }
    }
    // In these languages one guest has all handlers. The handler's name selects one, so each name needs a file.
    for name in ["orders", "echo"] {
        for language in ["go", "python"] {
            let ahead = ahead(built).join(language);
            let link = ahead.join(name).with_extension("cwasm");
            let _ = fs::remove_file(&link);
            fs::hard_link(ahead.join("hello.cwasm"), link)?;
        }
    }
    Ok(())
}

/// Returns the directory of the precompiled guests. It is not below `/tmp`, where guests can write: the host would not
/// accept machine code from there.
fn ahead(built: &Path) -> PathBuf {
    if built.starts_with("/tmp") { "/var/tmp/guesthouse-bench/ahead".into() } else { built.join("ahead") }
}

fn rust(guests: &Path) -> Result<()> {
    let directory = root().join("guests");
    let mut cargo = cargo(&directory);
    cargo.args(["build", "--locked", "--release", "--package", "fixtures"]);
    for (_, fixture) in RUST {
        cargo.args(["--example", fixture]);
    }
    execute(&mut cargo)?;
    for (name, fixture) in RUST {
        let from = directory.join(format!("target/wasm32-wasip2/release/examples/{fixture}.wasm"));
        fs::copy(from, guests.join(name).with_extension("wasm"))?;
    }
    Ok(())
}
