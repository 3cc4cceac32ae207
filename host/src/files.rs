//! This module opens and reads files that somebody else named or made.
//!
//! A name can lead to a pipe, on which a read may block forever, or to a file of any length. So such files are opened
//! and read only here.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use rustix::fs::OFlags;

/// The maximum size of a guest's file, in bytes. The machine code of a larger one would not fit into any function.
pub const GUEST_LIMIT_BYTES: u64 = 1 << 30;

/// The maximum size of a settings file or of a text file in a project, in bytes. Nobody writes larger ones, and no tool
/// does.
pub const TEXT_LIMIT_BYTES: u64 = 32 << 20;

/// The flags with which to open a file, so that opening a pipe without a writer does not block.
pub const OPEN_FLAGS: i32 = OFlags::NONBLOCK.bits().cast_signed();

/// Opens a regular file.
///
/// # Errors
/// The system's error; `InvalidInput` if it is not a regular file.
pub fn open(path: &Path) -> io::Result<File> {
    only_file(OpenOptions::new().read(true).custom_flags(OPEN_FLAGS).open(path)?)
}

/// Returns a file that was opened with [`OPEN_FLAGS`], if it is a regular file.
///
/// # Errors
/// The system's error; `InvalidInput` if it is not a regular file.
pub fn only_file(opened: File) -> io::Result<File> {
    match opened.metadata()?.is_file() {
        true => Ok(opened),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file")),
    }
}

/// Reads a file of at most `limit_bytes` bytes.
///
/// # Errors
/// Those of [`open`]; `FileTooLarge` if the file is larger.
pub fn read(path: &Path, limit_bytes: u64) -> io::Result<Vec<u8>> {
    read_from(&open(path)?, limit_bytes)
}

/// Reads a text file of at most [`TEXT_LIMIT_BYTES`].
///
/// # Errors
/// Those of [`read`]; `InvalidData` if the file is not UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    text(read(path, TEXT_LIMIT_BYTES)?)
}

/// Reads the rest of a file, of at most `limit_bytes` bytes.
///
/// # Errors
/// `FileTooLarge` if there is more; otherwise the system's error.
pub fn read_from(mut file: &File, limit_bytes: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.by_ref().take(limit_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
    match bytes.len() as u64 <= limit_bytes {
        true => Ok(bytes),
        false => Err(io::ErrorKind::FileTooLarge.into()),
    }
}

/// Converts bytes to text.
///
/// # Errors
/// `InvalidData` if they are not UTF-8.
pub fn text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_limit_and_nothing_else_is_read_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let (file, pipe) = (directory.path().join("file"), directory.path().join("pipe"));
        std::fs::write(&file, "text").unwrap();
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RWXU, 0).unwrap();
        assert_eq!(read(&file, 4).unwrap(), b"text");
        assert_eq!(read(&file, 3).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        for other in [&pipe, directory.path(), Path::new("/dev/zero")] {
            assert_eq!(read(other, 4).unwrap_err().kind(), io::ErrorKind::InvalidInput, "{}", other.display());
        }
        std::fs::write(&file, b"\xff").unwrap();
        assert_eq!(read_text(&file).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
