//! This module decides what to change, from what there is and what is wanted. It asks nobody.

use std::fmt;

use serde_json::{Value, json};

/// The alias that callers use. Deploying and rolling back move it.
pub const ALIAS: &str = "live";
/// The tag of what this tool made.
pub const TAG: &str = "guesthouse";
/// The runtime of all functions: one without any language.
pub const RUNTIME: &str = "provided.al2023";
/// The mode of a URL whose responses are streamed.
pub const STREAMED: &str = "RESPONSE_STREAM";
/// The name of the role's only policy.
pub const POLICY: &str = "guesthouse";

/// Describes what is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    pub name: String,
    pub settings: Settings,
    pub role: RoleWish,
    pub layer: LayerWish,
    /// The SHA-256 of the package, in base64.
    pub code_sha256: String,
    pub url: Url,
    /// Whether responses by the URL are streamed.
    pub is_streamed: bool,
}

/// The settings of a function that need no other resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub handler: String,
    pub arch: String,
    pub memory: u64,
    pub timeout: u64,
}

/// The role that the function gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoleWish {
    /// One that exists.
    Given(String),
    /// One of the function's own, with this name and this policy.
    Own { name: String, policy: Value },
}

/// The layer that the function gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayerWish {
    /// The package holds `bootstrap`.
    None,
    Given(String),
    /// A layer with this name and this SHA-256.
    File {
        name: String,
        sha256: String,
    },
}

/// Who may call the function's URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Url {
    /// There is no URL.
    None,
    /// Who has the permission for it.
    Iam,
    /// Everybody.
    Public,
}

/// Describes what there is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    pub role: Option<RoleSeen>,
    /// The latest version of the layer.
    pub layer: Option<LayerSeen>,
    pub function: Option<FunctionSeen>,
    /// The version behind the alias.
    pub live: Option<FunctionSeen>,
    pub url: Option<Url>,
    /// Whether responses by the URL are streamed.
    pub is_streamed: bool,
    /// The names of the alias's statements.
    pub statements: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleSeen {
    pub arn: String,
    pub policy: Option<Value>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerSeen {
    pub arn: String,
    pub sha256: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionSeen {
    pub settings: Settings,
    pub version: String,
    pub role: String,
    pub layers: Vec<String>,
    pub code_sha256: String,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    CreateRole {
        name: String,
    },
    PutPolicy {
        role: String,
        policy: Value,
    },
    PublishLayer {
        name: String,
    },
    CreateFunction,
    UpdateCode,
    /// With the differences in words.
    UpdateSettings(Vec<String>),
    PublishVersion,
    CreateAlias,
    MoveAlias,
    CreateUrl(Url),
    UpdateUrl(Url),
    DeleteUrl,
    AddStatement(Statement),
    RemoveStatement(Statement),
}

/// The two statements that a public URL needs since October 2025. Source: the AWS page "Control access to Lambda
/// function URLs".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statement {
    InvokeUrl,
    InvokeFunction,
}

impl Statement {
    pub const ALL: [Self; 2] = [Self::InvokeUrl, Self::InvokeFunction];

    pub const fn id(self) -> &'static str {
        match self {
            Self::InvokeUrl => "guesthouse-url",
            Self::InvokeFunction => "guesthouse-url-invoke",
        }
    }

    /// Returns the parameters of `AddPermission`.
    pub fn parameters(self) -> Value {
        match self {
            Self::InvokeUrl => json!({
                "StatementId": self.id(), "Action": "lambda:InvokeFunctionUrl", "Principal": "*",
                "FunctionUrlAuthType": "NONE",
            }),
            Self::InvokeFunction => json!({
                "StatementId": self.id(), "Action": "lambda:InvokeFunction", "Principal": "*",
                "InvokedViaFunctionUrl": true,
            }),
        }
    }
}

impl Url {
    /// Returns the name that AWS gives to this kind of access.
    pub const fn auth_type(self) -> &'static str {
        if matches!(self, Self::Public) { "NONE" } else { "AWS_IAM" }
    }
}

/// Returns the changes that make what is wanted of what there is, in the order in which they can be made.
pub fn plan(seen: &Seen, wish: &Wish) -> Vec<Change> {
    let mut changes = Vec::new();
    plan_role(seen, wish, &mut changes);
    let layer = match (&wish.layer, &seen.layer) {
        (LayerWish::File { sha256, .. }, Some(layer)) if layer.sha256 == *sha256 => Some(Some(layer.arn.clone())),
        (LayerWish::File { name, .. }, _) => {
            changes.push(Change::PublishLayer { name: name.clone() });
            None
        }
        (LayerWish::Given(arn), _) => Some(Some(arn.clone())),
        (LayerWish::None, _) => Some(None),
    };
    let before = changes.len();
    match &seen.function {
        None => changes.push(Change::CreateFunction),
        Some(function) => {
            if function.code_sha256 != wish.code_sha256 || function.settings.arch != wish.settings.arch {
                changes.push(Change::UpdateCode);
            }
            let differences = differences(function, seen, wish, layer.as_ref());
            if !differences.is_empty() {
                changes.push(Change::UpdateSettings(differences));
            }
        }
    }
    let is_changed = changes.len() > before;
    let is_same = |live: &FunctionSeen| {
        seen.function.as_ref().is_some_and(|function| {
            (&function.settings, &function.role, &function.layers, &function.code_sha256)
                == (&live.settings, &live.role, &live.layers, &live.code_sha256)
        })
    };
    match &seen.live {
        None => changes.extend([Change::PublishVersion, Change::CreateAlias]),
        // The function may have been changed and not published, if the deploy before was interrupted.
        Some(live) if is_changed || !is_same(live) => changes.extend([Change::PublishVersion, Change::MoveAlias]),
        Some(_) => {}
    }
    plan_url(seen, wish, &mut changes);
    changes
}

