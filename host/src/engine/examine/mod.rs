//! This module examines a guest's file: its kind, its imports and exports, and what keeps it from running on this host.
//!
//! It does not compile the file. The host examines a file before the compiler gets it, because the compiler's messages
//! describe its own internals. `guesthouse check` reports the result.
//!
//! See docs/decisions/39-examine-first.md.

mod damage;
mod features;
mod report;
mod sections;
mod skeleton;
mod types;

use wasmparser::{Encoding, Parser, Payload, ValidPayload, Validator, types::TypesRef};

pub(super) use self::features::shared_memory;
use self::{damage::damage, features::EVERY_FEATURE};
pub use self::{
    features::MissingFeature,
    report::{ImportReport, Report, Status},
};
use super::{
    LoadError, UnsupportedImport,
    contract::{ContractKind, Required},
    imports::PREVIEW1,
};

/// The maximum number of imports or exports in a report or message. A file may have a million of either.
const REPORT_LIMIT: usize = 1_000;
/// The maximum length of a name in a report or message, in characters.
const NAME_LIMIT_CHARS: usize = 300;

/// The prefix of the names of the custom sections that describe a module's exports and imports as those of a component.
pub(super) const TYPES_SECTION: &str = "component-type";

/// The first bytes of every wasm file.
const MAGIC: &[u8] = b"\0asm";

/// `Examined` describes a guest's file.
pub(super) struct Examined {
    /// Whether the file is a core module. If not, it is a component.
    pub(super) is_module: bool,
    pub(super) imports: Vec<Import>,
    pub(super) exports: Vec<Export>,
    /// The size of the module's component types, in bytes: a custom section in which a compiler describes the component
    /// that a core module is meant to become. `None` if there is no such section.
    pub(super) types_bytes: Option<usize>,
}

/// An import, with its type as text.
pub(super) struct Import {
    /// The module name of a core module's import. `None` in a component.
    pub(super) module: Option<String>,
    pub(super) name: String,
    pub(super) ty: String,
    /// Whether the import has only types. The host need not provide anything for it.
    pub(super) is_only_types: bool,
}

/// An export, with its type as text.
pub(super) struct Export {
    pub(super) name: String,
    pub(super) ty: String,
    /// The names and types of the items in an exported interface.
    pub(super) items: Vec<(String, String)>,
}

/// Examines a file, except for the code of its functions.
///
/// # Errors
/// If the file is no wasm file, or is not valid even with all proposals.
pub(super) fn examine(bytes: &[u8]) -> Result<Examined, LoadError> {
    if bytes.is_empty() {
        return Err(LoadError::Empty);
    }
    if !bytes.starts_with(MAGIC) {
        return Err(LoadError::NotWasm(bytes[..bytes.len().min(MAGIC.len())].escape_ascii().to_string()));
    }
    read(bytes).map_err(|error| damage(bytes, &error))
}

/// Explains why the compiler refused a file: because of proposals that the host does not support, because the file is
/// damaged, or else for the compiler's own reason.
pub(super) fn refusal(bytes: &[u8], reason: String) -> LoadError {
    match features::missing(bytes) {
        Ok(missing) if missing.is_empty() => LoadError::Refused(reason),
        Ok(missing) => LoadError::Features(missing),
        Err(error) => damage(bytes, &error),
    }
}

fn read(bytes: &[u8]) -> wasmparser::Result<Examined> {
    let mut validator = Validator::new_with_features(EVERY_FEATURE);
    let mut examined = Examined { is_module: false, imports: Vec::new(), exports: Vec::new(), types_bytes: None };
    // The names are those of the outermost module or component, which has a depth of 1.
    let (mut names, mut depth) = (Names::default(), 0);
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload?;
        if let Payload::Version { encoding, .. } = payload {
            depth += 1;
            if depth == 1 {
                examined.is_module = encoding == Encoding::Module;
            }
        }
        if depth == 1 {
            names.add(&payload)?;
        }
        if let ValidPayload::End(types) = validator.payload(&payload)? {
            depth -= 1;
            if depth == 0 {
                examined.add(&names, types.as_ref());
            }
        }
    }
    Ok(examined)
}

/// Collects the names of the outermost component's imports and exports.
#[derive(Default)]
struct Names<'a> {
    imports: Vec<&'a str>,
    exports: Vec<&'a str>,
    types_bytes: Option<usize>,
}

impl<'a> Names<'a> {
    fn add(&mut self, payload: &Payload<'a>) -> wasmparser::Result<()> {
        match payload {
            Payload::ComponentImportSection(imports) => {
                for import in imports.clone() {
                    self.imports.push(import?.name.name);
                }
            }
            Payload::ComponentExportSection(exports) => {
                for export in exports.clone() {
                    self.exports.push(export?.name.name);
                }
            }
            Payload::CustomSection(section) if section.name().starts_with(TYPES_SECTION) => {
                self.types_bytes = self.types_bytes.max(Some(section.data().len()));
            }
            _ => {}
        }
        Ok(())
    }
}

impl Examined {
    fn add(&mut self, names: &Names<'_>, types: TypesRef<'_>) {
        self.types_bytes = names.types_bytes;
        if let (Some(imports), Some(exports)) = (types.core_imports(), types.core_exports()) {
            self.imports =
                imports.map(|(module, name, ty)| Import::of_module(module, name, types::core(types, ty))).collect();
            self.exports = exports.map(|(name, ty)| Export::new(name, types::core(types, ty))).collect();
            return;
        }
        for name in &names.imports {
            let Some(item) = types.component_item_for_import(name) else { continue };
            self.imports.push(Import {
                module: None,
                name: short(name),
                ty: types::component(types, &item.ty),
                is_only_types: types::is_only_types(types, &item.ty),
            });
        }
        for name in &names.exports {
            let Some(item) = types.component_item_for_export(name) else { continue };
            let mut export = Export::new(name, types::component(types, &item.ty));
            export.items = types::items(types, &item.ty);
            self.exports.push(export);
        }
    }

