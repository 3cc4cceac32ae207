//! This module decides what is in a package.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use guesthouse::{
    engine::{self, CompileLimits},
    files,
    source::{CWASM, is_machine_code},
};

use super::{
    Processor, archive,
    bootstrap::{self, BOOTSTRAP},
};
use crate::settings_file::{self, SettingsFile};

/// Lambda refuses a function whose files have this many bytes, those of its layers included.
const UNPACKED_LIMIT_BYTES: usize = 250 << 20;

/// The maximum size of a zip file that Lambda takes in a request, in bytes.
pub const UPLOAD_LIMIT_BYTES: usize = 50 << 20;

/// The maximum length of a guest's name: that of a function's handler.
const NAME_LIMIT_BYTES: usize = 128;

/// The files that a function is deployed as.
pub struct Package {
    processor: Processor,
    /// By name, which is also the order in the zip file.
    entries: BTreeMap<String, archive::Entry>,
}

impl Package {
    /// Compiles the guests for a processor, and adds the settings beside them. Without guests, the package is empty.
    ///
    /// # Errors
    /// Fails with the remedy if a guest can't be compiled, does not fit the processor, or can't be in the package.
    pub fn of(guests: &[PathBuf], processor: Processor) -> anyhow::Result<Self> {
        let mut package = Self { processor, entries: BTreeMap::new() };
        for guest in guests {
            let name = name(guest)?;
            if package.entries.contains_key(&name) {
                bail!("two guests would be `{name}`\nhint: rename one of them: its name is the function's handler");
            }
            package.add(name, machine_code(guest, processor)?, archive::DATA)?;
        }
        if let Some(settings) = if guests.is_empty() { None } else { SettingsFile::of(guests)? } {
            package.check_sources(&settings)?;
            package.add(settings_file::NAME.to_owned(), settings.text.into_bytes(), archive::DATA)?;
        }
        Ok(package)
    }

    /// Adds the host: the file that is named, or the one that is installed with this tool.
    ///
    /// # Errors
    /// Fails with the remedy if there is none, if it is not for this processor, or if the package becomes too large.
    pub fn add_bootstrap(&mut self, named: Option<&Path>) -> anyhow::Result<()> {
        let bytes = bootstrap::read(named, self.processor)?;
        self.add(BOOTSTRAP.to_owned(), bytes, archive::PROGRAM)
    }

    /// Returns the files, sorted by their names.
    pub fn entries(&self) -> impl Iterator<Item = &archive::Entry> {
        self.entries.values()
    }

    /// Returns the zip file's bytes, which depend on nothing but the package's files.
    ///
    /// # Errors
    /// Fails if the zip file can't be made.
    pub fn zip(&self) -> anyhow::Result<Vec<u8>> {
        archive::zip(self.entries())
    }

    /// Returns the size of all files, in bytes.
    pub fn unpacked_bytes(&self) -> usize {
        self.entries().map(|entry| entry.bytes.len()).sum()
    }

    /// Returns the processor that the package is for.
    pub fn processor(&self) -> Processor {
        self.processor
    }

    fn add(&mut self, name: String, bytes: Vec<u8>, mode: u32) -> anyhow::Result<()> {
        self.entries.insert(name.clone(), archive::Entry { name, bytes, mode });
        check_unpacked(self.unpacked_bytes())
    }

    /// Checks that the settings name no `.wasm` file of which the package has only the machine code.
    fn check_sources(&self, settings: &SettingsFile) -> anyhow::Result<()> {
        for source in settings.handlers.values().filter_map(|handler| handler.source.as_ref()) {
            let compiled = Path::new(source).with_extension(CWASM).display().to_string();
            if !self.entries.contains_key(source) && self.entries.contains_key(&compiled) {
                bail!(
                    "`{}` has the source `{source}`, and the package has `{compiled}`\nhint: write `source = \
                     \"{compiled}\"`, or leave `source` out",
                    settings_file::NAME
                );
            }
        }
        Ok(())
    }
}

