//! Everything the host is told from outside, read once and checked whole: the environment and `guesthouse.toml`.
//!
//! A variable wins over the file, the file over the default. All problems are reported together.

mod environment;
mod settings;
pub mod variables;

use std::{
    collections::BTreeMap,
    fmt::Display,
    num::{NonZeroU32, NonZeroUsize},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use self::variables as var;
pub use self::{
    environment::Environment,
    settings::{EnvSettings, Settings, TmpAccess},
};
use crate::{
    capabilities::{Access, Capabilities, HANDLES, Instances, Tmp},
    failure::{ErrorType, Failure},
    source::{RemoteAccess, Source, TaskRoot},
    terms::{ARTIFACT_LIMIT_BYTES, Refresh, Terms},
    tmp::Quota,
};

/// Where the guests are unless `LAMBDA_TASK_ROOT` says otherwise.
const DEFAULT_TASK_ROOT: &str = "/var/task";

/// The settings' file, in the task root.
const FILE: &str = "guesthouse.toml";

/// What the host keeps of the function's memory for itself, in MiB: its code and the guest's. The compiler has what is left.
const HOST_MEMORY_MIB: u64 = 36;

/// What it keeps besides for each invocation served at a time, in MiB: an event of 6 MB, what one call of the guest's may hand
/// over (16 MiB), and stacks, tables and buffers.
const INVOCATION_MEMORY_MIB: u64 = 24;

/// No instance gets fewer open files, streams and timers.
const LEAST_HANDLES: usize = 8;

/// No guest gets less than this, in MiB, even where the host leaves less of the function's: such a function is too small.
const LEAST_MEMORY_MIB: u64 = 16;

const MIB: u64 = 1024 * 1024;

/// Everything the host is told from outside.
#[derive(Debug, Clone)]
pub struct Config {
    /// The name the guest goes by in messages.
    pub handler: String,
    /// Where the guest comes from.
    pub source: Source,
    /// Which artifacts are taken, and when a newer one is looked for.
    pub terms: Terms,
    /// What the guest may touch.
    pub capabilities: Capabilities,
    /// What Lambda says of the function.
    pub function: FunctionInfo,
    /// How many invocations are served at a time.
    pub concurrency: NonZeroUsize,
    /// Which code talks to the Runtime API.
    pub edge: EdgeKind,
    /// Host and port of the Runtime API.
    pub runtime_api: String,
}

/// What Lambda's variables say of the function; goes into each invocation's context.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FunctionInfo {
    /// Its name.
    pub name: String,
    /// Its version, or `$LATEST`.
    pub version: String,
    /// In MiB; 0 where Lambda does not say.
    pub memory_mib: u32,
    /// Its CloudWatch log group.
    pub log_group_name: String,
    /// This environment's CloudWatch log stream.
    pub log_stream_name: String,
}

/// Which code talks to the Runtime API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EdgeKind {
    /// Our own loop.
    Direct,
    /// AWS's crate `lambda_runtime`.
    #[cfg(feature = "lambda-runtime")]
    LambdaRuntime,
}

impl Config {
    /// Reads the configuration of `bootstrap`. `arguments` are those after the program's name.
    ///
    /// # Errors
    /// [`ErrorType::Config`] with all problems in one message; [`ErrorType::GuestNotFound`] when no handler is named and
    /// the task root holds none.
    pub fn read(environment: &Environment, arguments: &[String]) -> Result<Self, Failure> {
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
            memory_mib: number(environment, var::FUNCTION_MEMORY_SIZE, &mut problems).map_or(0, NonZeroU32::get),
            log_group_name: text(environment, var::LOG_GROUP_NAME),
            log_stream_name: text(environment, var::LOG_STREAM_NAME),
        };
        let edge = edge(environment, &function, &mut problems);
        if environment.get(var::RUNTIME_API).is_none() {
            problems
                .add(format!("`{}` is not set: `bootstrap` is started by Lambda or by an emulator", var::RUNTIME_API));
        }
        let (Some(source), true) = (source, problems.lines.is_empty()) else { return Err(problems.into_failure()) };
        Ok(Self {
            // A reference may have a secret in it, which its source does not show.
            handler: if handler.contains("://") { source.to_string() } else { handler },
            terms: terms(&settings, &source, function.memory_mib),
            source,
            capabilities: capabilities(&settings, environment, function.memory_mib, concurrency, Path::new("/tmp")),
            function,
            concurrency,
            edge,
            runtime_api: text(environment, var::RUNTIME_API),
        })
    }
}

/// How often a newer artifact is looked for outside the task root, unless the settings say otherwise.
const REFRESH: Refresh = Refresh::Every(Duration::from_secs(30));

