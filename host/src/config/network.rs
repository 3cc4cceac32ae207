//! This module reads what a handler's guests reach of the network: the settings `network`, `aws` and `secrets`.

use toml::Value;

use super::problems::{Problems, suggestion, texts};
use crate::network::{aws::services::AwsService, rules::Rules};

/// What one handler's guests reach of the network, as it was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkSettings {
    /// The rules for requests and sockets.
    pub allow: Rules,
    /// The AWS services that the guest may call.
    pub aws: Vec<AwsService>,
    /// The secrets of which the guest has placeholders.
    pub secrets: Vec<SecretSettings>,
}

/// One secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretSettings {
    /// The name of the guest's environment variable.
    pub name: String,
    /// Where the value comes from.
    pub from: SecretSource,
    /// The servers that receive the value.
    pub receivers: Rules,
}

/// Where a secret comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// An environment variable of the host.
    Variable(String),
    /// A secret of AWS Secrets Manager, by its name or ARN.
    SecretsManager(String),
    /// A parameter of the SSM Parameter Store, by its name or ARN.
    Parameter(String),
}

impl NetworkSettings {
    /// Returns whether nothing is granted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Grants what the other settings grant, too.
    pub fn extend(&mut self, other: &Self) {
        self.allow.extend(&other.allow);
        self.aws.extend(other.aws.iter().cloned());
        self.secrets.extend(other.secrets.iter().cloned());
    }

    /// Reads the table `[handlers.NAME.network]`.
    pub(super) fn read_table(&mut self, value: &Value, place: &str, problems: &mut Problems) {
        let Value::Table(table) = value else {
            problems.add(format!(
                "`{place}`: expected a table with `allow`, such as `network.allow = [\"https://api.example.com\"]`"
            ));
            return;
        };
        for (key, value) in table {
            match (key.as_str(), value.as_array().and_then(|array| texts(array))) {
                ("allow", Some(rules)) => self.allow(rules.iter().map(String::as_str), place, problems),
                ("allow", None) => problems.add(format!("`{place}.allow`: expected an array of strings")),
                (key, _) => {
                    problems.add(format!("`{place}.{key}`: unknown key{}", suggestion(key, ["allow"].into_iter())));
                }
            }
        }
    }

    /// Sets the rules. `place` is the name by which the user finds them again.
    pub(super) fn allow<'a>(&mut self, rules: impl IntoIterator<Item = &'a str>, place: &str, problems: &mut Problems) {
        match Rules::parse(rules) {
            Ok(rules) => self.allow = rules,
            Err((rule, error)) => problems.add(format!("`{place}` has `{rule}`: {error}")),
        }
    }

    /// Reads the array `aws`, whose entries are names, or tables with a name and operations.
    pub(super) fn read_aws(&mut self, value: &Value, place: &str, problems: &mut Problems) {
        let Value::Array(entries) = value else {
            problems.add(format!("`{place}`: expected an array, such as `[\"dynamodb\", \"s3\"]`"));
            return;
        };
        for entry in entries {
            match service(entry) {
                Ok(service) => self.aws.push(service),
                Err(error) => problems.add(format!("`{place}` has `{}`: {error}", shown(entry))),
            }
        }
    }

    /// Sets the services from an environment variable: names, separated by commas.
    pub(super) fn aws<'a>(&mut self, names: impl IntoIterator<Item = &'a str>, place: &str, problems: &mut Problems) {
        self.aws.clear();
        for name in names {
            match name.parse() {
                Ok(service) => self.aws.push(service),
                Err(error) => problems.add(format!("`{place}` has `{name}`: {error}")),
            }
        }
    }

    /// Reads the table `secrets`.
    pub(super) fn read_secrets(&mut self, value: &Value, place: &str, problems: &mut Problems) {
        let Value::Table(table) = value else {
            problems.add(format!("`{place}`: expected a table of secrets"));
            return;
        };
        for (name, value) in table {
            match secret(name, value) {
                Ok(secret) => self.secrets.push(secret),
                Err(error) => problems.add(format!("`{place}.{name}`: {error}")),
            }
        }
    }
}

/// Returns an entry as it is named in a message.
fn shown(entry: &Value) -> &str {
    entry.as_str().or_else(|| entry.get("service")?.as_str()).unwrap_or(entry.type_str())
}

/// Splits the value of an environment variable with a list.
pub(super) fn list(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|item| !item.is_empty())
}

