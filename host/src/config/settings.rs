//! This module turns the text of one handler's settings into checked values.

use std::time::Duration;

use bytesize::ByteSize;

use super::{
    network::NetworkSettings,
    problems::{Problems, suggestion, texts},
    variables,
};
use crate::{
    artifact_policy::Refresh,
    capabilities::{Access, Instances},
    digest::Digest,
    gateway::BasePath,
    trust::TrustedKeys,
};

/// Holds one handler's settings as they were written. A field is `None` or empty if its setting is missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The source of the guest's artifact, as written.
    pub source: Option<String>,
    /// The digest of the only artifact that is accepted.
    pub digest: Option<Digest>,
    /// The keys of which one must have signed each artifact from outside the task root. Only an environment variable
    /// sets them.
    pub trusted_keys: Option<TrustedKeys>,
    /// When the host checks for a newer artifact.
    pub refresh: Option<Refresh>,
    /// The maximum size of an artifact from outside the task root, in bytes.
    pub artifact_limit: Option<u64>,
    /// Whether an instance is reused after an invocation.
    pub instances: Option<Instances>,
    /// The maximum memory of one instance, in bytes.
    pub memory: Option<u64>,
    /// The time before the deadline at which the guest is stopped.
    pub margin: Option<Duration>,
    /// The guest's access to `/tmp`.
    pub tmp: Option<TmpAccess>,
    /// The maximum size of what guests keep in `/tmp`, in bytes.
    pub tmp_limit: Option<u64>,
    /// The arguments on a command's command line.
    pub args: Option<Vec<String>>,
    /// The CloudWatch namespaces of the metrics that the guest may write.
    pub metrics: Vec<String>,
    /// The environment variables that the guest sees.
    pub env: EnvSettings,
    /// What the guest reaches of the network.
    pub network: NetworkSettings,
    /// Whether responses to HTTP requests are streamed where the front can do that.
    pub http_is_streamed: Option<bool>,
    /// The beginning of the path that is taken off HTTP requests.
    pub http_base_path: Option<BasePath>,
}

/// Selects the guest's access to `/tmp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TmpAccess {
    /// The guest sees the directory, with this access.
    Granted(Access),
    /// The guest has no such directory.
    None,
}

/// Selects the environment variables that the guest sees.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnvSettings {
    /// The names to pass on, or beginnings of names followed by `*`. `None` passes all variables but credentials.
    pub pass: Option<Vec<String>>,
    /// The names and values of variables to set for the guest.
    pub set: Vec<(String, String)>,
}

/// The settings whose value is a single string, with the environment variables that override them.
pub(super) const KEYS: &[(&str, &str)] = &[
    ("digest", variables::DIGEST),
    ("refresh", variables::REFRESH),
    ("artifact_limit", variables::ARTIFACT_LIMIT),
    ("instances", variables::INSTANCES),
    ("memory", variables::MEMORY),
    ("margin", variables::MARGIN),
    ("tmp", variables::TMP),
    ("tmp_limit", variables::TMP_LIMIT),
    ("http.respond", variables::HTTP_RESPOND),
    ("http.base_path", variables::HTTP_BASE_PATH),
];

/// The settings with more than one value.
const OTHER_KEYS: &[&str] = &["source", "args", "metrics", "env", "network", "aws", "secrets", "function", "http"];

impl Settings {
    /// Sets one value. `place` is the name by which the user finds the setting again.
    pub(super) fn set(&mut self, key: &str, value: &str, place: &str, problems: &mut Problems) {
        let result = match key {
            "digest" => value.parse().map(|digest| self.digest = Some(digest)),
            "refresh" => refresh(value).map(|refresh| self.refresh = Some(refresh)),
            "artifact_limit" => size(value).map(|bytes| self.artifact_limit = Some(bytes)),
            "instances" => instances(value).map(|instances| self.instances = Some(instances)),
            "memory" => size(value).map(|bytes| self.memory = Some(bytes)),
            "margin" => margin(value).map(|margin| self.margin = Some(margin)),
            "tmp" => tmp(value).map(|tmp| self.tmp = Some(tmp)),
            "tmp_limit" => size(value).map(|bytes| self.tmp_limit = Some(bytes)),
            "http.respond" => respond(value).map(|is_streamed| self.http_is_streamed = Some(is_streamed)),
            "http.base_path" => BasePath::parse(value).map(|path| self.http_base_path = Some(path)),
            _ => unreachable!("`{key}` is in KEYS, and needs an arm here"),
        };
        if let Err(expected) = result {
            problems.add(format!("`{place}` is `{value}`: {expected}"));
        }
    }

