//! This binary runs the repository's own commands: see the response of a handler, run all tests, build guests, measure,
//! compare faults, fuzz, and make a release. Each command first installs what is missing.

mod bench;
mod bench_http;
mod bench_network;
mod debian;
mod demo;
mod demo_network;
mod dist;
mod functions;
mod guests;
mod libraries;
mod parts;
mod slow;
mod tools;

use std::{
    error::Error,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const HELP: &str = "\
usage: cargo xtask COMMAND

  try     build the host and the sample guest, start the local Lambda, invoke it, and print the response
  try network
          build two guests that use the network, and invoke them with servers on this machine
  libraries
          write docs/libraries.md, from what the tested functions ask for
  guests  build the guests in all languages, which the tests run
  test    install what the tests need, and run all of them, those with the image too
  bench [network|http]
          compare start, warm calls, memory and requests with native functions and AWS's runtimes for other languages;
          with `network` only the requests; with `http` guests that serve HTTP, with other ways to do so
  faults  cause the same faults in guests and in native Rust, Python and Node handlers, and count the lost environments
  fuzz [SECONDS]
          search for input that the host can't handle, for SECONDS (60 by default) with each target
  dist [--only x86_64|arm64] [--from DIRECTORY]
          make a release in target/dist: hosts, layers, and the tool's packages, for both processors or for one; with
          `--from` of programs that were built before, and are in DIRECTORY/x86_64 and DIRECTORY/arm64 under the
          names `bootstrap-lean`, `bootstrap-full` and `guesthouse`";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["try"] => demo::run(),
        ["try", "network"] => demo_network::run(),
        ["test"] => test(),
        ["libraries"] => libraries::write(),
        ["guests"] => guests::build(),
        ["bench"] => bench::run(&[]),
        ["bench", only @ ("network" | "http")] => bench::run(&[only]),
        ["faults"] => faults(),
        ["fuzz"] => fuzz("60"),
        ["fuzz", seconds] => fuzz(seconds),
        ["dist"] => dist::run_with(None, None),
        ["dist", "--only", only] => dist::run_with(Some(only), None),
        ["dist", "--from", from] => dist::run_with(None, Some(Path::new(from))),
        ["dist", "--only", only, "--from", from] => dist::run_with(Some(only), Some(Path::new(from))),
        _ => {
            eprintln!("{HELP}");
            return ExitCode::from(64);
        }
    };
    parts::print();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn test() -> Result<()> {
    tools::wasm_targets()?;
    tools::python()?;
    tools::emulator()?;
    tools::containers()?;
    tools::registry()?;
    tools::redis()?;
    tools::browser()?;
    tools::callers()?;
    guests::build()?;
    demo_network::run()?;
    say("running the host's tests");
    slow::run(cargo(&root()).args(["test", "--locked", "--workspace"]))?;
    // These tests run by themselves, because they take all cores, or one core for a long time.
    say("running 100,000 invocations (5 minutes)");
    run(&mut ignored_tests("endurance::"))?;
    say("swapping a guest under load (3 minutes)");
    run(&mut ignored_tests("swap_load::"))?;
    say("building the host without a compiler and testing it (4 minutes when it is the first time)");
    run(&mut ignored_tests("precompiled::"))?;
    say("making new guests, and building and running them (4 minutes)");
    run(&mut ignored_tests("new::"))?;
    say("building the image and running its tests (10 minutes when it is the first time)");
    run(&mut ignored_tests("image::"))?;
    say("running the tests of the guests' SDK");
    // These tests run on this machine, so they are built for it and not for the guests' target.
    run(cargo(&root().join("guests")).args(["test", "--locked", "-p", "guesthouse-guest", "--target", &native()?]))
}

fn faults() -> Result<()> {
    tools::wasm_targets()?;
    tools::python()?;
    tools::emulator()?;
    tools::peers()?;
    say("causing faults (10 minutes)");
    run(&mut ignored_tests("peers::"))
}

/// Returns a command that runs the ignored tests of a module.
fn ignored_tests(module: &str) -> Command {
    let mut cargo = cargo(&root());
    cargo.args(["test", "--locked", "--package", "guesthouse", "--test", "it", "--", "--ignored", module]);
    cargo
}

fn fuzz(seconds: &str) -> Result<()> {
    const TARGETS: &[&str] = &["guest", "settings", "next", "handler", "network", "gateway"];
    tools::fuzzer()?;
    let directory = root().join("tests/fuzz");
    let time = format!("-max_total_time={seconds}");
    for target in TARGETS {
        say(&format!("fuzzing `{target}` for {seconds} s (the first build takes 10 minutes)"));
        // New inputs go to the first directory. The second has the inputs that fuzzing begins with.
        let found = root().join("target/fuzz").join(target);
        std::fs::create_dir_all(&found)?;
        let mut cargo = cargo(&directory);
        // A stable compiler supports instruments for coverage, but no sanitizers.
        cargo.args(["fuzz", "run", "--sanitizer", "none", "--fuzz-dir", ".", target]).arg(found);
        run(cargo.arg(format!("corpus/{target}")).args(["--", &time, "-timeout=40", "-print_final_stats=1"]))?;
    }
    Ok(())
}

/// Returns this machine's target triple.
fn native() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output()?;
    let text = String::from_utf8(output.stdout)?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.ok_or("`rustc -vV` does not name its host")?.to_owned())
}

/// Returns the repository's directory, even if it was moved since this was compiled: cargo sets the crate's directory
/// for what it runs.
fn root() -> PathBuf {
    let own = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let mut root = PathBuf::from(own);
    root.pop();
    root.pop();
    root
}

/// Returns a command of cargo in this directory, without the variables that the outer cargo sets for its own build.
fn cargo(directory: &Path) -> Command {
    let mut cargo = Command::new("cargo");
    // The documentation names this directory, so the shell's `CARGO_TARGET_DIR` must not change it.
    cargo.current_dir(directory).env("CARGO_TARGET_DIR", directory.join("target"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PKG_") || name == "CARGO_MANIFEST_DIR" {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Runs a command to its end. Its output goes where this binary's output goes.
fn run(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(|error| format!("can't run {command:?}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} failed: {status}").into()) }
}

/// Prints what is done now, and begins a part of the command.
fn say(what: &str) {
    parts::begin(what);
    eprintln!("\n==> {what}");
}
