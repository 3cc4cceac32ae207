//! The subcommand `deploy` makes a function of a guest, and this module's others call it, read its logs, move it back
//! and delete it. No file keeps state: each looks at what there is.
//!
//! See docs/decisions/64-deploy-without-state.md.

mod apply;
mod client;
mod credentials;
pub mod delete;
mod invocation;
pub mod invoke;
pub mod logs;
mod look;
mod package_file;
mod plan;
mod policy;
pub mod rollback;
mod settings;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use guesthouse::{config::deploy::DeploySettings, digest::Digest, files};
use serde_json::{Value, json};

use self::{
    apply::Uploads,
    client::{Aws, Service, xml},
    plan::{LayerWish, RoleWish, Url, Wish},
    policy::Account,
    settings::{Options, Settings},
};
use crate::{Exit, lambda, package::UPLOAD_LIMIT_BYTES, settings_file::SettingsFile};

/// Make a function on AWS Lambda of a guest
///
/// Creates what is missing and updates what differs: a role, the layer with the host, the function, a version, the
/// alias `live` and a URL. Each change is printed before it is made; where nothing differs, nothing is changed. At the
/// end the function is invoked once. Credentials come from the variables `AWS_…`, or else from the AWS command line.
/// Settings are in the table `[deploy]` of `guesthouse.toml`, too.
#[derive(clap::Args)]
pub struct Arguments {
    /// The guest's `.wasm` or `.cwasm` file, or a zip file that `guesthouse package` wrote
    guest: PathBuf,
    #[command(flatten)]
    options: Options,
    /// The event of the invocation at the end [default: `{}`, or a request for `/` if there is a URL]
    #[arg(short, long, value_name = "JSON")]
    event: Option<String>,
    /// Only print the changes
    #[arg(long)]
    dry_run: bool,
    /// Do not invoke the function at the end
    #[arg(long)]
    no_invoke: bool,
    /// The host's file for the package [default: the one that is installed with this tool]
    #[arg(long, value_name = "FILE", conflicts_with = "layer")]
    bootstrap: Option<PathBuf>,
}

pub fn run(arguments: Arguments) -> anyhow::Result<Exit> {
    let Arguments { guest, options, event, dry_run, no_invoke, bootstrap } = arguments;
    let handler = guest.file_stem().and_then(|stem| stem.to_str()).context("the guest's file has no name")?.to_owned();
    let (file, handler_settings) = match SettingsFile::of(std::slice::from_ref(&guest))? {
        Some(mut file) => (DeploySettings::parse(&file.text)?, file.handlers.remove(&handler).unwrap_or_default()),
        None => Default::default(),
    };
    let settings = Settings::new(options, file, &handler)?;
    if let Some(event) = &event {
        serde_json::from_str::<Value>(event).context("the event is not JSON\nhint: write one such as '{}'")?;
    }
    let layer = match settings.layer.as_deref() {
        Some(layer) if !layer.starts_with("arn:") => Some(read_zip(Path::new(layer))?),
        _ => None,
    };
    let package = package_file::package(&guest, &settings, bootstrap.as_deref())?;
    let aws = credentials::connect(settings.region.clone())?;
    lambda::runtime()?.block_on(async {
        let mut wish = wish(&aws, &settings, handler, &package, layer.as_deref(), &handler_settings).await?;
        let seen = look::look(&aws, &wish).await?;
        wish.url = settings.url.or(seen.url).unwrap_or(Url::None);
        policy::check_region(&aws.region, &wish, &seen)?;
        let changes = plan::plan(&seen, &wish);
        if changes.is_empty() {
            println!("{}: nothing to change", wish.name);
        }
        if dry_run {
            changes.iter().for_each(|change| println!("{}: would {change}", wish.name));
            return Ok(Exit::Done);
        }
        let uploads = Uploads { package: &package, layer: layer.as_deref().unwrap_or_default() };
        apply::apply(&aws, &wish, &seen, &changes, &uploads).await?;
        if let Some(advice) = policy::advice(&handler_settings).filter(|_| settings.role.is_none()) {
            lambda::print_warning(&advice);
        }
        let url = if wish.url == Url::None { None } else { look::url(&aws, &wish.name).await? };
        if let Some(url) = &url {
            println!("{}: {}", wish.name, url.address);
        }
        if no_invoke {
            return Ok(Exit::Done);
        }
        let event = event.map_or_else(|| first_event(wish.url), String::into_bytes);
        invoke::show(&invocation::invoke(&aws, &wish.name, event).await?)
    })
}

/// Returns what is wanted.
async fn wish(
    aws: &Aws,
    settings: &Settings,
    handler: String,
    package: &[u8],
    layer: Option<&[u8]>,
    handler_settings: &guesthouse::config::Settings,
) -> anyhow::Result<Wish> {
    let name = settings.name.clone();
    let role = match &settings.role {
        Some(arn) => RoleWish::Given(arn.clone()),
        None => {
            let policy = policy::policy(&name, &account(aws).await?, handler_settings);
            RoleWish::Own { name: settings::role_name(&name), policy }
        }
    };
    let layer = match (layer, &settings.layer) {
        (Some(bytes), _) => LayerWish::File { name: format!("guesthouse-{}", settings.arch), sha256: sha256(bytes) },
        (None, Some(arn)) => LayerWish::Given(arn.clone()),
        (None, None) => LayerWish::None,
    };
    let (arch, memory, timeout) = (settings.arch.to_string(), settings.memory.into(), settings.timeout.into());
    Ok(Wish {
        name,
        settings: plan::Settings { handler, arch, memory, timeout },
        role,
        layer,
        code_sha256: sha256(package),
        url: settings.url.unwrap_or(Url::None),
        is_streamed: handler_settings.http_is_streamed == Some(true),
    })
}

/// Asks who we are.
async fn account(aws: &Aws) -> anyhow::Result<Account> {
    let identity = aws.query(Service::Sts, "GetCallerIdentity", &[]).await?;
    let field = |name: &str| xml(&identity, name).context("AWS did not say whose credentials these are");
    let partition = field("Arn")?.split(':').nth(1).unwrap_or("aws").to_owned();
    Ok(Account { partition, id: field("Account")?, region: aws.region.clone() })
}

fn sha256(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(Digest::of(bytes).bytes())
}

/// Reads a zip file that Lambda takes with a call.
fn read_zip(path: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = files::read(path, UPLOAD_LIMIT_BYTES as u64).with_context(|| {
        let mib = UPLOAD_LIMIT_BYTES >> 20;
        format!("can't read `{}`\nhint: name a zip file of at most {mib} MiB", path.display())
    })?;
    if !bytes.starts_with(b"PK") {
        bail!("`{}` is not a zip file\nhint: `guesthouse package` writes one", path.display());
    }
    Ok(bytes)
}

/// Returns the event of the first invocation: a function with a URL expects requests.
fn first_event(url: Url) -> Vec<u8> {
    if url == Url::None {
        return b"{}".to_vec();
    }
    let event = json!({
        "version": "2.0", "routeKey": "$default", "rawPath": "/", "rawQueryString": "",
        "headers": {"host": "localhost"},
        "requestContext": {
            "accountId": "anonymous", "apiId": "deploy", "domainName": "localhost", "domainPrefix": "deploy",
            "http": {"method": "GET", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1",
                     "userAgent": "guesthouse deploy"},
            "requestId": "deploy", "routeKey": "$default", "stage": "$default",
            "time": "01/Jan/2026:00:00:00 +0000", "timeEpoch": 1_767_225_600_000_u64,
        },
        "isBase64Encoded": false,
    });
    event.to_string().into_bytes()
}
