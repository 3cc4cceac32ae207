//! This module finds the host that belongs to this tool, and checks it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use guesthouse::{
    engine::{CODE_VERSION, Target},
    files,
};
use object::{Architecture, Object as _};

use super::Processor;
use crate::settings_file::directory_of;

/// The name of the host's file in a package: Lambda starts the file of this name.
pub const BOOTSTRAP: &str = "bootstrap";

/// Reads the host for this processor: the file that is named, or the one that is installed with this tool.
///
/// # Errors
/// Fails if there is none, or if it is not a host of this version for this processor.
pub fn read(named: Option<&Path>, processor: Processor) -> anyhow::Result<Vec<u8>> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => installed(processor)?,
    };
    let shown = path.display();
    let bytes = files::read(&path, files::GUEST_LIMIT_BYTES)
        .with_context(|| format!("can't read `{shown}`\nhint: name the host's file, `bootstrap`"))?;
    match processor_of(&bytes) {
        None => bail!("`{shown}` is not a host\nhint: name the file `bootstrap` that a release or a build has"),
        Some(found) if found != processor => bail!(
            "`{shown}` is for {found}, and the package for {processor}\nhint: choose the other with `--arch`, name \
             another file with `--bootstrap`, or leave the host to a layer with `--layer`"
        ),
        Some(_) => {}
    }
    // Machine code fits only the host whose version it names.
    if memchr::memmem::find(&bytes, CODE_VERSION.as_bytes()).is_none() {
        bail!(
            "`{shown}` is not a host of this tool's version, {}\nhint: take both from the same release",
            env!("CARGO_PKG_VERSION")
        );
    }
    Ok(bytes)
}

/// Returns the host that is installed with this tool, which has a name of its own for each processor, or which was
/// built with it.
fn installed(processor: Processor) -> anyhow::Result<PathBuf> {
    let tool = std::env::current_exe().and_then(std::fs::canonicalize).context("can't find this tool's own file")?;
    let beside = directory_of(&tool);
    let name = format!("{BOOTSTRAP}-{processor}");
    let places = [beside.join(&name), beside.join("../lib/guesthouse").join(&name), beside.join(BOOTSTRAP)];
    let is_there = |path: &&PathBuf| path.is_file();
    let Some(found) = places.iter().find(is_there) else {
        bail!(
            "there is no host for {processor} beside this tool: neither `{}`\nhint: name one with `--bootstrap`, or \
             leave it to a layer with `--layer`",
            places.each_ref().map(|path| path.display().to_string()).join("` nor `")
        );
    };
    Ok(found.clone())
}

/// Returns the processor that an executable file is for, or `None` if it is none for Lambda.
fn processor_of(bytes: &[u8]) -> Option<Processor> {
    let file = object::File::parse(bytes).ok()?;
    if !matches!(file.kind(), object::ObjectKind::Executable | object::ObjectKind::Dynamic) {
        return None;
    }
    match file.architecture() {
        Architecture::X86_64 => Some(Processor(Target::X86_64)),
        Architecture::Aarch64 => Some(Processor(Target::Aarch64)),
        _ => None,
    }
}
