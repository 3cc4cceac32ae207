//! This module makes the changes of a plan, and says each before it makes it.

use std::time::Duration;

use anyhow::{Context as _, bail};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use guesthouse::backoff::Backoff;
use serde_json::{Value, json};

use super::{
    client::{Aws, Service, xml},
    plan::{ALIAS, Change, LayerWish, POLICY, RUNTIME, RoleWish, STREAMED, Seen, TAG, Url, Wish},
};

/// The first wait for a function's update.
const FIRST_WAIT: Duration = Duration::from_millis(300);
/// The longest wait between two looks at a function's state.
const LONGEST_WAIT: Duration = Duration::from_secs(3);
/// The maximum number of looks. All waits together are some two minutes.
const LOOKS: usize = 45;

/// What is uploaded.
pub struct Uploads<'a> {
    pub package: &'a [u8],
    pub layer: &'a [u8],
}

/// Makes the changes.
pub async fn apply(
    aws: &Aws,
    wish: &Wish,
    seen: &Seen,
    changes: &[Change],
    uploads: &Uploads<'_>,
) -> anyhow::Result<()> {
    let mut made = Made {
        aws,
        wish,
        uploads,
        role: match &wish.role {
            RoleWish::Given(arn) => arn.clone(),
            RoleWish::Own { .. } => seen.role.as_ref().map(|role| role.arn.clone()).unwrap_or_default(),
        },
        layer: match &wish.layer {
            LayerWish::None => None,
            LayerWish::Given(arn) => Some(arn.clone()),
            LayerWish::File { .. } => seen.layer.as_ref().map(|layer| layer.arn.clone()),
        },
        version: String::new(),
    };
    for change in changes {
        println!("{}: {change}", wish.name);
        made.make(change).await?;
    }
    Ok(())
}

/// What a later change needs of those before.
struct Made<'a> {
    aws: &'a Aws,
    wish: &'a Wish,
    uploads: &'a Uploads<'a>,
    role: String,
    layer: Option<String>,
    version: String,
}

impl Made<'_> {
    async fn make(&mut self, change: &Change) -> anyhow::Result<()> {
        let name = &self.wish.name;
        let path = |end: &str| format!("/2015-03-31/functions/{name}{end}");
        let url = || format!("/2021-10-31/functions/{name}/url?Qualifier={ALIAS}");
        match change {
            Change::CreateRole { name } => {
                let trust = json!({"Version": "2012-10-17", "Statement": [{
                    "Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole",
                }]});
                let parameters = [
                    ("RoleName", name.as_str()),
                    ("AssumeRolePolicyDocument", &trust.to_string()),
                    ("Tags.member.1.Key", TAG),
                    ("Tags.member.1.Value", &self.wish.name),
                ];
                let created = self.aws.query(Service::Iam, "CreateRole", &parameters).await?;
                self.role = xml(&created, "Arn").context("AWS returned no ARN of the new role")?;
            }
            Change::PutPolicy { role, policy } => {
                let policy = policy.to_string();
                let parameters =
                    [("RoleName", role.as_str()), ("PolicyName", POLICY), ("PolicyDocument", policy.as_str())];
                self.aws.query(Service::Iam, "PutRolePolicy", &parameters).await?;
            }
            Change::PublishLayer { name } => {
                let body = json!({
                    "Content": {"ZipFile": BASE64_STANDARD.encode(self.uploads.layer)},
                    "CompatibleArchitectures": [self.wish.settings.arch],
                    "CompatibleRuntimes": [RUNTIME],
                    "Description": "The host of Guesthouse",
                });
                let path = format!("/2018-10-31/layers/{name}/versions");
                let made = self.aws.lambda("lambda:PublishLayerVersion", "POST", path, Some(body)).await?;
                let arn = made["LayerVersionArn"].as_str().context("AWS returned no ARN of the new layer")?;
                self.layer = Some(arn.to_owned());
            }
            Change::CreateFunction => {
                let mut body = self.configuration();
                body["FunctionName"] = json!(name);
                body["Code"] = json!({"ZipFile": BASE64_STANDARD.encode(self.uploads.package)});
                body["Architectures"] = json!([self.wish.settings.arch]);
                body["Tags"] = json!({TAG: name});
                let path = "/2015-03-31/functions".to_owned();
                self.send("lambda:CreateFunction", "POST", path, body).await?;
                wait(self.aws, name, "").await?;
            }
            Change::UpdateCode => {
                let body = json!({
                    "ZipFile": BASE64_STANDARD.encode(self.uploads.package),
                    "Architectures": [self.wish.settings.arch],
                });
                self.send("lambda:UpdateFunctionCode", "PUT", path("/code"), body).await?;
                wait(self.aws, name, "").await?;
            }
            Change::UpdateSettings(_) => {
                let body = self.configuration();
                self.send("lambda:UpdateFunctionConfiguration", "PUT", path("/configuration"), body).await?;
                wait(self.aws, name, "").await?;
            }
            Change::PublishVersion => {
                let body = json!({"CodeSha256": self.wish.code_sha256});
                let made = self.send("lambda:PublishVersion", "POST", path("/versions"), body).await?;
                self.version = made["Version"].as_str().context("AWS returned no version")?.to_owned();
                // Its callers would get errors until then.
                wait(self.aws, name, &format!("?Qualifier={}", self.version)).await?;
            }
            Change::CreateAlias => {
                let body = json!({"Name": ALIAS, "FunctionVersion": self.version});
                self.send("lambda:CreateAlias", "POST", path("/aliases"), body).await?;
            }
            Change::MoveAlias => move_alias(self.aws, name, &self.version).await?,
            Change::CreateUrl(access) => {
                let body = self.url(*access);
                self.send("lambda:CreateFunctionUrlConfig", "POST", url(), body).await?;
            }
            Change::UpdateUrl(access) => {
                let body = self.url(*access);
                self.send("lambda:UpdateFunctionUrlConfig", "PUT", url(), body).await?;
            }
            Change::DeleteUrl => {
                self.aws.lambda("lambda:DeleteFunctionUrlConfig", "DELETE", url(), None).await?;
            }
            Change::AddStatement(statement) => {
                let path = path(&format!("/policy?Qualifier={ALIAS}"));
                self.send("lambda:AddPermission", "POST", path, statement.parameters()).await?;
            }
            Change::RemoveStatement(statement) => {
                let path = path(&format!("/policy/{}?Qualifier={ALIAS}", statement.id()));
                self.aws.lambda("lambda:RemovePermission", "DELETE", path, None).await?;
            }
        }
        Ok(())
    }

    async fn send(&self, action: &str, method: &'static str, path: String, body: Value) -> anyhow::Result<Value> {
        Ok(self.aws.lambda(action, method, path, Some(body)).await?)
    }

    fn url(&self, access: Url) -> Value {
        let mode = if self.wish.is_streamed { STREAMED } else { "BUFFERED" };
        json!({"AuthType": access.auth_type(), "InvokeMode": mode})
    }

    fn configuration(&self) -> Value {
        json!({
            "Runtime": RUNTIME,
            "Role": self.role,
            "Handler": self.wish.settings.handler,
            "MemorySize": self.wish.settings.memory,
            "Timeout": self.wish.settings.timeout,
            "Layers": self.layer.iter().collect::<Vec<_>>(),
        })
    }
}

