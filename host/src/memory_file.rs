//! This module makes files in memory. Like any file, they have a descriptor, can be mapped, and can be passed to
//! another process.

use std::{
    fs::File,
    io::{self, Seek as _, Write as _},
};

use rustix::fs::{MemfdFlags, memfd_create};

/// Creates a file with these bytes that is in no directory. Its position is at the start, and it can be sealed.
///
/// # Errors
/// If the system can't create the file, or has no memory for it.
pub fn memory_file(name: &str, bytes: &[u8]) -> io::Result<File> {
    let mut file = File::from(memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?);
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file)
}
