//! What the tests share: guests, a fake Runtime API, the programs under test, and HTTP.

pub mod elsewhere;
pub mod fake;
pub mod faults;
pub mod guests;
pub mod host;
pub mod http;
pub mod origin;
pub mod process;
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

/// How long anything may take before a test gives up on it.
pub const PATIENCE: Duration = Duration::from_secs(60);

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

/// The root of the repository.
pub fn root() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("host/ is in the root").to_owned()
}
