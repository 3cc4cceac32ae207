//! This module writes files so that the same content gives the same bytes: with fixed times and modes, and sorted.

use std::{
    fs::{self, Permissions},
    io::{Cursor, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, bail};
use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

use crate::settings_file::directory_of;

/// The mode of a file that is only read.
pub const DATA: u32 = 0o644;

/// The mode of a program.
pub const PROGRAM: u32 = 0o755;

/// How well zip files are compressed: more takes three times as long, and saves a hundredth.
const LEVEL: i64 = 6;

/// The time of each file, in seconds since the Unix epoch: 1 January 1980, the earliest that a zip file can have.
const TIME: Duration = Duration::from_secs(315_532_800);

/// A file of a package.
pub struct Entry {
    pub name: String,
    pub bytes: Vec<u8>,
    pub mode: u32,
}

/// Returns the zip file with these entries.
///
/// # Errors
/// Fails if it can't be made.
pub fn zip<'a>(entries: impl Iterator<Item = &'a Entry>) -> anyhow::Result<Vec<u8>> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for entry in entries {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(LEVEL))
            .last_modified_time(DateTime::DEFAULT)
            .unix_permissions(entry.mode);
        let written =
            writer.start_file(&entry.name, options).and_then(|()| writer.write_all(&entry.bytes).map_err(Into::into));
        written.with_context(|| format!("can't compress `{}`", entry.name))?;
    }
    Ok(writer.finish().context("can't complete the zip file")?.into_inner())
}

/// Writes a zip file, which appears only when it is complete.
///
/// # Errors
/// Fails if it can't be written.
pub fn write_zip(output: &Path, zip: &[u8]) -> anyhow::Result<()> {
    write(output, zip, DATA)
}

/// Writes the entries into a directory, which is made if it is not there.
///
/// # Errors
/// Fails if they can't be written, or if the directory has other files in it, which would be deployed, too.
pub fn write_directory<'a>(directory: &Path, entries: impl Iterator<Item = &'a Entry>) -> anyhow::Result<()> {
    let unwritten = || format!("can't write the directory `{}`\nhint: choose another with `-o`", directory.display());
    let entries: Vec<&Entry> = entries.collect();
    fs::create_dir_all(directory).with_context(unwritten)?;
    for found in fs::read_dir(directory).with_context(unwritten)? {
        let name = found.with_context(unwritten)?.file_name();
        if entries.iter().all(|entry| *entry.name != *name) {
            bail!(
                "`{}` is not of this package\nhint: remove it, or choose another directory with `-o`",
                directory.join(name).display()
            );
        }
    }
    entries.into_iter().try_for_each(|entry| write(&directory.join(&entry.name), &entry.bytes, entry.mode))
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    let write = || {
        let mut file = tempfile::NamedTempFile::new_in(directory_of(path))?;
        file.write_all(bytes)?;
        file.as_file().set_permissions(Permissions::from_mode(mode))?;
        file.as_file().set_modified(SystemTime::UNIX_EPOCH + TIME)?;
        file.persist(path).map_err(|error| error.error)
    };
    write().map(drop).with_context(|| format!("can't write `{}`\nhint: choose another place with `-o`", path.display()))
}
