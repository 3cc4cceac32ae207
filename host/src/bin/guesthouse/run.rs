//! The subcommand `run` invokes a guest once, and prints its response to standard output.

use std::{
    fs,
    io::{self, IsTerminal as _, Read as _, Write as _},
    num::NonZeroUsize,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use guesthouse::{
    local::Call,
    text::{Escaped, escaped_lines},
};
use serde_json::Value;

use crate::{
    Exit,
    lambda::{self, Options},
};

/// Invoke a guest once, and print its response
///
/// The response goes to standard output, the guest's log lines to standard error. Exit status 2 means that the handler
/// returned an error, or that the guest faulted.
#[derive(clap::Args)]
pub struct Arguments {
    /// The guest's `.wasm` file
    guest: PathBuf,
    /// The event: JSON, `@FILE`, or `-` for standard input
    #[arg(short, long, default_value = "{}", allow_hyphen_values = true)]
    event: String,
    #[command(flatten)]
    options: Options,
}

/// The duration of a start after which a hint is printed.
const LONG: Duration = Duration::from_secs(3);

pub fn run(arguments: Arguments) -> anyhow::Result<Exit> {
    let event = read(&arguments.event)?;
    if arguments.guest.is_dir() {
        bail!(
            "`{}` is a directory\nhint: name one guest's `.wasm` file, or use `guesthouse serve`",
            arguments.guest.display()
        );
    }
    let runtime = lambda::runtime()?;
    let outcome = runtime.block_on(async {
        let begun = Instant::now();
        let lambda = arguments.options.start(&arguments.guest, NonZeroUsize::MIN, io::stderr()).await?;
        if begun.elapsed() > LONG && arguments.guest.extension().is_some_and(|ending| ending == "wasm") {
            let (seconds, guest) = (begun.elapsed().as_secs(), Escaped(arguments.guest.display()));
            eprintln!(
                "hint: compiling it took {seconds} seconds, which the next run does without; deploy what `guesthouse \
                 compile {guest}` writes"
            );
        }
        let Some((_, function)) = lambda.functions.all().pop() else { bail!("no guest was loaded") };
        let function = (*function).as_ref().map_err(|failure| anyhow::Error::new(failure.clone()))?;
        let call = Call { request_id: uuid::Uuid::new_v4().to_string(), event: event.into(), ..Call::default() };
        let outcome = function.call(call).await.map_err(|_| anyhow::anyhow!("the request id is in use"));
        // The log is written before the response.
        function.end().await;
        outcome
    })?;
    match outcome.result {
        Ok(response) => {
            let mut stdout = io::stdout().lock();
            // The response is printed unchanged, except to a terminal, which would treat some of its bytes as commands.
            let response = match stdout.is_terminal() {
                true => escaped_lines(&String::from_utf8_lossy(&response)).into_owned().into(),
                false => response,
            };
            let end: &[u8] = if response.ends_with(b"\n") { b"" } else { b"\n" };
            stdout.write_all(&response).and_then(|()| stdout.write_all(end)).context("can't write the response")?;
            Ok(Exit::Done)
        }
        Err(error) => {
            lambda::print_error(&readable(&error));
            Ok(Exit::HandlerError)
        }
    }
}

fn read(event: &str) -> anyhow::Result<Vec<u8>> {
    match event.strip_prefix('@') {
        Some(path) => fs::read(path)
            .with_context(|| format!("can't read the event from `{path}`\nhint: `@` is followed by a file's path")),
        None if event == "-" => {
            let mut bytes = Vec::new();
            io::stdin().lock().read_to_end(&mut bytes).context("can't read the event from standard input")?;
            Ok(bytes)
        }
        None => Ok(event.as_bytes().to_vec()),
    }
}

/// Returns the error object as lines: type and message, then one line for each frame.
fn readable(body: &[u8]) -> String {
    let error: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
    let frames = error["stackTrace"].as_array().into_iter().flatten().filter_map(Value::as_str);
    frames.fold(format!("{}: {}", text("errorType"), text("errorMessage")), |lines, frame| {
        format!("{lines}\n  at {frame}")
    })
}
