//! The subcommand `serve` runs a local Lambda.

use std::{net::SocketAddr, num::NonZeroUsize, path::PathBuf};

use anyhow::{Context as _, bail};
use guesthouse::{
    local::{self, Change, Functions, invoke_api},
    text::Escaped,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    Exit,
    lambda::{self, Options},
    watch::Watch,
};

/// Serve guests as a local Lambda, with no Docker and no emulator
///
/// Every guest is a function with the guest's name. `aws lambda invoke --endpoint-url http://127.0.0.1:9000`, the AWS
/// SDKs and curl work unchanged. Each function has a `/tmp` of its own, which is removed at the end. Settings come from
/// `guesthouse.toml` beside the guests, and from `--env GUESTHOUSE_…`. Changed guests, new guests and changed settings
/// take effect at once. If a changed guest is broken, a warning is printed, and the previous one keeps serving.
/// `.cwasm` files in the directory are native code, which no sandbox restricts: serve only those that you made.
#[derive(clap::Args)]
pub struct Arguments {
    /// A directory with `.wasm` files, or one `.wasm` file
    guests: PathBuf,
    /// The port to listen on, on 127.0.0.1; 0 selects a free port
    #[arg(long, default_value = "9000")]
    port: u16,
    /// The number of invocations that each function serves at a time; further ones wait
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
        let address = listener.local_addr().context("can't read the address of the listener")?;
        // The watch starts before the guests are loaded, so that no change is missed.
        let watch = Watch::start(&arguments.guests);
        let lambda = arguments.options.start(&arguments.guests, arguments.concurrency, std::io::stdout()).await?;
        let all = lambda.functions.all();
        for (name, function) in &all {
            match &**function {
                Ok(_) => println!("{}", url(address, name)),
                Err(failure) => lambda::print_warning(&format!("`{name}` returns only its error: {failure}")),
            }
        }
        let Some((first, _)) = all.iter().find(|(_, function)| function.is_ok()) else {
            bail!("no guest could be loaded\nhint: fix the errors above, and start again");
        };
        println!("ready: curl -d '{{}}' {}", url(address, first));
        let mut terminated = signal(SignalKind::terminate()).context("can't wait for signals")?;
        let mut hung_up = signal(SignalKind::hangup()).context("can't wait for signals")?;
        tokio::select! {
            () = invoke_api::serve(listener, lambda.functions.clone()) => {}
            () = follow(watch, &lambda.functions, address) => {}
            _ = tokio::signal::ctrl_c() => {}
            _ = terminated.recv() => {}
            _ = hung_up.recv() => {}
        }
        Ok(Exit::Done)
    })
}

/// Updates the functions whenever their directory changes.
async fn follow(watch: notify::Result<Watch>, functions: &Functions, address: SocketAddr) {
    let mut watch = match watch {
        Ok(watch) => watch,
        Err(error) => {
            lambda::print_warning(&format!(
                "changed guests are only loaded after a restart: {error}\n\
                 hint: raise the system's limit `fs.inotify.max_user_watches`"
            ));
            return std::future::pending().await;
        }
    };
    loop {
        watch.changed().await;
        match functions.refresh().await {
            Ok(changes) => changes.iter().for_each(|change| match change {
                Change::Added(name) => println!("{}", url(address, name)),
                Change::Removed(name) => println!("`{}` is gone, and its function was removed", Escaped(name)),
                Change::Kept(name, failure) => {
                    lambda::print_warning(&format!("`{name}` keeps its previous settings: {failure}"));
                }
                Change::Broken(name, failure) => {
                    lambda::print_warning(&format!("`{name}` returns only its error: {failure}"));
                }
            }),
            Err(failure) => lambda::print_warning(&format!("nothing was changed: {failure}")),
        }
    }
}

/// The characters of a name that are escaped in a URL.
const IN_URL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

fn url(address: SocketAddr, name: &str) -> String {
    format!("http://{address}/2015-03-31/functions/{}/invocations", utf8_percent_encode(name, IN_URL))
}
