//! The subcommand `rollback` moves a function's alias to the version before.

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::{
    apply::move_alias,
    client::{Aws, CallError},
    invoke::Function,
    look,
    plan::ALIAS,
};
use crate::{Exit, lambda};

/// Move a function back to the version before
///
/// Moves the alias `live` to the version that was published before the one that it is at. The next `deploy` moves it
/// to a new version again.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    function: Function,
    /// The version to move to [default: the one before]
    #[arg(long)]
    to: Option<u64>,
    /// Only print the change
    #[arg(long)]
    dry_run: bool,
}

/// The maximum number of pages of versions that are read.
const PAGES: usize = 100;

pub fn run(arguments: Arguments) -> anyhow::Result<Exit> {
    let Arguments { function, to, dry_run } = arguments;
    let (name, aws) = function.connect()?;
    lambda::runtime()?.block_on(async {
        if look::function(&aws, &name).await?.is_none() {
            bail!("there is no function `{name}` in {}\nhint: check the name and the region", aws.region);
        }
        let live = look::live(&aws, &name).await?.and_then(|live| live.version.parse().ok());
        let live: u64 = live.with_context(|| format!("`{name}` has no alias `{ALIAS}`\nhint: deploy it first"))?;
        let version = target(&versions(&aws, &name).await?, live, to)?;
        if dry_run {
            println!("{name}: would move the alias {ALIAS} from version {live} to {version}");
            return Ok(Exit::Done);
        }
        println!("{name}: move the alias {ALIAS} from version {live} to {version}");
        move_alias(&aws, &name, &version.to_string()).await?;
        Ok(Exit::Done)
    })
}

/// Returns the version to move to.
fn target(versions: &[u64], live: u64, wanted: Option<u64>) -> anyhow::Result<u64> {
    match wanted {
        Some(wanted) if wanted == live => bail!("the alias `{ALIAS}` is at version {live} already"),
        Some(wanted) if versions.contains(&wanted) => Ok(wanted),
        Some(wanted) => bail!("there is no version {wanted}\nhint: there are {versions:?}"),
        None => versions.iter().copied().filter(|version| *version < live).max().with_context(|| {
            format!("there is no version before {live}\nhint: there are {versions:?}; deploy what it should be")
        }),
    }
}

async fn versions(aws: &Aws, name: &str) -> Result<Vec<u64>, CallError> {
    let mut found = Vec::new();
    let mut marker = String::new();
    for _ in 0..PAGES {
        let path = format!("/2015-03-31/functions/{name}/versions?MaxItems=50{marker}");
        let json = aws.lambda("lambda:ListVersionsByFunction", "GET", path, None).await?;
        let versions = json["Versions"].as_array().into_iter().flatten();
        found.extend(versions.filter_map(|version| version["Version"].as_str()?.parse::<u64>().ok()));
        match &json["NextMarker"] {
            Value::String(next) if !next.is_empty() => {
                let next = percent_encoding::utf8_percent_encode(next, percent_encoding::NON_ALPHANUMERIC);
                marker = format!("&Marker={next}");
            }
            _ => break,
        }
    }
    found.sort_unstable();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rollback_goes_to_the_version_before_or_to_one_that_there_is() {
        let to = |live, wanted| target(&[1, 3, 4], live, wanted).ok();
        assert_eq!([to(4, None), to(3, None), to(1, None)], [Some(3), Some(1), None]);
        assert_eq!([to(4, Some(1)), to(1, Some(4)), to(4, Some(4)), to(4, Some(2))], [Some(1), Some(4), None, None]);
    }
}
