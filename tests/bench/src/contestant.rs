//! This module runs programs that handle events, and measures them.

use std::{
    fs, io,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant, SystemTime},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    runtime_api::{Request, Response, RuntimeApi},
    url_event,
    work::Work,
};

/// A `Contestant` is a program that handles events, with what was measured.
pub struct Contestant {
    pub name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
    env: Vec<(String, String)>,
    /// Returns the handler's name for a work, as the runtime expects it.
    handler: fn(Work) -> String,
    /// The works that the contestant supports. Its starts are measured with the first one.
    pub works: &'static [Work],
    /// The server that the program is put before, and what it is called with. It gets a free port in `PORT`, as the
    /// program does.
    server: Option<(PathBuf, &'static str)>,
    /// The files that a new version replaces.
    files: Vec<PathBuf>,
    /// The host that is deployed besides, unless it is AWS's.
    host: Option<PathBuf>,
    /// The `.wasm` file of a contestant that represents its language.
    source: Option<PathBuf>,
    pub measured: Measured,
}

/// Holds all measurements of a contestant.
#[derive(Default)]
pub struct Measured {
    /// The times from exec to the first request for an event.
    pub ready: Vec<Duration>,
    /// The times from exec to the end of the first response.
    pub answered: Vec<Duration>,
    warm: [Warm; WARM.len()],
    pub resident_at_first_kib: u64,
    pub resident_later_kib: u64,
    pub peak_kib: u64,
    /// The time from SIGTERM to the end of the process, while its last response is not accepted.
    pub ended: Duration,
    /// Pairs of the concurrency and the responses per second.
    pub throughput: Vec<(usize, f64)>,
}

impl Measured {
    /// Returns the measurements of a work.
    pub fn warm(&self, work: Work) -> &Warm {
        &self.warm[place(work)]
    }
}

/// Returns the place of a work in [`WARM`].
fn place(work: Work) -> usize {
    WARM.iter().position(|warm| *warm == work).expect("a work that is measured warm")
}

/// Holds the measurements of one work.
#[derive(Default)]
pub struct Warm {
    /// The times from an event's first byte to its response's last one.
    pub took: Vec<Duration>,
    /// The processor time of an invocation, once for each start.
    pub cpu: Vec<Duration>,
    /// The invocations per second, once for each start. Each lasts until the next event is requested.
    pub per_second: Vec<f64>,
    /// The times from when the handler says that it wrote a streamed response's first byte until that byte came.
    pub first_byte: Vec<Duration>,
}

/// The works that are measured warm. Those that use the network have tables of their own.
pub const WARM: [Work; 10] = [
    Work::Hello,
    Work::Orders,
    Work::Echo,
    Work::Log,
    Work::Get,
    Work::Item,
    Work::Page,
    Work::Text,
    Work::Bytes,
    Work::Now,
];

/// The works that exist in each language.
const COMMON: [Work; 3] = [Work::Hello, Work::Orders, Work::Echo];

impl Contestant {
    pub fn new(name: &'static str, program: &Path, handler: fn(Work) -> String) -> Self {
        let program = program.to_owned();
        let (arguments, env, files) = (Vec::new(), Vec::new(), vec![program.clone()]);
        Self {
            name,
            program,
            arguments,
            env,
            handler,
            works: &COMMON,
            server: None,
            files,
            host: None,
            source: None,
            measured: Measured::default(),
        }
    }

    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }

    pub fn works(mut self, works: &'static [Work]) -> Self {
        self.works = works;
        self
    }

    pub fn server(mut self, program: &Path, argument: &'static str) -> Self {
        self.server = Some((program.to_owned(), argument));
        self
    }

    /// Sets the files that a new version replaces, if the program itself stays.
    pub fn files(mut self, files: Vec<PathBuf>) -> Self {
        self.files = files;
        self
    }

    pub fn host(mut self, host: &Path) -> Self {
        self.host = Some(host.to_owned());
        self
    }

