//! The subcommand `run` invokes a guest once, and prints its response to standard output.

use std::{
    io::{self, IsTerminal as _, Write as _},
    num::NonZeroUsize,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use guesthouse::{
    local::{Call, Ended, Functions, Part, Parts},
    text::{Escaped, escaped_lines},
};
use serde_json::Value;

use crate::{
    Exit, event,
    lambda::{self, Options},
};

/// Invoke a guest once, and print its response
///
/// The response goes to standard output, a streamed one as it comes; the guest's log lines go to standard error. Exit
/// status 2 means that the handler returned an error, or that the guest faulted.
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
    let event = event::read(&arguments.event, u64::MAX)?;
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
        let Some((_, served)) = lambda.functions.all().pop() else { bail!("no guest was loaded") };
        let function = (*served).as_ref().map_err(|failure| anyhow::Error::new(failure.clone()))?;
        let call = Call { request_id: uuid::Uuid::new_v4().to_string(), event: event.into(), ..Call::default() };
        let mut parts = Functions::call(&served, call).map_err(|_| anyhow::anyhow!("the request id is in use"))?;
        let mut printer = Printer::new();
        let ended = print_streamed(&mut parts, &mut printer).await?;
        // The log is written before a response that does not stream.
        function.end().await;
        Ok::<_, anyhow::Error>((ended, printer))
    })?;
    let (Printed { whole, error }, mut printer) = outcome;
    if let Some(whole) = whole {
        printer.print(&whole)?;
    }
    match error {
        None => {
            printer.end()?;
            Ok(Exit::Done)
        }
        Some(error) => {
            if printer.has_printed {
                printer.end()?;
            }
            lambda::print_error(&readable(&error));
            Ok(Exit::HandlerError)
        }
    }
}

/// What an invocation left to be printed.
struct Printed {
    /// The response of a guest that does not stream.
    whole: Option<Bytes>,
    error: Option<Bytes>,
}

/// Prints a streamed response as it comes, and waits for the end of the invocation.
async fn print_streamed(parts: &mut Parts, printer: &mut Printer) -> anyhow::Result<Printed> {
    let mut printed = Printed { whole: None, error: None };
    loop {
        match parts.next().await {
            Part::Begins(_) => {}
            Part::Whole(bytes) => printed.whole = Some(bytes),
            Part::Bytes(bytes) => printer.print(&bytes)?,
            Part::End(Ended { error, .. }) => return Ok(Printed { error, ..printed }),
        }
    }
}

/// Prints responses unchanged, except to a terminal, which would treat some of their bytes as commands.
pub struct Printer {
    is_terminal: bool,
    has_printed: bool,
    ends_line: bool,
    /// The first bytes of a character whose last ones are yet to come, for a terminal.
    incomplete: Vec<u8>,
}

impl Printer {
    pub fn new() -> Self {
        let is_terminal = io::stdout().is_terminal();
        Self { is_terminal, has_printed: false, ends_line: false, incomplete: Vec::new() }
    }

    /// Prints bytes of a response at once.
    pub fn print(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        let Some(last) = bytes.last() else { return Ok(()) };
        (self.has_printed, self.ends_line) = (true, *last == b'\n');
        if !self.is_terminal {
            return write(bytes);
        }
        let mut text = std::mem::take(&mut self.incomplete);
        text.extend_from_slice(bytes);
        let complete = match std::str::from_utf8(&text) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => text.len(),
        };
        self.incomplete = text.split_off(complete);
        write(escaped_lines(&String::from_utf8_lossy(&text)).as_bytes())
    }

    /// Ends the last line.
    pub fn end(&mut self) -> anyhow::Result<()> {
        let incomplete = std::mem::take(&mut self.incomplete);
        write(String::from_utf8_lossy(&incomplete).as_bytes())?;
        if self.ends_line { Ok(()) } else { write(b"\n") }
    }
}

fn write(bytes: &[u8]) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).context("can't write the response")
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
