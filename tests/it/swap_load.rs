//! Guests that are swapped under load: none fails, none is of the wrong version, and nothing stays behind.
//!
//! `cargo xtask test` runs it by itself. What it measures it prints (`-- --nocapture`).

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::support::{
    Host, Origin,
    driver::{Done, Driver},
    elsewhere::{from, said},
    guests::answering,
    resources::{Resources, Room, wait_until_within},
};

const CONCURRENCY: usize = 8;

/// Another artifact comes this often.
const EVERY: Duration = Duration::from_millis(200);

/// How long ago the last refresh may be.
const REFRESH: Duration = Duration::from_millis(50);

fn percentile(done: &[Done], share: f64) -> Duration {
    let mut took: Vec<Duration> = done.iter().map(|done| done.ended - done.begun).collect();
    took.sort_unstable();
    took[((took.len() - 1) as f64 * share) as usize]
}

fn host(origin: &Origin, driver: &Driver) -> Host {
    let refresh = format!("{}ms", REFRESH.as_millis());
    let setup = from(&origin.url("/guest.wasm"), &refresh);
    setup.env("AWS_LAMBDA_RUNTIME_API", &driver.address).concurrency(CONCURRENCY).function_memory(1024).spawn()
}

/// Numbered versions, one in `EVERY`, with something broken between each two; and when each was there.
fn publish(origin: Arc<Origin>, stop: Arc<AtomicBool>) -> thread::JoinHandle<Vec<(u64, Instant)>> {
    // The first version is there now. The thread may begin after the first invocation has ended.
    let mut published = vec![(0, Instant::now())];
    thread::spawn(move || {
        for turn in 1.. {
            thread::sleep(EVERY / 2);
            origin.put("/guest.wasm", format!("broken {turn}"));
            thread::sleep(EVERY / 2);
            if stop.load(Ordering::SeqCst) {
                break;
            }
            // An invocation may see it before the next line here.
            published.push((turn, Instant::now()));
            origin.put("/guest.wasm", answering(&format!("v{turn}")));
        }
        published
    })
}

#[test]
#[ignore = "takes all cores for minutes"]
fn no_invocation_during_swaps_fails_or_mixes_or_waits_or_gets_a_guest_too_old() {
    let origin = Arc::new(Origin::start());
    origin.put("/guest.wasm", answering("v0"));
    let driver = Driver::start();
    let host = host(&origin, &driver);
    let per_second = 400;
    let quiet = driver.run(per_second, |sent| sent == 4_000);

    let stop = Arc::new(AtomicBool::new(false));
    let publishing = publish(origin.clone(), stop.clone());
    let swapped = driver.run(per_second, |sent| sent == 20_000);
    stop.store(true, Ordering::SeqCst);
    let published = publishing.join().unwrap();

    assert_eq!(driver.failed(), 0);
    // A refresh ends with the swap, whose duration is logged.
    let lines = said(&host);
    let swaps = lines.iter().filter(|line| line.contains("swapped from")).count();
    let longest_refresh = lines
        .iter()
        .filter_map(|line| line.rsplit_once(": ")?.1.strip_suffix(" ms together")?.parse::<f64>().ok())
        .fold(0.0, f64::max);
    let mut oldest = Duration::ZERO;
    for done in &swapped {
        // It waited for nothing that was not there yet.
        assert!(published.iter().any(|(version, at)| *version == done.version && *at <= done.ended));
        let next = published.iter().find(|(version, _)| *version == done.version + 1);
        if let Some((_, replaced)) = next {
            oldest = oldest.max(done.begun.saturating_duration_since(*replaced));
        }
    }
    let (before, during) = (percentile(&quiet, 0.99), percentile(&swapped, 0.99));
    println!(
        "{} invocations, {swaps} swaps: p50 {:?} -> {:?}, p99 {before:?} -> {during:?}; the oldest guest had been replaced {oldest:?} \
         before; the longest refresh took {longest_refresh} ms",
        swapped.len(),
        percentile(&quiet, 0.5),
        percentile(&swapped, 0.5),
    );
    assert!(swaps > 10, "{swaps} of {}", published.len());
    // Some fifty versions: how old it really is depends on what else the machine does, and is printed.
    assert!(oldest < Duration::from_secs(10), "{oldest:?}");
}

#[test]
#[ignore = "takes all cores for minutes"]
fn after_500_swaps_nothing_of_the_guests_before_is_left() {
    let origin = Origin::start();
    origin.put("/guest.wasm", answering("v0"));
    let host = from(&origin.url("/guest.wasm"), "0s").function_memory(1024).start();
    let mut after_50 = None;
    for version in 1..=550 {
        origin.put("/guest.wasm", answering(&format!("v{version}")));
        host.becomes(&format!("\"v{version}\""));
        if version == 50 {
            after_50 = Some(Resources::of(&host.program));
        }
    }
    let early = after_50.unwrap();
    let late = wait_until_within(&host.program, early.and(Room::USUAL), "500 swaps");
    println!("500 swaps: {early:?} became {late:?}");
}
