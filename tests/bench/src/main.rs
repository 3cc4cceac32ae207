//! This binary compares Guesthouse with native functions and with AWS's runtimes for other languages, in one run.
//! `cargo xtask bench` builds and installs what is compared, and runs this binary.
//!
//! A Runtime API in this process drives each contestant as a child process. Except for the throughput, all share one
//! core and take turns, so that other load on the machine affects them alike. The ratios are meaningful; the times are
//! those of this machine.

mod contestant;
mod http;
mod http_report;
mod network;
mod network_report;
mod peers;
mod picture;
mod report;
mod runtime_api;
mod url_event;
mod work;
mod world;

use std::{
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use contestant::Contestant;
use peers::Peers;
use rustix::thread::{CpuSet, sched_setaffinity};
use work::Work;

/// The number of rounds. In each of them every contestant starts.
const ROUNDS: usize = 21;

/// The number of invocations of each work in a round. The larger works only run in every [`EVERY`]th round.
const HELLOS: usize = 500;
const ORDERS: usize = 200;
const ECHOES: usize = 30;
const LOGS: usize = 200;
const EVERY: usize = 3;

/// The number of invocations after which memory is compared with that after the first one.
const MANY: usize = 10_000;

/// The numbers of invocations at a time for which the throughput is measured.
const AT_ONCE: [usize; 3] = [1, 4, 16];

/// The directory of the guests that are compiled ahead of time.
const AHEAD: &str = "ahead";

const ALL: [Work; 5] = [Work::Hello, Work::Orders, Work::Echo, Work::Log, Work::Compute];

/// Takes the directory of the guests that are compiled ahead of time, and `network` or `http` to compare only what uses
/// it. HTTP's own comparison is only made by itself.
fn main() -> Result<(), Box<dyn Error>> {
    let built = root().join("target/bench");
    let mut arguments = std::env::args_os().skip(1);
    let ahead = arguments.next().map_or_else(|| built.join(AHEAD), PathBuf::from);
    let peers = Peers::new(&root())?;
    let only = arguments.next();
    if only.as_deref().is_some_and(|only| only == "http") {
        let report = http_report::write(&http::measure(&built, &ahead, &peers)?, &machine(&peers));
        print!("{report}");
        return Ok(fs::write(root().join("tests/bench/http.md"), &report)?);
    }
    if only.is_none() {
        compare_without_network(&built, &ahead, &peers)?;
    }
    let measured = network::measure(&built, &ahead, &peers)?;
    let sizes = network_report::Sizes {
        all: [bytes(&built, "bootstrap")?, bytes(&built, "bootstrap-without-network")?],
        lean: [bytes(&built, "bootstrap-lean-with-network")?, bytes(&built, "bootstrap-lean")?],
    };
    let report = network_report::write(&measured, &sizes, &machine(&peers));
    print!("{report}");
    Ok(fs::write(root().join("tests/bench/network.md"), &report)?)
}

fn compare_without_network(built: &Path, ahead: &Path, peers: &Peers) -> Result<(), Box<dyn Error>> {
    let mut contestants = contestants(built, ahead, peers);
    // This runs on all cores, because it measures how well they are used.
    for round in 0..3 {
        for contestant in contestants.iter_mut().filter(|contestant| contestant.works.contains(&Work::Compute)) {
            for concurrency in AT_ONCE {
                eprint!("\rat once: round {}, {} at {concurrency}            ", round + 1, contestant.name);
                contestant.run_at_once(concurrency, 100 * concurrency.min(2))?;
            }
        }
    }
    bind_to_one_core()?;
    let mut order: Vec<usize> = (0..contestants.len()).collect();
    for round in 0..ROUNDS {
        eprint!("\rround {} of {ROUNDS}                                        ", round + 1);
        shuffle(&mut order, round as u64);
        for contestant in &order {
            contestants[*contestant].run(Work::Hello, HELLOS)?;
        }
        for contestant in order.iter().filter(|_| round % EVERY == 0) {
            for (work, invocations) in [(Work::Orders, ORDERS), (Work::Echo, ECHOES), (Work::Log, LOGS)] {
                if contestants[*contestant].works.contains(&work) {
                    contestants[*contestant].run(work, invocations)?;
                }
            }
        }
    }
    for contestant in &mut contestants {
        eprint!("\r{MANY} invocations: {}                           ", contestant.name);
        contestant.run_for_memory(MANY)?;
    }
    eprintln!();
    let report =
        report::write(&contestants, &[bytes(built, "bootstrap")?, bytes(built, "bootstrap-lean")?], &machine(peers));
    print!("{report}");
    let directory = root().join("tests/bench");
    fs::write(directory.join("results.md"), &report)?;
    fs::write(directory.join("results.svg"), picture::draw(&contestants))?;
    put("docs/benchmarks.md", &report::languages(&contestants))?;
    Ok(put("README.md", &report::languages_in_short(&contestants))?)
}

/// Puts a table of the languages between the two markers of this page.
fn put(page: &str, table: &str) -> io::Result<()> {
    const BEGIN: &str = "<!-- Written by `cargo xtask bench`. -->\n";
    const END: &str = "<!-- Up to here. -->";
    let path = root().join(page);
    let text = fs::read_to_string(&path)?;
    let written = text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) =
        written.ok_or_else(|| io::Error::other(format!("`{page}` has no place for the languages' table")))?;
    fs::write(path, format!("{before}{BEGIN}{table}{END}{after}"))
}