/// Which artifacts are taken, and when a newer one is looked for. In the task root there is none: it is deployed with the host. Nor
/// is there where one is pinned.
pub fn terms(settings: &Settings, source: &Source, function_memory_mib: u32) -> Terms {
    let by_default = if source.is_task_root() || settings.digest.is_some() { Refresh::Off } else { REFRESH };
    let refresh = settings.refresh.unwrap_or(by_default);
    Terms {
        digest: settings.digest,
        trusted_keys: settings.trusted_keys.clone().unwrap_or_default(),
        refresh,
        limit_bytes: settings.artifact_limit.unwrap_or(match function_memory_mib {
            0 => ARTIFACT_LIMIT_BYTES,
            // It is held in memory before it is known whether it is trusted.
            mib => ARTIFACT_LIMIT_BYTES.min(u64::from(mib) * MIB / 4),
        }),
    }
}

/// With what remote sources are reached.
pub fn remote_access(environment: &Environment) -> RemoteAccess {
    RemoteAccess::new(environment.iter())
}

/// What a guest may touch, by its settings and the function's size. `tmp` is the folder that it gets as `/tmp`.
pub fn capabilities(
    settings: &Settings,
    environment: &Environment,
    function_memory_mib: u32,
    concurrency: NonZeroUsize,
    tmp: &Path,
) -> Capabilities {
    let tmp = match settings.tmp.unwrap_or(TmpAccess::Granted(Access::ReadWrite)) {
        TmpAccess::Granted(access) => Some(Tmp { quota: Arc::new(Quota::new(tmp, settings.tmp_limit)), access }),
        TmpAccess::None => None,
    };
    Capabilities {
        env: passed(&settings.env, environment),
        arguments: settings.args.clone().unwrap_or_default(),
        metrics: settings.metrics.clone().into(),
        tmp,
        memory_bytes: settings.memory.or_else(|| instance_memory(function_memory_mib, concurrency)),
        total_memory_bytes: guests_memory(function_memory_mib, concurrency),
        host_memory_bytes: Some(HOST_MEMORY_MIB * MIB),
        function_memory_bytes: (function_memory_mib > 0).then_some(u64::from(function_memory_mib) * MIB),
        handles: (HANDLES / concurrency.get()).max(LEAST_HANDLES),
        margin: settings.margin.unwrap_or(Capabilities::default().margin),
        instances: settings.instances.unwrap_or(Instances::Reuse),
    }
}

/// The memory of one instance, in bytes: that of all guests, shared out among as many instances as run at a time.
fn instance_memory(function_memory_mib: u32, concurrency: NonZeroUsize) -> Option<u64> {
    let shared_out = guests_memory(function_memory_mib, concurrency)? / concurrency.get() as u64;
    Some(shared_out.max(LEAST_MEMORY_MIB * MIB))
}

/// The memory of all instances together, in bytes: what the host leaves of the function's. `None` where Lambda does not say
/// how large the function is.
fn guests_memory(function_memory_mib: u32, concurrency: NonZeroUsize) -> Option<u64> {
    let hosts = HOST_MEMORY_MIB + INVOCATION_MEMORY_MIB * concurrency.get() as u64;
    let guests = u64::from(function_memory_mib).saturating_sub(hosts).max(LEAST_MEMORY_MIB);
    (function_memory_mib > 0).then_some(guests * MIB)
}

/// The variables a guest sees: those passed on, then its own, which win.
fn passed(settings: &EnvSettings, environment: &Environment) -> Vec<(String, String)> {
    let is_reference = |name: &str| environment.get(name).is_some_and(|value| value.contains("://"));
    let is_passed = |name: &str| match &settings.pass {
        _ if var::NEVER_PASSED.contains(&name) => false,
        // It may have a secret in it, and is not for the guest.
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

/// The handler's name or reference: the variable `HANDLER`, the first argument, `_HANDLER`, the only guest there is.
fn choose(environment: &Environment, arguments: &[String], task_root: &TaskRoot) -> Result<String, Failure> {
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
    Err(Failure::new(error_type, format!("no handler is named, and {}", task_root.say_guests()))
        .hint("set `HANDLER` to the name of a guest in the task root; in an image, `CMD` does it too"))
}

/// The handlers' settings in the task root's file.
///
/// # Errors
/// [`ErrorType::Config`] with all problems in one message.
pub fn read_settings(task_root: &TaskRoot) -> Result<BTreeMap<String, Settings>, Failure> {
    let mut problems = Problems::default();
    let sections = sections(task_root, &mut problems);
    if problems.lines.is_empty() { Ok(sections) } else { Err(problems.into_failure()) }
}

/// The settings with the variables `GUESTHOUSE_*` that win over them.
///
/// # Errors
/// [`ErrorType::Config`] with all problems in one message.
pub fn with_variables(mut settings: Settings, environment: &Environment) -> Result<Settings, Failure> {
    let mut problems = Problems::default();
    override_from(environment, &mut settings, &mut problems);
    if problems.lines.is_empty() { Ok(settings) } else { Err(problems.into_failure()) }
}

/// The tables `[handlers.NAME]` of the settings' file, if there is one.
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
            (key, _) => problems.add(format!("`{key}`: unknown key{}", alike(key, ["handlers"].into_iter()))),
        }
    }
    sections
}