    /// Returns the contract that the file implements.
    ///
    /// # Errors
    /// If it implements none, one that this host does not serve, or one with other types.
    pub(super) fn contract(&self) -> Result<ContractKind, LoadError> {
        let names = || self.exports.iter().take(REPORT_LIMIT).map(|export| export.name.clone()).collect::<Vec<_>>();
        // A module that is to become a component exports functions as `INTERFACE#FUNCTION`.
        let interfaces: Vec<_> = self.exports.iter().map(|export| first_part(&export.name, '#').to_owned()).collect();
        let Some(named) = ContractKind::find(&interfaces)? else {
            return Err(if self.is_module { LoadError::CoreModule(names()) } else { LoadError::NoContract(names()) });
        };
        if !self.is_module || named == ContractKind::CoreCommand {
            named.functions().iter().try_for_each(|required| self.check_function(required))?;
        }
        if self.is_module && self.needs_memory() && !self.exports.iter().any(Export::is_memory) {
            return Err(LoadError::NoMemory);
        }
        Ok(named)
    }

    /// Returns the contract that the file implements, if the host provides all its imports.
    ///
    /// # Errors
    /// Those of [`Examined::contract`], and [`LoadError::UnsupportedImports`].
    pub(super) fn runnable(&self) -> Result<ContractKind, LoadError> {
        let (contract, unsupported) = (self.contract(), self.unsupported_imports());
        match contract {
            // The contract is the error to report, even if imports are missing, too.
            Err(LoadError::WrongVersion(_) | LoadError::LaterContract(_)) => contract,
            _ if !unsupported.is_empty() => Err(LoadError::UnsupportedImports(unsupported)),
            contract => contract,
        }
    }

    /// Checks that an exported function has the type that the contract requires.
    fn check_function(&self, required: &Required) -> Result<(), LoadError> {
        let Required { interface, function, ty } = required;
        let mut found = Vec::new();
        for export in &self.exports {
            match interface {
                Some(interface) if interface.is_served(&export.name) => {
                    let item = export.items.iter().find(|(name, _)| name == function);
                    found.push((format!("{}#{function}", export.name), item.map(|(_, ty)| ty.as_str())));
                }
                None if export.name == *function => found.push((export.name.clone(), Some(export.ty.as_str()))),
                _ => {}
            }
        }
        match found.first() {
            Some((name, is)) if !found.iter().any(|(_, is)| *is == Some(*ty)) => {
                Err(LoadError::WrongType { name: name.clone(), is: is.map(str::to_owned), must_be: (*ty).to_owned() })
            }
            _ => Ok(()),
        }
    }

    /// Returns whether the module passes addresses in its memory to the host.
    fn needs_memory(&self) -> bool {
        self.imports.iter().any(|import| import.module.as_deref() == Some(PREVIEW1))
    }

    /// Returns the imports that the host does not provide.
    pub(super) fn unsupported_imports(&self) -> Vec<UnsupportedImport> {
        let asks = self.imports.iter().filter(|import| !import.is_only_types);
        asks.filter_map(|import| self.unsupported(import)).take(REPORT_LIMIT).collect()
    }

    /// Returns why the host does not provide an import. Returns `None` if it does, and if the import can only be
    /// checked once the module has become a component.
    pub(super) fn unsupported(&self, import: &Import) -> Option<UnsupportedImport> {
        match &import.module {
            None => UnsupportedImport::check(&import.name),
            Some(module) if self.types_bytes.is_some() && is_of_components(module) => None,
            // Their types are known, so the module needs none to become a component.
            Some(module) if is_of_components(module) && is_of_network(module) => UnsupportedImport::check(module),
            Some(module) => UnsupportedImport::check_of_module(module, &import.name, &import.ty),
        }
    }

    /// Returns whether the module imports anything other than functions of WASI 0.1.
    pub(super) fn imports_beyond_preview1(&self) -> bool {
        self.imports.iter().any(|import| import.module.as_deref() != Some(PREVIEW1))
    }
}

/// Returns whether an import of a core module is from one of the interfaces in `host/wit/handler.wit`.
fn is_of_network(module: &str) -> bool {
    ["wasi:io/", "wasi:clocks/", "wasi:sockets/", "wasi:http/", "guesthouse:lambda/"]
        .iter()
        .any(|package| module.starts_with(package))
}

/// Cuts a name to [`NAME_LIMIT_CHARS`].
fn short(name: &str) -> String {
    name.chars().take(NAME_LIMIT_CHARS).collect()
}

fn first_part(text: &str, separator: char) -> &str {
    text.split_once(separator).map_or(text, |(first, _)| first)
}

/// Returns whether a core module imports under this name only if it is to become a component.
fn is_of_components(module: &str) -> bool {
    module.contains(':') || module.starts_with(['[', '$'])
}

impl Import {
    fn of_module(module: &str, name: &str, ty: String) -> Self {
        Self { module: Some(short(module)), name: short(name), ty, is_only_types: false }
    }
}

impl Export {
    fn new(name: &str, ty: String) -> Self {
        Self { name: short(name), ty, items: Vec::new() }
    }

    fn is_memory(&self) -> bool {
        self.name == "memory" && self.ty.starts_with("memory")
    }
}
