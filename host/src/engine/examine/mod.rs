//! What a guest's file shows of itself: what it is, what it imports and exports, and what keeps it from running here.
//!
//! Nothing is compiled for that. It comes before the compiler, whose words are about its own inside, and is what `guesthouse check` tells.

mod damage;
mod features;
mod report;
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
    adapt::TYPES_SECTION,
    contract::{Named, Required},
    imports::PREVIEW1,
};

/// More imports or exports than this are not told of, nor more of a name, in characters. A file may have a million of either.
const TOLD_LIMIT: usize = 1_000;
const NAME_LIMIT_CHARS: usize = 300;

/// How every wasm file begins.
const MAGIC: &[u8] = b"\0asm";

/// What a guest's file shows of itself.
pub(super) struct Examined {
    /// It is a core module, and no component.
    pub(super) is_module: bool,
    pub(super) imports: Vec<Import>,
    pub(super) exports: Vec<Export>,
    /// The size of what its compiler left in a core module of its imports and exports as a component, if it did. In bytes.
    pub(super) types_bytes: Option<usize>,
}

/// What is imported, with its type as text.
pub(super) struct Import {
    /// The module that a core module imports from.
    pub(super) module: Option<String>,
    pub(super) name: String,
    pub(super) ty: String,
    /// It asks for nothing: it is an interface of types only.
    pub(super) is_only_types: bool,
}

/// What is exported, with its type as text.
pub(super) struct Export {
    pub(super) name: String,
    pub(super) ty: String,
    /// What is in it, where it is an interface.
    pub(super) items: Vec<(String, String)>,
}

/// Looks at the file, at all but the code of its functions.
///
/// # Errors
/// When it is no wasm file, or not valid whatever the host had.
pub(super) fn examine(bytes: &[u8]) -> Result<Examined, LoadError> {
    if bytes.is_empty() {
        return Err(LoadError::Empty);
    }
    if !bytes.starts_with(MAGIC) {
        return Err(LoadError::NotWasm(bytes[..bytes.len().min(MAGIC.len())].escape_ascii().to_string()));
    }
    read(bytes).map_err(|error| damage(bytes, &error))
}

/// What keeps a file from running that the compiler refused, for this reason: what the host lacks, or damage.
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
    // The names are those of what is outermost, at a depth of 1.
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

/// The names of what the outermost component or module imports and exports.
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

    /// The contract that it keeps.
    ///
    /// # Errors
    /// When it keeps none, or one that this host does not serve, or one with other types.
    pub(super) fn contract(&self) -> Result<Named, LoadError> {
        let names = || self.exports.iter().take(TOLD_LIMIT).map(|export| export.name.clone()).collect::<Vec<_>>();
        // A module that would be a component exports a function of an interface under the interface's name, a `#` and its own.
        let interfaces: Vec<_> = self.exports.iter().map(|export| first_part(&export.name, '#').to_owned()).collect();
        let Some(named) = Named::find(&interfaces)? else {
            return Err(if self.is_module { LoadError::CoreModule(names()) } else { LoadError::NoContract(names()) });
        };
        if !self.is_module || named == Named::Program {
            named.functions().iter().try_for_each(|required| self.check_function(required))?;
        }
        if self.is_module && self.needs_memory() && !self.exports.iter().any(Export::is_memory) {
            return Err(LoadError::NoMemory);
        }
        Ok(named)
    }

    /// The contract that it keeps, where all that it imports is there.
    ///
    /// # Errors
    /// As [`Examined::contract`]; [`LoadError::UnsupportedImports`].
    pub(super) fn runnable(&self) -> Result<Named, LoadError> {
        let (contract, unsupported) = (self.contract(), self.unsupported_imports());
        match contract {
            // Whatever it imports, that is what stands in the way.
            Err(LoadError::WrongVersion(_) | LoadError::LaterContract(_)) => contract,
            _ if !unsupported.is_empty() => Err(LoadError::UnsupportedImports(unsupported)),
            contract => contract,
        }
    }

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

    /// Whether it hands the host places in its memory.
    fn needs_memory(&self) -> bool {
        self.imports.iter().any(|import| import.module.as_deref() == Some(PREVIEW1))
    }

    /// What it imports that the host does not provide.
    pub(super) fn unsupported_imports(&self) -> Vec<UnsupportedImport> {
        let asks = self.imports.iter().filter(|import| !import.is_only_types);
        asks.filter_map(|import| self.unsupported(import)).take(TOLD_LIMIT).collect()
    }

    /// `None` where the host provides it, and where only the component can tell that a module becomes.
    pub(super) fn unsupported(&self, import: &Import) -> Option<UnsupportedImport> {
        match &import.module {
            None => UnsupportedImport::check(&import.name),
            Some(module) if self.types_bytes.is_some() && is_of_components(module) => None,
            Some(module) => UnsupportedImport::check_of_module(module, &import.name, &import.ty),
        }
    }

    /// Whether it imports anything but functions of WASI 0.1.
    pub(super) fn imports_beyond_preview1(&self) -> bool {
        self.imports.iter().any(|import| import.module.as_deref() != Some(PREVIEW1))
    }
}

fn short(name: &str) -> String {
    name.chars().take(NAME_LIMIT_CHARS).collect()
}

fn first_part(text: &str, separator: char) -> &str {
    text.split_once(separator).map_or(text, |(first, _)| first)
}

/// Whether the name is one that only modules import from that are to become components.
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
