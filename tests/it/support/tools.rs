//! Programs that tests need and that `cargo xtask test` installs.

use std::{path::PathBuf, process::Command};

use super::root;

/// A tool's file below `target/tools`.
pub fn tool(path: &str) -> PathBuf {
    let tool = root().join("target/tools").join(path);
    assert!(tool.exists(), "{} is missing\nhint: cargo xtask test installs it", tool.display());
    tool
}

/// Lambda's own emulator.
pub fn rie() -> Command {
    Command::new(tool("aws-lambda-rie"))
}

/// A browser without a window.
pub fn browser() -> Command {
    Command::new("chromium-headless-shell")
}

/// Node with `@aws-sdk/client-lambda`, which runs this module.
pub fn node(script: &str) -> Command {
    let modules = tool("callers/node_modules");
    // A newer version than the machine has may have been installed for it, in a package whose name has the platform.
    let installed = std::fs::read_dir(root().join("target/tools/node/node_modules")).into_iter().flatten().flatten();
    let installed = installed.map(|package| package.path().join("bin/node")).find(|node| node.exists());
    let mut node = with_credentials(Command::new(installed.unwrap_or_else(|| "node".into())));
    node.current_dir(modules.parent().expect("a directory")).args(["--input-type=module", "--eval", script]);
    node
}

/// The AWS command line, with made-up credentials.
pub fn aws() -> Command {
    let mut aws = python();
    aws.args(["-m", "awscli"]);
    aws
}

/// Moto's server, which speaks like AWS.
pub fn moto() -> Command {
    let mut moto = Command::new(venv());
    moto.args(["-m", "moto.server"]);
    moto
}

/// Python with `boto3`.
pub fn python() -> Command {
    with_credentials(Command::new(venv()))
}

/// The other programs of an environment name the directory that it was made in, which may have been moved since.
fn venv() -> PathBuf {
    tool("venv/bin/python")
}

fn with_credentials(mut command: Command) -> Command {
    command
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_PAGER", "")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    command
}
