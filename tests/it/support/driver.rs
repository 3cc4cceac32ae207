//! A Runtime API that hands out events at an even pace, and times each from when it was due to its response.

use std::{
    collections::{HashMap, VecDeque},
    io::{BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use super::{Reply, http::Message, wait_for};

/// The Runtime API.
pub struct Driver {
    pub address: String,
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

/// An invocation with the response `"vN"`, where N is the guest's version.
pub struct Done {
    pub begun: Instant,
    pub ended: Instant,
    pub version: u64,
}

impl Driver {
    pub fn start() -> Self {
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

    /// Hands out this many events a second, until `until` says so; returns what came of them.
    pub fn run(&self, per_second: u32, until: impl Fn(u64) -> bool) -> Vec<Done> {
        let (begun, mut sent) = (Instant::now(), 0);
        while !until(sent) {
            let next = begun + Duration::from_secs(1) / per_second * u32::try_from(sent).unwrap();
            thread::sleep(next.saturating_duration_since(Instant::now()));
            // A machine that can't keep the pace has its own.
            wait_for("some responses", || (sent - self.ended() < 100).then_some(()));
            self.shared.due.lock().unwrap().push_back((sent, Instant::now()));
            self.shared.came.notify_one();
            sent += 1;
        }
        wait_for("the last responses", || (self.ended() == sent).then_some(()));
        std::mem::take(&mut self.shared.done.lock().unwrap())
    }

    /// How many invocations got no response, or not one of this kind.
    pub fn failed(&self) -> u64 {
        self.shared.failed.load(Ordering::SeqCst)
    }

    fn ended(&self) -> u64 {
        self.shared.done.lock().unwrap().len() as u64 + self.failed()
    }
}

impl Shared {
    fn serve(&self, stream: &TcpStream) {
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
                    let deadline = SystemTime::now() + Duration::from_secs(30);
                    let deadline = deadline.duration_since(UNIX_EPOCH).unwrap().as_millis();
                    write!(
                        writer,
                        "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: {number}\r\n\
                         Lambda-Runtime-Deadline-Ms: {deadline}\r\nContent-Length: 2\r\n\r\n{{}}"
                    )
                }
                None => {
                    self.note(request);
                    writer.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
                }
            };
            if written.is_err() {
                return;
            }
        }
    }

    fn note(&self, request: Message) {
        let (ended, reply) = (Instant::now(), Reply::posted(request));
        let number: u64 = reply.subject().split('/').nth_back(1).unwrap().parse().unwrap();
        let begun = self.begun.lock().unwrap().remove(&number).unwrap();
        let version = reply.text().trim_matches('"').trim_start_matches('v').parse();
        match (version, reply.is_response()) {
            (Ok(version), true) => self.done.lock().unwrap().push(Done { begun, ended, version }),
            _ => {
                eprintln!("{}", reply.text());
                self.failed.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
}
