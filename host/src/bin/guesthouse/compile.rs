//! Ahead-of-time compilation.

use std::{fs, io::Write as _, path::PathBuf};

use anyhow::{Context as _, bail};
use guesthouse::{
    engine::{self, CompileLimits, Target},
    files,
    source::CWASM,
    text::Escaped,
};

use crate::Exit;

/// Compile a guest ahead of time
///
/// Writes a `.cwasm` file, which `bootstrap` maps in a millisecond instead of compiling the `.wasm` file at each cold start. It fits the
/// host of the same version only. Deploy it in the task root: alone, which is quickest, or beside its `.wasm` file, to which the host
/// falls back.
#[derive(clap::Args)]
pub struct Arguments {
    /// The guest's `.wasm` file
    guest: PathBuf,
    /// Where to write [default: beside the guest, with the ending `.cwasm`]
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// For which of Lambda's processors: `x86_64-unknown-linux-gnu` or `aarch64-unknown-linux-gnu` [default: this machine's]
    #[arg(long)]
    target: Option<Target>,
}

pub fn run(arguments: Arguments) -> anyhow::Result<Exit> {
    let Arguments { guest, output, target } = arguments;
    let Some(target) = target.or_else(Target::native) else {
        bail!("Lambda has no processors of this machine's kind\nhint: choose one with `--target`");
    };
    let bytes = files::read(&guest, files::GUEST_LIMIT_BYTES)
        .with_context(|| format!("can't read `{}`\nhint: name a `.wasm` file that a build wrote", guest.display()))?;
    let output = output.unwrap_or_else(|| guest.with_extension(CWASM));
    if fs::canonicalize(&output).is_ok_and(|output| fs::canonicalize(&guest).is_ok_and(|guest| guest == output)) {
        bail!("`{}` is the guest itself\nhint: choose another name with `--output`", output.display());
    }
    if output.extension().is_none_or(|ending| ending != CWASM) {
        bail!("`{}` would not be found by the host\nhint: choose a name that ends with `.{CWASM}`", output.display());
    }
    let name = guest.display().to_string();
    let compiled =
        engine::compile_ahead(&bytes, target, CompileLimits::default()).map_err(|error| error.into_failure(&name))?;
    // Whole or not at all: a host may be about to map it, and a file that is mapped must not change.
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| ".".as_ref());
    let unwritten = || format!("can't write `{}`", output.display());
    let mut file = tempfile::NamedTempFile::new_in(folder).with_context(unwritten)?;
    file.write_all(&compiled).with_context(unwritten)?;
    readable_for_all(file.as_file()).with_context(unwritten)?;
    file.persist(&output).with_context(unwritten)?;
    println!("{}: {} bytes for {target}", Escaped(output.display()), compiled.len());
    Ok(Exit::Done)
}

/// As other files are: the host runs as another user on Lambda.
fn readable_for_all(file: &fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}