/// Takes over the variables `GUESTHOUSE_*`, and refuses those it does not know.
fn override_from(environment: &Environment, settings: &mut Settings, problems: &mut Problems) {
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
    // Not by `get`, for which an empty one is not there: whoever sets it wants signatures to be checked.
    if let Some((_, keys)) = environment.iter().find(|(name, _)| *name == var::TRUSTED_KEYS) {
        match keys.parse() {
            Ok(keys) => settings.trusted_keys = Some(keys),
            Err(expected) => problems.add(format!("`{}`: {expected}", var::TRUSTED_KEYS)),
        }
    }
    let ours = |name: &&str| name.starts_with("GUESTHOUSE_");
    for (name, _) in environment.iter().filter(|(name, _)| ours(name) && !var::ALL.contains(name)) {
        problems.add(format!("`{name}`: unknown variable{}", alike(name, var::ALL.iter().copied().filter(ours))));
    }
}

fn edge(environment: &Environment, function: &FunctionInfo, problems: &mut Problems) -> EdgeKind {
    match environment.get(var::EDGE) {
        None | Some("direct") => EdgeKind::Direct,
        #[cfg(not(feature = "lambda-runtime"))]
        Some("lambda_runtime") => {
            problems.add(format!("`{}` is `lambda_runtime`, which this host was built without", var::EDGE));
            let _ = function;
            EdgeKind::Direct
        }
        #[cfg(feature = "lambda-runtime")]
        Some("lambda_runtime") => {
            // It panics without these.
            if function.name.is_empty() || function.version.is_empty() || function.memory_mib == 0 {
                let needed = [var::FUNCTION_NAME, var::FUNCTION_VERSION, var::FUNCTION_MEMORY_SIZE].join("`, `");
                problems.add(format!("`{}` is `lambda_runtime`, which needs `{needed}`", var::EDGE));
            }
            EdgeKind::LambdaRuntime
        }
        Some(other) => {
            problems.add(format!("`{}` is `{other}`: expected `direct` or `lambda_runtime`", var::EDGE));
            EdgeKind::Direct
        }
    }
}

fn text(environment: &Environment, name: &str) -> String {
    environment.get(name).unwrap_or_default().to_owned()
}

fn number<N: std::str::FromStr>(environment: &Environment, name: &str, problems: &mut Problems) -> Option<N> {
    let value = environment.get(name)?;
    let number = value.parse().ok();
    if number.is_none() {
        problems.add(format!("`{name}` is `{value}`: expected a whole number above 0"));
    }
    number
}

/// `; did you mean …?`, or nothing when no candidate is like `word`.
fn alike<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> String {
    let scored = candidates.map(|candidate| (strsim::normalized_damerau_levenshtein(word, candidate), candidate));
    let best = scored.filter(|(score, _)| *score > 0.7).max_by(|a, b| a.0.total_cmp(&b.0));
    best.map(|(_, candidate)| format!("; did you mean `{candidate}`?")).unwrap_or_default()
}

/// What is wrong with the configuration, gathered until all of it was looked at.
#[derive(Debug, Default)]
struct Problems {
    lines: Vec<String>,
    hints: Vec<String>,
}

impl Problems {
    fn add(&mut self, problem: impl Display) {
        self.lines.push(problem.to_string());
    }

    /// Takes over a failure found elsewhere; its hint goes behind all problems.
    fn add_failure(&mut self, failure: &Failure) {
        let (problem, hint) = failure.message.split_once("\nhint: ").unwrap_or((&failure.message, ""));
        self.lines.push(problem.to_owned());
        self.hints.extend(Some(hint.to_owned()).filter(|hint| !hint.is_empty()));
    }

    fn into_failure(mut self) -> Failure {
        if self.hints.is_empty() {
            self.hints.push("the README's section `Settings` has all keys, variables and values".to_owned());
        }
        Failure::new(ErrorType::Config, self.lines.join("\n")).hint(self.hints.join("; "))
    }
}

#[cfg(test)]
mod tests;
