//! This module compares what uses the network: guests with the clients that everybody uses, each beside the same client
//! without a sandbox. What they reach is in this process, on the core that all share.

use std::{error::Error, path::Path};

use crate::{bind_to_one_core, contestant::Contestant, peers::Peers, text, work::Work, world::World};

/// The number of rounds. In each of them every contestant starts.
const ROUNDS: usize = 15;

/// The number of invocations in a round.
const INVOCATIONS: usize = 200;

/// The number of invocations that are to share one TLS connection.
pub const FRESH: usize = 1_000;

/// A guest, and the peer that it is compared with.
pub struct Pair {
    pub work: Work,
    pub guest: Contestant,
    pub peer: Contestant,
}

/// Holds all that was measured.
pub struct Network {
    pub pairs: Vec<Pair>,
    /// The number of TLS connections of a guest with a new instance for each of [`FRESH`] invocations.
    pub handshakes: usize,
}

/// Runs all pairs. `built` is the directory of what was built, `ahead` that of the precompiled guests.
pub fn measure(built: &Path, ahead: &Path, peers: &Peers) -> Result<Network, Box<dyn Error>> {
    bind_to_one_core()?;
    let world = World::start(built)?;
    let mut pairs = pairs(&world, built, ahead, peers);
    for round in 0..ROUNDS {
        for Pair { work, guest, peer } in &mut pairs {
            eprint!("\rnetwork: round {} of {ROUNDS}, {}                    ", round + 1, guest.name);
            // In turns, because a contestant finds the caches as the one before it left them.
            let (first, second) = if round % 2 == 0 { (guest, peer) } else { (peer, guest) };
            first.run(*work, INVOCATIONS)?;
            second.run(*work, INVOCATIONS)?;
        }
    }
    let before = world.handshakes();
    let mut fresh = guest("Rust guest, fresh instances", "rust", Work::Get, &world, built, ahead)
        .env("URL", &*world.https)
        .env("GUESTHOUSE_NETWORK_ALLOW", &*world.https)
        .env("GUESTHOUSE_INSTANCES", "fresh");
    fresh.run(Work::Get, FRESH - 1)?;
    eprintln!();
    Ok(Network { pairs, handshakes: world.handshakes() - before })
}

fn pairs(world: &World, built: &Path, ahead: &Path, peers: &Peers) -> Vec<Pair> {
    let pair = |name, language, peer: Contestant, work| {
        let guest = guest(name, language, work, world, built, ahead);
        Pair { work, guest, peer: reaches(peer, work, world) }
    };
    let native = built.join("network");
    let go = |name| Contestant::new(name, &native.join("go"), name_of);
    let python = |name| peers.python(name, &native.join("python"), member);
    let node = |name| peers.node(name, &native.join("node"), member);
    let rust = Contestant::new("native Rust, reqwest", &native.join("rust"), name_of);
    vec![
        pair("Rust guest, wstd", "rust", rust, Work::Get),
        pair("Go guest, net/http", "go", go("native Go, net/http"), Work::Get),
        pair("JavaScript guest, fetch", "js", node("Node.js, fetch"), Work::Get),
        pair("Python guest, requests", "python", python("Python, requests"), Work::Get),
        pair("Go guest, SDK for Go", "go", go("native Go, SDK for Go"), Work::Item),
        pair("JavaScript guest, SDK v3", "js", node("Node.js, SDK v3"), Work::Item),
        pair("Python guest, boto3", "python", python("Python, boto3"), Work::Item),
    ]
}

fn name_of(work: Work) -> String {
    work.name().to_owned()
}

fn member(work: Work) -> String {
    format!("{}.handler", work.name())
}

fn guest(name: &'static str, language: &str, work: Work, world: &World, built: &Path, ahead: &Path) -> Contestant {
    let guests = ahead.join("network").join(language);
    let contestant = Contestant::new(name, &built.join("bootstrap"), name_of)
        .env("LAMBDA_TASK_ROOT", text(&guests))
        .env("GUESTHOUSE_NETWORK_ALLOW", &*world.http)
        .env("GUESTHOUSE_AWS_ALLOW", "dynamodb");
    reaches(contestant, work, world)
}

/// Tells a contestant where the servers are, and which certificates to trust, as each language's library is told it.
fn reaches(contestant: Contestant, work: Work, world: &World) -> Contestant {
    let authority = ["SSL_CERT_FILE", "AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"];
    let contestant = contestant
        .env("URL", &*world.http)
        .env("AWS_ENDPOINT_URL_DYNAMODB", &*world.https)
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
        .env("AWS_SESSION_TOKEN", "token")
        .works(if work == Work::Get { &[Work::Get] } else { &[Work::Item] });
    authority.into_iter().fold(contestant, |contestant, name| contestant.env(name, text(&world.authority)))
}
