//! Bytes in memory that have a descriptor, as a file has: they can be mapped, and given to another process.

use std::{
    fs::File,
    io::{self, Seek as _, Write as _},
};

use rustix::fs::{MemfdFlags, memfd_create};

/// Makes a file of these bytes that is in no folder. It is read from the first byte on, and can be sealed.
///
/// # Errors
/// When there is no such memory.
pub fn memory_file(name: &str, bytes: &[u8]) -> io::Result<File> {
    let mut file = File::from(memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?);
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file)
}
