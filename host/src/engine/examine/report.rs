//! What `guesthouse check` tells of a guest.

use std::{io, path::Path};

use serde::Serialize;
use wasmparser::{KnownCustom, MemoryType, Parser, Payload, ProducersSectionReader};

use super::{Examined, Import, TOLD_LIMIT, examine, features, skeleton};
use crate::{
    digest::Digest,
    engine::{
        Code, CompileLimits, Engine, LoadError,
        code::Compiled,
        compiler::{check_types, on_a_large_stack},
        contract::Contract,
        inspect,
    },
    failure::Failure,
};

/// What a guest's file shows of itself, and whether this host can run it.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// As the guest was named.
    pub guest: String,
    /// Whether it can run.
    pub runs: bool,
    /// `component`, `module`, or `machine code`. None where the file is none of these.
    pub kind: Option<&'static str>,
    /// `event` or `command`.
    pub contract: Option<&'static str>,
    /// The world that has its exports, as WIT names it.
    pub world: Option<&'static str>,
    /// The languages that it was written in, as its producers say.
    pub languages: Vec<String>,
    /// The tools that made it, with their versions, as its producers say.
    pub tools: Vec<String>,
    /// The size of the file. None where it can't be read.
    pub bytes: Option<u64>,
    /// What its memories have from the start. None where that is not known.
    pub memory_bytes: Option<u64>,
    /// What it needs that WebAssembly 2.0 did not have.
    pub features: Vec<String>,
    /// The names of its exports.
    pub exports: Vec<String>,
    /// Each import, and what becomes of it. None where they are not known.
    pub imports: Option<Vec<ImportReport>>,
    /// What keeps it from running.
    pub error: Option<Failure>,
}

/// What becomes of an import.
#[derive(Debug, Serialize)]
pub struct ImportReport {
    /// As the guest spells it.
    pub name: String,
    /// Whether it is there.
    pub status: Status,
    /// What is there in its place, and how to do without it.
    pub remedy: Option<String>,
}

/// Whether an import is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It is.
    Provided,
    /// It is, and whatever it is called for is refused.
    Denied,
    /// It is, in another version or with another type.
    OtherVersion,
    /// It is not.
    Unknown,
}

impl Report {
    /// Looks at a guest's bytes. Its functions are not compiled.
    pub async fn of(engine: &Engine, name: &str, bytes: Vec<u8>) -> Self {
        let mut report = Self { guest: name.to_owned(), bytes: Some(bytes.len() as u64), ..Self::default() };
        let judged = match on_a_large_stack(|| report.describe(&bytes)) {
            Ok(()) => link(engine, &bytes).await,
            Err(error) => Err(error),
        };
        report.conclude(judged)
    }

    /// Of a file that can't be read, for this reason.
    pub fn of_nothing(name: &str, error: &io::Error) -> Self {
        let report = Self { guest: name.to_owned(), ..Self::default() };
        report.conclude(Err(LoadError::Unreadable(error.to_string())))
    }

    /// Looks at a `.cwasm` file. It is mapped, and nothing of it runs.
    pub fn of_machine_code(engine: &Engine, name: &str, path: &Path) -> Self {
        let mut report = Self { guest: name.to_owned(), kind: Some("machine code"), ..Self::default() };
        let judged =
            std::fs::File::open(path).map_err(|error| LoadError::Unreadable(error.to_string())).and_then(|file| {
                report.bytes = file.metadata().ok().map(|metadata| metadata.len());
                let code = Code::map(engine, file).map_err(LoadError::Foreign)?;
                report.exports = code.compiled.exports();
                let contract = Contract::prepare(engine, &code.compiled)?;
                report.keeps(contract.name(), matches!(code.compiled, Compiled::Module(_)));
                Ok(())
            });
        report.conclude(judged)
    }

