//! Looks up functions, files and lines in a guest's debug info, by an offset in the guest's file.
//!
//! wasmtime could do this, but it would read the debug info again for each frame, on the guest's own small stack. Here
//! it is read once for each trap, in a process that has limits.
//!
//! See docs/decisions/42-own-debug-info.md.

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io,
    ops::Range,
    os::unix::fs::FileExt as _,
    sync::Arc,
};

use addr2line::Context;
use gimli::{Dwarf, EndianArcSlice, LittleEndian};
use serde::{Deserialize, Serialize};

/// Looks up places in debug info, and keeps what it has read until it is dropped.
pub(super) struct Reader {
    modules: Vec<ModuleDebugInfo>,
    /// The parsed debug info by the module's index; `None` if it can't be read.
    contexts: HashMap<usize, Option<Context<Bytes>>>,
    /// How many bytes of debug info may still be read.
    left: usize,
}

/// The debug info of one module, unparsed.
#[derive(Default)]
pub(super) struct ModuleDebugInfo {
    /// The range of the module's code in the guest's file, in bytes.
    pub(super) code: Range<usize>,
    /// The sections by their names.
    pub(super) sections: BTreeMap<String, Section>,
}

/// A section of debug info.
pub(super) enum Section {
    /// In memory, while the guest is compiled.
    #[cfg(any(test, feature = "compiler"))]
    InMemory(Arc<[u8]>),
    /// In a file with machine code. The section is read when a trap needs it.
    InFile { file: Arc<File>, at: u64, bytes: usize },
}

/// A place in the guest's source.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Symbol {
    /// The function's name, still mangled.
    pub(super) name: Option<String>,
    pub(super) file: Option<String>,
    pub(super) line: Option<u32>,
    pub(super) column: Option<u32>,
}

type Bytes = EndianArcSlice<LittleEndian>;

/// Limits how much debug info of all modules is read for one trap, in bytes. More would take longer than there is
/// before a deadline, and more memory than the host keeps for an invocation.
const SIZE_LIMIT_BYTES: usize = 16 * 1024 * 1024;

/// Limits the length of a name or a path, in bytes.
const NAME_LIMIT_BYTES: usize = 16 * 1024;

/// Limits how many symbols one place has: calls may be inlined into each other.
const INLINED_LIMIT: usize = 64;

#[cfg(any(test, feature = "compiler"))]
impl ModuleDebugInfo {
    pub(super) fn add(&mut self, name: &str, bytes: &[u8]) {
        self.sections.insert(name.to_owned(), Section::InMemory(bytes.into()));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sections.is_empty()
    }
}

impl Section {
    fn size(&self) -> usize {
        match self {
            #[cfg(any(test, feature = "compiler"))]
            Self::InMemory(bytes) => bytes.len(),
            Self::InFile { bytes, .. } => *bytes,
        }
    }

    pub(super) fn bytes(&self) -> io::Result<Arc<[u8]>> {
        match self {
            #[cfg(any(test, feature = "compiler"))]
            Self::InMemory(bytes) => Ok(bytes.clone()),
            Self::InFile { file, at, bytes } => {
                let mut read = vec![0; *bytes];
                file.read_exact_at(&mut read, *at)?;
                Ok(read.into())
            }
        }
    }
}

impl Reader {
    pub(super) fn new(modules: Vec<ModuleDebugInfo>) -> Self {
        Self { modules, contexts: HashMap::new(), left: SIZE_LIMIT_BYTES }
    }

    /// Returns what is at this offset in the guest's file, innermost first. There is more than one symbol if calls were
    /// inlined.
    pub(super) fn symbols(&mut self, offset: usize) -> Vec<Symbol> {
        let Some(number) = self.modules.iter().position(|module| module.code.contains(&offset)) else {
            return Vec::new();
        };
        let module = &self.modules[number];
        let context = self.contexts.entry(number).or_insert_with(|| module.read(&mut self.left));
        context.as_ref().map(|context| symbols(context, (offset - module.code.start) as u64)).unwrap_or_default()
    }
}

impl ModuleDebugInfo {
    /// Parses the debug info. Returns `None` if it can't be read, or if it has more than `left` bytes.
    fn read(&self, left: &mut usize) -> Option<Context<Bytes>> {
        let size = self.sections.values().map(Section::size).fold(0, usize::saturating_add);
        *left = left.checked_sub(size)?;
        let section = |id: gimli::SectionId| {
            let bytes = self.sections.get(id.name()).map_or_else(|| Ok(Arc::default()), Section::bytes);
            bytes.map(|bytes| EndianArcSlice::new(bytes, LittleEndian))
        };
        Context::from_dwarf(Dwarf::load(section).ok()?).ok()
    }
}

fn symbols(context: &Context<Bytes>, address: u64) -> Vec<Symbol> {
    let Ok(mut frames) = context.find_frames(address).skip_all_loads() else { return Vec::new() };
    let frames = std::iter::from_fn(|| frames.next().ok().flatten());
    let symbol = |frame: addr2line::Frame<'_, Bytes>| {
        let location = frame.location.as_ref();
        Symbol {
            name: frame.function.as_ref().and_then(|function| Some(short(&function.raw_name().ok()?))),
            file: location.and_then(|location| location.file.map(short)),
            line: location.and_then(|location| location.line),
            column: location.and_then(|location| location.column),
        }
    };
    frames.take(INLINED_LIMIT).map(symbol).collect()
}

fn short(text: &str) -> String {
    text[..text.floor_char_boundary(NAME_LIMIT_BYTES)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the debug info of a compile unit with one function.
    fn unit() -> ModuleDebugInfo {
        let mut info = ModuleDebugInfo { code: 0..100, ..ModuleDebugInfo::default() };
        // These are the abbreviations of two entries without attributes: a compile unit and a function.
        info.add(".debug_abbrev", &[1, 0x11, 1, 0, 0, 2, 0x2e, 0, 0, 0, 0]);
        info.add(".debug_info", &[10, 0, 0, 0, 4, 0, 0, 0, 0, 0, 4, 1, 2, 0]);
        info
    }

    #[test]
    fn the_debug_info_of_all_modules_together_is_read_up_to_a_size_and_not_beyond() {
        let module = || {
            let mut info = unit();
            info.add(".debug_str", &vec![0; SIZE_LIMIT_BYTES / 2 - 1_000]);
            info
        };
        let mut left = SIZE_LIMIT_BYTES;
        assert_eq!([(); 3].map(|()| module().read(&mut left).is_some()), [true, true, false]);
    }

    #[test]
    fn debug_info_that_is_none_or_broken_gives_no_symbols() {
        let mut broken = unit();
        broken.add(".debug_info", &[0xff; 50]);
        for modules in [Vec::new(), vec![broken], vec![unit()]] {
            let mut reader = Reader::new(modules);
            assert_eq!((reader.symbols(7), reader.symbols(700)), (Vec::new(), Vec::new()));
        }
    }
}
