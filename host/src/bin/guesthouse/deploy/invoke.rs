//! The subcommand `invoke` calls a function on AWS.

use anyhow::Context as _;
use guesthouse::{config::deploy::DeploySettings, text::escaped_lines};

use super::{
    credentials,
    invocation::{self, Ended},
    settings,
};
use crate::{Exit, event, lambda, run::Printer, settings_file::SettingsFile};

/// Limits an event, in bytes. Source: the AWS page "Lambda quotas".
const EVENT_LIMIT_BYTES: u64 = 6 << 20;

/// Call a function on AWS Lambda
///
/// Prints the response to standard output, and the end of the log to standard error. The exit status is 2 if the
/// function returned an error.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    function: Function,
    /// The event: JSON, `@FILE`, or `-` for standard input
    #[arg(short, long, default_value = "{}", value_name = "JSON|@FILE|-")]
    event: String,
}

/// Names a function that was deployed.
#[derive(clap::Args)]
pub struct Function {
    /// The function's name [default: `name` under `[deploy]` in `guesthouse.toml`]
    name: Option<String>,
    /// The region [default: that of `[deploy]`, or of this shell]
    #[arg(long)]
    region: Option<String>,
}

impl Function {
    /// Returns the function's name and a client for its region.
    pub fn connect(self) -> anyhow::Result<(String, super::client::Aws)> {
        let file = match SettingsFile::of(&[])? {
            Some(file) => DeploySettings::parse(&file.text)?,
            None => DeploySettings::default(),
        };
        let name = self.name.or(file.name).context("no function is named\nhint: name it, or set `deploy.name`")?;
        let name = settings::checked_name(name, false)?;
        Ok((name, credentials::connect(self.region.or(file.region))?))
    }
}

pub fn run(arguments: Arguments) -> anyhow::Result<Exit> {
    let Arguments { function, event } = arguments;
    let event = event::read(&event, EVENT_LIMIT_BYTES)?;
    anyhow::ensure!(event.len() as u64 <= EVENT_LIMIT_BYTES, "the event is too large\nhint: Lambda accepts 6 MiB");
    let (name, aws) = function.connect()?;
    show(&lambda::runtime()?.block_on(invocation::invoke(&aws, &name, event))?)
}

/// Prints how an invocation ended.
pub fn show(ended: &Ended) -> anyhow::Result<Exit> {
    for line in ended.log.lines() {
        anstream::eprintln!("{}", escaped_lines(line));
    }
    let mut printer = Printer::new();
    printer.print(&ended.payload)?;
    printer.end()?;
    let (duration, start) = invocation::durations(&ended.log);
    let duration = duration.map(|duration| format!(" in {duration}")).unwrap_or_default();
    let start = start.map(|start| format!(", cold start {start}")).unwrap_or_default();
    anstream::eprintln!("version {}{duration}{start}", escaped_lines(&ended.version));
    Ok(if ended.is_error { Exit::HandlerError } else { Exit::Done })
}
