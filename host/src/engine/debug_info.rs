//! A guest's debug info: from an offset in its file to functions, files and lines.
//!
//! wasmtime could do this, but reads a guest's debug info anew for each frame, on the guest's own small stack, and however it
//! is nested. Here it is read once for each trap, and not at all where reading it would take more than there is room for.

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io,
    ops::Range,
    os::unix::fs::FileExt as _,
    sync::{Arc, OnceLock},
};

use addr2line::Context;
use gimli::{DW_TAG_inlined_subroutine, DW_TAG_subprogram, Dwarf, EndianArcSlice, LittleEndian};

/// The debug info of all modules of a guest.
#[derive(Default)]
pub(super) struct DebugInfo(Vec<Module>);

struct Module {
    info: ModuleDebugInfo,
    /// Found out when it is first asked for.
    is_modest: OnceLock<bool>,
}

/// Looks up places in debug info, and keeps what it has read until it is dropped.
pub(super) struct Reader<'a> {
    modules: &'a [Module],
    /// By the module's number; `None` for what is not to be read.
    contexts: HashMap<usize, Option<Context<Bytes>>>,
    /// How much may still be read, in bytes.
    left: usize,
}

/// The debug info of one module, as it is in the file.
#[derive(Default)]
pub(super) struct ModuleDebugInfo {
    /// Where the module's code is in the file.
    pub(super) code: Range<usize>,
    /// By their names.
    pub(super) sections: BTreeMap<String, Section>,
}

/// A section of debug info.
pub(super) enum Section {
    #[cfg(any(test, feature = "compiler"))]
    Held(Arc<[u8]>),
    /// In a file that was compiled ahead of time. It is read when a trap asks for it.
    InFile { file: Arc<File>, at: u64, bytes: usize },
}

/// A place in the guest's source.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Symbol {
    /// Mangled.
    pub(super) name: Option<String>,
    pub(super) file: Option<String>,
    pub(super) line: Option<u32>,
    pub(super) column: Option<u32>,
}

type Bytes = EndianArcSlice<LittleEndian>;

/// More debug info, of all modules together, is not read for one trap: that would take longer than there is before a deadline, and
/// more memory than the host keeps for an invocation. In bytes.
const SIZE_LIMIT_BYTES: usize = 16 * 1024 * 1024;

/// Nor are more line numbers: each byte of them may take 24 in memory. In bytes.
const LINES_LIMIT_BYTES: usize = 1024 * 1024;

/// Nor are more functions, those that were inlined included: each takes some tens of bytes.
const FUNCTION_LIMIT: usize = 50_000;

/// Nor is debug info that is nested more deeply: it is read by recursion.
const DEPTH_LIMIT: isize = 256;

/// More calls than this are not inlined into one another at one place.
const INLINED_LIMIT: usize = 64;

#[cfg(any(test, feature = "compiler"))]
impl ModuleDebugInfo {
    pub(super) fn add(&mut self, name: &str, bytes: &[u8]) {
        self.sections.insert(name.to_owned(), Section::Held(bytes.into()));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sections.is_empty()
    }
}

impl Section {
    fn size(&self) -> usize {
        match self {
            #[cfg(any(test, feature = "compiler"))]
            Self::Held(held) => held.len(),
            Self::InFile { bytes, .. } => *bytes,
        }
    }

    pub(super) fn bytes(&self) -> io::Result<Arc<[u8]>> {
        match self {
            #[cfg(any(test, feature = "compiler"))]
            Self::Held(held) => Ok(held.clone()),
            Self::InFile { file, at, bytes } => {
                let mut read = vec![0; *bytes];
                file.read_exact_at(&mut read, *at)?;
                Ok(read.into())
            }
        }
    }
}

impl DebugInfo {
    pub(super) fn new(modules: Vec<ModuleDebugInfo>) -> Self {
        Self(modules.into_iter().map(|info| Module { info, is_modest: OnceLock::new() }).collect())
    }

    #[cfg(feature = "compiler")]
    pub(super) fn modules(&self) -> impl Iterator<Item = &ModuleDebugInfo> {
        self.0.iter().map(|module| &module.info)
    }

    pub(super) fn reader(&self) -> Reader<'_> {
        Reader { modules: &self.0, contexts: HashMap::new(), left: SIZE_LIMIT_BYTES }
    }
}

impl Reader<'_> {
    /// What is at this offset in the guest's file, innermost first: more than one where calls were inlined.
    pub(super) fn symbols(&mut self, offset: usize) -> Vec<Symbol> {
        let of_module = |module: &Module| module.info.code.contains(&offset);
        let Some(number) = self.modules.iter().position(of_module) else { return Vec::new() };
        let module = &self.modules[number];
        let context = self.contexts.entry(number).or_insert_with(|| module.read(&mut self.left));
        context.as_ref().map(|context| symbols(context, (offset - module.info.code.start) as u64)).unwrap_or_default()
    }
}

