//! The faults that programs in any language can have, in guests and in native handlers on AWS's own runtimes, under
//! Lambda's emulator: how many environments are lost?
//!
//! The emulator gives a function as much memory as there is, so a process that takes more than the function has is
//! ended here, as Lambda does it.

use std::{
    fs,
    io::Write as _,
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use crate::support::{Behaviour, Program, behaviour::Size, emulator, guests, http, program, root, tools, wait_for};

const MEMORY_MIB: u64 = 512;

/// Enough for whatever is not to end by a timeout, on a busy machine too.
const TIMEOUT_SECONDS: u32 = 20;

/// A guest is stopped this long before its deadline, and its worker is abandoned when half of that has passed.
const MARGIN: &str = "2s";

/// The faults, by their names in `tests/faults.md`, each with an event before if there is one.
fn faults() -> Vec<(&'static str, Option<Behaviour>, Behaviour)> {
    vec![
        ("error", None, Behaviour::Fail),
        ("error with a stack trace of 100,000 lines", None, Behaviour::LongStackTrace),
        ("error of 50 MB", None, Behaviour::ErrorOf(Size::Mb(50))),
        ("response of 7 MB", None, Behaviour::ResponseOf(Size::Mb(7))),
        ("response of 20 MB", None, Behaviour::ResponseOf(Size::Mb(20))),
        ("panic, or an exception that nobody handles", None, Behaviour::Panic),
        ("abort", None, Behaviour::Abort),
        ("integer division by zero", None, Behaviour::DivideByZero),
        ("memory out of bounds", None, Behaviour::ReadOutOfBounds),
        ("stack overflow", None, Behaviour::OverflowTheStack),
        ("exit(0)", None, Behaviour::Exit(0)),
        ("exit(1)", None, Behaviour::Exit(1)),
        ("exit with a file open", None, Behaviour::ExitWithAnOpenFile),
        ("endless loop", None, Behaviour::Loop),
        ("endless wait", None, Behaviour::Sleep),
        ("allocation without end", None, Behaviour::Allocate),
        ("files opened without end", None, Behaviour::OpenFiles(1_000_000)),
        ("panic in start-up", Some(Behaviour::Panic.in_start_up()), Behaviour::Rest),
        ("exit in start-up", Some(Behaviour::Exit(0).in_start_up()), Behaviour::Rest),
        ("endless loop in start-up", Some(Behaviour::Loop.in_start_up()), Behaviour::Rest),
        ("endless wait in start-up", Some(Behaviour::Sleep.in_start_up()), Behaviour::Rest),
        ("allocation without end in start-up", Some(Behaviour::Allocate.in_start_up()), Behaviour::Rest),
    ]
}

struct Peer {
    name: &'static str,
    /// The program and its arguments.
    command: Vec<String>,
    /// Faults that nothing in the language can cause.
    without: &'static [&'static str],
}

#[test]
#[ignore = "installs AWS's runtimes for Python and Node: cargo xtask faults"]
fn guests_lose_no_environment_where_native_handlers_do() {
    let peers = peers();
    let mut table = vec![format!("| fault | {} |", peers.iter().map(|peer| peer.name).collect::<Vec<_>>().join(" | "))];
    table.push(format!("| --- |{}", " --- |".repeat(peers.len())));
    let outcomes: Vec<Vec<Option<bool>>> = peers.iter().map(Peer::lost).collect();
    for (number, (fault, ..)) in faults().into_iter().enumerate() {
        let cells = outcomes.iter().map(|peer| match peer[number] {
            Some(true) => "lost",
            Some(false) => "kept",
            None => "–",
        });
        table.push(format!("| {fault} | {} |", cells.collect::<Vec<_>>().join(" | ")));
    }
    let lost = |peer: &Vec<Option<bool>>| peer.iter().filter(|lost| **lost == Some(true)).count();
    let totals = outcomes.iter().map(|peer| format!("**{} of {}**", lost(peer), peer.iter().flatten().count()));
    table.push(format!("| environments lost | {} |", totals.collect::<Vec<_>>().join(" | ")));
    std::io::stdout().write_all(format!("\n{}\n\n", table.join("\n")).as_bytes()).unwrap();
    assert_eq!(lost(&outcomes[0]), 0);
    assert!(outcomes[1..].iter().all(|peer| lost(peer) > 0));
}

