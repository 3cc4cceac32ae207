//! This module reads the host's configuration from the environment variables and `guesthouse.toml`, once, and checks
//! all of it.
//!
//! An environment variable wins over the file, and the file wins over the default. All problems are reported in one
//! message.

#[cfg(feature = "cli")]
pub mod deploy;
mod env_vars;
mod network;
mod problems;
mod settings;
pub mod variables;

use std::{
    collections::BTreeMap,
    num::{NonZeroU32, NonZeroUsize},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

pub use self::{
    env_vars::EnvVars,
    network::{NetworkSettings, SecretSettings, SecretSource},
    settings::{EnvSettings, Settings, TmpAccess, function_in},
};
use self::{
    problems::{Problems, suggestion},
    variables as var,
};
use crate::{
    artifact_policy::{ARTIFACT_LIMIT_BYTES, ArtifactPolicy, Refresh},
    capabilities::{Access, Capabilities, Grants, HANDLES, InstancePolicy, Limits, Tmp},
    failure::{ErrorType, Failure},
    gateway::Gateway,
    source::{RemoteAccess, Source, TaskRoot},
    tmp::Quota,
};

/// The directory with the guests, if `LAMBDA_TASK_ROOT` is not set.
const DEFAULT_TASK_ROOT: &str = "/var/task";

/// The name of the settings file in the task root.
const FILE: &str = "guesthouse.toml";

/// The memory that the host reserves for itself, in MiB: for its own code and the guest's code. It does not include the
/// compiler, which may use what is left of the function's memory.
const HOST_MEMORY_MIB: u64 = 36;

/// The memory that the host also reserves for each concurrent invocation, in MiB: for an event of 6 MB, for the data
/// that one call of the guest may pass to the host (16 MiB), and for stacks, tables and buffers.
const INVOCATION_MEMORY_MIB: u64 = 24;

/// The minimum number of files and directories that one instance may have open, whatever the concurrency.
const LEAST_HANDLES: usize = 8;

/// The minimum memory of one instance, and of all instances together, in MiB. It applies even if the host leaves less
/// of the function's memory: such a function is too small.
const LEAST_MEMORY_MIB: u64 = 16;

const MIB: u64 = 1024 * 1024;

/// A `Config` holds everything that the host reads from its environment variables, its arguments and the settings file.
#[derive(Debug, Clone)]
pub struct Config {
    /// The guest's name in messages.
    pub handler: String,
    /// The source of the guest's artifact.
    pub source: Source,
    /// Decides which artifacts are accepted, and when the host checks for a newer one.
    pub policy: ArtifactPolicy,
    /// What the guest may use.
    pub capabilities: Capabilities,
    /// The description of the function that Lambda gives.
    pub function: FunctionInfo,
    /// The number of invocations that are served at a time.
    pub concurrency: NonZeroUsize,
    /// The code that talks to the Runtime API.
    pub runtime_client: RuntimeClientKind,
    /// The host and port of the Runtime API.
    pub runtime_api: String,
}

/// Describes the function as Lambda's environment variables do. The values become part of each invocation's context.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FunctionInfo {
    /// The function's name.
    pub name: String,
    /// The function's version, or `$LATEST`.
    pub version: String,
    /// The function's memory, in MiB. `None` if Lambda does not set it.
    pub memory_mib: Option<NonZeroU32>,
    /// The function's CloudWatch log group.
    pub log_group_name: String,
    /// This environment's CloudWatch log stream.
    pub log_stream_name: String,
}

impl FunctionInfo {
    /// Returns the function's memory, in bytes, if Lambda sets it.
    pub fn memory_bytes(&self) -> Option<u64> {
        self.memory_mib.map(|mib| u64::from(mib.get()) * MIB)
    }
}

/// Selects the code that talks to the Runtime API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuntimeClientKind {
    /// The host's own loop.
    Direct,
    /// AWS's crate `lambda_runtime`.
    #[cfg(feature = "lambda-runtime")]
    LambdaRuntime,
}