/// Returns an error if Lambda takes no zip file of this size in a request.
///
/// # Errors
/// Fails with the remedy.
pub fn check_upload(zipped_bytes: usize) -> anyhow::Result<()> {
    if zipped_bytes > UPLOAD_LIMIT_BYTES {
        bail!(
            "the zip file has {zipped_bytes} bytes, and Lambda takes {UPLOAD_LIMIT_BYTES} in a request\nhint: package \
             it with `--s3` and deploy it from a bucket in S3, or deploy fewer guests in one function"
        );
    }
    Ok(())
}

fn check_unpacked(bytes: usize) -> anyhow::Result<()> {
    if bytes >= UNPACKED_LIMIT_BYTES {
        bail!(
            "the files have {bytes} bytes, and Lambda takes less than {UNPACKED_LIMIT_BYTES}\nhint: package fewer \
             guests in one function, or deploy an image"
        );
    }
    Ok(())
}

/// Returns the name that a guest has in the package.
fn name(guest: &Path) -> anyhow::Result<String> {
    let shown = guest.display();
    let Some(stem) = guest.file_stem().and_then(|stem| stem.to_str()) else {
        bail!("`{shown}` is not a file whose name is text\nhint: name a `.wasm` file that a build wrote");
    };
    let is_handler = |char: char| !char.is_whitespace() && !char.is_control();
    if stem.starts_with('.') || stem.len() > NAME_LIMIT_BYTES || !stem.chars().all(is_handler) {
        bail!(
            "`{shown}` has a name that no handler can have\nhint: choose one without spaces, without a `.` in front, \
             and of at most {NAME_LIMIT_BYTES} bytes"
        );
    }
    Ok(format!("{stem}.{CWASM}"))
}

/// Returns a guest's machine code for a processor. It is compiled if it is not machine code yet.
fn machine_code(guest: &Path, processor: Processor) -> anyhow::Result<Vec<u8>> {
    let (shown, Processor(target)) = (guest.display().to_string(), processor);
    let bytes = files::read(guest, files::GUEST_LIMIT_BYTES)
        .with_context(|| format!("can't read `{shown}`\nhint: name a `.wasm` file that a build wrote"))?;
    if !is_machine_code(&bytes) {
        let compiled = engine::compile_ahead(&bytes, target, CompileLimits::default());
        return Ok(compiled.map_err(|error| error.into_failure(&shown))?);
    }
    match engine::processor_of(&bytes) {
        Ok(found) if found == target => Ok(bytes),
        Ok(found) => bail!(
            "`{shown}` is for {}, and the package for {processor}\nhint: choose the other with `--arch`, or name the \
             `.wasm` file",
            Processor(found)
        ),
        Err(reason) => bail!(
            "the machine code in `{shown}` can't be used: {reason}\nhint: compile it again with `guesthouse compile`, \
             or name the `.wasm` file"
        ),
    }
}

#[cfg(test)]
mod tests {
    use guesthouse::engine::Target;

    use super::*;

    #[test]
    fn a_package_is_as_large_as_lambda_takes_it_and_no_larger() {
        assert!(check_unpacked(262_143_999).is_ok());
        let refused = check_unpacked(262_144_000).unwrap_err().to_string();
        assert!(refused.contains("262144000") && refused.contains("fewer guests"), "{refused}");
        assert!(check_upload(52_428_800).is_ok());
        let refused = check_upload(52_428_801).unwrap_err().to_string();
        assert!(refused.contains("52428801") && refused.contains("--s3"), "{refused}");
    }

    #[test]
    fn a_guests_name_is_one_that_a_handler_can_have() {
        let longest = "n".repeat(128);
        for good in ["hello", "billing.refund", "größe", &longest] {
            assert_eq!(name(Path::new(&format!("at/{good}.wasm"))).unwrap(), format!("{good}.cwasm"));
        }
        for bad in ["two words", "tab\t", ".hidden", &format!("{longest}n")] {
            let refused = name(Path::new(&format!("at/{bad}.wasm"))).unwrap_err().to_string();
            assert!(refused.contains("no handler can have"), "{refused}");
        }
    }

    #[test]
    fn processors_have_lambdas_names() {
        for (name, target) in [("x86_64", Target::X86_64), ("arm64", Target::Aarch64)] {
            assert_eq!((name.parse(), Processor(target).to_string()), (Ok(Processor(target)), name.to_owned()));
        }
        assert!("aarch64".parse::<Processor>().is_err());
    }
}