    /// Reads the table `[handlers.NAME]`.
    pub(super) fn from_table(name: &str, table: &toml::Table, problems: &mut Problems) -> Self {
        let mut settings = Self::default();
        for (key, value) in table {
            let place = format!("handlers.{name}.{key}");
            match (key.as_str(), value) {
                ("source", toml::Value::String(source)) => settings.source = Some(source.clone()),
                // The build reads it: `function_in`.
                ("function", toml::Value::String(_)) => {}
                ("env", toml::Value::Table(env)) => settings.env = env_settings(env, &place, problems),
                ("args", toml::Value::Array(args)) => match texts(args) {
                    Some(args) if are_whole(&args) => settings.args = Some(args),
                    _ => problems.add(format!("`{place}`: expected only strings, and no zero bytes in them")),
                },
                ("metrics", toml::Value::Array(names)) => match texts(names) {
                    Some(names) => settings.metrics = names,
                    None => problems.add(format!("`{place}`: expected only strings")),
                },
                ("args" | "metrics", _) => {
                    problems.add(format!("`{place}`: expected an array of strings, found {}", value.type_str()));
                }
                ("network", value) => settings.network.read_table(value, &place, problems),
                ("aws", value) => settings.network.read_aws(value, &place, problems),
                ("secrets", value) => settings.network.read_secrets(value, &place, problems),
                ("http", toml::Value::Table(http)) => settings.read_http(http, &place, problems),
                (key, toml::Value::String(text)) if KEYS.iter().any(|(known, _)| *known == key) => {
                    settings.set(key, text, &place, problems);
                }
                (key, _)
                    if key == "source"
                        || key == "function"
                        || key == "env"
                        || key == "http"
                        || KEYS.iter().any(|(known, _)| *known == key) =>
                {
                    let wanted = if key == "env" || key == "http" { "table" } else { "string" };
                    problems.add(format!("`{place}`: expected a {wanted}, found {}", value.type_str()));
                }
                (key, _) => {
                    let known = KEYS.iter().map(|(known, _)| *known).chain(OTHER_KEYS.iter().copied());
                    problems.add(format!("`{place}`: unknown key{}", suggestion(key, known)));
                }
            }
        }
        settings
    }
}

impl Settings {
    /// Reads the table `http`.
    fn read_http(&mut self, table: &toml::Table, place: &str, problems: &mut Problems) {
        let known = || KEYS.iter().filter_map(|(key, _)| key.strip_prefix("http."));
        for (key, value) in table {
            let place = format!("{place}.{key}");
            match value {
                toml::Value::String(text) if known().any(|known| known == key) => {
                    self.set(&format!("http.{key}"), text, &place, problems);
                }
                _ if known().any(|known| known == key) => {
                    problems.add(format!("`{place}`: expected a string, found {}", value.type_str()));
                }
                _ => problems.add(format!("`{place}`: unknown key{}", suggestion(key, known()))),
            }
        }
    }
}

/// Returns the function that the table of a handler names, from the text of `guesthouse.toml`: `src/index.handler` is
/// what `guesthouse build` makes the guest of.
pub fn function_in(text: &str, handler: &str) -> Option<String> {
    let table: toml::Table = text.parse().ok()?;
    table.get("handlers")?.get(handler)?.get("function")?.as_str().map(str::to_owned)
}

fn refresh(value: &str) -> Result<Refresh, String> {
    match value {
        "off" => Ok(Refresh::Off),
        _ => match humantime::parse_duration(value) {
            Ok(Duration::ZERO) => Ok(Refresh::EachTime),
            Ok(every) if every <= LONGEST_REFRESH => Ok(Refresh::Every(every)),
            Ok(_) => Err("expected a year at most, or `off`".to_owned()),
            Err(_) => {
                Err("expected a duration such as `30s`, `0s` to check before each invocation, or `off`".to_owned())
            }
        },
    }
}

fn respond(value: &str) -> Result<bool, String> {
    match value {
        "buffer" => Ok(false),
        "stream" => Ok(true),
        _ => Err("expected `buffer` or `stream`".to_owned()),
    }
}

fn instances(value: &str) -> Result<Instances, String> {
    match value {
        "reuse" => Ok(Instances::Reuse),
        "fresh" => Ok(Instances::Fresh),
        _ => Err("expected `reuse` or `fresh`".to_owned()),
    }
}

