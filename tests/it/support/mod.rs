//! What the tests share: guests, a fake Runtime API, the programs under test, and HTTP.

pub mod elsewhere;
pub mod emulator;
pub mod fake;
pub mod faults;
pub mod guests;
pub mod host;
pub mod http;
pub mod origin;
pub mod process;
pub mod resources;
pub mod servers;
pub mod text;
pub mod tools;

pub use self::{
    fake::{Event, Fake, Framing, Trouble},
    host::{Edge, Host},
    origin::{Mode, Origin},
    process::Program,
};

use std::{
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

/// A folder where no guest can write, who have `/tmp`: machine code is taken from there. The repository itself may be below `/tmp`.
pub fn task_root() -> tempfile::TempDir {
    tempfile::tempdir_in("/var/tmp").expect("a folder in /var/tmp")
}

/// The root of the repository.
pub fn root() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("host/ is in the root").to_owned()
}
