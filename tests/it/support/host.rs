//! `bootstrap` against the fake Runtime API.

use std::{
    path::{Path, PathBuf},
    process::{ChildStdout, Command},
};

use super::{Event, Fake, Program, guests, http::Message, program, task_root, wait_for};

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

/// How to start one.
pub struct Setup {
    /// Removed with the host.
    directory: Option<tempfile::TempDir>,
    task_root: PathBuf,
    env: Vec<(String, String)>,
    arguments: Vec<String>,
    program: PathBuf,
}

impl Host {
    /// With all guests in the task root, and this one as the handler.
    pub fn of(handler: &str) -> Setup {
        Self::in_directory(&guests::ALL).env("HANDLER", handler)
    }

    /// With a task root of the test's own, and no handler named.
    pub fn in_directory(task_root: &Path) -> Setup {
        let program = program("bootstrap");
        Setup { directory: None, task_root: task_root.to_owned(), env: Vec::new(), arguments: Vec::new(), program }
    }

    /// With a guest of these bytes alone.
    pub fn with(bytes: &[u8]) -> Setup {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("guest.wasm"), bytes).expect("a guest is written");
        let setup = Self::in_directory(directory.path()).env("HANDLER", "guest");
        Setup { directory: Some(directory), ..setup }
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
        let setup = Self::in_directory(directory.path()).env("HANDLER", handler);
        Setup { directory: Some(directory), ..setup }
    }

    pub fn invoke(&self, event: impl Into<Vec<u8>>) -> Message {
        self.fake.invoke(Event::new(event))
    }

    /// The response's text; fails when there is none.
    pub fn response(&self, event: impl Into<Vec<u8>>) -> String {
        let post = self.invoke(event);
        assert!(post.subject().ends_with("/response"), "{}: {}", post.subject(), post.text());
        post.text().to_owned()
    }

    /// Invokes with `{}` until this is the response: on a busy machine a newer guest may take longer than an invocation
    /// waits for it.
    pub fn becomes(&self, expected: &str) {
        wait_for(&format!("the response {expected}"), || (self.response("{}") == expected).then_some(()));
    }

    /// What the program posts; `None` where it ends without.
    pub fn post_or_end(&mut self) -> Option<Message> {
        wait_for("a post, or the end", || {
            // This is checked first: what was posted before the end is there then.
            let has_ended = !self.program.is_running();
            match self.fake.try_post() {
                None if !has_ended => None,
                post => Some(post),
            }
        })
    }

    /// Waits for the post to `/init/error` and the end of the program; returns the error object.
    pub fn init_error(mut self) -> serde_json::Value {
        let post = self.fake.post();
        assert_eq!(post.subject(), "/2018-06-01/runtime/init/error");
        let error = post.json();
        assert_eq!(post.header("lambda-runtime-function-error-type"), error["errorType"].as_str());
        assert_eq!(self.program.wait().code(), Some(1));
        error
    }
}

impl Setup {
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn runtime_client(self, client: RuntimeClient) -> Self {
        self.env("GUESTHOUSE_RUNTIME_CLIENT", client.name())
    }

    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Another `bootstrap` than the tests' own.
    pub fn program(mut self, program: &Path) -> Self {
        self.program = program.to_owned();
        self
    }

    /// Starts it, and does not wait for it to be ready.
    pub fn spawn(self) -> Host {
        let (host, log) = self.spawn_unread();
        host.program.read(log);
        host
    }

    /// The same, with a log that nobody reads for now.
    pub fn spawn_unread(self) -> (Host, ChildStdout) {
        let fake = Fake::start();
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", &fake.address)
            .env("LAMBDA_TASK_ROOT", &self.task_root)
            .env("AWS_LAMBDA_FUNCTION_NAME", "the-function")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "7")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/the-function")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/23/[7]abc")
            .envs(self.env)
            .args(self.arguments);
        let (program, log) = Program::start_unread(&mut command);
        (Host { fake, program, _directory: self.directory }, log)
    }

    /// Starts it, and waits until it asks for an event.
    pub fn start(self) -> Host {
        let mut host = self.spawn();
        wait_for("the first `/next`", || {
            assert!(host.program.is_running(), "bootstrap ended: {:#?}", host.program.lines());
            (host.fake.waiting() > 0).then_some(())
        });
        host
    }
}