    pub fn source(mut self, wasm: PathBuf) -> Self {
        self.source = Some(wasm);
        self
    }

    fn spawn(&self, work: Work, runtime_api: &str, more: &[(&str, String)]) -> io::Result<Running> {
        let mut server = None;
        let mut ports = Vec::new();
        if let Some((program, argument)) = &self.server {
            // The port is free again when this listener is dropped, which is now.
            let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port().to_string();
            let mut command = Command::new(program);
            command.arg(argument).env_clear().env("PORT", &port).stdin(Stdio::null()).stdout(Stdio::null());
            server = Some(Ended(command.spawn()?));
            ports.push(("PORT", port));
        }
        let handler = (self.handler)(work);
        let arguments = self.arguments.iter().map(|argument| argument.replace("HANDLER", &handler));
        let child = Command::new(&self.program)
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("AWS_LAMBDA_RUNTIME_API", runtime_api)
            .env("_HANDLER", &handler)
            .env("AWS_LAMBDA_FUNCTION_NAME", "bench")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/bench")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/25/[$LATEST]bench")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .envs(more.iter().chain(&ports).map(|(name, value)| (*name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Running { child: Ended(child), server })
    }

    /// Starts the contestant for one response, and then for a number of invocations. The first tenth of these only
    /// warms up.
    pub fn run(&mut self, work: Work, invocations: usize) -> Result<(), String> {
        self.try_run(work, invocations).map_err(|error| format!("{}, {}: {error}", self.name, work.name()))
    }

    fn try_run(&mut self, work: Work, invocations: usize) -> io::Result<()> {
        let event = work.event();
        let (mut api, begun) = (RuntimeApi::start()?, Instant::now());
        let mut child = self.spawn(work, &api.address()?, &[])?;
        let first = api.first(child.program())?;
        let ready = begun.elapsed();
        let (at, response, mut connection) = api.invoke(child.program(), first, event.as_bytes())?;
        check(work, &response)?;
        let number = place(work);
        if self.works.first() == Some(&work) {
            self.measured.ready.push(ready);
            self.measured.answered.push(at - begun);
        }
        let warm_up = invocations / 10;
        let mut last = response;
        let (mut cpu, mut warm_since) = (Duration::ZERO, Instant::now());
        for count in 0..invocations {
            if count == warm_up {
                (cpu, warm_since) = (child.cpu()?, Instant::now());
            }
            let sent = Instant::now();
            let (at, response, next) = api.invoke(child.program(), connection, event.as_bytes())?;
            if count >= warm_up {
                self.measured.warm[number].took.push(at - sent);
                self.measured.warm[number].first_byte.extend(on_the_way(work, &response));
            }
            api.recycle(std::mem::replace(&mut last, response));
            connection = next;
        }
        let (counted, took) = ((invocations - warm_up).max(1), warm_since.elapsed());
        check(work, &last)?;
        let warm = &mut self.measured.warm[number];
        warm.per_second.push(counted as f64 / took.as_secs_f64());
        warm.cpu.push(child.cpu()?.saturating_sub(cpu) / u32::try_from(counted).unwrap_or(u32::MAX));
        Ok(())
    }

    /// Runs a number of invocations, and measures the memory after the first and the last one, and the time until the
    /// end.
    pub fn run_for_memory(&mut self, invocations: usize) -> io::Result<()> {
        let event = Work::Hello.event();
        let mut api = RuntimeApi::start()?;
        let mut child = self.spawn(Work::Hello, &api.address()?, &[])?;
        let mut connection = api.first(child.program())?;
        for count in 0..invocations {
            let (_, response, next) = api.invoke(child.program(), connection, event.as_bytes())?;
            api.recycle(response);
            connection = next;
            if count == 0 {
                self.measured.resident_at_first_kib = child.status("VmRSS:")?;
            }
        }
        self.measured.resident_later_kib = child.status("VmRSS:")?;
        self.measured.peak_kib = child.status("VmHWM:")?;
        api.send(connection, event.as_bytes())?;
        self.measured.ended = child.terminate()?;
        Ok(())
    }

    /// Measures the responses per second at this concurrency.
    pub fn run_at_once(&mut self, concurrency: usize, invocations: usize) -> io::Result<()> {
        let event = Work::Compute.event();
        let mut api = RuntimeApi::start()?;
        let more = [("AWS_LAMBDA_MAX_CONCURRENCY", concurrency.to_string())];
        let mut child = self.spawn(Work::Compute, &api.address()?, &more[..usize::from(concurrency > 1)])?;
        let (mut sent, mut answered, mut begun) = (0, 0, Instant::now());
        // Additional invocations come first, until all instances exist.
        let warm_up = 2 * concurrency;
        while answered < invocations + warm_up {
            match api.request(child.program())? {
                Request::Next(connection) if sent < invocations + warm_up => {
                    sent += 1;
                    api.send(connection, event.as_bytes())?;
                }
                // This connection waits until the end.
                Request::Next(_) => {}
                Request::Response(connection, response) => {
                    api.accept(connection)?;
                    check(Work::Compute, &response)?;
                    answered += 1;
                    if answered == warm_up {
                        begun = Instant::now();
                    }
                }
            }
        }
        let per_second = invocations as f64 / begun.elapsed().as_secs_f64();
        self.measured.throughput.push((concurrency, per_second));
        Ok(())
    }

    /// Returns the size of the files that a new version replaces, in bytes.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| bytes(file)).sum()
    }

