//! How a host is started.

use std::{
    path::{Path, PathBuf},
    process::{ChildStdout, Command},
};

use super::{Fake, Host, InvocationError, Program, RuntimeClient, emulator::Emulator, wait_for};

/// What a host is started with.
pub struct Setup {
    /// Removed with the host.
    directory: Option<tempfile::TempDir>,
    task_root: PathBuf,
    handler: Option<String>,
    env: Vec<(String, String)>,
    arguments: Vec<String>,
    program: PathBuf,
    runtime_api: Option<Fake>,
}

impl Setup {
    /// With this task root, and no handler named.
    pub fn new(task_root: &Path) -> Self {
        Self {
            directory: None,
            task_root: task_root.to_owned(),
            handler: None,
            env: Vec::new(),
            arguments: Vec::new(),
            program: super::program("bootstrap"),
            runtime_api: None,
        }
    }

    /// With this task root, which is removed with the host.
    pub fn owning(directory: tempfile::TempDir) -> Self {
        let setup = Self::new(directory.path());
        Self { directory: Some(directory), ..setup }
    }

    pub fn handler(mut self, name: &str) -> Self {
        self.handler = Some(name.to_owned());
        self
    }

    pub fn runtime_client(self, client: RuntimeClient) -> Self {
        self.env("GUESTHOUSE_RUNTIME_CLIENT", client.name())
    }

    /// How many invocations may be in flight at once.
    pub fn concurrency(self, invocations: usize) -> Self {
        self.env("AWS_LAMBDA_MAX_CONCURRENCY", &invocations.to_string())
    }

    /// The memory of the whole function, in MB.
    pub fn function_memory(self, megabytes: u32) -> Self {
        self.env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &megabytes.to_string())
    }

    /// The memory of one instance.
    pub fn memory(self, size: &str) -> Self {
        self.env("GUESTHOUSE_MEMORY", size)
    }

    /// How long before its deadline a guest is stopped.
    pub fn margin(self, time: &str) -> Self {
        self.env("GUESTHOUSE_MARGIN", time)
    }

    /// How often a newer guest is checked for.
    pub fn refresh(self, every: &str) -> Self {
        self.env("GUESTHOUSE_REFRESH", every)
    }

    /// With a new instance for each invocation.
    pub fn fresh(self) -> Self {
        self.instances("fresh")
    }

    pub fn instances(self, policy: &str) -> Self {
        self.env("GUESTHOUSE_INSTANCES", policy)
    }

    /// What the guest may do in `/tmp`.
    pub fn tmp(self, access: &str) -> Self {
        self.env("GUESTHOUSE_TMP", access)
    }

    /// How much the guest may keep in `/tmp`.
    pub fn tmp_limit(self, size: &str) -> Self {
        self.env("GUESTHOUSE_TMP_LIMIT", size)
    }

    /// The arguments of a command.
    pub fn args(self, written: &str) -> Self {
        self.env("GUESTHOUSE_ARGS", written)
    }

    /// Pins the guest's digest.
    pub fn digest(self, digest: &str) -> Self {
        self.env("GUESTHOUSE_DIGEST", digest)
    }

    /// Trusts this key of minisign.
    pub fn trusted_key(self, key: &str) -> Self {
        self.env("GUESTHOUSE_TRUSTED_KEYS", key)
    }

    pub fn artifact_limit(self, size: &str) -> Self {
        self.env("GUESTHOUSE_ARTIFACT_LIMIT", size)
    }

    /// Trusts the certificates in this file and no other.
    pub fn certificates(self, file: &Path) -> Self {
        self.env("SSL_CERT_FILE", file.to_str().expect("a path that is text"))
    }

    pub fn proxy(self, url: &str) -> Self {
        self.env("HTTPS_PROXY", url)
    }

    /// What the guest may reach.
    pub fn allow(self, rules: &[&str]) -> Self {
        self.env("GUESTHOUSE_NETWORK_ALLOW", &rules.join(","))
    }

    /// The AWS services that the guest may call.
    pub fn aws(self, services: &[&str]) -> Self {
        self.env("GUESTHOUSE_AWS_ALLOW", &services.join(","))
    }

    pub fn log_format(self, format: &str) -> Self {
        self.env("AWS_LAMBDA_LOG_FORMAT", format)
    }

    pub fn log_level(self, level: &str) -> Self {
        self.env("AWS_LAMBDA_LOG_LEVEL", level)
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn envs(mut self, variables: &[(String, String)]) -> Self {
        self.env.extend_from_slice(variables);
        self
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

    /// With this Runtime API, whose address the test knows beforehand.
    pub fn runtime_api(mut self, fake: Fake) -> Self {
        self.runtime_api = Some(fake);
        self
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

    /// Starts it, and waits for the post to `/init/error` and the end; fails unless the error has this type.
    #[track_caller]
    pub fn init_error(self, error_type: &str) -> InvocationError {
        self.any_init_error().has_type(error_type)
    }

    /// Starts it, and waits for the post to `/init/error` and the end.
    #[track_caller]
    pub fn any_init_error(self) -> InvocationError {
        let mut host = self.spawn();
        let post = host.fake.post();
        assert_eq!(post.subject(), "/2018-06-01/runtime/init/error");
        let error = post.any_error();
        assert_eq!(post.header("lambda-runtime-function-error-type"), Some(error.error_type()));
        assert_eq!(host.program.wait().code(), Some(1));
        error
    }

    /// Starts it, and does not wait for it to be ready.
    pub fn spawn(self) -> Host {
        let (host, log) = self.spawn_unread();
        host.program.read(log);
        host
    }

    /// The same, with a log that nobody reads for now.
    pub fn spawn_unread(self) -> (Host, ChildStdout) {
        let fake = self.runtime_api.unwrap_or_else(Fake::start);
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
            .envs(self.handler.map(|handler| ("HANDLER", handler)))
            .envs(self.env)
            .args(self.arguments);
        let (program, log) = Program::start_unread(&mut command);
        (Host::new(fake, program, self.directory), log)
    }

    /// Starts it under Lambda's emulator, with this timeout. The handler is the program's argument.
    pub fn under_the_emulator(self, timeout_seconds: u32) -> Emulator {
        let arguments = self.handler.iter().chain(&self.arguments);
        Emulator::start(self.directory, |command| {
            command
                .arg(&self.program)
                .args(arguments.clone())
                .env("LAMBDA_TASK_ROOT", &self.task_root)
                .env("AWS_LAMBDA_FUNCTION_TIMEOUT", timeout_seconds.to_string())
                .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
                .envs(self.env.iter().map(|(name, value)| (name, value)));
        })
    }
}
