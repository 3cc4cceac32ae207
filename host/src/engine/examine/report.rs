//! This module makes the report that `guesthouse check` prints about a guest.

use std::{io, path::Path};

use serde::Serialize;
use wasmparser::{KnownCustom, MemoryType, Parser, Payload, ProducersSectionReader};

use super::{Examined, Import, REPORT_LIMIT, examine, features, skeleton};
use crate::{
    digest::Digest,
    engine::{
        Code, CompileLimits, Engine, LoadError,
        code::Compiled,
        contract::{Contract, ContractKind},
        guest_metadata,
        large_stack::on_a_large_stack,
        nesting::check_types,
    },
    failure::Failure,
    network::reach::Reach,
};

/// A `Report` describes a guest's file, and whether this host can run it.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// The guest's name, as the user gave it.
    pub guest: String,
    /// Whether this host can run the guest.
    pub runs: bool,
    /// `component`, `module` or `machine code`. `None` if the file is none of these.
    pub kind: Option<&'static str>,
    /// `event` or `command`. `None` if the contract is not known.
    pub contract: Option<&'static str>,
    /// The WIT world with the guest's exports.
    pub world: Option<&'static str>,
    /// The languages in which the guest was written, from its `producers` sections.
    pub languages: Vec<String>,
    /// The tools that made the guest, with their versions, from its `producers` sections.
    pub tools: Vec<String>,
    /// The size of the file, in bytes. `None` if it can't be read.
    pub bytes: Option<u64>,
    /// The initial size of the guest's memories, in bytes. `None` if it is not known.
    pub memory_bytes: Option<u64>,
    /// The proposals that the guest needs beyond WebAssembly 2.0.
    pub features: Vec<String>,
    /// The names of the guest's exports.
    pub exports: Vec<String>,
    /// The guest's imports, and whether the host provides them. `None` if they are not known.
    pub imports: Option<Vec<ImportReport>>,
    /// What the guest reaches of the network: rules, and AWS services as `aws:NAME`. Empty if it reaches nothing.
    pub network: Vec<String>,
    /// Why this host can't run the guest.
    pub error: Option<Failure>,
}

/// An `ImportReport` states whether the host provides an import.
#[derive(Debug, Serialize)]
pub struct ImportReport {
    /// The import's name, as the guest spells it.
    pub name: String,
    /// Whether the host provides the import.
    pub status: Status,
    /// What the host provides instead, or how to build the guest without the import.
    pub remedy: Option<String>,
}

/// A `Status` states whether the host provides an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// The host provides the import.
    Provided,
    /// The host provides the import, but refuses its operations.
    Denied,
    /// The host provides another version of the import, or has it with another type.
    OtherVersion,
    /// The host does not provide the import.
    Unknown,
}

impl Report {
    /// Reports on a guest's bytes, without compiling its functions. `reach` is what its settings grant of the network.
    pub async fn of(engine: &Engine, name: &str, bytes: Vec<u8>, reach: &Reach) -> Self {
        let mut report = Self { guest: name.to_owned(), bytes: Some(bytes.len() as u64), ..Self::default() };
        report.network = reach.names();
        let judged = match on_a_large_stack(|| report.describe(&bytes, reach)) {
            Ok(()) => link(engine, &bytes).await,
            Err(error) => Err(error),
        };
        report.conclude(judged)
    }

    /// Reports on a file that can't be read.
    pub fn of_nothing(name: &str, error: &io::Error) -> Self {
        let report = Self { guest: name.to_owned(), ..Self::default() };
        report.conclude(Err(LoadError::Unreadable(error.to_string())))
    }

    /// Reports on a `.cwasm` file. The file is mapped into memory, but no code in it runs.
    pub fn of_machine_code(engine: &Engine, name: &str, path: &Path) -> Self {
        let mut report = Self { guest: name.to_owned(), kind: Some("machine code"), ..Self::default() };
        let judged =
            std::fs::File::open(path).map_err(|error| LoadError::Unreadable(error.to_string())).and_then(|file| {
                report.bytes = file.metadata().ok().map(|metadata| metadata.len());
                let code = Code::map(engine, file).map_err(LoadError::Foreign)?;
                report.exports = code.compiled.exports();
                Contract::prepare(engine, &code.compiled)?;
                if let Some(named) = ContractKind::find(&report.exports)? {
                    report.keeps(named.name(), matches!(code.compiled, Compiled::Module(_)));
                }
                Ok(())
            });
        report.conclude(judged)
    }

