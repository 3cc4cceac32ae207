//! What the subcommands that run guests have in common: options, and the local Lambda made from them.

use std::{
    io,
    num::NonZeroUsize,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Context as _, bail};
use clap::Args;
use clap::builder::styling::{AnsiColor, Style};
use guesthouse::{
    config::{self, Environment, Settings},
    engine::Engine,
    local::{Functions, Limits, Records, Shared},
    logs::{Logs, Output},
    source::{Source, TaskRoot},
    telemetry,
};
use tempfile::TempDir;

/// What the local Lambda gives a function.
#[derive(Args)]
pub struct Options {
    /// Seconds after which an invocation is given up, as with the function's setting
    #[arg(long, default_value = "3", env = "AWS_LAMBDA_FUNCTION_TIMEOUT", value_parser = seconds)]
    timeout: Duration,
    /// Memory of the function in MB
    #[arg(long, default_value = "128", env = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", value_parser = clap::value_parser!(u32).range(1..))]
    memory: u32,
    /// A variable that guests see; without a value, the one of this shell
    #[arg(long = "env", value_name = "NAME[=VALUE]", value_parser = variable)]
    env: Vec<(String, String)>,
}

/// The local Lambda of one process.
pub struct Lambda {
    pub functions: Arc<Functions>,
    /// Removed with all that guests wrote into it.
    _tmp: TempDir,
}

impl Options {
    /// Loads the guests of a folder, or one guest. Log lines go to `output`.
    pub async fn start(
        self,
        guests: &Path,
        concurrency: NonZeroUsize,
        output: Box<dyn Output>,
    ) -> anyhow::Result<Lambda> {
        let records = Arc::new(Records::new(output));
        let logs = Logs::from_environment(&Environment::of_process(), Box::new(records.clone()));
        let logs = Arc::new(logs);
        telemetry::start(logs.clone());
        let tmp = tempfile::Builder::new().prefix("guesthouse-").tempdir().context("can't make a folder for `/tmp`")?;
        let shared = Shared {
            engine: Engine::new()?,
            logs,
            records,
            limits: Limits { timeout: self.timeout, memory_mib: self.memory, concurrency },
            env: self.env,
            tmp: tmp.path().to_owned(),
        };
        let functions = Functions::start(&shared, find(guests)?).await;
        Ok(Lambda { functions: Arc::new(functions), _tmp: tmp })
    }
}

/// The guests of a folder with their settings, or the one guest that a file is.
fn find(path: &Path) -> anyhow::Result<Vec<(String, Source, Settings)>> {
    if path.is_dir() {
        let root = TaskRoot::open(path)?;
        let mut settings = config::read_settings(&root)?;
        let guests = root.guests().into_iter().map(|name| {
            let settings = settings.remove(&name).unwrap_or_default();
            Ok((name.clone(), Source::parse(&name, settings.source.as_deref(), &root)?, settings))
        });
        let guests: Vec<_> = guests.collect::<anyhow::Result<_>>()?;
        if guests.is_empty() {
            bail!(
                "`{}` holds no guests\nhint: build one with `cargo build --target wasm32-wasip2`, and name the folder with the `.wasm` file",
                path.display()
            );
        }
        return Ok(guests);
    }
    if !path.exists() {
        bail!("no such guest: `{}`\nhint: name a `.wasm` file, or a folder that holds some", path.display());
    }
    let name = path.file_stem().and_then(|name| name.to_str());
    let name = name.with_context(|| format!("`{}` has no name that a function could have", path.display()))?;
    let absolute = std::path::absolute(path).with_context(|| format!("can't find `{}`", path.display()))?;
    Ok(vec![(name.to_owned(), Source::File(absolute), Settings::default())])
}

/// Where log lines go when the standard output is for something else.
pub fn to_stderr() -> Box<dyn Output> {
    Box::new(Mutex::new(io::stderr()))
}

/// Prints an error, its first word in red on a terminal.
pub fn print_error(message: &str) {
    let red = Style::new().fg_color(Some(AnsiColor::Red.into())).bold();
    anstream::eprintln!("{red}error:{red:#} {message}");
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.filter(|timeout| !timeout.is_zero()).ok_or_else(|| "expected seconds above 0, such as `3`".to_owned())
}

fn variable(text: &str) -> Result<(String, String), String> {
    if let Some((name, value)) = text.split_once('=') {
        return Ok((name.to_owned(), value.to_owned()));
    }
    let shell = Environment::of_process();
    let value = shell.get(text).ok_or_else(|| format!("`{text}` is not set in this shell; write `{text}=VALUE`"))?;
    Ok((text.to_owned(), value.to_owned()))
}
