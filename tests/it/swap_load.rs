//! Guests that are swapped under load: none fails, none is of the wrong version, and nothing stays behind.
//!
//! `cargo xtask test` runs it by itself. What it measures it prints (`-- --nocapture`).

use std::{
    collections::{HashMap, VecDeque},
    io::{BufReader, Write as _},
    net::TcpListener,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::support::{
    Host, Origin,
    elsewhere::{from, said},
    guests::answering,
    http::Message,
    resources::{Resources, Room, wait_until_within},
};

const CONCURRENCY: usize = 8;

/// Another artifact comes this often.
const EVERY: Duration = Duration::from_millis(200);

/// How long ago the last refresh may be.
const REFRESH: Duration = Duration::from_millis(50);

/// A Runtime API that hands out events at an even pace, and times each from when it was due to its response.
struct Driver {
    address: String,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    due: Mutex<VecDeque<(u64, Instant)>>,
    came: Condvar,
    begun: Mutex<HashMap<u64, Instant>>,
    done: Mutex<Vec<Done>>,
    failed: AtomicU64,
}

struct Done {
    begun: Instant,
    ended: Instant,
    version: u64,
}

impl Driver {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared = Arc::new(Shared::default());
        let serving = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = serving.clone();
                thread::spawn(move || shared.serve(&stream));
            }
        });
        Self { address, shared }
    }

    fn answered(&self) -> u64 {
        self.shared.done.lock().unwrap().len() as u64 + self.shared.failed.load(Ordering::SeqCst)
    }

    /// Hands out this many events a second, until `until` says so; returns what came of them.
    fn run(&self, per_second: u32, until: impl Fn(u64) -> bool) -> Vec<Done> {
        let (begun, mut sent) = (Instant::now(), 0);
        while !until(sent) {
            let next = begun + Duration::from_secs(1) / per_second * u32::try_from(sent).unwrap();
            thread::sleep(next.saturating_duration_since(Instant::now()));
            // A machine that can't keep the pace has its own.
            crate::support::wait_for("some responses", || (sent - self.answered() < 100).then_some(()));
            self.shared.due.lock().unwrap().push_back((sent, Instant::now()));
            self.shared.came.notify_one();
            sent += 1;
        }
        crate::support::wait_for("the last responses", || (self.answered() == sent).then_some(()));
        std::mem::take(&mut self.shared.done.lock().unwrap())
    }
}

impl Shared {
    fn serve(&self, stream: &std::net::TcpStream) {
        stream.set_nodelay(true).unwrap();
        let mut reader = BufReader::new(stream);
        while let Ok(Some(request)) = Message::read(&mut reader) {
            let mut writer = stream;
            let written = match request.subject().strip_suffix("/next") {
                Some(_) => {
                    let due = self.due.lock().unwrap();
                    let (number, due_since) =
                        self.came.wait_while(due, |due| due.is_empty()).unwrap().pop_front().unwrap();
                    self.begun.lock().unwrap().insert(number, due_since);
                    let deadline = std::time::SystemTime::now() + Duration::from_secs(30);
                    let deadline = deadline.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
                    write!(
                        writer,
                        "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: {number}\r\nLambda-Runtime-Deadline-Ms: {deadline}\r\n\
                         Content-Length: 2\r\n\r\n{{}}"
                    )
                }
                None => {
                    self.note(&request);
                    writer.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
                }
            };
            if written.is_err() {
                return;
            }
        }
    }

    fn note(&self, request: &Message) {
        let ended = Instant::now();
        let number: u64 = request.subject().split('/').nth_back(1).unwrap().parse().unwrap();
        let begun = self.begun.lock().unwrap().remove(&number).unwrap();
        let version = request.text().trim_matches('"').trim_start_matches('v').parse();
        match (version, request.subject().ends_with("/response")) {
            (Ok(version), true) => self.done.lock().unwrap().push(Done { begun, ended, version }),
            _ => {
                eprintln!("{}", request.text());
                self.failed.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
}

fn percentile(done: &[Done], share: f64) -> Duration {
    let mut took: Vec<Duration> = done.iter().map(|done| done.ended - done.begun).collect();
    took.sort_unstable();
    took[((took.len() - 1) as f64 * share) as usize]
}

fn host(origin: &Origin, driver: &Driver) -> Host {
    let refresh = format!("{}ms", REFRESH.as_millis());
    let setup = from(&origin.url("/guest.wasm"), &refresh);
    setup
        .env("AWS_LAMBDA_RUNTIME_API", &driver.address)
        .env("AWS_LAMBDA_MAX_CONCURRENCY", &CONCURRENCY.to_string())
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024")
        .spawn()
}

/// Numbered versions, one in `EVERY`, with something broken between each two; and when each was there.
fn publish(origin: Arc<Origin>, stop: Arc<AtomicBool>) -> thread::JoinHandle<Vec<(u64, Instant)>> {
    thread::spawn(move || {
        let mut published = vec![(0, Instant::now())];
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
fn of_20_000_invocations_during_swaps_none_fails_or_mixes_or_waits_or_is_served_by_a_guest_that_is_too_old() {
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

    assert_eq!(driver.shared.failed.load(Ordering::SeqCst), 0);
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
    let host = from(&origin.url("/guest.wasm"), "0s").env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024").start();
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