fn service(entry: &Value) -> Result<AwsService, String> {
    const FORM: &str = "expected a name, or `{ service = \"dynamodb\", actions = [\"GetItem\"] }`";
    match entry {
        Value::String(name) => name.parse(),
        Value::Table(table) => {
            if let Some(key) = table.keys().find(|key| !["service", "actions"].contains(&key.as_str())) {
                return Err(format!("unknown key `{key}`: {FORM}"));
            }
            let service: AwsService = table.get("service").and_then(Value::as_str).ok_or(FORM)?.parse()?;
            match table.get("actions") {
                None => Ok(service),
                Some(actions) => {
                    let actions = actions.as_array().and_then(|actions| texts(actions)).ok_or(FORM)?;
                    Ok(service.with_actions(actions))
                }
            }
        }
        _ => Err(FORM.to_owned()),
    }
}

fn secret(name: &str, value: &Value) -> Result<SecretSettings, String> {
    const FORM: &str = "expected `{ from = \"env:NAME\", hosts = [\"api.example.com\"] }`";
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err("the name has to be one of an environment variable".to_owned());
    }
    let table = value.as_table().ok_or(FORM)?;
    if let Some(key) = table.keys().find(|key| !["from", "hosts"].contains(&key.as_str())) {
        return Err(format!("unknown key `{key}`: {FORM}"));
    }
    let from = table.get("from").and_then(Value::as_str).ok_or(FORM)?;
    let from = match from.split_once(':') {
        Some(("env", variable)) if !variable.is_empty() => SecretSource::Variable(variable.to_owned()),
        Some(("secretsmanager", id)) if !id.is_empty() => SecretSource::SecretsManager(id.to_owned()),
        Some(("ssm", parameter)) if !parameter.is_empty() => SecretSource::Parameter(parameter.to_owned()),
        _ => return Err(format!("`{from}` is not a source: expected `env:NAME`, `secretsmanager:NAME` or `ssm:NAME`")),
    };
    let hosts = table.get("hosts").and_then(Value::as_array).and_then(|hosts| texts(hosts)).ok_or(FORM)?;
    if hosts.is_empty() {
        return Err("`hosts` is empty, so nobody would receive the secret".to_owned());
    }
    let rule = |host: String| if host.contains("://") { host } else { format!("https://{host}") };
    let rules: Vec<String> = hosts.into_iter().map(rule).collect();
    let receivers = Rules::parse(rules.iter().map(String::as_str));
    let receivers = receivers.map_err(|(rule, error)| format!("`hosts` has `{rule}`: {error}"))?;
    if receivers.grant_everything() {
        return Err("`hosts` must name the servers that receive the secret".to_owned());
    }
    Ok(SecretSettings { name: name.to_owned(), from, receivers })
}

#[cfg(feature = "network")]
mod grants {
    use std::{collections::BTreeMap, sync::Arc};

    use tracing::warn;

    use super::{super::env_vars::EnvVars, NetworkSettings, SecretSource};
    use crate::network::{Network, NetworkGrants, PLACEHOLDER, Secret, SecretValue, runtime_api::RuntimeApi};

