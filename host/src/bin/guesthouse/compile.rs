//! The subcommand `compile` compiles a guest ahead of time.

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
/// Writes a `.cwasm` file, which `bootstrap` maps in a millisecond instead of compiling the `.wasm` file at each cold
/// start. The file fits only a host of the same version. Deploy it in the task root: alone, which is fastest, or beside
/// its `.wasm` file, which the host uses if the `.cwasm` file does not fit.
#[derive(clap::Args)]
pub struct Arguments {
    /// The guest's `.wasm` file
    guest: PathBuf,
    /// The file to write [default: beside the guest, with the ending `.cwasm`]
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// The processor to compile for: `x86_64-unknown-linux-gnu` or `aarch64-unknown-linux-gnu` [default: this
    /// machine's]
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
    // The file appears only when it is complete: a host may map it at any time, and a mapped file must not change.
    let directory =
        output.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or_else(|| ".".as_ref());
    let unwritten = || format!("can't write `{}`", output.display());
    let mut file = tempfile::NamedTempFile::new_in(directory).with_context(unwritten)?;
    file.write_all(&compiled).with_context(unwritten)?;
    readable_for_all(file.as_file()).with_context(unwritten)?;
    file.persist(&output).with_context(unwritten)?;
    println!("{}: {} bytes for {target}", Escaped(output.display()), compiled.len());
    Ok(Exit::Done)
}

/// Makes the file readable for all users, as other files are: on Lambda the host runs as another user.
fn readable_for_all(file: &fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}