impl Config {
    /// Reads the configuration of `bootstrap`. `arguments` are the command-line arguments after the name of the binary.
    ///
    /// # Errors
    /// [`ErrorType::Config`] with all problems in one message; [`ErrorType::GuestNotFound`] if no handler is named and
    /// the task root holds no guests.
    pub fn read(environment: &EnvVars, arguments: &[String]) -> Result<Self, Failure> {
        let mut problems = Problems::default();
        let path = PathBuf::from(environment.get(var::TASK_ROOT).unwrap_or(DEFAULT_TASK_ROOT));
        let task_root = TaskRoot::open(&path)?;
        let mut sections = sections(&task_root, &mut problems);
        let handler = choose(environment, arguments, &task_root)?;

        let mut settings = sections.remove(&handler).unwrap_or_default();
        override_from(environment, &mut settings, &mut problems);
        let source = Source::parse(&handler, settings.source.as_deref(), &task_root, &remote_access(environment));
        let source = source.map_err(|failure| problems.add_failure(&failure)).ok();
        let concurrency = number(environment, var::MAX_CONCURRENCY, &mut problems).unwrap_or(NonZeroUsize::MIN);
        let function = FunctionInfo {
            name: text(environment, var::FUNCTION_NAME),
            version: text(environment, var::FUNCTION_VERSION),
            memory_mib: number(environment, var::FUNCTION_MEMORY_SIZE, &mut problems),
            log_group_name: text(environment, var::LOG_GROUP_NAME),
            log_stream_name: text(environment, var::LOG_STREAM_NAME),
        };
        let runtime_client = runtime_client(environment, &function, &mut problems);
        if environment.get(var::RUNTIME_API).is_none() {
            problems
                .add(format!("`{}` is not set: `bootstrap` is started by Lambda or by an emulator", var::RUNTIME_API));
        }
        let (Some(source), true) = (source, problems.are_none()) else { return Err(problems.into_failure()) };
        Ok(Self {
            // A reference may contain a secret, which its source does not show.
            handler: if handler.contains("://") { source.to_string() } else { handler },
            policy: artifact_policy(&settings, &source, function.memory_bytes()),
            source,
            capabilities: capabilities(
                &settings,
                environment,
                &Surroundings {
                    function_memory_bytes: function.memory_bytes(),
                    concurrency,
                    tmp: Path::new("/tmp"),
                    runtime_api: environment.get(var::RUNTIME_API).unwrap_or_default(),
                    host: environment,
                },
            ),
            function,
            concurrency,
            runtime_client,
            runtime_api: text(environment, var::RUNTIME_API),
        })
    }
}

/// The default interval between two refreshes of a guest from outside the task root.
const REFRESH: Refresh = Refresh::Every(Duration::from_secs(30));

/// Returns the policy for a guest's artifacts. By default there is no refresh for a guest in the task root, which is
/// deployed with the host, or for a guest whose digest is pinned.
pub fn artifact_policy(settings: &Settings, source: &Source, function_memory_bytes: Option<u64>) -> ArtifactPolicy {
    let by_default = if source.is_task_root() || settings.digest.is_some() { Refresh::Off } else { REFRESH };
    let refresh = settings.refresh.unwrap_or(by_default);
    ArtifactPolicy {
        digest: settings.digest,
        trusted_keys: settings.trusted_keys.clone().unwrap_or_default(),
        refresh,
        limit_bytes: settings.artifact_limit.unwrap_or(match function_memory_bytes {
            // The artifact is held in memory before the host knows whether it is trusted.
            Some(bytes) => ARTIFACT_LIMIT_BYTES.min(bytes / 4),
            None => ARTIFACT_LIMIT_BYTES,
        }),
    }
}

/// Returns the access to remote sources that the environment variables configure.
pub fn remote_access(environment: &EnvVars) -> RemoteAccess {
    RemoteAccess::new(environment.iter())
}

