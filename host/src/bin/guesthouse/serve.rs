//! The subcommand `serve` runs a local Lambda.

use std::{net::SocketAddr, num::NonZeroUsize, path::PathBuf};

use anyhow::{Context as _, bail};
use guesthouse::{
    local::{
        self, Change, Functions,
        front::{Front, Site},
    },
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
/// SDKs and curl work unchanged. Each function has a URL as well, `http://127.0.0.1:9000/lambda-url/NAME/`, which
/// behaves like a Function URL or, with `--front`, like another front of AWS. For browsers it has an origin of its own,
/// `http://NAME.localhost:9000/`. Each function has a `/tmp` of its own, which is removed at the end. Settings come from `guesthouse.toml` beside the guests, and from `--env GUESTHOUSE_…`.
/// Changed guests, new guests and changed settings take effect at once. If a changed guest is broken, a warning is
/// printed, and the previous one keeps serving. `.cwasm` files in the directory are native code, which no sandbox
/// restricts: serve only those that you made.
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
    /// The front whose events functions get for requests to their URLs, and whose responses they return
    #[arg(long, value_enum, default_value = "url")]
    front: FrontName,
    /// The stage of API Gateway in events [default: `prod` for v1, `$default` for v2]
    #[arg(long, value_name = "NAME", value_parser = segment)]
    stage: Option<String>,
    /// The base path of a custom domain of API Gateway, which is in the paths of events
    #[arg(long, value_name = "PATH", value_parser = segment)]
    base_path: Option<String>,
    /// A media type that API Gateway passes on as bytes, with `--front v1`; `*/*` is any
    #[arg(long, value_name = "TYPE")]
    binary_media_type: Vec<String>,
    #[command(flatten)]
    options: Options,
}

/// The fronts by the names that they have on the command line.
#[derive(Clone, Copy, clap::ValueEnum)]
enum FrontName {
    /// Function URL
    Url,
    /// API Gateway, payload format 1.0: a REST API
    V1,
    /// API Gateway, payload format 2.0: an HTTP API
    V2,
    /// Application Load Balancer, without multi-value headers
    Alb,
    /// Application Load Balancer, with multi-value headers
    AlbMultiValue,
    /// VPC Lattice, event structure 2.0
    Lattice,
    /// VPC Lattice, event structure 1.0
    LatticeV1,
}

impl Arguments {
    /// Returns the front that was chosen.
    fn site(&self) -> anyhow::Result<Site> {
        let front = match self.front {
            FrontName::Url => Front::Url,
            FrontName::V1 => Front::V1,
            FrontName::V2 => Front::V2,
            FrontName::Alb => Front::Alb,
            FrontName::AlbMultiValue => Front::AlbMultiValue,
            FrontName::Lattice => Front::Lattice,
            FrontName::LatticeV1 => Front::LatticeV1,
        };
        let is_gateway = matches!(front, Front::V1 | Front::V2);
        if !is_gateway && (self.stage.is_some() || self.base_path.is_some()) {
            bail!("only API Gateway has stages and base paths\nhint: add `--front v1` or `--front v2`");
        }
        if front != Front::V1 && !self.binary_media_type.is_empty() {
            bail!("only REST APIs have binary media types\nhint: add `--front v1`");
        }
        Ok(Site {
            front,
            stage: self.stage.clone(),
            base_path: self.base_path.clone(),
            binary_media_types: self.binary_media_type.clone(),
        })
    }
}

/// Checks the name of a stage, or a base path, which may have slashes around it.
fn segment(text: &str) -> Result<String, String> {
    let name = text.trim_matches('/');
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~$/".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_plain) {
        return Err("expected letters, digits and `-`, `_`, `.`, `~`, such as `prod`".to_owned());
    }
    Ok(name.to_owned())
}

pub fn run(arguments: Arguments) -> anyhow::Result<Exit> {
    let site = arguments.site()?;
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
                Ok(_) => print_urls(address, name, &lambda.functions),
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
            () = local::serve(listener, lambda.functions.clone(), site) => {}
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
                Change::Added(name) => print_urls(address, name, functions),
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

/// Prints where a function is invoked, and its URLs.
fn print_urls(address: SocketAddr, name: &str, functions: &Functions) {
    println!("{}", url(address, name));
    let segments: Vec<String> =
        name.split('/').map(|segment| utf8_percent_encode(segment, IN_URL).to_string()).collect();
    println!("http://{address}/lambda-url/{}/", segments.join("/"));
    if let Some(label) = functions.label_of(name) {
        println!("http://{label}.localhost:{}/", address.port());
    }
}

fn url(address: SocketAddr, name: &str) -> String {
    format!("http://{address}/2015-03-31/functions/{}/invocations", utf8_percent_encode(name, IN_URL))
}