impl Module {
    /// `None` where there is nothing, or nothing that should be read, or more than is `left`.
    fn read(&self, left: &mut usize) -> Option<Context<Bytes>> {
        let lines = self.info.sections.get(gimli::SectionId::DebugLine.name()).map_or(0, Section::size);
        if lines > LINES_LIMIT_BYTES || self.is_modest.get() == Some(&false) {
            return None;
        }
        let size = self.info.sections.values().map(Section::size).fold(0, usize::saturating_add);
        *left = left.checked_sub(size)?;
        let section = |id: gimli::SectionId| {
            let bytes = self.info.sections.get(id.name()).map_or_else(|| Ok(Arc::default()), Section::bytes);
            bytes.map(|bytes| EndianArcSlice::new(bytes, LittleEndian))
        };
        let dwarf = Dwarf::load(section).ok()?;
        let is_modest = *self.is_modest.get_or_init(|| is_modest(&dwarf).unwrap_or(false));
        if is_modest { Context::from_dwarf(dwarf).ok() } else { None }
    }
}

fn is_modest(dwarf: &Dwarf<Bytes>) -> gimli::Result<bool> {
    let mut functions = 0;
    let mut units = dwarf.units();
    while let Some(header) = units.next()? {
        let abbreviations = dwarf.abbreviations(&header)?;
        let mut entries = header.entries_raw(&abbreviations, None)?;
        while !entries.is_empty() {
            let depth = entries.next_depth();
            let Some(abbreviation) = entries.read_abbreviation()? else { continue };
            let is_function = [DW_TAG_subprogram, DW_TAG_inlined_subroutine].contains(&abbreviation.tag());
            functions += usize::from(is_function);
            if depth > DEPTH_LIMIT || functions > FUNCTION_LIMIT {
                return Ok(false);
            }
            entries.skip_attributes(abbreviation.attributes())?;
        }
    }
    Ok(true)
}

fn symbols(context: &Context<Bytes>, address: u64) -> Vec<Symbol> {
    let Ok(mut frames) = context.find_frames(address).skip_all_loads() else { return Vec::new() };
    let frames = std::iter::from_fn(|| frames.next().ok().flatten());
    let symbol = |frame: addr2line::Frame<'_, Bytes>| {
        let location = frame.location.as_ref();
        Symbol {
            name: frame.function.as_ref().and_then(|function| Some(function.raw_name().ok()?.into_owned())),
            file: location.and_then(|location| Some(location.file?.to_owned())),
            line: location.and_then(|location| location.line),
            column: location.and_then(|location| location.column),
        }
    };
    frames.take(INLINED_LIMIT).map(symbol).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A unit with so many functions beside each other, and so many inside the last one.
    fn unit(beside: usize, inside: usize) -> ModuleDebugInfo {
        let mut info = ModuleDebugInfo { code: 0..100, ..ModuleDebugInfo::default() };
        // Three kinds of entries without attributes: a compile unit, a function, and an inlined call that has others in it.
        info.add(".debug_abbrev", &[1, 0x11, 1, 0, 0, 2, 0x2e, 0, 0, 0, 3, 0x1d, 1, 0, 0, 0]);
        let entries = [vec![1], vec![2; beside], vec![3; inside], vec![0; inside + 1]].concat();
        let length = u32::try_from(7 + entries.len()).unwrap().to_le_bytes();
        info.add(".debug_info", &[&length[..], &[4, 0, 0, 0, 0, 0, 4], &entries].concat());
        info
    }

    fn is_read(info: ModuleDebugInfo) -> bool {
        DebugInfo::new(vec![info]).0[0].read(&mut SIZE_LIMIT_BYTES.clone()).is_some()
    }

    #[test]
    fn debug_info_is_read_down_to_a_depth_and_not_deeper() {
        let depth = usize::try_from(DEPTH_LIMIT).unwrap();
        assert!(is_read(unit(0, depth)));
        assert!(!is_read(unit(0, depth + 1)));
        assert!(!is_read(unit(0, 1_000_000)));
    }

    #[test]
    fn debug_info_is_read_up_to_a_number_of_functions_and_a_size_of_lines_and_not_beyond() {
        assert!(is_read(unit(FUNCTION_LIMIT, 0)));
        assert!(!is_read(unit(FUNCTION_LIMIT + 1, 0)));
        for (bytes, expected) in [(LINES_LIMIT_BYTES, true), (LINES_LIMIT_BYTES + 1, false)] {
            let mut info = unit(1, 1);
            info.add(".debug_line", &vec![0; bytes]);
            assert_eq!(is_read(info), expected);
        }
    }

    #[test]
    fn the_debug_info_of_all_modules_together_is_read_up_to_a_size_and_not_beyond() {
        let module = || {
            let mut info = unit(1, 1);
            info.add(".debug_str", &vec![0; SIZE_LIMIT_BYTES / 2 - 1_000]);
            info
        };
        let info = DebugInfo::new(vec![module(), module(), module()]);
        let mut left = SIZE_LIMIT_BYTES;
        assert_eq!([0, 1, 2].map(|number: usize| info.0[number].read(&mut left).is_some()), [true, true, false]);
    }

    #[test]
    fn debug_info_that_is_none_or_broken_gives_no_symbols() {
        let mut broken = unit(3, 3);
        broken.add(".debug_info", &[0xff; 50]);
        for info in [DebugInfo::default(), DebugInfo::new(vec![broken]), DebugInfo::new(vec![unit(3, 3)])] {
            let mut reader = info.reader();
            assert_eq!((reader.symbols(7), reader.symbols(700)), (Vec::new(), Vec::new()));
        }
    }
}
