//! The commands of the README: see a handler answer, run all tests, compare faults, and fuzz. Each gets what is missing first.

mod bench;
mod debian;
mod demo;
mod guests;
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

  try     build the host and the sample guest, start the local Lambda, invoke it, and print the answer
  guests  build the guests in all languages, which the tests run
  test    install what the tests need, and run all of them, those with the image too
  bench   compare start, warm calls and memory with native functions and AWS's runtimes for other languages
  faults  cause the same faults in guests and in native Rust, Python and Node handlers, and count the lost environments
  fuzz [SECONDS]
          look for input that the host does not cope with, for so long (60) with each target";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["try"] => demo::run(),
        ["test"] => test(),
        ["guests"] => guests::build(),
        ["bench"] => bench::run(),
        ["faults"] => faults(),
        ["fuzz"] => fuzz("60"),
        ["fuzz", seconds] => fuzz(seconds),
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
    guests::build()?;
    say("running the host's tests");
    slow::run(cargo(&root()).args(["test", "--locked", "--workspace"]))?;
    // By themselves: these take all cores, or one for long.
    say("running 100,000 invocations (5 minutes)");
    run(&mut ignored_tests("endurance::"))?;
    say("exchanging a guest under load (3 minutes)");
    run(&mut ignored_tests("swap_load::"))?;
    say("building the host without a compiler and testing it (4 minutes when it is the first time)");
    run(&mut ignored_tests("precompiled::"))?;
    say("making new guests, and building and running them (4 minutes)");
    run(&mut ignored_tests("new::"))?;
    say("building the image and running its tests (10 minutes when it is the first time)");
    run(&mut ignored_tests("image::"))?;
    say("running the tests of the guests' SDK");
    // They run here, so they are built for here and not for the guests' target.
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

/// The tests of this module that only run when they are asked for.
fn ignored_tests(module: &str) -> Command {
    let mut cargo = cargo(&root());
    cargo.args(["test", "--locked", "--package", "guesthouse", "--test", "it", "--", "--ignored", module]);
    cargo
}

fn fuzz(seconds: &str) -> Result<()> {
    const TARGETS: &[&str] = &["guest", "settings", "next", "handler"];
    tools::fuzzer()?;
    let folder = root().join("tests/fuzz");
    let time = format!("-max_total_time={seconds}");
    for target in TARGETS {
        say(&format!("fuzzing `{target}` for {seconds} s (the first build takes 10 minutes)"));
        // What is found goes to the first folder; what is kept in the second is where it begins.
        let found = root().join("target/fuzz").join(target);
        std::fs::create_dir_all(&found)?;
        let mut cargo = cargo(&folder);
        // Instruments for coverage are all that a stable compiler has.
        cargo.args(["fuzz", "run", "--sanitizer", "none", "--fuzz-dir", ".", target]).arg(found);
        run(cargo.arg(format!("corpus/{target}")).args(["--", &time, "-timeout=40", "-print_final_stats=1"]))?;
    }
    Ok(())
}

/// The triple of this machine.
fn native() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output()?;
    let text = String::from_utf8(output.stdout)?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.ok_or("`rustc -vV` does not name its host")?.to_owned())
}

/// The repository, wherever it was moved since this was compiled: cargo says where the crate is that it runs.
fn root() -> PathBuf {
    let own = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let mut root = PathBuf::from(own);
    root.pop();
    root.pop();
    root
}

/// Cargo in this folder, without what the cargo that runs us says of its own build.
fn cargo(folder: &Path) -> Command {
    let mut cargo = Command::new("cargo");
    // Where the README says that things are, whatever the shell says.
    cargo.current_dir(folder).env("CARGO_TARGET_DIR", folder.join("target"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PKG_") || name == "CARGO_MANIFEST_DIR" {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Runs a command to its end, with its output where ours is.
fn run(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(|error| format!("can't run {command:?}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} failed: {status}").into()) }
}

/// Says what is done now.
fn say(what: &str) {
    parts::begin(what);
    eprintln!("\n==> {what}");
}
