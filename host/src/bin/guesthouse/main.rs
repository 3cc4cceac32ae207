//! The developer's tool.

mod check;
mod compile;
mod lambda;
mod project;
mod push;
mod run;
mod serve;
mod watch;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// WebAssembly handlers on AWS Lambda: run them here first.
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
    Push(push::Arguments),
}

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    Done = 0,
    /// The tool could not do what it was asked to.
    Failed = 1,
    /// The guest answered with an error, or faulted.
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
            // Help and version come this way too. There is nothing to do where not even that can be printed.
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
        Command::Push(arguments) => push::run(arguments),
    };
    ended
        .unwrap_or_else(|error| {
            lambda::print_error(&format!("{error:#}"));
            Exit::Failed
        })
        .into()
}