/// The maximum memory of a function, in bytes. Source: the AWS page "Lambda quotas".
const LARGEST_FUNCTION_BYTES: u64 = 10 << 30;

/// The maximum timeout of a function. Source: the AWS page "Lambda quotas".
const LONGEST_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// The longest interval between two refreshes. A longer one is hardly different from `off`.
const LONGEST_REFRESH: Duration = Duration::from_secs(366 * 24 * 60 * 60);

fn size(value: &str) -> Result<u64, String> {
    let size = value.parse::<ByteSize>().map(|size| size.as_u64());
    let size = size.ok().filter(|bytes| *bytes > 0).ok_or_else(|| "expected a size such as `128MiB`".to_owned())?;
    if size <= LARGEST_FUNCTION_BYTES {
        Ok(size)
    } else {
        Err("expected 10GiB at most, as much as a function can have".to_owned())
    }
}

fn margin(value: &str) -> Result<Duration, String> {
    let margin = humantime::parse_duration(value).map_err(|_| "expected a duration such as `100ms`".to_owned())?;
    if margin <= LONGEST_TIMEOUT {
        Ok(margin)
    } else {
        Err("expected 15m at most, the longest timeout of a function".to_owned())
    }
}

fn tmp(value: &str) -> Result<TmpAccess, String> {
    match value {
        "read-write" => Ok(TmpAccess::Granted(Access::ReadWrite)),
        "read-only" => Ok(TmpAccess::Granted(Access::ReadOnly)),
        "none" => Ok(TmpAccess::None),
        _ => Err("expected `read-write`, `read-only` or `none`".to_owned()),
    }
}

/// Parses the environment variable for `args`: a JSON array of strings, or words with spaces between them.
pub(super) fn args(value: &str) -> Result<Vec<String>, String> {
    let args: Vec<String> = match value.trim_start().starts_with('[') {
        true => serde_json::from_str(value)
            .map_err(|_| r#"expected words, or an array such as `["-r", ".name"]`"#.to_owned())?,
        // A shell would remove the quotes, but the host does not. A command that receives them is hard to debug.
        false if value.contains(['"', '\'']) => {
            return Err(r#"words have no quotes: write an array such as `["-e", "two words"]`"#.to_owned());
        }
        false => value.split_whitespace().map(str::to_owned).collect(),
    };
    if are_whole(&args) { Ok(args) } else { Err("a command line has no zero bytes".to_owned()) }
}

/// Returns whether no argument contains a zero byte, at which it would end for a program.
fn are_whole(args: &[String]) -> bool {
    args.iter().all(|arg| !arg.contains('\0'))
}

fn env_settings(table: &toml::Table, place: &str, problems: &mut Problems) -> EnvSettings {
    let mut env = EnvSettings::default();
    for (key, value) in table {
        match (key.as_str(), value) {
            ("pass", toml::Value::Array(names)) => match texts(names) {
                Some(names) => env.pass = Some(checked_names(names, &format!("{place}.pass"), problems)),
                None => problems.add(format!("`{place}.pass`: expected only strings")),
            },
            ("set", toml::Value::Table(variables)) => {
                for (name, value) in variables {
                    match value {
                        _ if name.is_empty() || name.contains(['=', '\0']) => {
                            problems.add(format!(
                                "`{place}.set` has `{name}`: a variable's name has no `=` and no zero byte, and is not \
                                 empty"
                            ));
                        }
                        toml::Value::String(value) if value.contains('\0') => {
                            problems.add(format!("`{place}.set.{name}`: a variable has no zero bytes"));
                        }
                        toml::Value::String(value) => env.set.push((name.clone(), value.clone())),
                        _ => problems.add(format!("`{place}.set.{name}`: expected a string")),
                    }
                }
            }
            ("pass", _) => problems.add(format!("`{place}.pass`: expected an array of strings")),
            ("set", _) => problems.add(format!("`{place}.set`: expected a table of strings")),
            (key, _) => {
                problems.add(format!("`{place}.{key}`: unknown key{}", suggestion(key, ["pass", "set"].into_iter())));
            }
        }
    }
    env
}

/// Checks that a `*` stands only at the end of a name, as in `TABLE_*`.
pub(super) fn checked_names(names: Vec<String>, place: &str, problems: &mut Problems) -> Vec<String> {
    for name in &names {
        if name.trim_end_matches('*').contains('*') || name.ends_with("**") {
            problems.add(format!("`{place}` has `{name}`: a `*` may only stand at the end"));
        }
    }
    names
}
