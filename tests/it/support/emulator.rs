//! Lambda's own emulator, which `cargo xtask test` installs.

use std::{
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    ops::Range,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use super::{PATIENCE, Program, Reply, http, tools, wait_for};

/// The ports that are given out here. Linux gives others to who does not ask for a certain one: its range begins at
/// 32,768.
const PORTS: Range<u32> = 10_240..32_768;

/// The running emulator. It serves one invocation at a time, so each test has its own.
pub struct Emulator {
    address: String,
    program: Program,
    _directory: Option<tempfile::TempDir>,
}

impl Emulator {
    /// Starts it with the runtime and the variables that `add` adds to its command.
    pub fn start(directory: Option<tempfile::TempDir>, add: impl Fn(&mut Command)) -> Self {
        let (address, program) = start(|addresses| {
            let mut command = tools::rie();
            add(command.args(addresses));
            command
        });
        Self { address, program, _directory: directory }
    }

    pub fn invoke(&self, event: impl Into<Vec<u8>>) -> Reply {
        self.invoke_with(&[], event)
    }

    /// Invokes with these headers.
    #[track_caller]
    pub fn invoke_with(&self, headers: &[(&str, &str)], event: impl Into<Vec<u8>>) -> Reply {
        let reply = self.try_invoke(headers, event);
        assert_eq!(reply.subject(), "200", "{}", reply.text());
        reply
    }

    /// The same, where the emulator may refuse it.
    pub fn try_invoke(&self, headers: &[(&str, &str)], event: impl Into<Vec<u8>>) -> Reply {
        Reply::emulated(http::invoke(&self.address, "function", headers, &event.into()))
    }

    /// The `bootstrap` that the emulator runs now.
    pub fn bootstrap(&self) -> u32 {
        let children = self.program.children();
        assert_eq!(children.len(), 1, "{children:?}");
        children[0]
    }
}

/// Starts it, and waits until it takes events at the address that is returned. `command` adds the runtime to run to
/// what the emulator is told: its addresses.
///
/// It does not take port 0, so ports are chosen here. Somebody else may take one of them first; then it ends, and is
/// started with others.
pub fn start(command: impl Fn(&[&str]) -> Command) -> (String, Program) {
    for _ in 0..10 {
        let (address, runtime_api) = (free_address(), free_address());
        let addresses = ["--runtime-interface-emulator-address", &address, "--runtime-api-address", &runtime_api];
        let mut program = Program::start(&mut command(&addresses));
        let listens = wait_for("the emulator", || match program.is_running() {
            // It takes events before it knows whether it has its second port. Where it has ended, somebody else may
            // listen there.
            true => {
                (responds(&runtime_api) && TcpStream::connect(&address).is_ok() && program.is_running()).then_some(true)
            }
            false => Some(false),
        });
        if listens {
            return (address, program);
        }
        eprintln!("the emulator ended: {}", program.lines().join("\n"));
    }
    panic!("the emulator does not start");
}

/// Whether it is the emulator's Runtime API that responds there.
fn responds(runtime_api: &str) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect(runtime_api)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"GET /2018-06-01/ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut response = String::new();
        stream.read_to_string(&mut response)?;
        io::Result::Ok(response.ends_with("pong"))
    };
    ask().unwrap_or(false)
}

/// A port that nobody had a moment ago, and that no other test of this run is given.
fn free_address() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let count = PORTS.end - PORTS.start;
    // Other runs of the tests begin elsewhere.
    let first = std::process::id().wrapping_mul(61);
    let ports =
        std::iter::from_fn(|| Some(PORTS.start + first.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % count));
    let mut addresses = ports.take(1000).map(|port| format!("127.0.0.1:{port}"));
    addresses.find(|address| TcpListener::bind(address).is_ok()).expect("a free port")
}
