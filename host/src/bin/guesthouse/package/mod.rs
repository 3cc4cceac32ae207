//! The subcommand `package` makes what a function is deployed as: a zip file or a directory.

mod archive;
mod bootstrap;
mod contents;
mod processor;

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use guesthouse::{engine::Target, text::Escaped};

pub use self::{
    contents::{Package, UPLOAD_LIMIT_BYTES, check_upload},
    processor::Processor,
};
use crate::Exit;

/// Package guests for Lambda
///
/// Compiles the guests ahead of time, and puts them into a zip file or a directory, with the host (`bootstrap`) and the
/// `guesthouse.toml` beside the guests, if there is one. The same input gives the same bytes. The function's handler is
/// the guest's name without its ending. `.cwasm` files are taken as they are, if they are for the same processor.
///
/// The host is the file of `--bootstrap`, or else the first of these that exists: `bootstrap-ARCH` beside this tool,
/// `../lib/guesthouse/bootstrap-ARCH` from there, and `bootstrap` beside this tool. Nothing is downloaded.
#[derive(clap::Args)]
pub struct Arguments {
    /// The guests' `.wasm` or `.cwasm` files
    #[arg(required_unless_present = "host", value_name = "GUEST")]
    guests: Vec<PathBuf>,
    /// The function's processor, as Lambda names it: `x86_64` or `arm64` [default: this machine's]
    #[arg(long)]
    arch: Option<Processor>,
    /// Leave out the host: the function has a layer with it
    #[arg(long, conflicts_with_all = ["bootstrap", "host"])]
    layer: bool,
    /// Package the host alone, which is the layer for packages that were made with `--layer`
    #[arg(long, conflicts_with = "guests")]
    host: bool,
    /// The host's file
    #[arg(long, value_name = "FILE")]
    bootstrap: Option<PathBuf>,
    /// Allow a zip file of more than 50 MiB, which Lambda only takes through S3
    #[arg(long)]
    s3: bool,
    /// The zip file to write, if the name ends with `.zip`, or else the directory
    #[arg(short, long, value_name = "DIR|FILE.zip")]
    output: PathBuf,
}

pub fn run(arguments: Arguments) -> anyhow::Result<Exit> {
    let Arguments { guests, arch, layer, host, bootstrap, s3, output } = arguments;
    let Some(processor) = arch.or_else(|| Target::native().map(Processor)) else {
        bail!("Lambda has no processors of this machine's kind\nhint: choose one with `--arch`");
    };
    let mut package = Package::of(&guests, processor)?;
    if !layer {
        package.add_bootstrap(bootstrap.as_deref())?;
    }
    let shown = Escaped(output.display()).to_string();
    if output.extension().is_some_and(|ending| ending == "zip") {
        let zip = package.zip()?;
        if !s3 {
            check_upload(zip.len()).with_context(|| format!("`{shown}` was not written"))?;
        }
        archive::write_zip(&output, &zip)?;
        print(&package, &shown, Some(zip.len()))?;
    } else {
        archive::write_directory(&output, package.entries())?;
        print(&package, &shown, None)?;
    }
    if host {
        println!("publish it as a layer; `guesthouse package --layer` leaves this host out");
    } else if layer {
        println!("the function needs the layer {}, in this version", processor.layer());
    }
    Ok(Exit::Done)
}

/// Prints what the package has in it, and how large it is.
fn print(package: &Package, output: &str, zipped_bytes: Option<usize>) -> anyhow::Result<()> {
    let zipped = zipped_bytes.map(|bytes| format!("{bytes} bytes, ")).unwrap_or_default();
    println!("{output}: {zipped}{} bytes unpacked, for {}", package.unpacked_bytes(), package.processor());
    for entry in package.entries() {
        println!("  {} {} bytes", Escaped(&entry.name), entry.bytes.len());
    }
    Ok(())
}
