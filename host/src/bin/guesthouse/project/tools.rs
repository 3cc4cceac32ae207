//! This module runs the languages' own tools.

use std::{
    io,
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail};

/// Returns what the command writes to its standard output. `missing` is the hint if the command is not installed.
pub fn output(command: &mut Command, missing: &str) -> anyhow::Result<String> {
    let output = started(command.stderr(Stdio::inherit()).output(), command, missing)?;
    if !output.status.success() {
        bail!("{}", failed(command));
    }
    String::from_utf8(output.stdout).with_context(|| failed(command))
}

/// Runs the command. `missing` is the hint if the command, or a tool that it runs, is not installed.
pub fn run_to_end(command: &mut Command, missing: &str) -> anyhow::Result<()> {
    let status = started(command.status(), command, missing)?;
    if status.success() {
        return Ok(());
    }
    // The exit status of a shell that does not find a tool.
    const NOT_FOUND: i32 = 127;
    match status.code() {
        Some(NOT_FOUND) => bail!("{}\nhint: {missing}", failed(command)),
        _ => bail!("{}", failed(command)),
    }
}

/// Returns the result of a command that was started, or was to be.
pub fn started<T>(result: io::Result<T>, command: &Command, missing: &str) -> anyhow::Result<T> {
    let program = command.get_program().display();
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => bail!("`{program}` is not installed\nhint: {missing}"),
        result => result.with_context(|| format!("can't run `{program}`")),
    }
}

/// Returns the message about a command that failed.
pub fn failed(command: &Command) -> String {
    format!("`{}` failed", command.get_program().display())
}
