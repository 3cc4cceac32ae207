//! The subcommand `check` reports what a guest is, and whether it can run.

use std::{
    fmt::{self, Write as _},
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use bytesize::ByteSize;
use clap::builder::styling::{AnsiColor, Style};
use guesthouse::{
    config,
    engine::{Engine, Report, Status},
    files,
    network::reach::Reach,
    source::{CWASM, TaskRoot},
    text::{Escaped, escaped_lines},
};

use crate::{Exit, lambda};

/// Report what guests are, what they import, and whether they can run
///
/// The exit status is 1 if one of them can't run. No code of a guest is run. `contract` is the way in which a guest
/// receives events: `event` through an SDK, or `command` on its standard input.
#[derive(clap::Args)]
pub struct Arguments {
    /// The guests' `.wasm` or `.cwasm` files
    #[arg(required = true)]
    guests: Vec<PathBuf>,
    /// Print JSON, one object per line
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments) -> anyhow::Result<Exit> {
    let Arguments { guests, json } = arguments;
    let engine = Engine::new()?;
    let runtime = lambda::runtime()?;
    let mut all_run = true;
    for guest in guests {
        let name = guest.display().to_string();
        let report = if guest.extension().is_some_and(|ending| ending == CWASM) {
            Report::of_machine_code(&engine, &name, &guest)
        } else {
            match files::read(&guest, files::GUEST_LIMIT_BYTES) {
                Ok(bytes) => runtime.block_on(Report::of(&engine, &name, bytes, &reach(&guest)?)),
                Err(error) => Report::of_nothing(&name, &error),
            }
        };
        all_run &= report.runs;
        let text = if json { serde_json::to_string(&report)? + "\n" } else { text(&report)? };
        anstream::stdout().write_all(text.as_bytes()).context("can't write the report")?;
    }
    Ok(if all_run { Exit::Done } else { Exit::Failed })
}

/// Returns what the settings beside the guest grant of the network.
fn reach(guest: &Path) -> anyhow::Result<Reach> {
    let (Some(directory), Some(name)) = (guest.parent(), guest.file_stem().and_then(|name| name.to_str())) else {
        return Ok(Reach::default());
    };
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let mut sections = config::read_settings(&TaskRoot::open(directory)?)?;
    let network = sections.remove(name).unwrap_or_default().network;
    Ok(Reach { rules: network.allow, services: network.aws })
}

fn text(report: &Report) -> Result<String, fmt::Error> {
    let mut text = String::new();
    let verdict = if report.runs { ("runs", AnsiColor::Green) } else { ("can't run", AnsiColor::Red) };
    let colour = Style::new().fg_color(Some(verdict.1.into())).bold();
    writeln!(text, "{}: {colour}{}{colour:#}", Escaped(&report.guest), verdict.0)?;
    let listed = |items: &[String]| items.join(", ");
    let contract = report.contract.map(|contract| match report.world {
        Some(world) => format!("{contract} (the world `{world}`)"),
        None => contract.to_owned(),
    });
    let facts = [
        ("kind", report.kind.map(str::to_owned).unwrap_or_default()),
        ("contract", contract.unwrap_or_default()),
        ("size", report.bytes.map(|bytes| ByteSize::b(bytes).to_string()).unwrap_or_default()),
        (
            "memory",
            report.memory_bytes.map(|bytes| format!("{} from the start", ByteSize::b(bytes))).unwrap_or_default(),
        ),
        ("languages", listed(&report.languages)),
        ("tools", listed(&report.tools)),
        ("features", listed(&report.features)),
        ("exports", listed(&report.exports)),
        ("network", listed(&report.network)),
    ];
    for (name, fact) in facts.iter().filter(|(_, fact)| !fact.is_empty()) {
        writeln!(text, "  {name:<9} {}", Escaped(fact))?;
    }
    for (number, import) in report.imports.iter().flatten().enumerate() {
        let status = match import.status {
            Status::Provided => "provided",
            Status::Denied => "denied",
            Status::OtherVersion => "other version",
            Status::Unknown => "unknown",
        };
        let remedy = import.remedy.as_ref().map(|remedy| format!(": {remedy}")).unwrap_or_default();
        let title = if number == 0 { "imports" } else { "" };
        writeln!(text, "  {title:<9} {} {status}{}", Escaped(&import.name), Escaped(remedy))?;
    }
    if let Some(error) = &report.error {
        writeln!(text, "  {}", escaped_lines(&error.to_string().replace('\n', "\n  ")))?;
    }
    Ok(text)
}
