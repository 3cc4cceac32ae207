//! One contestant at a time, driven through a Runtime API on one thread.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A program that answers events, and what was measured of it.
pub struct Contestant {
    pub name: &'static str,
    pub program: PathBuf,
    guests: PathBuf,
    env: Vec<(&'static str, &'static str)>,
    cold: Vec<Duration>,
    warm: Vec<Duration>,
    peak_kib: u64,
}

impl Contestant {
    pub fn new(name: &'static str, program: &Path, guests: &Path) -> Self {
        let (program, guests) = (program.to_owned(), guests.to_owned());
        Self { name, program, guests, env: Vec::new(), cold: Vec::new(), warm: Vec::new(), peak_kib: 0 }
    }

    pub fn env(mut self, name: &'static str, value: &'static str) -> Self {
        self.env.push((name, value));
        self
    }

    /// From exec to the first request for an event; the median.
    pub fn cold(&self) -> Duration {
        percentile(&self.cold, 50)
    }

    /// From an event's last byte to its answer's last.
    pub fn warm(&self, percent: usize) -> Duration {
        percentile(&self.warm, percent)
    }

    /// The most memory that was ever resident, of all starts.
    pub fn peak_kib(&self) -> u64 {
        self.peak_kib
    }

    fn spawn(&self, runtime_api: &str) -> Child {
        Command::new(&self.program)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", runtime_api)
            .env("LAMBDA_TASK_ROOT", &self.guests)
            .env("HANDLER", "greet")
            .env("AWS_LAMBDA_FUNCTION_NAME", "hello")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .envs(self.env.iter().copied())
            .stdout(Stdio::null())
            .spawn()
            .expect("the contestant starts")
    }
}

fn percentile(measured: &[Duration], percent: usize) -> Duration {
    let mut sorted = measured.to_vec();
    sorted.sort_unstable();
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

/// The Runtime API.
pub struct Driver {
    listener: TcpListener,
    connection: Option<BufReader<TcpStream>>,
}

impl Driver {
    pub fn start() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").expect("a free port"), connection: None }
    }

    /// Starts the contestant once and invokes it so many times. The first tenth warms it up and does not count.
    pub fn measure(mut self, contestant: &mut Contestant, invocations: usize, event: &[u8], answer: &[u8]) {
        let address = self.listener.local_addr().expect("an address").to_string();
        let begun = Instant::now();
        let mut child = contestant.spawn(&address);
        self.request("GET");
        contestant.cold.push(begun.elapsed());
        for count in 0..invocations {
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: id-{count}\r\n\
                 Lambda-Runtime-Deadline-Ms: 4102444800000\r\n\
                 Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:012345678912:function:hello\r\n\
                 Content-Length: {}\r\n\r\n",
                event.len()
            );
            let sent = Instant::now();
            self.send(&[head.as_bytes(), event].concat());
            let answered = self.request("POST");
            let took = sent.elapsed();
            assert_eq!(answered, answer, "{}", contestant.name);
            if count >= invocations / 10 {
                contestant.warm.push(took);
            }
            self.send(b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{\"status\":\"OK\"}\n");
            self.request("GET");
        }
        contestant.peak_kib = contestant.peak_kib.max(peak_kib(child.id()));
        child.kill().expect("the contestant still runs");
        child.wait().expect("the contestant ends");
    }

    /// Waits for a request with this method, on the connection that is open or on a new one, and returns its body.
    fn request(&mut self, method: &str) -> Vec<u8> {
        loop {
            let connection = self.connection.get_or_insert_with(|| {
                let (stream, _) = self.listener.accept().expect("a connection");
                stream.set_nodelay(true).expect("no delay");
                BufReader::new(stream)
            });
            let mut line = String::new();
            if connection.read_line(&mut line).expect("a request") == 0 {
                self.connection = None;
                continue;
            }
            assert!(line.starts_with(method), "expected a {method}, got {line}");
            let mut length = 0;
            loop {
                let mut header = String::new();
                connection.read_line(&mut header).expect("a header");
                let header = header.trim_end().to_ascii_lowercase();
                if header.is_empty() {
                    break;
                }
                if let Some(value) = header.strip_prefix("content-length:") {
                    length = value.trim().parse().expect("a length");
                }
            }
            let mut body = vec![0; length];
            connection.read_exact(&mut body).expect("a body");
            return body;
        }
    }

    fn send(&mut self, bytes: &[u8]) {
        let connection = self.connection.as_mut().expect("a request came before its response");
        connection.get_mut().write_all(bytes).expect("a response is sent");
    }
}

fn peak_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the contestant runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a line VmHWM");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