/// Binds this process and its children to the core that it runs on now.
fn bind_to_one_core() -> io::Result<()> {
    let mut cores = CpuSet::new();
    cores.set(rustix::thread::sched_getcpu());
    Ok(sched_setaffinity(None, &cores)?)
}

/// Shuffles the contestants, in another order for each round, and in the same orders in each run. A contestant finds
/// the caches as the one before it left them.
fn shuffle(order: &mut [usize], round: u64) {
    let mut state = round.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for at in (1..order.len()).rev() {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        order.swap(at, (state >> 33) as usize % (at + 1));
    }
}

/// Returns the processor's name, and the versions of what is compared.
fn machine(peers: &Peers) -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let model = model.trim_start_matches([' ', '\t', ':']).to_owned();
    let rust = Command::new("rustc").arg("--version").output();
    let rust = rust.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    let go = fs::read_to_string(root().join("target/bench/go.version")).unwrap_or_default().trim().to_owned();
    let [python, node] = peers.versions();
    let parts = [model, rust, go, python, node].into_iter().filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(", ")
}

/// Returns all contestants. The native one is first, because the others are compared with it.
fn contestants(built: &Path, ahead: &Path, peers: &Peers) -> Vec<Contestant> {
    fn own(work: Work) -> String {
        work.name().to_owned()
    }
    fn module(work: Work) -> String {
        format!("app.{}", work.name())
    }
    let bootstrap = built.join("bootstrap");
    let guesthouse = |name, language: &str, kind: &str| {
        let guests = if kind == AHEAD { ahead.join(language) } else { built.join(kind).join(language) };
        let hello = guests.join("hello").with_extension(if kind == AHEAD { "cwasm" } else { "wasm" });
        Contestant::new(name, &bootstrap, own)
            .env("LAMBDA_TASK_ROOT", text(&guests))
            .files(vec![hello])
            .host(&bootstrap)
    };
    let of_language = |name, language| {
        let wasm = built.join("guests").join(language).join("hello.wasm");
        guesthouse(name, language, AHEAD).source(wasm)
    };
    let fresh = |name, language| guesthouse(name, language, AHEAD).env("GUESTHOUSE_INSTANCES", "fresh");
    let not_compiled = |name, language| guesthouse(name, language, "guests").works(&[Work::Hello]);
    let (python, node) = (built.join("python"), built.join("node"));
    vec![
        Contestant::new("native Rust, lambda_runtime", &built.join("native"), own).works(&ALL),
        of_language("Guesthouse, Rust guest", "rust").works(&ALL),
        fresh("Rust guest, fresh instances", "rust"),
        not_compiled("Rust guest, not compiled ahead", "rust"),
        of_language("Guesthouse, C guest", "c").works(&[Work::Hello]),
        fresh("C guest, fresh instances", "c").works(&[Work::Hello]),
        not_compiled("C guest, not compiled ahead", "c"),
        of_language("Guesthouse, Go guest", "go"),
        of_language("Guesthouse, JavaScript guest", "js"),
        fresh("JavaScript guest, fresh instances", "js"),
        not_compiled("JavaScript guest, not compiled ahead", "js"),
        of_language("Guesthouse, Python guest", "python"),
        Contestant::new("native Go, aws-lambda-go", &built.join("go"), own),
        peers.python("Python, awslambdaric", &python, module).files(vec![python.join("app.py")]),
        peers.node("Node.js, aws-lambda-ric", &node, module).files(vec![node.join("app.mjs")]),
    ]
}

fn bytes(built: &Path, file: &str) -> io::Result<u64> {
    Ok(fs::metadata(built.join(file))?.len())
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Returns the repository's directory, in which `cargo xtask bench` runs this binary.
fn root() -> PathBuf {
    std::env::current_dir().unwrap_or_default()
}
