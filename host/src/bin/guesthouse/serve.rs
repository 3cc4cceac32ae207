//! A local Lambda.

use std::{io, num::NonZeroUsize, path::PathBuf, sync::Mutex};

use anyhow::{Context as _, bail};
use guesthouse::local::{self, invoke_api};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    Exit,
    lambda::{self, Options},
};

/// Serve guests as a local Lambda, with no Docker and no emulator
///
/// Every guest is a function of its name: `aws lambda invoke --endpoint-url http://127.0.0.1:9000`, the AWS SDKs and curl
/// work unchanged. Each function gets a `/tmp` of its own, which is removed at the end. Settings come from `guesthouse.toml`
/// beside the guests, and from `--env GUESTHOUSE_…`. A guest that was built again is taken after a restart.
/// `.cwasm` files in the folder are native code, which no sandbox holds: serve only those that you made.
#[derive(clap::Args)]
pub struct Arguments {
    /// A folder of `.wasm` files, or one
    guests: PathBuf,
    /// Where to listen, on 127.0.0.1; 0 takes a free port
    #[arg(long, default_value = "9000")]
    port: u16,
    /// How many invocations each function serves at a time; further ones wait
    #[arg(long, default_value = "8")]
    concurrency: NonZeroUsize,
    #[command(flatten)]
    options: Options,
}

pub fn run(arguments: Arguments) -> anyhow::Result<Exit> {
    let runtime = lambda::runtime()?;
    runtime.block_on(async {
        let port = arguments.port;
        let listener = local::listen(port).await.with_context(|| {
            format!("can't listen on port {port}\nhint: choose another with `--port`, or a free one with `--port 0`")
        })?;
        let address = listener.local_addr().context("can't tell the port")?;
        let output = Box::new(Mutex::new(io::stdout()));
        let lambda = arguments.options.start(&arguments.guests, arguments.concurrency, output).await?;
        for (name, function) in lambda.functions.iter() {
            match function {
                Ok(_) => println!("http://{address}/2015-03-31/functions/{}/invocations", name.replace('/', "%2F")),
                Err(failure) => lambda::print_warning(&format!("`{name}` answers only with its error: {failure}")),
            }
        }
        if lambda.functions.iter().all(|(_, function)| function.is_err()) {
            bail!("there is nothing to serve\nhint: build the guests again, and see what is said of each above");
        }
        let first = lambda.functions.iter().find(|(_, function)| function.is_ok()).map_or("NAME", |(name, _)| name);
        println!(
            "ready: curl -d '{{}}' http://{address}/2015-03-31/functions/{}/invocations",
            first.replace('/', "%2F")
        );
        let mut terminated = signal(SignalKind::terminate()).context("can't wait for signals")?;
        let mut hung_up = signal(SignalKind::hangup()).context("can't wait for signals")?;
        tokio::select! {
            () = invoke_api::serve(listener, lambda.functions.clone()) => {}
            _ = tokio::signal::ctrl_c() => {}
            _ = terminated.recv() => {}
            _ = hung_up.recv() => {}
        }
        Ok(Exit::Done)
    })
}
