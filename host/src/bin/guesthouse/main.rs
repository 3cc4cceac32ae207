//! `guesthouse` is the developer's tool.

mod cache;
mod check;
mod compile;
mod deploy;
mod event;
mod lambda;
mod package;
mod project;
mod push;
mod run;
mod serve;
mod settings_file;
mod watch;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Build, run and publish WebAssembly handlers for AWS Lambda.
#[derive(Parser)]
#[command(name = "guesthouse", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    New(project::new::Arguments),
    Build(project::build::Arguments),
    Run(run::Arguments),
    Serve(serve::Arguments),
    Check(check::Arguments),
    Compile(compile::Arguments),
    Package(package::Arguments),
    Push(push::Arguments),
    Deploy(deploy::Arguments),
    Invoke(deploy::invoke::Arguments),
    Logs(deploy::logs::Arguments),
    Rollback(deploy::rollback::Arguments),
    Delete(deploy::delete::Arguments),
}

/// The exit status of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    Done = 0,
    /// The subcommand failed, or `check` found a guest that can't run.
    Failed = 1,
    /// The handler returned an error, or the guest faulted.
    HandlerError = 2,
    /// The command line is wrong.
    Usage = 64,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

fn main() -> ExitCode {
    if let Some(done) = guesthouse::engine::work_if_asked(std::env::args_os()) {
        return done;
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version arrive here, too. If they can't be printed, nothing is left to do.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Done }.into();
        }
    };
    let ended = match arguments.command {
        Command::New(arguments) => project::new::run(arguments),
        Command::Build(arguments) => project::build::run(arguments),
        Command::Run(arguments) => run::run(arguments),
        Command::Serve(arguments) => serve::run(arguments),
        Command::Check(arguments) => check::run(arguments),
        Command::Compile(arguments) => compile::run(arguments),
        Command::Package(arguments) => package::run(arguments),
        Command::Push(arguments) => push::run(arguments),
        Command::Deploy(arguments) => deploy::run(arguments),
        Command::Invoke(arguments) => deploy::invoke::run(arguments),
        Command::Logs(arguments) => deploy::logs::run(arguments),
        Command::Rollback(arguments) => deploy::rollback::run(arguments),
        Command::Delete(arguments) => deploy::delete::run(arguments),
    };
    ended
        .unwrap_or_else(|error| {
            lambda::print_error(&format!("{error:#}"));
            Exit::Failed
        })
        .into()
}
