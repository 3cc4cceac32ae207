//! This module holds what the subcommands that run guests share: their options, and the local Lambda made from them.

use std::{io::Write, num::NonZeroUsize, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow};
use clap::Args;
use clap::builder::styling::{AnsiColor, Style};
use guesthouse::{
    config::{self, EnvVars, NetworkSettings},
    engine::Engine,
    local::{Functions, Limits, Records, Scratch, Shared},
    logs::{Format, Logs, Output as _},
    network::{
        aws::services::AwsService,
        rules::{Rule, Rules},
    },
    registry::RefreshThread,
    telemetry,
    text::escaped_lines,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::runtime::{Builder, Runtime};

use crate::cache;

/// Describes what the local Lambda gives a function.
#[derive(Args)]
pub struct Options {
    /// Timeout of an invocation in seconds, like the function's setting on Lambda
    #[arg(long, default_value = "3", value_parser = seconds)]
    timeout: Duration,
    /// Memory of the function in MB, like the function's setting on Lambda
    #[arg(long, default_value = "128", value_parser = megabytes)]
    memory: u32,
    /// An environment variable of the function; without a value, the one of this shell
    #[arg(long = "env", value_name = "NAME[=VALUE]", value_parser = variable)]
    env: Vec<(String, String)>,
    /// What the function may reach, besides what `network.allow` grants: `https://HOST`, `http://HOST`, `tcp://HOST:PORT`
    #[arg(long, value_name = "RULE", value_parser = rule)]
    allow: Vec<String>,
    /// An AWS service that the function may call, besides those of the setting `aws`
    #[arg(long, value_name = "SERVICE")]
    aws: Vec<AwsService>,
}

/// A `Lambda` is the local Lambda of one process.
pub struct Lambda {
    pub functions: Arc<Functions>,
    /// The output of all log lines, which is flushed at the end.
    records: Arc<Records>,
}

/// The maximum time for writing the last log lines at the end.
const LAST_LINES: Duration = Duration::from_secs(5);

impl Drop for Lambda {
    fn drop(&mut self) {
        self.functions.end();
        self.records.flush(LAST_LINES);
    }
}

impl Options {
    /// Starts the local Lambda with the guests of a directory, or with one guest's file. Log lines go to `output`.
    pub async fn start(
        self,
        guests: &Path,
        concurrency: NonZeroUsize,
        output: impl Write + Send + 'static,
    ) -> anyhow::Result<Lambda> {
        raise_limit_of_files();
        let environment = self.log_environment();
        let records = Arc::new(Records::new(Box::new(Format::from_environment(&environment).writer(output))));
        let logs = Logs::from_environment(&environment, Box::new(records.clone()));
        let logs = Arc::new(logs);
        telemetry::start(logs.clone());
        let shared = Shared {
            engine: match cache::directory() {
                Some(cache) => Engine::new()?.keeping(cache.join("compiled")),
                None => Engine::new()?,
            },
            refresh_thread: RefreshThread::default(),
            access: config::remote_access(&EnvVars::of_process()),
            logs,
            records: records.clone(),
            limits: Limits { timeout: self.timeout, memory_mib: self.memory, concurrency },
            network: NetworkSettings {
                allow: Rules::parse(self.allow.iter().map(String::as_str)).map_err(|(_, error)| anyhow!(error))?,
                aws: self.aws,
                secrets: Vec::new(),
            },
            host: EnvVars::of_process(),
            env: self.env,
            scratch: Scratch::new()?,
        };
        let functions = Functions::start(shared, guests).await?;
        Ok(Lambda { functions: Arc::new(functions), records })
    }
}

impl Options {
    /// Returns the environment variables that configure the log: those of this shell, overridden by the function's.
    fn log_environment(&self) -> EnvVars {
        let shell = EnvVars::of_process();
        let own = self.env.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        shell.iter().chain(own).collect()
    }
}

/// Raises the limit of open files as far as it can be raised. Each worker of each function has an executor and a
/// connection, of which both ends are in this process.
fn raise_limit_of_files() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // If the limit can't be raised, fewer functions can be served.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// Returns the runtime with all threads. As in `bootstrap`, it checks the deadlines after each turn of a guest that
/// computes: that is what the event interval of 1 means.
pub fn runtime() -> anyhow::Result<Runtime> {
    Builder::new_multi_thread().event_interval(1).enable_all().build().context("can't start threads")
}

/// Prints an error, with its first word in red on a terminal.
pub fn print_error(message: &str) {
    let red = Style::new().fg_color(Some(AnsiColor::Red.into())).bold();
    anstream::eprintln!("{red}error:{red:#} {}", escaped_lines(message));
}

/// Prints a problem that does not stop the subcommand.
pub fn print_warning(message: &str) {
    let yellow = Style::new().fg_color(Some(AnsiColor::Yellow.into())).bold();
    anstream::eprintln!("{yellow}warning:{yellow:#} {}", escaped_lines(message));
}

/// Checks that a text is a rule.
fn rule(text: &str) -> Result<String, String> {
    text.parse().map(|_: Rule| text.to_owned())
}

/// Parses a function's memory in MB, in the range that Lambda allows.
fn megabytes(text: &str) -> Result<u32, String> {
    let megabytes = text.parse().ok().filter(|megabytes| (128..=10_240).contains(megabytes));
    megabytes.ok_or_else(|| "expected MB from 128 to 10240, such as `256`".to_owned())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.filter(|timeout| !timeout.is_zero()).ok_or_else(|| "expected seconds above 0, such as `3`".to_owned())
}

fn variable(text: &str) -> Result<(String, String), String> {
    if text.is_empty() || text.starts_with('=') {
        return Err("expected a name, such as `STAGE=dev`".to_owned());
    }
    if let Some((name, value)) = text.split_once('=') {
        return Ok((name.to_owned(), value.to_owned()));
    }
    let shell = EnvVars::of_process();
    let value = shell.get(text).ok_or_else(|| format!("`{text}` is not set in this shell; write `{text}=VALUE`"))?;
    Ok((text.to_owned(), value.to_owned()))
}
