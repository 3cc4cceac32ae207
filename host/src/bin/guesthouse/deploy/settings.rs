//! This module makes one set of settings of the command line and the table `[deploy]`.

use anyhow::{anyhow, bail};
use clap::ValueEnum as _;
use guesthouse::config::deploy::DeploySettings;

use super::plan::Url;
use crate::package::Processor;

/// The maximum length of a function's name, as Lambda has it.
const NAME_LIMIT: usize = 64;
/// The memory of a function in MB, if nothing else is said.
const MEMORY_MB: u32 = 256;
/// The timeout of a function in seconds, if nothing else is said.
const TIMEOUT_S: u32 = 10;

/// What the command line says about the function.
#[derive(clap::Args, Default)]
pub struct Options {
    /// The function's name [default: the guest's]
    #[arg(long)]
    name: Option<String>,
    /// The function's processor: `arm64` or `x86_64` [default: arm64]
    #[arg(long)]
    arch: Option<String>,
    /// The function's memory in MB [default: 256]
    #[arg(long, value_name = "MB")]
    memory: Option<u32>,
    /// The function's timeout in seconds [default: 10]
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u32>,
    /// The ARN of a role that exists [default: a role `guesthouse-NAME` is made]
    #[arg(long, value_name = "ARN")]
    role: Option<String>,
    /// The region [default: that of this shell]
    #[arg(long)]
    region: Option<String>,
    /// Who may call the function by a URL: `none` (there is none), `iam` or `public` [default: as it is]
    #[arg(long)]
    url: Option<String>,
    /// The layer with the host, as a zip file or an ARN [default: the package holds the host]
    #[arg(long, value_name = "FILE|ARN")]
    layer: Option<String>,
}

/// The checked settings.
#[derive(Debug)]
pub struct Settings {
    pub name: String,
    pub arch: Processor,
    pub memory: u32,
    pub timeout: u32,
    pub role: Option<String>,
    pub region: Option<String>,
    /// Who may call the function by a URL, or `None` to leave that as it is.
    pub url: Option<Url>,
    pub layer: Option<String>,
}

impl Settings {
    /// Puts the settings together. The command line wins over the file, and the file over the default.
    pub fn new(options: Options, file: DeploySettings, guest: &str) -> anyhow::Result<Self> {
        let arch = options.arch.or(file.architecture).unwrap_or_else(|| "arm64".to_owned());
        let arch: Processor =
            arch.parse().map_err(|_| anyhow!("the processor is `{arch}`\nhint: write `arm64` or `x86_64`"))?;
        let url = options.url.or(file.url).map(|url| {
            Url::from_str(&url, false)
                .map_err(|_| anyhow!("the access to the URL is `{url}`\nhint: write `none`, `iam` or `public`"))
        });
        let url = url.transpose()?;
        let role = options.role.or(file.role);
        if let Some(role) = role.as_ref().filter(|role| !(role.starts_with("arn:") && role.contains(":role/"))) {
            bail!("`{role}` is not the ARN of a role\nhint: write `arn:aws:iam::ACCOUNT:role/NAME`");
        }
        Ok(Self {
            name: checked_name(options.name.or(file.name).unwrap_or_else(|| guest.to_owned()), role.is_none())?,
            arch,
            memory: within("memory", options.memory.or(file.memory).unwrap_or(MEMORY_MB), 128, 10_240)?,
            timeout: within("timeout", options.timeout.or(file.timeout).unwrap_or(TIMEOUT_S), 1, 900)?,
            role,
            region: options.region.or(file.region),
            url,
            layer: options.layer.or(file.layer),
        })
    }
}

/// The name of the role that belongs to a function.
pub fn role_name(function: &str) -> String {
    format!("guesthouse-{function}")
}

/// Returns the name if Lambda accepts it, and IAM that of its role.
pub fn checked_name(name: String, has_own_role: bool) -> anyhow::Result<String> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if name.is_empty() || name.len() > NAME_LIMIT || !name.bytes().all(is_name) {
        bail!(
            "`{name}` is not a function's name\nhint: use up to {NAME_LIMIT} letters, digits, `-` and `_` (`--name`)"
        );
    }
    let role = role_name(&name);
    if has_own_role && role.len() > NAME_LIMIT {
        bail!(
            "the role `{role}` would have too long a name\nhint: choose a shorter name, or name a role with `--role`"
        );
    }
    Ok(name)
}

fn within(what: &str, number: u32, least: u32, most: u32) -> anyhow::Result<u32> {
    if (least..=most).contains(&number) {
        Ok(number)
    } else {
        bail!("the {what} is {number}\nhint: Lambda accepts {least} to {most}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options {
        Options::default()
    }

    #[test]
    fn the_command_line_wins_over_the_file_and_the_file_over_the_default() {
        let text = "[deploy]\nmemory = 512\ntimeout = 3\nurl = \"iam\"\n";
        let file = || DeploySettings::parse(text).unwrap();
        let with = Settings::new(Options { memory: Some(1024), ..options() }, file(), "hello").unwrap();
        assert_eq!(
            (with.memory, with.timeout, with.url, with.arch.to_string().as_str()),
            (1024, 3, Some(Url::Iam), "arm64")
        );
        let without = Settings::new(options(), DeploySettings::default(), "hello").unwrap();
        assert_eq!((without.memory, without.timeout, without.url, without.name.as_str()), (256, 10, None, "hello"));
    }

    #[test]
    fn what_lambda_would_refuse_is_refused_before() {
        let of = |options: Options| Settings::new(options, DeploySettings::default(), "hello").is_ok();
        let text = |text: &str| Some(text.to_owned());
        for (options, is_accepted) in [
            (Options { memory: Some(128), ..options() }, true),
            (Options { memory: Some(127), ..options() }, false),
            (Options { memory: Some(10_240), ..options() }, true),
            (Options { memory: Some(10_241), ..options() }, false),
            (Options { timeout: Some(1), ..options() }, true),
            (Options { timeout: Some(0), ..options() }, false),
            (Options { timeout: Some(900), ..options() }, true),
            (Options { timeout: Some(901), ..options() }, false),
            (Options { arch: text("x86_64"), ..options() }, true),
            (Options { arch: text("amd64"), ..options() }, false),
            (Options { url: text("public"), ..options() }, true),
            (Options { url: text("open"), ..options() }, false),
            (Options { role: text("arn:aws:iam::123456789012:role/x"), ..options() }, true),
            (Options { role: text("x"), ..options() }, false),
            (Options { name: text("a-b_C1"), ..options() }, true),
            (Options { name: text("a/b"), ..options() }, false),
            (Options { name: Some("x".repeat(53)), ..options() }, true),
            (Options { name: Some("x".repeat(54)), ..options() }, false),
            (Options { name: Some("x".repeat(64)), role: text("arn:aws:iam::1:role/x"), ..options() }, true),
            (Options { name: Some("x".repeat(65)), role: text("arn:aws:iam::1:role/x"), ..options() }, false),
        ] {
            let shown = format!("{:?} {:?} {:?}", options.name, options.memory, options.timeout);
            assert_eq!(of(options), is_accepted, "{shown}");
        }
    }
}