/// What a guest's capabilities depend on besides its settings.
pub struct Surroundings<'a> {
    /// The function's memory, in bytes, if it is known.
    pub function_memory_bytes: Option<u64>,
    /// The number of invocations that are served at a time.
    pub concurrency: NonZeroUsize,
    /// The directory that the guest sees as `/tmp`.
    pub tmp: &'a Path,
    /// The host and port of the Runtime API.
    pub runtime_api: &'a str,
    /// The environment variables of the host. On Lambda these are the function's.
    pub host: &'a EnvVars,
}

/// Returns what a guest may use, by its settings, the function's environment variables, and what is around it.
pub fn capabilities(settings: &Settings, environment: &EnvVars, around: &Surroundings<'_>) -> Capabilities {
    let Surroundings { function_memory_bytes, concurrency, tmp, .. } = *around;
    let tmp = match settings.tmp.unwrap_or(TmpAccess::Granted(Access::ReadWrite)) {
        TmpAccess::Granted(access) => Some(Tmp { quota: Arc::new(Quota::new(tmp, settings.tmp_limit)), access }),
        TmpAccess::None => None,
    };
    let grants = Grants {
        env: variables(settings, environment, around.host),
        arguments: settings.args.clone().unwrap_or_default(),
        metrics: settings.metrics.clone().into(),
        tmp,
        #[cfg(feature = "network")]
        network: Some(network::network(&settings.network, around.host, around.runtime_api)),
    };
    let limits = Limits {
        memory_bytes: settings.memory.or(function_memory_bytes.map(|bytes| instance_memory(bytes, concurrency))),
        total_memory_bytes: function_memory_bytes.map(|bytes| guests_memory(bytes, concurrency)),
        host_memory_bytes: Some(HOST_MEMORY_MIB * MIB),
        function_memory_bytes,
        handles: (HANDLES / concurrency.get()).max(LEAST_HANDLES),
    };
    let default = InstancePolicy::default();
    let policy = InstancePolicy { margin: settings.margin.unwrap_or(default.margin), instances: settings.instances };
    let gateway = Gateway {
        base_path: settings.http_base_path.clone(),
        is_streamed: settings.http_is_streamed.unwrap_or_default(),
    };
    Capabilities { grants, limits, policy, gateway }
}

/// Returns the memory of one instance, in bytes: that of all instances, divided by the concurrency.
fn instance_memory(function_memory_bytes: u64, concurrency: NonZeroUsize) -> u64 {
    let shared_out = guests_memory(function_memory_bytes, concurrency) / concurrency.get() as u64;
    shared_out.max(LEAST_MEMORY_MIB * MIB)
}

/// Returns the memory of all instances together, in bytes: what the host leaves of the function's memory.
fn guests_memory(function_memory_bytes: u64, concurrency: NonZeroUsize) -> u64 {
    let hosts_mib = HOST_MEMORY_MIB + INVOCATION_MEMORY_MIB * concurrency.get() as u64;
    function_memory_bytes.saturating_sub(hosts_mib * MIB).max(LEAST_MEMORY_MIB * MIB)
}

/// Returns the environment variables that a guest sees: those of the host that are passed on, those that the settings
/// set, which win, and placeholders for what the guest does not have.
fn variables(settings: &Settings, environment: &EnvVars, host: &EnvVars) -> Vec<(String, String)> {
    #[cfg_attr(not(feature = "network"), expect(unused_mut, reason = "only the network adds variables"))]
    let mut env = passed(&settings.env, environment);
    #[cfg(feature = "network")]
    network::add_variables(&settings.network, host, &mut env);
    #[cfg(not(feature = "network"))]
    let _ = host;
    env.into_iter().collect()
}