fn peers() -> Vec<Peer> {
    let path = |path: PathBuf| path.to_str().unwrap().to_owned();
    let built =
        Command::new(env!("CARGO")).current_dir(root()).args(["build", "--locked", "-p", "native-faults"]).status();
    assert!(built.unwrap().success(), "the native handler does not build");
    let native = program("native-faults");
    let modules = tools::tool("peers/node/node_modules");
    let node = fs::read_dir(&modules).unwrap().flatten().map(|entry| entry.path().join("bin/node"));
    let node = node.into_iter().find(|node| node.exists()).expect("a package with node");
    vec![
        Peer {
            name: "Guesthouse, Rust guest",
            command: vec![path(program("bootstrap")), "misbehave".to_owned()],
            without: &[],
        },
        Peer { name: "native Rust, lambda_runtime", command: vec![path(native)], without: &[] },
        Peer {
            name: "Python, awslambdaric",
            command: vec![
                path(tools::tool("peers/python/bin/python")),
                "-m".into(),
                "awslambdaric".into(),
                "app.handler".into(),
            ],
            without: &[],
        },
        Peer {
            name: "Node, aws-lambda-ric",
            command: vec![path(node), path(modules.join("aws-lambda-ric/index.mjs")), "app.handler".into()],
            without: &["memory out of bounds"],
        },
    ]
}

impl Peer {
    /// For each fault whether it cost the environment; `None` where it can't be caused.
    fn lost(&self) -> Vec<Option<bool>> {
        let of_fault = |(fault, before, behaviour): (&str, Option<Behaviour>, Behaviour)| {
            let lost = (!self.without.contains(&fault)).then(|| self.loses(before.as_ref(), &behaviour));
            eprintln!("{}, {fault}: {lost:?}", self.name);
            lost
        };
        faults().into_iter().map(of_fault).collect()
    }

    /// Whether another process responds after the fault, or none.
    fn loses(&self, before: Option<&Behaviour>, behaviour: &Behaviour) -> bool {
        let sentinel = tempfile::NamedTempFile::new_in("/tmp").unwrap();
        let environment = Environment::start(self, sentinel.path().to_str().unwrap());
        wait_for("a response", || environment.invoke(&Behaviour::Rest).then_some(()));
        let process = environment.process();
        let watching = AtomicBool::new(true);
        thread::scope(|scope| {
            scope.spawn(|| {
                while watching.load(Ordering::SeqCst) {
                    environment.end_if_too_large();
                    thread::sleep(Duration::from_millis(2));
                }
            });
            if let Some(before) = before {
                environment.invoke(before);
            }
            assert!(!environment.invoke(behaviour), "{}: `{behaviour}` is no fault", self.name);
            watching.store(false, Ordering::SeqCst);
        });
        // What comes next may be the one that finds out.
        let responses = [(); 3].map(|()| environment.invoke(&Behaviour::Rest));
        environment.process() != process || responses.contains(&false)
    }
}

/// The emulator with one peer.
struct Environment {
    address: String,
    emulator: Program,
}

impl Environment {
    fn start(peer: &Peer, sentinel: &str) -> Self {
        let app = root().join("tests/peers").join(if peer.name.starts_with("Node") { "node" } else { "python" });
        let task_root = if peer.name.starts_with("Guesthouse") { guests::ALL.clone() } else { app.clone() };
        let (address, emulator) = emulator::start(|addresses| {
            // As many files as a process has on Lambda.
            let mut command = Command::new("prlimit");
            command
                .arg("--nofile=1024")
                .arg(tools::rie().get_program())
                .args(addresses)
                .args(&peer.command)
                .current_dir(&app)
                .env("LAMBDA_TASK_ROOT", &task_root)
                .env("PYTHONPATH", &app)
                .env("AWS_LAMBDA_FUNCTION_NAME", "faults")
                .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
                .env("AWS_LAMBDA_FUNCTION_TIMEOUT", TIMEOUT_SECONDS.to_string())
                .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", MEMORY_MIB.to_string())
                .env("GUESTHOUSE_MARGIN", MARGIN)
                .env("SENTINEL", sentinel)
                .env("START_FILE", format!("{sentinel}.start"));
            command
        });
        Self { address, emulator }
    }

    /// Whether there is a response that is no error.
    fn invoke(&self, behaviour: &Behaviour) -> bool {
        let response = http::invoke(&self.address, "function", &[], behaviour.event().as_bytes());
        let text = String::from_utf8_lossy(&response.body);
        response.subject() == "200" && !text.contains("errorType") && !text.starts_with("Task timed out")
    }

    /// The runtime that the emulator runs now, if it runs one.
    fn process(&self) -> Option<u32> {
        self.emulator.children().first().copied()
    }

    /// Ends the runtime if it has more memory than the function.
    fn end_if_too_large(&self) {
        let Some(process) = self.process() else { return };
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok());
        if kib.is_some_and(|kib: u64| kib > MEMORY_MIB * 1024) {
            // It may have ended by itself, which is just as well.
            let _ = Command::new("kill").args(["-KILL", &process.to_string()]).status();
        }
    }
}
