//! This module finds the credentials and the region: in variables, or with the AWS command line, which knows profiles,
//! logins and roles.

use std::process::{Command, Stdio};

use anyhow::{Context as _, anyhow, bail};
use guesthouse::{config::EnvVars, source::aws_api::AwsApi};
use serde_json::Value;

use super::client::Aws;

/// Limits what the AWS command line may say, in bytes.
const OUTPUT_LIMIT_BYTES: usize = 64 * 1024;

/// Returns a client with the credentials of this shell. `region` wins over the shell's.
pub fn connect(region: Option<String>) -> anyhow::Result<Aws> {
    let environment = EnvVars::of_process();
    let text = |name: &str| environment.get(name).map(str::to_owned);
    let (key_id, secret, token) = match (text("AWS_ACCESS_KEY_ID"), text("AWS_SECRET_ACCESS_KEY")) {
        (Some(key_id), Some(secret)) => (key_id, secret, text("AWS_SESSION_TOKEN")),
        (None, None) => exported()?,
        _ => bail!("of `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` only one is set\nhint: set both, or none"),
    };
    let region = region.or_else(|| text("AWS_REGION")).or_else(|| text("AWS_DEFAULT_REGION"));
    let region = region.or_else(|| command_line(&["configure", "get", "region"]).ok()).filter(|text| !text.is_empty());
    let region = region.ok_or_else(|| {
        anyhow!("no region is set\nhint: set `AWS_REGION`, name it with `--region`, or under `[deploy]`")
    })?;
    if !region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-') {
        bail!("`{region}` is not a region\nhint: write one like `eu-central-1`");
    }
    let api = AwsApi::new(key_id, secret, token);
    Ok(Aws { api, region, environment })
}

/// Asks the AWS command line for the credentials of the profile.
fn exported() -> anyhow::Result<(String, String, Option<String>)> {
    let text = command_line(&["configure", "export-credentials", "--format", "process"]).context(
        "there are no credentials for AWS\nhint: set `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, or log in with \
         the AWS command line (version 2), which is asked for them",
    )?;
    parse(&text).ok_or_else(|| anyhow!("`aws configure export-credentials` printed no credentials\nhint: log in again"))
}

fn parse(text: &str) -> Option<(String, String, Option<String>)> {
    let json: Value = serde_json::from_str(text).ok()?;
    let field = |name: &str| json[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    Some((field("AccessKeyId")?, field("SecretAccessKey")?, field("SessionToken")))
}

/// Returns what the AWS command line prints.
fn command_line(arguments: &[&str]) -> anyhow::Result<String> {
    let mut command = Command::new("aws");
    let output = command.args(arguments).stdin(Stdio::inherit()).stderr(Stdio::inherit()).output();
    let output = output.map_err(|_| anyhow!("`aws` is not there"))?;
    if !output.status.success() || output.stdout.len() > OUTPUT_LIMIT_BYTES {
        bail!("`aws {}` failed", arguments.join(" "));
    }
    Ok(String::from_utf8(output.stdout).context("`aws` printed no text")?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_aws_command_line_exports_is_read() {
        let text = r#"{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "b", "SessionToken": "c"}"#;
        assert_eq!(parse(text), Some(("a".to_owned(), "b".to_owned(), Some("c".to_owned()))));
        assert_eq!(parse(r#"{"AccessKeyId": "a"}"#), None);
        assert_eq!(parse("no"), None);
    }
}