    /// Fills in what the file itself shows.
    ///
    /// # Errors
    /// Why this host can't run the guest, as far as that shows without the compiler.
    fn describe(&mut self, bytes: &[u8], reach: &Reach) -> Result<(), LoadError> {
        check_types(bytes)?;
        let examined = examine(bytes)?;
        self.kind = Some(if examined.is_module { "module" } else { "component" });
        self.exports = examined.exports.iter().take(REPORT_LIMIT).map(|export| export.name.clone()).collect();
        let imports = examined.imports.iter().take(REPORT_LIMIT);
        self.imports = Some(imports.map(|import| ImportReport::new(&examined, import, reach)).collect());
        self.add_sections(bytes);
        self.features = features::beyond_2(bytes);
        let contract = examined.runnable();
        if let Ok(named) = &contract {
            self.keeps(named.name(), examined.is_module);
        }
        contract?;
        match features::missing(bytes) {
            Ok(missing) if missing.is_empty() => guest_metadata::check(bytes),
            Ok(missing) => Err(LoadError::Features(missing)),
            Err(error) => Err(super::damage(bytes, &error)),
        }
    }

    /// Fills in the contract, and the world that belongs to it.
    fn keeps(&mut self, contract: &'static str, is_module: bool) {
        self.contract = Some(contract);
        let has_init = || self.exports.iter().any(|name| name.starts_with("guesthouse:lambda/lifecycle@"));
        self.world = match contract {
            "event" if has_init() => Some("guesthouse:lambda/function-with-init"),
            "event" => Some("guesthouse:lambda/function"),
            "http" => Some("wasi:http/proxy"),
            _ if is_module => None,
            _ => Some("wasi:cli/command"),
        };
    }

    /// Adds what the sections of all modules in the file contain. Sections that can't be read are skipped.
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

    /// Fills in whether the guest runs, and if not, why.
    fn conclude(mut self, judged: Result<(), LoadError>) -> Self {
        self.runs = judged.is_ok();
        self.error = judged.err().map(|error| error.into_failure(&self.guest).within_limits());
        self
    }
}

/// The maximum number of tools, and of languages, in a report.
const PRODUCERS_LIMIT: usize = 50;

/// Returns a memory's initial size, in bytes. Pages have 64 KiB unless the memory has its own page size.
fn initial_bytes(memory: &MemoryType) -> u64 {
    memory.initial.saturating_mul(1 << memory.page_size_log2.unwrap_or(16))
}

/// Links the guest without the code of its functions, which takes almost no time to compile. This finds errors
/// that only the linker detects.
///
/// # Errors
/// If the guest's imports or exports differ from what the host has.
async fn link(engine: &Engine, bytes: &[u8]) -> Result<(), LoadError> {
    let bare = on_a_large_stack(|| Ok(skeleton::without_functions(bytes)))?;
    let code = Code::compile(engine, bare, Digest::of(bytes), CompileLimits::default()).await?;
    Contract::prepare(engine, &code.compiled).map(drop)
}

impl ImportReport {
    fn new(examined: &Examined, import: &Import, reach: &Reach) -> Self {
        let name = match &import.module {
            Some(module) => format!("{module}::{}", import.name),
            None => import.name.clone(),
        };
        let denied = denied(&name, reach).map(|reason| (Status::Denied, Some(reason.to_owned())));
        let unsupported = examined.unsupported(import).filter(|_| !import.is_only_types);
        let (status, remedy) = match unsupported {
            Some(unsupported) if unsupported.is_other_version() => (Status::OtherVersion, Some(unsupported.remedy())),
            Some(unsupported) => (Status::Unknown, Some(unsupported.remedy())),
            None => denied.unwrap_or((Status::Provided, None)),
        };
        Self { name, status, remedy }
    }
}

/// Returns why the operations of an interface are refused whenever they are called.
fn denied(interface: &str, reach: &Reach) -> Option<&'static str> {
    if interface.starts_with("wasi:sockets/udp") {
        Some("guests can't use UDP")
    } else if interface.starts_with("wasi:sockets/") && !reach.has_sockets() {
        Some("no rule of `network.allow` grants sockets")
    } else if interface.starts_with("wasi:http/outgoing-handler") && !reach.has_requests() {
        Some("no rule of `network.allow` grants requests")
    } else {
        None
    }
}
