//! Writes and maps `.cwasm` files, which contain machine code.
//!
//! Such a file starts with wasmtime's output, an ELF image that names the engine, settings and processor that it is
//! for. After it comes what is known only from the `.wasm` file: its digest, how much of the host's memory an instance
//! takes, and the debug info. The end of the file gives the place of these:
//!
//! ```text
//! image · debug sections · appendix (JSON) · length of the appendix (4 bytes, little-endian)
//!     · checksum (4 bytes, little-endian) · "ghcwasm3"
//! ```
//!
//! The checksum covers everything before it. It detects damage, not intent.
//!
//! This is the only file with `unsafe`, because whoever chooses the bytes of such a file can make the host do anything.
//! So nothing here is called for a file that a guest could write; see `registry`.
//!
//! See docs/decisions/19-machine-code-by-place.md.
#![expect(unsafe_code, reason = "this is where the host runs machine code that it can't verify")]

use std::{
    fs::File,
    io,
    os::{fd::AsRawFd as _, unix::fs::FileExt as _},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use wasmtime::{Engine, Module, Precompiled, component::Component};

use super::{
    code::{Code, Compiled},
    debug_info::{ModuleDebugInfo, Section},
};

/// The version that code must have been compiled by. wasmtime itself compares only its own major version. `tidy.rs`
/// compares this text with the lock file.
pub const VERSION: &str = concat!("guesthouse ", env!("CARGO_PKG_VERSION"), ", wasmtime 48.0.8");

/// The last bytes of the file. The digit counts the versions of the format.
const MAGIC: [u8; 8] = *b"ghcwasm3";

/// The size of the end of the file, in bytes: the appendix's length, the checksum and the magic bytes.
const TAIL_BYTES: usize = 4 + CHECKSUM_BYTES + MAGIC.len();

const CHECKSUM_BYTES: usize = 4;

/// The maximum size of a file whose checksum is verified, in bytes. The file is mapped, so that a start reads no more
/// of it than it needs. Reading all of a guest in Python takes almost as long as the rest of its start, but guests in
/// Rust and C are smaller than this limit, and reading them takes the time of a few system calls.
const CHECKED_BYTES: u64 = 1024 * 1024;

/// How much of the file is read at a time, in bytes. This much stays in the processor's cache.
const PIECE_BYTES: usize = 32 * 1024;

/// Limits the size of the appendix, in bytes. It has an entry for each section of debug info.
const APPENDIX_LIMIT_BYTES: u32 = 1024 * 1024;

/// The content of the appendix.
#[derive(Serialize, Deserialize)]
struct Appendix {
    source: String,
    state_bytes: u64,
    modules: Vec<ModuleAppendix>,
}

#[derive(Serialize, Deserialize)]
struct ModuleAppendix {
    /// The range of the module's code in the `.wasm` file, in bytes.
    code: (usize, usize),
    /// The name of each section, its offset in this file, and its size in bytes.
    debug_sections: Vec<(String, u64, usize)>,
}

/// Returns the content of the file for an image that was compiled from the `.wasm` file with the digest `source`. Debug
/// info is left out if it has more sections than the appendix can list.
#[cfg(feature = "compiler")]
pub(super) fn write(
    mut image: Vec<u8>,
    source: &crate::digest::Digest,
    inspected: &super::guest_metadata::GuestMetadata,
) -> Vec<u8> {
    let image_bytes = image.len();
    let appendix = |modules| {
        let appendix = Appendix { source: source.to_string(), state_bytes: inspected.state_bytes, modules };
        serde_json::to_vec(&appendix).unwrap_or_default()
    };
    let mut listed = appendix(add(&mut image, &inspected.debug_info));
    if listed.len() > APPENDIX_LIMIT_BYTES as usize {
        image.truncate(image_bytes);
        listed = appendix(Vec::new());
    }
    image.extend_from_slice(&listed);
    image.extend_from_slice(&(listed.len() as u32).to_le_bytes());
    image.extend_from_slice(&crc32fast::hash(&image).to_le_bytes());
    image.extend_from_slice(&MAGIC);
    image
}

#[cfg(feature = "compiler")]
fn add(image: &mut Vec<u8>, modules: &[ModuleDebugInfo]) -> Vec<ModuleAppendix> {
    let mut appendices = Vec::new();
    for module in modules {
        let mut debug_sections = Vec::new();
        for (name, section) in &module.sections {
            // These sections are in memory, so reading them does not fail.
            let Ok(bytes) = section.bytes() else { continue };
            debug_sections.push((name.clone(), image.len() as u64, bytes.len()));
            image.extend_from_slice(&bytes);
        }
        appendices.push(ModuleAppendix { code: (module.code.start, module.code.end), debug_sections });
    }
    appendices
}

/// Checks that a small file is as it was written; see [`CHECKED_BYTES`]. The `Err` describes what is wrong with it.
pub(super) fn check(file: &File) -> Result<(), String> {
    let Tail { checksum, at, .. } = tail(file)?;
    if at > CHECKED_BYTES {
        return Ok(());
    }
    let (mut hasher, mut piece) = (crc32fast::Hasher::new(), [0; PIECE_BYTES]);
    let end = at + (TAIL_BYTES - MAGIC.len() - CHECKSUM_BYTES) as u64;
    for begin in (0..end).step_by(PIECE_BYTES) {
        let piece = &mut piece[..(end - begin).min(PIECE_BYTES as u64) as usize];
        file.read_exact_at(piece, begin).map_err(|error| unreadable(&error))?;
        hasher.update(piece);
    }
    match hasher.finalize() == checksum {
        true => Ok(()),
        false => Err(damaged()),
    }
}

/// Checks a file's bytes without mapping them, whichever processor they are for, and returns that processor. The `Err`
/// describes what is wrong with them.
///
/// # Errors
/// Fails if the bytes are not all that `guesthouse compile` of this version wrote.
#[cfg(feature = "cli")]
pub fn processor_of(bytes: &[u8]) -> Result<super::Target, String> {
    use object::{Architecture, Object as _, ObjectSection as _};
    const ENGINE_SECTION: &str = ".wasmtime.engine";
    let (checked, tail) = bytes.split_last_chunk::<{ CHECKSUM_BYTES + MAGIC.len() }>().ok_or_else(foreign)?;
    let [a, b, c, d, magic @ ..] = *tail;
    if magic != MAGIC {
        return Err(foreign());
    }
    if crc32fast::hash(checked) != u32::from_le_bytes([a, b, c, d]) {
        return Err(damaged());
    }
    let image = object::File::parse(bytes).map_err(|_| foreign())?;
    let section = image.section_by_name(ENGINE_SECTION).and_then(|section| section.data().ok()).ok_or_else(foreign)?;
    // The section begins with the version of its own format, and the length of the text that follows.
    let named = section.get(1).and_then(|&length| section.get(2..2 + usize::from(length)));
    if named != Some(VERSION.as_bytes()) {
        return Err(foreign());
    }
    match image.architecture() {
        Architecture::X86_64 => Ok(super::Target::X86_64),
        Architecture::Aarch64 => Ok(super::Target::Aarch64),
        _ => Err(foreign()),
    }
}

/// Maps the file. Pages that are not touched take no memory. The `Err` describes what is wrong with the file.
///
/// The file must come from somebody who may run any code in this process.
pub(super) fn map(engine: &Engine, file: File) -> Result<Code, String> {
    let file = Arc::new(file);
    let Appendix { source, state_bytes, modules } = appendix(&file)?;
    let source = source.parse().map_err(|error: String| format!("its digest is broken: {error}"))?;
    // wasmtime opens components only by path. This path refers to the very file that is open here, wherever it came
    // from.
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let kind = Engine::detect_precompiled_file(&path).map_err(|error| error.root_cause().to_string())?;
    // SAFETY: the caller vouches for the file, and wasmtime maps it privately. Before any of its code runs, wasmtime
    // checks that it was made by the same engine for this processor.
    let compiled = unsafe {
        match kind {
            Some(Precompiled::Component) => Component::deserialize_file(engine, path).map(Compiled::Component),
            Some(Precompiled::Module) => Module::deserialize_file(engine, path).map(Compiled::Module),
            None => return Err(foreign()),
        }
    };
    let compiled = compiled.map_err(|error| error.root_cause().to_string())?;
    let debug_info = (!modules.is_empty()).then_some(file);
    Ok(Code { compiled, state_bytes, debug_info, source, held_bytes: 0 })
}

/// Lets the compiler use a feature that not all processors of the architecture have.
#[cfg(feature = "compiler")]
pub(super) fn allow(config: &mut wasmtime::Config, feature: &str) {
    // SAFETY: an engine that maps the code first checks that the processor has the same features.
    unsafe { config.cranelift_flag_enable(feature) };
}

/// The content of the end of the file.
struct Tail {
    /// The offset at which the end begins.
    at: u64,
    appendix_bytes: u32,
    checksum: u32,
}

fn tail(file: &File) -> Result<Tail, String> {
    let size = file.metadata().map_err(|error| unreadable(&error))?.len();
    let mut tail = [0; TAIL_BYTES];
    let at = size.checked_sub(TAIL_BYTES as u64).ok_or_else(foreign)?;
    file.read_exact_at(&mut tail, at).map_err(|error| unreadable(&error))?;
    let [a, b, c, d, e, f, g, h, magic @ ..] = tail;
    let (appendix_bytes, checksum) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
    if magic == MAGIC { Ok(Tail { at, appendix_bytes, checksum }) } else { Err(foreign()) }
}

fn appendix(file: &File) -> Result<Appendix, String> {
    let Tail { at, appendix_bytes, .. } = tail(file)?;
    let begin = at.checked_sub(u64::from(appendix_bytes)).filter(|_| appendix_bytes <= APPENDIX_LIMIT_BYTES);
    let begin = begin.ok_or_else(foreign)?;
    let mut appendix = vec![0; appendix_bytes as usize];
    file.read_exact_at(&mut appendix, begin).map_err(|error| unreadable(&error))?;
    serde_json::from_slice(&appendix).map_err(|_| foreign())
}

fn unreadable(error: &io::Error) -> String {
    format!("it can't be read: {error}")
}

fn damaged() -> String {
    "it is damaged: its checksum is not that of its bytes".to_owned()
}

fn foreign() -> String {
    "it was not made by this version of `guesthouse compile`, or is cut off".to_owned()
}

/// Returns the debug info of each of the guest's modules, whose sections are read from this file when needed.
pub(super) fn debug_info_of(file: &File) -> Result<Vec<ModuleDebugInfo>, String> {
    let file = Arc::new(file.try_clone().map_err(|error| unreadable(&error))?);
    Ok(appendix(&file)?.modules.into_iter().map(|module| debug_info(module, &file)).collect())
}

fn debug_info(module: ModuleAppendix, file: &Arc<File>) -> ModuleDebugInfo {
    let ModuleAppendix { code: (start, end), debug_sections } = module;
    let section = |(name, at, bytes)| (name, Section::InFile { file: file.clone(), at, bytes });
    ModuleDebugInfo { code: start..end, sections: debug_sections.into_iter().map(section).collect() }
}
