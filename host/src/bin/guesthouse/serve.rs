//! A local Lambda.

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
/// Every guest is a function of its name: `aws lambda invoke --endpoint-url http://127.0.0.1:9000`, the AWS SDKs and curl
/// work unchanged. Each function gets a `/tmp` of its own, which is removed at the end. Settings come from `guesthouse.toml`
/// beside the guests, and from `--env GUESTHOUSE_…`. A guest that is built again is taken at once, as are new ones and settings; one
/// that is broken is told of, and the one before goes on.
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
        // From before the first look, so that nothing is missed.
        let watch = Watch::start(&arguments.guests);
        let lambda = arguments.options.start(&arguments.guests, arguments.concurrency, std::io::stdout()).await?;
        let all = lambda.functions.all();
        for (name, function) in &all {
            match &**function {
                Ok(_) => println!("{}", url(address, name)),
                Err(failure) => lambda::print_warning(&format!("`{name}` answers only with its error: {failure}")),
            }
        }
        let Some((first, _)) = all.iter().find(|(_, function)| function.is_ok()) else {
            bail!("there is nothing to serve\nhint: mend what is said of each above, and start again");
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

/// Lets the functions follow their folder.
async fn follow(watch: notify::Result<Watch>, functions: &Functions, address: SocketAddr) {
    let mut watch = match watch {
        Ok(watch) => watch,
        Err(error) => {
            lambda::print_warning(&format!(
                "guests that are built again are taken after a restart: {error}\nhint: raise the system's limit `fs.inotify.max_user_watches`"
            ));
            return std::future::pending().await;
        }
    };
    loop {
        watch.changed().await;
        match functions.refresh().await {
            Ok(changes) => changes.iter().for_each(|change| match change {
                Change::Added(name) => println!("{}", url(address, name)),
                Change::Removed(name) => println!("`{}` is gone, and its function, too", Escaped(name)),
                Change::Kept(name, failure) => lambda::print_warning(&format!("`{name}` goes on as it was: {failure}")),
                Change::Broken(name, failure) => {
                    lambda::print_warning(&format!("`{name}` answers only with its error: {failure}"));
                }
            }),
            Err(failure) => lambda::print_warning(&format!("all goes on as it was: {failure}")),
        }
    }
}

/// What of a name stands in a URL as it is.
const IN_URL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

fn url(address: SocketAddr, name: &str) -> String {
    format!("http://{address}/2015-03-31/functions/{}/invocations", utf8_percent_encode(name, IN_URL))
}