/// Returns the environment variables of the host that are passed on, and those that the settings set.
fn passed(settings: &EnvSettings, environment: &EnvVars) -> BTreeMap<String, String> {
    let is_reference = |name: &str| environment.get(name).is_some_and(|value| value.contains("://"));
    let is_passed = |name: &str| match &settings.pass {
        _ if var::NEVER_PASSED.contains(&name) => false,
        // A reference may contain a secret, and the guest does not need it.
        _ if [var::HANDLER, var::LAMBDA_HANDLER].contains(&name) && is_reference(name) => false,
        Some(names) if var::is_withheld(name) => names.iter().any(|full| full == name),
        None => !var::is_withheld(name),
        Some(names) => names.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => name == pattern,
        }),
    };
    let mut env: BTreeMap<&str, &str> = environment.iter().filter(|(name, _)| is_passed(name)).collect();
    env.extend(settings.set.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    env.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Returns the handler's name or reference. It is the first non-empty of the variable `HANDLER`, the first argument and
/// `_HANDLER`, or else the only guest in the task root.
fn choose(environment: &EnvVars, arguments: &[String], task_root: &TaskRoot) -> Result<String, Failure> {
    let argument = arguments.first().map(String::as_str).filter(|argument| !argument.is_empty());
    let named = environment.get(var::HANDLER).or(argument).or_else(|| environment.get(var::LAMBDA_HANDLER));
    if let Some(named) = named {
        return Ok(named.to_owned());
    }
    let mut guests = task_root.guests();
    let error_type = match guests.len() {
        0 => ErrorType::GuestNotFound,
        1 => return Ok(guests.remove(0)),
        _ => ErrorType::Config,
    };
    Err(Failure::new(error_type, format!("no handler is named, and {}", task_root.describe_guests()))
        .hint("set `HANDLER` to the name of a guest in the task root; in an image, `CMD` does it too"))
}

/// Reads the handlers' settings from the settings file in the task root.
///
/// # Errors
/// [`ErrorType::Config`] with all problems in one message.
pub fn read_settings(task_root: &TaskRoot) -> Result<BTreeMap<String, Settings>, Failure> {
    let mut problems = Problems::default();
    let sections = sections(task_root, &mut problems);
    if problems.are_none() { Ok(sections) } else { Err(problems.into_failure()) }
}

/// Returns the settings, overridden by the environment variables `GUESTHOUSE_*`.
///
/// # Errors
/// [`ErrorType::Config`] with all problems in one message.
pub fn with_variables(mut settings: Settings, environment: &EnvVars) -> Result<Settings, Failure> {
    let mut problems = Problems::default();
    override_from(environment, &mut settings, &mut problems);
    if problems.are_none() { Ok(settings) } else { Err(problems.into_failure()) }
}

/// Returns the tables `[handlers.NAME]` of the settings file, by name. There are none if there is no file.
fn sections(task_root: &TaskRoot, problems: &mut Problems) -> BTreeMap<String, Settings> {
    let text = match task_root.read_text(FILE) {
        Ok(Some(text)) => text,
        Ok(None) => return BTreeMap::new(),
        Err(error) => {
            problems.add(format!("can't read `{FILE}`: {error}"));
            return BTreeMap::new();
        }
    };
    parse(&text, problems)
}

fn parse(text: &str, problems: &mut Problems) -> BTreeMap<String, Settings> {
    let table: toml::Table = match text.parse() {
        Ok(table) => table,
        Err(error) => {
            problems.add(format!("`{FILE}` is not TOML: {}", error.to_string().trim_end()));
            return BTreeMap::new();
        }
    };
    let mut sections = BTreeMap::new();
    for (key, value) in &table {
        match (key.as_str(), value) {
            ("handlers", toml::Value::Table(handlers)) => {
                for (name, section) in handlers {
                    match section {
                        toml::Value::Table(table) => {
                            sections.insert(name.clone(), Settings::from_table(name, table, problems));
                        }
                        _ => problems.add(format!("`handlers.{name}`: expected a table")),
                    }
                }
            }
            // Only the developer's tool reads it.
            ("deploy", toml::Value::Table(_)) => {}
            (key, _) => {
                problems.add(format!("`{key}`: unknown key{}", suggestion(key, ["handlers", "deploy"].into_iter())));
            }
        }
    }
    sections
}

/// Applies the environment variables `GUESTHOUSE_*` to the settings, and reports unknown ones as problems.
fn override_from(environment: &EnvVars, settings: &mut Settings, problems: &mut Problems) {
    for (key, variable) in settings::KEYS {
        if let Some(value) = environment.get(variable) {
            settings.set(key, value, variable, problems);
        }
    }
    if let Some(names) = environment.get(var::ENV_PASS) {
        let names = names.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
        settings.env.pass = Some(settings::checked_names(names, var::ENV_PASS, problems));
    }
    if let Some(value) = environment.get(var::ARGS) {
        match settings::args(value) {
            Ok(args) => settings.args = Some(args),
            Err(expected) => problems.add(format!("`{}` is `{value}`: {expected}", var::ARGS)),
        }
    }
    // `get` would ignore an empty variable. Here an empty one is a problem: whoever sets it wants signatures to be
    // checked.
    if let Some((_, keys)) = environment.iter().find(|(name, _)| *name == var::TRUSTED_KEYS) {
        match keys.parse() {
            Ok(keys) => settings.trusted_keys = Some(keys),
            Err(expected) => problems.add(format!("`{}`: {expected}", var::TRUSTED_KEYS)),
        }
    }
    if let Some(value) = environment.get(var::NETWORK_ALLOW) {
        settings.network.allow(network::list(value), var::NETWORK_ALLOW, problems);
    }
    if let Some(value) = environment.get(var::AWS_ALLOW) {
        settings.network.aws(network::list(value), var::AWS_ALLOW, problems);
    }
    if cfg!(not(feature = "network")) && !settings.network.is_empty() {
        problems.add("this host was built without the feature `network`, so guests have none".to_owned());
    }
    let ours = |name: &&str| name.starts_with("GUESTHOUSE_");
    for (name, _) in environment.iter().filter(|(name, _)| ours(name) && !var::ALL.contains(name)) {
        problems.add(format!("`{name}`: unknown variable{}", suggestion(name, var::ALL.iter().copied().filter(ours))));
    }
}

fn runtime_client(environment: &EnvVars, function: &FunctionInfo, problems: &mut Problems) -> RuntimeClientKind {
    match environment.get(var::RUNTIME_CLIENT) {
        None | Some("direct") => RuntimeClientKind::Direct,
        #[cfg(not(feature = "lambda-runtime"))]
        Some("lambda_runtime") => {
            problems.add(format!("`{}` is `lambda_runtime`, which this host was built without", var::RUNTIME_CLIENT));
            let _ = function;
            RuntimeClientKind::Direct
        }
        #[cfg(feature = "lambda-runtime")]
        Some("lambda_runtime") => {
            // The crate panics without these variables.
            if function.name.is_empty() || function.version.is_empty() || function.memory_mib.is_none() {
                let needed = [var::FUNCTION_NAME, var::FUNCTION_VERSION, var::FUNCTION_MEMORY_SIZE].join("`, `");
                problems.add(format!("`{}` is `lambda_runtime`, which needs `{needed}`", var::RUNTIME_CLIENT));
            }
            RuntimeClientKind::LambdaRuntime
        }
        Some(other) => {
            problems.add(format!("`{}` is `{other}`: expected `direct` or `lambda_runtime`", var::RUNTIME_CLIENT));
            RuntimeClientKind::Direct
        }
    }
}

fn text(environment: &EnvVars, name: &str) -> String {
    environment.get(name).unwrap_or_default().to_owned()
}

fn number<N: std::str::FromStr>(environment: &EnvVars, name: &str, problems: &mut Problems) -> Option<N> {
    let value = environment.get(name)?;
    let number = value.parse().ok();
    if number.is_none() {
        problems.add(format!("`{name}` is `{value}`: expected a whole number above 0"));
    }
    number
}

#[cfg(test)]
mod tests;
