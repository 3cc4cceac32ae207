//! Guesthouse beside native functions and AWS's runtimes for other languages, in one run: `cargo xtask bench`, which builds and
//! installs what is compared, and runs this on one core.
//!
//! A Runtime API in this process drives each contestant as a child process. All share a core and take turns, so that a busy machine
//! hits them alike: the ratios mean something, the times are this machine's.

mod contestant;
mod picture;
mod report;
mod runtime_api;
mod work;

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use contestant::Contestant;
use work::Work;

/// Each is a start of every contestant.
const ROUNDS: usize = 21;

/// In a round, of each work. The larger ones are only done in every [`EVERY`]th.
const HELLOS: usize = 500;
const ORDERS: usize = 200;
const ECHOES: usize = 30;
const EVERY: usize = 3;

/// By which memory is said to grow or not.
const MANY: usize = 10_000;

const AT_ONCE: [usize; 3] = [1, 4, 16];

const ALL: [Work; 4] = [Work::Hello, Work::Orders, Work::Echo, Work::Compute];

/// Set in the process that is bound to one core.
const BOUND: &str = "GUESTHOUSE_BENCH_BOUND";

fn main() -> Result<(), Box<dyn Error>> {
    let built = root().join("target/bench");
    let mut contestants = contestants(&built)?;
    if std::env::var_os(BOUND).is_none() {
        // On all cores, for it is about them.
        for round in 0..3 {
            for contestant in contestants.iter_mut().filter(|contestant| contestant.works.contains(&Work::Compute)) {
                for concurrency in AT_ONCE {
                    eprint!("\rat once: round {}, {} at {concurrency}            ", round + 1, contestant.name);
                    contestant.run_at_once(concurrency, 100 * concurrency.min(2))?;
                }
            }
        }
        let throughput = report::throughput(&contestants);
        let status = Command::new("taskset")
            .args(["-c", "0"])
            .arg(std::env::current_exe()?)
            .env(BOUND, throughput)
            .status()
            .map_err(|error| format!("can't run taskset, which is part of util-linux: {error}"))?;
        return if status.success() { Ok(()) } else { Err("the benchmark failed".into()) };
    }
    for round in 0..ROUNDS {
        eprint!("\rround {} of {ROUNDS}                                        ", round + 1);
        for contestant in &mut contestants {
            contestant.run(Work::Hello, HELLOS)?;
        }
        for contestant in contestants.iter_mut().filter(|_| round % EVERY == 0) {
            for (work, invocations) in [(Work::Orders, ORDERS), (Work::Echo, ECHOES)] {
                if contestant.works.contains(&work) {
                    contestant.run(work, invocations)?;
                }
            }
        }
    }
    for contestant in &mut contestants {
        eprint!("\r{MANY} invocations: {}                           ", contestant.name);
        contestant.run(Work::Hello, MANY)?;
    }
    eprintln!();
    let throughput = std::env::var(BOUND)?;
    let report = report::write(&contestants, &throughput, &sizes(&built)?);
    print!("{report}");
    let folder = root().join("tests/bench");
    fs::write(folder.join("results.md"), &report)?;
    fs::write(folder.join("results.svg"), picture::draw(&contestants))?;
    Ok(())
}

/// All of them, the native one first: the others are compared with it.
fn contestants(built: &Path) -> Result<Vec<Contestant>, Box<dyn Error>> {
    fn own(work: Work) -> String {
        work.name().to_owned()
    }
    fn module(work: Work) -> String {
        format!("app.{}", work.name())
    }
    let bootstrap = built.join("bootstrap");
    let guesthouse = |name, guests: &str| {
        let guests = built.join(guests);
        let files = fs::read_dir(&guests).into_iter().flatten().flatten().map(|file| file.path());
        let file = files.filter(|file| file.file_stem().is_some_and(|stem| stem == "hello")).collect();
        Contestant::new(name, &bootstrap, own).env("LAMBDA_TASK_ROOT", text(&guests)).files(file)
    };
    let peers = root().join("target/tools/peers");
    let python = root().join("tests/bench/python");
    let node = root().join("tests/bench/node");
    let modules = peers.join("node/node_modules");
    let programs = fs::read_dir(&modules)?.flatten().map(|entry| entry.path().join("bin/node"));
    let program = programs.into_iter().find(|program| program.exists()).ok_or("there is no Node: cargo xtask bench")?;
    let ric = modules.join("aws-lambda-ric/index.mjs");
    Ok(vec![
        Contestant::new("native Rust, lambda_runtime", &built.join("native"), own).works(&ALL),
        guesthouse("Guesthouse, Rust guest", "rust-ahead").works(&ALL),
        guesthouse("Rust guest, fresh instances", "rust-ahead").env("GUESTHOUSE_INSTANCES", "fresh"),
        guesthouse("Rust guest, not compiled ahead", "rust"),
        guesthouse("Guesthouse, C guest", "c-ahead").works(&[Work::Hello]),
        guesthouse("C guest, fresh instances", "c-ahead").env("GUESTHOUSE_INSTANCES", "fresh").works(&[Work::Hello]),
        guesthouse("C guest, not compiled ahead", "c").works(&[Work::Hello]),
        guesthouse("Guesthouse, JavaScript guest", "js-ahead"),
        guesthouse("JavaScript guest, fresh instances", "js-ahead").env("GUESTHOUSE_INSTANCES", "fresh"),
        guesthouse("JavaScript guest, not compiled ahead", "js"),
        Contestant::new("native Go, aws-lambda-go", &built.join("go"), own),
        Contestant::new("Python, awslambdaric", &peers.join("python/bin/python"), module)
            .argument("-m")
            .argument("awslambdaric")
            .argument("HANDLER")
            .env("LAMBDA_TASK_ROOT", text(&python))
            .env("PYTHONPATH", text(&python))
            .files(vec![python.join("app.py")]),
        Contestant::new("Node.js, aws-lambda-ric", &program, module)
            .argument(text(&ric))
            .argument("HANDLER")
            .env("LAMBDA_TASK_ROOT", text(&node))
            .files(vec![node.join("app.mjs")]),
    ])
}

/// Programs whose size is to be told.
fn sizes(built: &Path) -> Result<Vec<(&'static str, u64)>, Box<dyn Error>> {
    let size = |file: &str| fs::metadata(built.join(file)).map(|file| file.len());
    Ok(vec![
        ("`bootstrap`", size("bootstrap")?),
        ("`bootstrap` without compiler and `lambda_runtime`", size("bootstrap-lean")?),
    ])
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn root() -> PathBuf {
    let mut root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.pop();
    root.pop();
    root
}
