//! The subcommand `delete` removes what `deploy` made.

use std::io::{IsTerminal as _, Write as _};

use anyhow::{Context as _, bail};

use super::{
    client::{Aws, Service},
    invoke::Function,
    look,
    plan::{POLICY, RoleSeen},
    policy::region_of,
    settings::role_name,
};
use crate::{Exit, lambda};

/// Delete a function that was deployed, with its URL and its role
///
/// Only what has the tag `guesthouse` is deleted. The layer stays, because other functions may have it, and so does the
/// log.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    function: Function,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Only print what would be deleted
    #[arg(long)]
    dry_run: bool,
}

pub fn run(arguments: Arguments) -> anyhow::Result<Exit> {
    let Arguments { function, yes, dry_run } = arguments;
    let (name, aws) = function.connect()?;
    let role = role_name(&name);
    lambda::runtime()?.block_on(async {
        // Both are looked at before anything is deleted: a refusal leaves all as it was.
        let has_function = look::function(&aws, &name).await?.is_some();
        // A role has no region: it may be that of the function with this name in another one.
        let is_ours =
            |role: &RoleSeen| role.policy.as_ref().and_then(region_of).is_none_or(|region| region == aws.region);
        let has_role = look::role(&aws, &role).await?.as_ref().is_some_and(is_ours);
        let mut found = Vec::new();
        if has_function {
            found.push(format!("the function {name} with its versions, its alias and its URL"));
        }
        if has_role {
            found.push(format!("the role {role}"));
        }
        if found.is_empty() {
            println!("{name}: nothing to delete in {}", aws.region);
            return Ok(Exit::Done);
        }
        if dry_run {
            found.iter().for_each(|what| println!("{name}: would delete {what}"));
            return Ok(Exit::Done);
        }
        if !yes && !is_confirmed(&found)? {
            bail!("nothing was deleted");
        }
        for what in &found {
            println!("{name}: delete {what}");
        }
        if has_function {
            let path = format!("/2015-03-31/functions/{name}");
            look::found(aws.lambda("lambda:DeleteFunction", "DELETE", path, None).await)?;
        }
        if has_role {
            delete_role(&aws, &role).await?;
        }
        Ok(Exit::Done)
    })
}

async fn delete_role(aws: &Aws, role: &str) -> anyhow::Result<()> {
    let policy = [("RoleName", role), ("PolicyName", POLICY)];
    look::found(aws.query(Service::Iam, "DeleteRolePolicy", &policy).await)?;
    look::found(aws.query(Service::Iam, "DeleteRole", &[("RoleName", role)]).await).with_context(|| {
        format!("the role `{role}` stays\nhint: it has policies that `deploy` did not give it: detach them first")
    })?;
    Ok(())
}

/// Asks on the terminal.
fn is_confirmed(found: &[String]) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("nothing was deleted: there is no terminal to ask on\nhint: say `--yes`");
    }
    print!("delete {}? [y/N] ", found.join(" and "));
    std::io::stdout().flush().context("can't ask")?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).context("can't read from the terminal")?;
    Ok(["y", "yes"].contains(&line.trim().to_lowercase().as_str()))
}