fn plan_role(seen: &Seen, wish: &Wish, changes: &mut Vec<Change>) {
    let RoleWish::Own { name, policy } = &wish.role else { return };
    if seen.role.is_none() {
        changes.push(Change::CreateRole { name: name.clone() });
    }
    if seen.role.as_ref().and_then(|role| role.policy.as_ref()) != Some(policy) {
        changes.push(Change::PutPolicy { role: name.clone(), policy: policy.clone() });
    }
}

/// Describes how the function's settings differ. `layer` is `None` if a version of the layer is published first.
fn differences(function: &FunctionSeen, seen: &Seen, wish: &Wish, layer: Option<&Option<String>>) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |what: &str, is: &str, wanted: &str| {
        if is != wanted {
            found.push(format!("{what} {is} -> {wanted}"));
        }
    };
    compare("memory", &function.settings.memory.to_string(), &wish.settings.memory.to_string());
    compare("timeout", &function.settings.timeout.to_string(), &wish.settings.timeout.to_string());
    compare("handler", &function.settings.handler, &wish.settings.handler);
    match &wish.role {
        RoleWish::Given(arn) => compare("role", &function.role, arn),
        RoleWish::Own { name, .. } => {
            let arn = seen.role.as_ref().map_or(name.as_str(), |role| role.arn.as_str());
            compare("role", &function.role, arn);
        }
    }
    let layers = if function.layers.is_empty() { "none".to_owned() } else { function.layers.join(", ") };
    let wanted = layer.map(|layer| layer.clone().unwrap_or_else(|| "none".to_owned()));
    compare("layer", &layers, wanted.as_deref().unwrap_or("the new version"));
    found
}

fn plan_url(seen: &Seen, wish: &Wish, changes: &mut Vec<Change>) {
    let wanted = wish.url;
    let has = |statement: &Statement| seen.statements.iter().any(|id| id == statement.id());
    // Nobody is let in before the URL has its kind of access, and nobody stays in after it.
    if wanted != Url::Public {
        changes.extend(Statement::ALL.into_iter().filter(has).map(Change::RemoveStatement));
    }
    match (seen.url, wanted) {
        (None, Url::None) => {}
        (Some(_), Url::None) => changes.push(Change::DeleteUrl),
        (None, wanted) => changes.push(Change::CreateUrl(wanted)),
        (Some(is), wanted) if is != wanted || seen.is_streamed != wish.is_streamed => {
            changes.push(Change::UpdateUrl(wanted));
        }
        (Some(_), _) => {}
    }
    if wanted == Url::Public {
        let missing = Statement::ALL.into_iter().filter(|statement| !has(statement));
        changes.extend(missing.map(Change::AddStatement));
    }
}

/// Says the change in words.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateRole { name } => write!(f, "create the role {name}, which Lambda may take"),
            Self::PutPolicy { role, policy } => write!(f, "let the role {role} do only this: {policy}"),
            Self::PublishLayer { name } => write!(f, "publish a version of the layer {name}"),
            Self::CreateFunction => write!(f, "create the function"),
            Self::UpdateCode => write!(f, "update the function's code"),
            Self::UpdateSettings(differences) => write!(f, "update the function: {}", differences.join(", ")),
            Self::PublishVersion => write!(f, "publish a version of the function"),
            Self::CreateAlias => write!(f, "create the alias {ALIAS} for that version"),
            Self::MoveAlias => write!(f, "move the alias {ALIAS} to that version"),
            Self::CreateUrl(url) => write!(f, "create a URL {}", who(*url)),
            Self::UpdateUrl(url) => write!(f, "change the URL to one {}", who(*url)),
            Self::DeleteUrl => write!(f, "delete the URL"),
            Self::AddStatement(statement) => write!(f, "let everybody call the URL (statement {})", statement.id()),
            Self::RemoveStatement(statement) => {
                write!(f, "let not everybody call the URL any more (statement {})", statement.id())
            }
        }
    }
}

const fn who(url: Url) -> &'static str {
    match url {
        Url::Public => "for everybody",
        Url::Iam | Url::None => "for who has the permission",
    }
}

#[cfg(test)]
mod tests;