    /// # Errors
    /// What keeps it from running, as far as that shows without a compiler.
    fn describe(&mut self, bytes: &[u8]) -> Result<(), LoadError> {
        check_types(bytes)?;
        let examined = examine(bytes)?;
        self.kind = Some(if examined.is_module { "module" } else { "component" });
        self.exports = examined.exports.iter().take(TOLD_LIMIT).map(|export| export.name.clone()).collect();
        let imports = examined.imports.iter().take(TOLD_LIMIT);
        self.imports = Some(imports.map(|import| ImportReport::new(&examined, import)).collect());
        self.add_sections(bytes);
        self.features = features::beyond_2(bytes);
        let contract = examined.runnable();
        if let Ok(named) = &contract {
            self.keeps(named.name(), examined.is_module);
        }
        contract?;
        match features::missing(bytes) {
            Ok(missing) if missing.is_empty() => inspect::check(bytes),
            Ok(missing) => Err(LoadError::Features(missing)),
            Err(error) => Err(super::damage(bytes, &error)),
        }
    }

    fn keeps(&mut self, contract: &'static str, is_module: bool) {
        self.contract = Some(contract);
        let has_init = || self.exports.iter().any(|name| name.starts_with("guesthouse:lambda/lifecycle@"));
        self.world = match contract {
            "event" if has_init() => Some("guesthouse:lambda/function-with-init"),
            "event" => Some("guesthouse:lambda/function"),
            _ if is_module => None,
            _ => Some("wasi:cli/command"),
        };
    }

    /// What the sections of all modules in it tell together. What can't be read tells nothing.
    fn add_sections(&mut self, bytes: &[u8]) {
        for payload in Parser::new(0).parse_all(bytes).map_while(Result::ok) {
            match payload {
                Payload::MemorySection(memories) => {
                    let memories = memories.into_iter().map_while(Result::ok);
                    let bytes = self.memory_bytes.unwrap_or_default();
                    let more = memories.map(|memory| initial_bytes(&memory));
                    self.memory_bytes = Some(more.fold(bytes, u64::saturating_add));
                }
                Payload::CustomSection(section) => {
                    if let KnownCustom::Producers(producers) = section.as_known() {
                        self.add_producers(producers);
                    }
                }
                _ => {}
            }
        }
    }

    fn add_producers(&mut self, producers: ProducersSectionReader<'_>) {
        for field in producers.into_iter().map_while(Result::ok) {
            let of_kind = match field.name {
                "language" => &mut self.languages,
                "processed-by" | "sdk" => &mut self.tools,
                _ => continue,
            };
            for value in field.values.into_iter().map_while(Result::ok) {
                let text = format!("{} {}", value.name, value.version).trim().to_owned();
                if !of_kind.contains(&text) && of_kind.len() < PRODUCERS_LIMIT {
                    of_kind.push(text);
                }
            }
        }
    }

    fn conclude(mut self, judged: Result<(), LoadError>) -> Self {
        self.runs = judged.is_ok();
        self.error = judged.err().map(|error| error.into_failure(&self.guest).within_limits());
        self
    }
}

/// More tools and languages than this are not listed.
const PRODUCERS_LIMIT: usize = 50;

fn initial_bytes(memory: &MemoryType) -> u64 {
    memory.initial.saturating_mul(1 << memory.page_size_log2.unwrap_or(16))
}

/// Links the guest without its functions, which takes no time to compile: that tells what only the linker knows.
///
/// # Errors
/// What it has of imports or exports that the host has otherwise.
async fn link(engine: &Engine, bytes: &[u8]) -> Result<(), LoadError> {
    let bare = on_a_large_stack(|| Ok(skeleton::without_functions(bytes)))?;
    let code = Code::compile(engine, bare, Digest::of(bytes), CompileLimits::default()).await?;
    Contract::prepare(engine, &code.compiled).map(drop)
}

impl ImportReport {
    fn new(examined: &Examined, import: &Import) -> Self {
        let name = match &import.module {
            Some(module) => format!("{module}::{}", import.name),
            None => import.name.clone(),
        };
        let denied = name.starts_with("wasi:sockets/").then(|| {
            (Status::Denied, Some("guests have no network yet: whatever it is called for is refused".to_owned()))
        });
        let unsupported = examined.unsupported(import).filter(|_| !import.is_only_types);
        let (status, remedy) = match unsupported {
            Some(unsupported) if unsupported.is_other_version() => (Status::OtherVersion, Some(unsupported.remedy())),
            Some(unsupported) => (Status::Unknown, Some(unsupported.remedy())),
            None => denied.unwrap_or((Status::Provided, None)),
        };
        Self { name, status, remedy }
    }
}
