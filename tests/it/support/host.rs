//! `bootstrap` against the fake Runtime API.

use std::path::Path;

use serde_json::Value;

use super::{Event, Fake, Program, Reply, Setup, guests, task_root, wait_for};

/// Which code talks to the Runtime API. Most tests run with both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuntimeClient {
    Direct,
    LambdaRuntime,
}

impl RuntimeClient {
    pub const BOTH: [Self; 2] = [Self::Direct, Self::LambdaRuntime];

    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::LambdaRuntime => "lambda_runtime",
        }
    }
}

/// A running `bootstrap`.
pub struct Host {
    pub fake: Fake,
    pub program: Program,
    _directory: Option<tempfile::TempDir>,
}

impl Host {
    /// With all guests in the task root, and this one as the handler.
    pub fn of(handler: &str) -> Setup {
        Self::in_directory(&guests::ALL).handler(handler)
    }

    /// With a task root of the test's own, and no handler named.
    pub fn in_directory(task_root: &Path) -> Setup {
        Setup::new(task_root)
    }

    /// With a guest of these bytes alone.
    pub fn with(bytes: &[u8]) -> Setup {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("guest.wasm"), bytes).expect("a guest is written");
        Setup::owning(directory).handler("guest")
    }

    /// With this file alone, where no guest can write: it may be machine code.
    pub fn with_file(guest: &Path) -> Setup {
        let (directory, name) = (task_root(), guest.file_name().expect("a file"));
        let placed = directory.path().join(name);
        // Some have 50 MB. Another file system takes no link.
        std::fs::hard_link(guest, &placed)
            .or_else(|_| std::fs::copy(guest, &placed).map(drop))
            .unwrap_or_else(|error| panic!("can't place {}: {error}", guest.display()));
        let handler = placed.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        Setup::owning(directory).handler(handler)
    }

    pub fn new(fake: Fake, program: Program, directory: Option<tempfile::TempDir>) -> Self {
        Self { fake, program, _directory: directory }
    }

    pub fn invoke(&self, event: impl Into<Vec<u8>>) -> Reply {
        self.fake.invoke(Event::new(event))
    }

    /// The response's text; fails when there is none.
    #[track_caller]
    pub fn response(&self, event: impl Into<Vec<u8>>) -> String {
        self.invoke(event).response().to_owned()
    }

    /// The response's value; fails when there is none.
    #[track_caller]
    pub fn response_json(&self, event: impl Into<Vec<u8>>) -> Value {
        self.invoke(event).response_json()
    }

    /// Invokes with `{}` until this is the response: on a busy machine a newer guest may take longer than an invocation
    /// waits for it.
    pub fn becomes(&self, expected: &str) {
        wait_for(&format!("the response {expected}"), || (self.response("{}") == expected).then_some(()));
    }

    /// What the program posts; `None` where it ends without.
    pub fn post_or_end(&mut self) -> Option<Reply> {
        wait_for("a post, or the end", || {
            // This is checked first: what was posted before the end is there then.
            let has_ended = !self.program.is_running();
            match self.fake.try_post() {
                None if !has_ended => None,
                post => Some(post),
            }
        })
    }
}