    /// Returns the size of the `.wasm` file, in bytes, of a contestant that represents its language.
    pub fn source_bytes(&self) -> Option<u64> {
        self.source.as_deref().map(bytes)
    }

    /// Returns the size of the host that is deployed besides, in bytes.
    pub fn host_bytes(&self) -> u64 {
        self.host.as_deref().map_or(0, bytes)
    }
}

fn bytes(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |file| file.len())
}

fn check(work: Work, response: &Response) -> io::Result<()> {
    if !response.is_error && work.is_right(response.body()) {
        return Ok(());
    }
    let shown = String::from_utf8_lossy(&response.body()[..response.body().len().min(200)]).into_owned();
    Err(io::Error::other(format!("a wrong response: {shown}")))
}

/// Returns how long the first byte of a streamed response was on the way, where the response says when it was written.
fn on_the_way(work: Work, response: &Response) -> Option<Duration> {
    let payload = url_event::payload(response.body()).filter(|_| work == Work::Now)?;
    let written = Duration::from_nanos(std::str::from_utf8(payload).ok()?.parse().ok()?);
    response.payload_at?.duration_since(SystemTime::UNIX_EPOCH + written).ok()
}

/// A program, and the server that it is put before. Both end when this value is dropped.
struct Running {
    child: Ended,
    server: Option<Ended>,
}

impl Running {
    fn program(&mut self) -> &mut Child {
        &mut self.child.0
    }

    /// Returns the time that the processes' threads had on a processor so far.
    fn cpu(&self) -> io::Result<Duration> {
        let mut nanoseconds = 0;
        for Ended(process) in [&self.child].into_iter().chain(&self.server) {
            for thread in fs::read_dir(format!("/proc/{}/task", process.id()))? {
                let schedstat = fs::read_to_string(thread?.path().join("schedstat"))?;
                nanoseconds += schedstat.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(0);
            }
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// Sends SIGTERM, and returns how long the process took to end.
    fn terminate(&mut self) -> io::Result<Duration> {
        let begun = Instant::now();
        kill_process(Pid::from_child(self.program()), Signal::TERM)?;
        self.program().wait()?;
        Ok(begun.elapsed())
    }

    fn status(&self, name: &str) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.0.id()))?;
        let value = status.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB")?.parse().ok());
        value.ok_or_else(|| io::Error::other(format!("there is no {name}")))
    }
}

/// A process that ends when this value is dropped.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // The process may have ended by itself, which is reported elsewhere.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
