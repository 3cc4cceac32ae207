//! This module compares what takes HTTP requests: guests of the contract `http`, AWS's `lambda_http` and Lambda Web
//! Adapter, and adapters in other languages. All get the same events, as a Function URL sends them.

use std::{error::Error, path::Path};

use crate::{bind_to_one_core, contestant::Contestant, peers::Peers, shuffle, text, work::Work};

/// The number of rounds. In each of them every contestant starts.
const ROUNDS: usize = 15;

/// The numbers of invocations in a round. The large bodies only come in every [`EVERY`]th round.
const PAGES: usize = 200;
const BODIES: usize = 10;
const FIRST_BYTES: usize = 50;
const EVERY: usize = 3;

/// The contestants whose figures are to be reached, and with which the others are compared.
pub const BARE: &str = "native Rust, lambda_runtime without HTTP";
pub const LAMBDA_HTTP: &str = "native Rust, axum in lambda_http";
pub const ADAPTER: &str = "native Rust, axum behind Lambda Web Adapter";
pub const REUSED: &str = "Guesthouse, Rust guest, axum";
pub const FRESH: &str = "Rust guest, axum, fresh instances";

/// The large bodies.
pub const LARGE: [Work; 2] = [Work::Text, Work::Bytes];

/// Holds all that was measured, of responses in one piece and of streamed ones.
pub struct Http {
    pub whole: Vec<Contestant>,
    pub streamed: Vec<Contestant>,
}

/// Runs all contestants. `built` is the directory of what was built, `ahead` that of the precompiled guests.
pub fn measure(built: &Path, ahead: &Path, peers: &Peers) -> Result<Http, Box<dyn Error>> {
    bind_to_one_core()?;
    let (whole, streamed) = (contestants(false, built, ahead, peers), contestants(true, built, ahead, peers));
    let split = whole.len();
    let mut all: Vec<Contestant> = whole.into_iter().chain(streamed).collect();
    let mut order: Vec<usize> = (0..all.len()).collect();
    for round in 0..ROUNDS {
        eprint!("\rHTTP: round {} of {ROUNDS}", round + 1);
        shuffle(&mut order, round as u64);
        for contestant in &order {
            all[*contestant].run(Work::Page, PAGES)?;
        }
        for (work, invocations, every) in
            [(Work::Text, BODIES, EVERY), (Work::Bytes, BODIES, EVERY), (Work::Now, FIRST_BYTES, 1)]
        {
            for contestant in order.iter().filter(|_| round % every == 0) {
                if all[*contestant].works.contains(&work) {
                    all[*contestant].run(work, invocations)?;
                }
            }
        }
    }
    eprintln!();
    let streamed = all.split_off(split);
    Ok(Http { whole: all, streamed })
}

/// Returns all contestants. The first one is that with which the others are compared.
fn contestants(is_streamed: bool, built: &Path, ahead: &Path, peers: &Peers) -> Vec<Contestant> {
    let (built, ahead) = (built.join("http"), ahead.join("http"));
    let of_rust: &[Work] = if is_streamed { &[Work::Page, Work::Now] } else { &[Work::Page, Work::Text, Work::Bytes] };
    let (way, mode) = if is_streamed { ("streamed", "response_stream") } else { ("buffered", "buffered") };
    let native = built.join("native");
    let guest = |name, file: &'static str, instances: &str| {
        Contestant::new(name, &built.with_file_name("bootstrap"), |_| "app".to_owned())
            .env("LAMBDA_TASK_ROOT", text(&ahead.join(file)))
            .env("GUESTHOUSE_INSTANCES", instances)
            .env("GUESTHOUSE_HTTP_RESPOND", if is_streamed { "stream" } else { "buffer" })
            .works(&[Work::Page])
    };
    let node = if is_streamed { |_| "peer.streamed".to_owned() } else { |_| "peer.buffered".to_owned() };
    let mut contestants = vec![
        Contestant::new(LAMBDA_HTTP, &native, |_| way_of_native()).argument(way).works(of_rust),
        Contestant::new(ADAPTER, &built.join("lambda-adapter"), |_| way_of_native())
            .env("AWS_LWA_INVOKE_MODE", mode)
            .server(&native, "served")
            .works(of_rust),
        guest(REUSED, "rust", "reuse").works(of_rust),
        guest(FRESH, "rust", "fresh").works(of_rust),
        guest("Go guest, net/http", "go", "reuse"),
        guest("JavaScript guest, Hono", "js", "reuse"),
        guest("Python guest, Flask", "flask", "reuse"),
        guest("Python guest, Starlette", "starlette", "reuse"),
        peers.node("Node.js, Hono's adapter", &built.join("node"), node).works(&[Work::Page]),
    ];
    if !is_streamed {
        contestants.push(Contestant::new(BARE, &native, |_| way_of_native()).argument("bare").works(&[Work::Page]));
        let python = built.join("python");
        let wsgi = peers.python("Python, Flask in apig-wsgi", &python, |_| "flask_peer.handler".to_owned());
        let asgi = peers.python("Python, Starlette in Mangum", &python, |_| "starlette_peer.handler".to_owned());
        contestants.extend([wsgi.works(&[Work::Page]), asgi.works(&[Work::Page])]);
    }
    contestants
}

/// Returns the handler's name for a program that looks at its argument instead.
fn way_of_native() -> String {
    "handler".to_owned()
}