/// Moves the alias to a version.
pub async fn move_alias(aws: &Aws, name: &str, version: &str) -> anyhow::Result<()> {
    let path = format!("/2015-03-31/functions/{name}/aliases/{ALIAS}");
    // Without weights, all invocations are this version's.
    let body = json!({"FunctionVersion": version, "RoutingConfig": {"AdditionalVersionWeights": {}}});
    aws.lambda("lambda:UpdateAlias", "PUT", path, Some(body)).await?;
    Ok(())
}

/// Waits until the function can be used, and its last update is complete; or one version of it, by a query.
async fn wait(aws: &Aws, name: &str, query: &str) -> anyhow::Result<()> {
    let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
    for _ in 0..LOOKS {
        let path = format!("/2015-03-31/functions/{name}{query}");
        let json = aws.lambda("lambda:GetFunction", "GET", path, None).await?;
        match progress(&json["Configuration"]) {
            Progress::Complete => return Ok(()),
            Progress::Failed(reason) => bail!("Lambda could not update the function `{name}`: {reason}"),
            Progress::Pending => tokio::time::sleep(backoff.wait()).await,
        }
    }
    bail!("the function `{name}` is still not ready\nhint: deploy again, which goes on where this ended")
}

#[derive(Debug, PartialEq, Eq)]
enum Progress {
    Complete,
    Pending,
    Failed(String),
}

/// Reads how far the last change of a function is. An idle function can be changed and called as any other.
fn progress(json: &Value) -> Progress {
    let text = |name: &str| json[name].as_str().unwrap_or_default();
    let reason = |name: &str| Progress::Failed(json[name].as_str().unwrap_or("it gives no reason").to_owned());
    match (text("State"), text("LastUpdateStatus")) {
        ("Failed", _) => reason("StateReason"),
        (_, "Failed") => reason("LastUpdateStatusReason"),
        ("Pending", _) | (_, "InProgress") => Progress::Pending,
        _ => Progress::Complete,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_complete_pending_or_failed() {
        for (state, update, expected) in [
            ("Active", "Successful", Progress::Complete),
            ("Inactive", "Successful", Progress::Complete),
            ("Pending", "Successful", Progress::Pending),
            ("Active", "InProgress", Progress::Pending),
            ("Failed", "InProgress", Progress::Failed("why".to_owned())),
            ("Active", "Failed", Progress::Failed("it gives no reason".to_owned())),
        ] {
            let json = json!({"State": state, "LastUpdateStatus": update, "StateReason": "why"});
            assert_eq!(progress(&json), expected, "{state} {update}");
        }
    }
}
