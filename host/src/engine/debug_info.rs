//! A guest's debug info: from an offset in its file to functions, files and lines.
//!
//! wasmtime could do this, but reads a guest's debug info anew for each frame, on the guest's own small stack, and however it
//! is nested. It is read here once, when a first trap asks for it, and not at all where reading it could hurt.

use std::{
    collections::HashMap,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use addr2line::Context;
use gimli::{Dwarf, EndianArcSlice, LittleEndian};

/// The debug info of all modules of a guest.
#[derive(Default)]
pub(super) struct DebugInfo(Vec<(Range<usize>, Mutex<Reading>)>);

/// The debug info of one module, as it is in the file.
#[derive(Default)]
pub(super) struct ModuleDebugInfo {
    /// Where the module's code is in the file.
    pub(super) code: Range<usize>,
    sections: HashMap<String, Arc<[u8]>>,
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

enum Reading {
    NotYet(HashMap<String, Arc<[u8]>>),
    Done(Box<Context<Bytes>>),
    /// There is nothing that can be read.
    Nothing,
}

type Bytes = EndianArcSlice<LittleEndian>;

/// Larger debug info is not read: that would take longer than there is before a deadline.
const SIZE_LIMIT_BYTES: usize = 16 * 1024 * 1024;

/// Nor is debug info that is nested more deeply: it is read by recursion.
const DEPTH_LIMIT: isize = 256;

/// More calls than this are not inlined into one another at one place.
const INLINED_LIMIT: usize = 64;

impl ModuleDebugInfo {
    pub(super) fn add(&mut self, name: &str, bytes: &[u8]) {
        self.sections.insert(name.to_owned(), bytes.into());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sections.is_empty()
    }
}

impl DebugInfo {
    pub(super) fn new(modules: Vec<ModuleDebugInfo>) -> Self {
        let reading = |ModuleDebugInfo { code, sections }| {
            let bytes: usize = sections.values().map(|section| section.len()).sum();
            let reading = if bytes > SIZE_LIMIT_BYTES { Reading::Nothing } else { Reading::NotYet(sections) };
            (code, Mutex::new(reading))
        };
        Self(modules.into_iter().map(reading).collect())
    }

    /// What is at this offset in the guest's file, innermost first: more than one where calls were inlined.
    pub(super) fn symbols(&self, offset: usize) -> Vec<Symbol> {
        let Some((code, reading)) = self.0.iter().find(|(code, _)| code.contains(&offset)) else { return Vec::new() };
        let mut reading = reading.lock().unwrap_or_else(PoisonError::into_inner);
        if let Reading::NotYet(sections) = &*reading {
            *reading = read(sections).map_or(Reading::Nothing, |context| Reading::Done(Box::new(context)));
        }
        let Reading::Done(context) = &*reading else { return Vec::new() };
        symbols(context, (offset - code.start) as u64)
    }
}

/// `None` where there is nothing, or nothing that should be read.
fn read(sections: &HashMap<String, Arc<[u8]>>) -> Option<Context<Bytes>> {
    let section = |id: gimli::SectionId| {
        let bytes = sections.get(id.name()).cloned().unwrap_or_default();
        Ok::<_, gimli::Error>(EndianArcSlice::new(bytes, LittleEndian))
    };
    let dwarf = Dwarf::load(section).ok()?;
    if !is_shallow(&dwarf).ok()? {
        return None;
    }
    Context::from_dwarf(dwarf).ok()
}

fn is_shallow(dwarf: &Dwarf<Bytes>) -> gimli::Result<bool> {
    let mut units = dwarf.units();
    while let Some(header) = units.next()? {
        let abbreviations = dwarf.abbreviations(&header)?;
        let mut entries = header.entries_raw(&abbreviations, None)?;
        while !entries.is_empty() {
            if entries.next_depth() > DEPTH_LIMIT {
                return Ok(false);
            }
            if let Some(abbreviation) = entries.read_abbreviation()? {
                entries.skip_attributes(abbreviation.attributes())?;
            }
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

    /// A unit in which so many entries stand one inside the other.
    fn nested(depth: usize) -> ModuleDebugInfo {
        let mut info = ModuleDebugInfo { code: 0..100, ..ModuleDebugInfo::default() };
        // Two kinds of entries without attributes but with children: a compile unit and an inlined subroutine.
        info.add(".debug_abbrev", &[1, 0x11, 1, 0, 0, 2, 0x1d, 1, 0, 0, 0]);
        let entries = [vec![1], vec![2; depth - 1], vec![0; depth]].concat();
        let length = u32::try_from(7 + entries.len()).unwrap().to_le_bytes();
        info.add(".debug_info", &[&length[..], &[4, 0, 0, 0, 0, 0, 4], &entries].concat());
        info
    }

    #[test]
    fn debug_info_is_read_down_to_a_depth_and_not_deeper() {
        let depth = usize::try_from(DEPTH_LIMIT).unwrap();
        assert!(read(&nested(depth).sections).is_some());
        assert!(read(&nested(depth + 2).sections).is_none());
        assert!(read(&nested(1_000_000).sections).is_none());
    }

    #[test]
    fn debug_info_that_is_none_or_broken_gives_no_symbols() {
        let mut broken = nested(3);
        broken.add(".debug_info", &[0xff; 50]);
        for info in [DebugInfo::default(), DebugInfo::new(vec![broken]), DebugInfo::new(vec![nested(3)])] {
            assert_eq!(info.symbols(7), []);
            assert_eq!(info.symbols(700), []);
        }
    }
}
