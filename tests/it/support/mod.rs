//! What the tests share: guests, a fake Runtime API, the programs under test, and HTTP.

pub mod api;
#[path = "../../../guests/fixtures/src/behaviour.rs"]
pub mod behaviour;
pub mod cloud;
pub mod compiled;
pub mod crowd;
pub mod driver;
pub mod elsewhere;
pub mod emulator;
pub mod environments;
pub mod fake;
pub mod faults;
pub mod guests;
pub mod host;
pub mod http;
pub mod in_process;
pub mod origin;
pub mod process;
pub mod reply;
pub mod request;
pub mod resources;
pub mod served;
pub mod servers;
pub mod setup;
pub mod sources;
pub mod stream;
pub mod text;
pub mod tls;
pub mod tools;

pub use self::{
    api::Api,
    behaviour::Behaviour,
    fake::{Event, Fake, Framing, NextFault},
    host::{Host, RuntimeClient},
    origin::{Mode, Origin},
    process::Program,
    reply::{InvocationError, Reply},
    served::Served,
    setup::Setup,
};

use std::{
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

/// How long anything may take before a test gives up on it, on a machine that has much else to do.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// Asks until there is something.
pub fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited {PATIENCE:?} for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A directory where no guest can write, who have `/tmp`: machine code is taken from there. The repository itself may
/// be below `/tmp`.
pub fn task_root() -> tempfile::TempDir {
    tempfile::tempdir_in("/var/tmp").expect("a directory in /var/tmp")
}

/// Whether it comes out so once in twenty times: for what a busy machine may rightly keep from it.
pub fn comes_out_once(mut try_it: impl FnMut() -> bool) -> bool {
    (0..20).any(|_| try_it())
}

/// The root of the repository, wherever it was moved since this was compiled: cargo says where the crate is that it
/// tests.
pub fn root() -> PathBuf {
    let own = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    PathBuf::from(own).parent().expect("host/ is in the root").to_owned()
}

/// A program that was built with the tests: they are in a directory beside it.
pub fn program(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("a path");
    own.parent().and_then(Path::parent).expect("a directory in the target's").join(name)
}
