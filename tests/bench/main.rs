//! Guesthouse beside a native function, in one run: `cargo bench --bench peers`.
//!
//! A Runtime API in this process drives each contestant as a child process. All share one core, and take turns, so that a
//! busy machine hits them alike: the ratios mean something, the times are this machine's.

mod driver;

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use driver::{Contestant, Driver};

const ROUNDS: usize = 20;
const INVOCATIONS: usize = 1_000;
const EVENT: &[u8] = br#"{"name":"Guesthouse"}"#;
const ANSWER: &[u8] = br#"{"message":"Hello Guesthouse!"}"#;

/// Set in the process that is bound to one core.
const BOUND: &str = "GUESTHOUSE_BENCH_BOUND";

fn main() {
    // Only the driver may be bound: a build on one core takes twice as long.
    if std::env::var_os(BOUND).is_none() {
        let (root, native) = (root(), build());
        let status = Command::new("taskset")
            .args(["-c", "0"])
            .arg(std::env::current_exe().expect("this program's path"))
            .env(BOUND, native)
            .env("GUESTHOUSE_BENCH_GUESTS", root.join("guests/target/wasm32-wasip2/release/examples"))
            .status();
        assert!(status.expect("taskset, which is part of util-linux, runs").success());
        return;
    }
    let guests = PathBuf::from(std::env::var_os("GUESTHOUSE_BENCH_GUESTS").expect("set above"));
    let native = PathBuf::from(std::env::var_os(BOUND).expect("checked above"));
    let bootstrap = Path::new(env!("CARGO_BIN_EXE_bootstrap"));
    let mut contestants = [
        Contestant::new("native Rust, lambda_runtime", &native, &guests),
        Contestant::new("Guesthouse, Rust guest", bootstrap, &guests),
        Contestant::new("Guesthouse, Rust guest, fresh instances", bootstrap, &guests)
            .env("GUESTHOUSE_INSTANCES", "fresh"),
    ];
    for _ in 0..ROUNDS {
        for contestant in &mut contestants {
            Driver::start().measure(contestant, INVOCATIONS, EVENT, ANSWER);
        }
    }
    report(&contestants);
}

fn report(contestants: &[Contestant]) {
    let us = |duration: Duration| duration.as_secs_f64() * 1e6;
    let base = &contestants[0];
    println!("{ROUNDS} starts each with {INVOCATIONS} invocations of {} bytes, one core, medians\n", EVENT.len());
    println!("| contestant | exec → first `/next` | / native | warm p50 | / native | p99 | peak RSS | binary |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for contestant in contestants {
        let (cold, warm) = (contestant.cold(), contestant.warm(50));
        println!(
            "| {} | {:.1} ms | {:.2} | {:.1} µs | {:.2} | {:.1} µs | {:.1} MiB | {:.1} MB |",
            contestant.name,
            us(cold) / 1e3,
            us(cold) / us(base.cold()),
            us(warm),
            us(warm) / us(base.warm(50)),
            us(contestant.warm(99)),
            contestant.peak_kib() as f64 / 1024.0,
            contestant.program.metadata().expect("the program").len() as f64 / 1e6,
        );
    }
}

/// Builds the native function and the guest.
fn build() -> PathBuf {
    let run = |folder: PathBuf, arguments: &[&str]| {
        let status = Command::new(env!("CARGO")).current_dir(folder).args(arguments).status();
        assert!(status.expect("cargo runs").success(), "{arguments:?} failed");
    };
    run(root(), &["build", "--locked", "--release", "--package", "native-hello"]);
    run(root().join("guests"), &["build", "--locked", "--release", "--package", "fixtures", "--example", "greet"]);
    root().join("target/release/native-hello")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("host/ is in the root").to_owned()
}
