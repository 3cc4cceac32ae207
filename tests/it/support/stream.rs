//! A worker and a client that stream: both ends of a response that arrives piece by piece.

use std::{
    io::{BufReader, Read, Write},
    net::{Shutdown, TcpStream},
    path::Path,
    process::{ChildStdout, Command},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::{PATIENCE, Program, Served, guests, http::Message, program};

/// A program that waits for an hour, whatever the event is: so that a [`Worker`] can respond instead.
fn waiting() -> Vec<u8> {
    guests::from_text(
        r#"(module
          (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
          (memory (export "memory") 1)
          (func (export "_start")
            (i32.store (i32.const 16) (i32.const 1))
            (i64.store (i32.const 24) (i64.const 3600000000000))
            (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))))"#,
    )
}

/// A local Lambda whose function `wait` leaves its responses to the test. Its function `broken` can not start.
pub struct Waiting {
    pub program: Program,
    /// Where callers are served.
    pub address: String,
    _guests: tempfile::TempDir,
}

/// Lets the log say where the Runtime API is.
const DEBUG: [&str; 2] = ["--env", "AWS_LAMBDA_LOG_LEVEL=DEBUG"];

impl Waiting {
    pub fn start(arguments: &[&str]) -> Self {
        let guests = Self::guests();
        std::fs::write(guests.path().join("broken.wasm"), "no wasm").expect("a file");
        let Served { program, address } =
            Served::start(guests.path(), &[&DEBUG, &["--concurrency", "32"], arguments].concat());
        Self { program, address, _guests: guests }
    }

    /// Invokes the function once, with `guesthouse run`. Returns its standard output, too.
    pub fn run() -> (Self, ChildStdout) {
        let guests = Self::guests();
        let mut command = Command::new(program("guesthouse"));
        command.arg("run").arg(guests.path().join("wait.wasm")).args(DEBUG).args(["--timeout", "300"]);
        let (program, stdout) = Program::start_unread(&mut command);
        (Self { program, address: String::new(), _guests: guests }, stdout)
    }

    fn guests() -> tempfile::TempDir {
        let guests = tempfile::tempdir().expect("a directory");
        std::fs::write(guests.path().join("wait.wasm"), waiting()).expect("a guest");
        guests
    }

    /// Waits until the n-th invocation is in flight, and returns its request id.
    pub fn in_flight(&self, nth: usize) -> String {
        super::wait_for("an invocation in flight", || {
            let lines = self.program.lines();
            let mut started = lines.iter().filter_map(|line| line.strip_prefix("START RequestId: "));
            Some(started.nth(nth - 1)?.split(' ').next()?.to_owned())
        })
    }

    /// Begins to post a response of this media type to an invocation in flight.
    pub fn worker(&self, request_id: &str, content_type: &str) -> Worker {
        let mut worker = self.connect();
        worker.send(&format!(
            "POST /2018-06-01/runtime/invocation/{request_id}/response HTTP/1.1\r\nHost: {}\r\n\
             Lambda-Runtime-Function-Response-Mode: streaming\r\nContent-Type: {content_type}\r\n\
             Transfer-Encoding: chunked\r\n\
             Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\r\n",
            worker.address
        ));
        worker
    }

    /// Posts a response, or an error, whole: what became of it.
    pub fn post(&self, request_id: &str, kind: &str, mode: &str, body: &[u8]) -> Message {
        let mut worker = self.connect();
        worker.send(&format!(
            "POST /2018-06-01/runtime/invocation/{request_id}/{kind} HTTP/1.1\r\nHost: {}\r\n\
             Lambda-Runtime-Function-Response-Mode: {mode}\r\nContent-Length: {}\r\n\r\n",
            worker.address,
            body.len()
        ));
        // It may be refused before all of it was read.
        let _ = worker.stream.write_all(body);
        worker.response()
    }

    fn connect(&self) -> Worker {
        let address = self.program.line("the address of the Runtime API", |line| {
            line.split("the Runtime API of `wait` is at ")
                .nth(1)
                .map(|rest| rest.trim_end_matches(['"', '}']).to_owned())
        });
        let stream = TcpStream::connect(&address).expect("a connection to the Runtime API");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Worker { stream, address }
    }
}

/// A worker that posts a response piece by piece.
pub struct Worker {
    stream: TcpStream,
    address: String,
}

impl Worker {
    fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).expect("something is sent");
    }

    pub fn chunk(&mut self, bytes: &[u8]) {
        let chunk = [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
        self.stream.write_all(&chunk).expect("a chunk is sent");
    }

    /// Ends the response, and returns the status that came back.
    pub fn end(mut self) -> String {
        self.send("0\r\n\r\n");
        self.response().subject().to_owned()
    }

    /// Ends the response with an error.
    pub fn fail(mut self, error_type: &str, body: &str) -> String {
        let body = BASE64_STANDARD.encode(body);
        self.send(&format!(
            "0\r\nLambda-Runtime-Function-Error-Type: {error_type}\r\nLambda-Runtime-Function-Error-Body: {body}\r\n\r\n"
        ));
        self.response().subject().to_owned()
    }

    /// Ends the connection in the middle of the response.
    pub fn break_off(self) {
        self.stream.shutdown(Shutdown::Both).expect("the connection is closed");
    }

    pub fn response(self) -> Message {
        Message::read(&mut BufReader::new(self.stream)).expect("a response").expect("a response before the end")
    }
}

/// A client that reads a response as it comes.
pub struct Client {
    stream: TcpStream,
    pub received: Vec<u8>,
}

impl Client {
    pub fn request(address: &str, first_line: &str, headers: &[(&str, &str)]) -> Self {
        let mut stream = TcpStream::connect(address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head = format!("{first_line} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n");
        stream.write_all(head.as_bytes()).expect("a request is sent");
        Self { stream, received: Vec::new() }
    }

    /// Reads until this is there.
    pub fn wait_for(&mut self, part: &[u8]) {
        while !self.received.windows(part.len()).any(|window| window == part) {
            let mut piece = [0; 64 * 1024];
            let read = self.stream.read(&mut piece).expect("something is received");
            let all = String::from_utf8_lossy(&self.received).into_owned();
            assert!(read > 0, "{:?} is not in {all:?}", String::from_utf8_lossy(part));
            self.received.extend_from_slice(&piece[..read]);
        }
    }

    /// Reads to the end, and returns the response, or nothing if it is incomplete.
    pub fn rest(mut self) -> Option<Message> {
        // A connection that is reset is at its end, too.
        let _ = self.stream.read_to_end(&mut self.received);
        let whole = self.received.ends_with(b"0\r\n\r\n") || !self.received.windows(7).any(|seen| seen == b"chunked");
        whole.then(|| Message::read(&mut &self.received[..]).expect("a response").expect("a response"))
    }
}

/// Returns a directory with copies of these guests.
pub fn directory(files: &[(&str, &Path)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    for (name, from) in files {
        let to = directory.path().join(name);
        std::fs::create_dir_all(to.parent().expect("a parent")).expect("a directory");
        std::fs::copy(from, to).expect("a guest is copied");
    }
    directory
}