    /// Variables of AWS's credentials. Whoever has them can call AWS in the function's name, from anywhere.
    const CREDENTIALS: &[&str] = &["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

    /// Returns the network of a handler's guests. `host` has the variables of the host itself.
    pub fn network(settings: &NetworkSettings, host: &EnvVars, runtime_api: &str) -> Arc<Network> {
        if settings.allow.grant_everything() {
            warn!("`network.allow` has `*://*:*`: the guest reaches every public address");
        }
        let secret = |setting: &super::SecretSettings| Secret {
            name: setting.name.clone(),
            value: match &setting.from {
                SecretSource::Variable(name) => SecretValue::in_variable(name, host.get(name)),
                SecretSource::SecretsManager(id) => SecretValue::in_secrets_manager(id),
                SecretSource::Parameter(name) => SecretValue::in_parameter_store(name),
            },
            receivers: setting.receivers.clone(),
        };
        let granted = NetworkGrants {
            rules: settings.allow.clone(),
            services: settings.aws.clone(),
            secrets: settings.secrets.iter().map(secret).collect(),
        };
        let variables: Vec<(&str, &str)> = host.iter().collect();
        Arc::new(Network::new(granted, RuntimeApi::parse(runtime_api), &variables))
    }

    /// Adds the variables that stand for what the guest does not have: placeholders for secrets and for AWS's
    /// credentials, and where its services are. What the settings pass or set stays.
    pub fn add_variables(settings: &NetworkSettings, host: &EnvVars, env: &mut BTreeMap<String, String>) {
        for secret in &settings.secrets {
            env.insert(secret.name.clone(), Secret::placeholder(&secret.name));
        }
        let given: Vec<&str> = CREDENTIALS.iter().copied().filter(|name| env.contains_key(*name)).collect();
        if !given.is_empty() {
            warn!(
                "the guest has `{}`: it can call AWS in the function's name, and send the keys to others; to have the \
                 host sign instead, use `aws` and not `env.pass`",
                given.join("`, `")
            );
            return;
        }
        if settings.aws.is_empty() {
            return;
        }
        let mut add = |name: &str, value: &str| {
            env.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        };
        add("AWS_ACCESS_KEY_ID", PLACEHOLDER);
        add("AWS_SECRET_ACCESS_KEY", PLACEHOLDER);
        // Otherwise some SDKs ask the metadata service first.
        add("AWS_EC2_METADATA_DISABLED", "true");
        const REGION: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];
        let is_place = |name: &str| REGION.contains(&name) || name.starts_with("AWS_ENDPOINT_URL");
        for (name, value) in host.iter().filter(|(name, _)| is_place(name)) {
            add(name, value);
        }
        // Lambda sets both names, and emulators one. Each SDK reads its own.
        if let Some(region) = REGION.iter().find_map(|name| env.get(*name).cloned()) {
            for name in REGION {
                env.entry(name.to_owned()).or_insert_with(|| region.clone());
            }
        }
    }
}

#[cfg(feature = "network")]
pub(super) use grants::{add_variables, network};

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<NetworkSettings, String> {
        let table: toml::Table = text.parse().unwrap();
        let (mut settings, mut problems) = (NetworkSettings::default(), Problems::default());
        for (key, value) in &table {
            match key.as_str() {
                "network" => settings.read_table(value, "network", &mut problems),
                "aws" => settings.read_aws(value, "aws", &mut problems),
                _ => settings.read_secrets(value, "secrets", &mut problems),
            }
        }
        if problems.are_none() { Ok(settings) } else { Err(problems.into_failure().to_string()) }
    }

    #[test]
    fn rules_services_and_secrets_are_read() {
        let settings = read(
            r#"network.allow = ["https://api.example.com", "tcp://db.internal:5432"]
            aws = ["s3", "sqs:eu-central-1", { service = "dynamodb", actions = ["GetItem"] }]
            secrets = { KEY = { from = "env:STRIPE", hosts = ["api.stripe.com"] } }"#,
        )
        .unwrap();
        assert_eq!(settings.allow, Rules::parse(["https://api.example.com", "tcp://db.internal:5432"]).unwrap());
        let dynamodb: AwsService = "dynamodb".parse().unwrap();
        let dynamodb = dynamodb.with_actions(vec!["GetItem".to_owned()]);
        assert_eq!(settings.aws, ["s3".parse().unwrap(), "sqs:eu-central-1".parse().unwrap(), dynamodb]);
        let secret = &settings.secrets[0];
        assert_eq!((secret.name.as_str(), &secret.from), ("KEY", &SecretSource::Variable("STRIPE".to_owned())));
        assert_eq!(secret.receivers, Rules::parse(["https://api.stripe.com"]).unwrap());
    }

    #[test]
    fn what_can_not_be_read_is_named_with_its_place() {
        for (text, expected) in [
            (r#"network = ["https://a.example"]"#, "`network`: expected a table"),
            (r#"network.allow = "https://a.example""#, "`network.allow`: expected an array"),
            (r#"network.alow = []"#, "`network.alow`: unknown key"),
            (r#"network.allow = ["a.example"]"#, "`network` has `a.example`: expected `https://HOST`"),
            ("network.allow = [\"https://*\"]", "write `*://*:*` to grant everything"),
            (r#"aws = "s3""#, "`aws`: expected an array"),
            (r#"aws = ["S3"]"#, "expected the name of a service"),
            (r#"aws = [{ service = "s3", action = [] }]"#, "unknown key `action`"),
            (r#"secrets.KEY = "env:X""#, "`secrets.KEY`: expected `{ from"),
            (r#"secrets.KEY = { from = "X", hosts = ["a.example"] }"#, "`X` is not a source"),
            (r#"secrets.KEY = { from = "env:X", hosts = [] }"#, "`hosts` is empty"),
            ("secrets.KEY = { from = \"env:X\", hosts = [\"*://*:*\"] }", "must name the servers"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
