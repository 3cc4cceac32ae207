//! This module finds out what there is.

use anyhow::bail;
use serde_json::Value;

use super::{
    client::{Aws, CallError, Service, xml},
    plan::{
        ALIAS, FunctionSeen, LayerSeen, LayerWish, POLICY, RoleSeen, RoleWish, STREAMED, Seen, Settings, TAG, Url, Wish,
    },
};

/// Returns what there is of what is wanted.
pub async fn look(aws: &Aws, wish: &Wish) -> anyhow::Result<Seen> {
    let mut seen = Seen::default();
    if let RoleWish::Own { name, .. } = &wish.role {
        seen.role = role(aws, name).await?;
    }
    if let LayerWish::File { name, .. } = &wish.layer {
        seen.layer = layer(aws, name).await?;
    }
    seen.function = function(aws, &wish.name).await?;
    if seen.function.is_some() {
        seen.live = live(aws, &wish.name).await?;
    }
    if seen.live.is_some() {
        if let Some(url) = url(aws, &wish.name).await? {
            (seen.url, seen.is_streamed) = (Some(url.access), url.is_streamed);
        }
        seen.statements = statements(aws, &wish.name).await?;
    }
    Ok(seen)
}

/// Returns the function, if there is one, and if this tool made it.
pub async fn function(aws: &Aws, name: &str) -> anyhow::Result<Option<FunctionSeen>> {
    let path = format!("/2015-03-31/functions/{name}");
    let Some(json) = found(aws.lambda("lambda:GetFunction", "GET", path, None).await)? else { return Ok(None) };
    if json["Tags"][TAG].as_str().is_none() {
        // AWS leaves the tags out where the permission for them is missing.
        if let Some(reason) = json["TagsError"]["Message"].as_str() {
            bail!(
                "the tags of the function `{name}` can't be read: {reason}\nhint: the permission `lambda:ListTags` may be missing"
            );
        }
        bail!(
            "the function `{name}` was not made by this tool: it has no tag `{TAG}`\nhint: choose another name with \
             `--name`, or tag it to have it changed: `aws lambda tag-resource --resource {} --tags {TAG}={name}`",
            json["Configuration"]["FunctionArn"].as_str().unwrap_or("ARN")
        );
    }
    Ok(Some(configuration(&json["Configuration"])))
}

/// Returns the function's version behind the alias.
pub async fn live(aws: &Aws, name: &str) -> anyhow::Result<Option<FunctionSeen>> {
    let path = format!("/2015-03-31/functions/{name}/aliases/{ALIAS}");
    let Some(alias) = found(aws.lambda("lambda:GetAlias", "GET", path, None).await)? else { return Ok(None) };
    let version = alias["FunctionVersion"].as_str().unwrap_or_default().to_owned();
    let path = format!("/2015-03-31/functions/{name}?Qualifier={version}");
    let json = found(aws.lambda("lambda:GetFunction", "GET", path, None).await)?;
    // The alias says which version it is: not every emulator does.
    Ok(json.map(|json| FunctionSeen { version, ..configuration(&json["Configuration"]) }))
}

fn configuration(json: &Value) -> FunctionSeen {
    let text = |field: &Value| field.as_str().unwrap_or_default().to_owned();
    let layers = json["Layers"].as_array().into_iter().flatten();
    FunctionSeen {
        settings: Settings {
            handler: text(&json["Handler"]),
            arch: json["Architectures"][0].as_str().unwrap_or("x86_64").to_owned(),
            memory: json["MemorySize"].as_u64().unwrap_or_default(),
            timeout: json["Timeout"].as_u64().unwrap_or_default(),
        },
        version: text(&json["Version"]),
        role: text(&json["Role"]),
        layers: layers.map(|layer| text(&layer["Arn"])).collect(),
        code_sha256: text(&json["CodeSha256"]),
    }
}

/// The URL of the alias.
pub struct UrlSeen {
    pub access: Url,
    pub is_streamed: bool,
    pub address: String,
}

/// Returns the URL of the alias, if there is one.
pub async fn url(aws: &Aws, name: &str) -> anyhow::Result<Option<UrlSeen>> {
    let path = format!("/2021-10-31/functions/{name}/url?Qualifier={ALIAS}");
    let json = found(aws.lambda("lambda:GetFunctionUrlConfig", "GET", path, None).await)?;
    Ok(json.and_then(|json| {
        let access = if json["AuthType"].as_str()? == "NONE" { Url::Public } else { Url::Iam };
        let address = json["FunctionUrl"].as_str()?.to_owned();
        Some(UrlSeen { access, is_streamed: json["InvokeMode"] == STREAMED, address })
    }))
}

async fn statements(aws: &Aws, name: &str) -> anyhow::Result<Vec<String>> {
    let path = format!("/2015-03-31/functions/{name}/policy?Qualifier={ALIAS}");
    let json = found(aws.lambda("lambda:GetPolicy", "GET", path, None).await)?.unwrap_or_default();
    let policy: Value = serde_json::from_str(json["Policy"].as_str().unwrap_or("{}")).unwrap_or_default();
    let statements = policy["Statement"].as_array().into_iter().flatten();
    Ok(statements.filter_map(|statement| Some(statement["Sid"].as_str()?.to_owned())).collect())
}

/// Returns the role, if there is one, and if this tool made it.
pub async fn role(aws: &Aws, name: &str) -> anyhow::Result<Option<RoleSeen>> {
    let parameters = [("RoleName", name)];
    let Some(role) = found(aws.query(Service::Iam, "GetRole", &parameters).await)? else { return Ok(None) };
    if !role.contains(&format!("<Key>{TAG}</Key>")) {
        bail!(
            "the role `{name}` was not made by this tool: it has no tag `{TAG}`\nhint: use it as it is with `--role \
             ARN`, or tag it to have it changed: `aws iam tag-role --role-name {name} --tags Key={TAG},Value=role`"
        );
    }
    let parameters = [("RoleName", name), ("PolicyName", POLICY)];
    let policy = found(aws.query(Service::Iam, "GetRolePolicy", &parameters).await)?;
    let policy = policy.and_then(|policy| {
        let encoded = xml(&policy, "PolicyDocument")?;
        let decoded = percent_encoding::percent_decode_str(&encoded).decode_utf8().ok()?;
        serde_json::from_str(&decoded).ok()
    });
    Ok(Some(RoleSeen { arn: xml(&role, "Arn").unwrap_or_default(), policy }))
}

async fn layer(aws: &Aws, name: &str) -> anyhow::Result<Option<LayerSeen>> {
    let path = format!("/2018-10-31/layers/{name}/versions");
    let json = found(aws.lambda("lambda:ListLayerVersions", "GET", path, None).await)?.unwrap_or_default();
    let versions = json["LayerVersions"].as_array().into_iter().flatten();
    let Some(version) = versions.filter_map(|version| version["Version"].as_u64()).max() else { return Ok(None) };
    let path = format!("/2018-10-31/layers/{name}/versions/{version}");
    let json = found(aws.lambda("lambda:GetLayerVersion", "GET", path, None).await)?.unwrap_or_default();
    Ok(json["LayerVersionArn"].as_str().map(|arn| LayerSeen {
        arn: arn.to_owned(),
        sha256: json["Content"]["CodeSha256"].as_str().unwrap_or_default().to_owned(),
    }))
}

/// Turns the error that there is no such thing into `None`.
pub fn found<T>(result: Result<T, CallError>) -> Result<Option<T>, CallError> {
    match result {
        Err(error) if error.is_not_found() => Ok(None),
        other => other.map(Some),
    }
}
