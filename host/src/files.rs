//! Files that somebody else named or made.
//!
//! A name can lead to a pipe, which is waited for without end, or to a file of any length. So files are opened and read here.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use rustix::fs::OFlags;

/// A longer file is no guest: compiled it would not fit into any function. In bytes.
pub const GUEST_LIMIT_BYTES: u64 = 1 << 30;

/// Longer settings, and longer files of projects, nobody writes and no tool makes. In bytes.
pub const TEXT_LIMIT_BYTES: u64 = 32 << 20;

/// What a pipe without a writer needs, so that it is not waited for.
pub const OPEN_FLAGS: i32 = OFlags::NONBLOCK.bits().cast_signed();

/// Opens a file, and nothing else.
///
/// # Errors
/// What the system says; `InvalidInput` for what is no file.
pub fn open(path: &Path) -> io::Result<File> {
    only_file(OpenOptions::new().read(true).custom_flags(OPEN_FLAGS).open(path)?)
}

/// Refuses what was opened with [`OPEN_FLAGS`] and is no file.
///
/// # Errors
/// `InvalidInput`.
pub fn only_file(opened: File) -> io::Result<File> {
    match opened.metadata()?.is_file() {
        true => Ok(opened),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file")),
    }
}

/// Reads a file of at most `limit_bytes`.
///
/// # Errors
/// As for [`open`]; `FileTooLarge`.
pub fn read(path: &Path, limit_bytes: u64) -> io::Result<Vec<u8>> {
    read_from(&open(path)?, limit_bytes)
}

/// Reads a file of at most `limit_bytes` that holds text.
///
/// # Errors
/// As for [`read`]; `InvalidData` for what is not UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    text(read(path, TEXT_LIMIT_BYTES)?)
}

/// Reads what is left of a file, if it has at most `limit_bytes`.
///
/// # Errors
/// `FileTooLarge`; what the system says.
pub fn read_from(mut file: &File, limit_bytes: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.by_ref().take(limit_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
    match bytes.len() as u64 <= limit_bytes {
        true => Ok(bytes),
        false => Err(io::ErrorKind::FileTooLarge.into()),
    }
}

/// # Errors
/// `InvalidData` for what is not UTF-8.
pub fn text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_limit_and_nothing_else_is_read_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let (file, pipe) = (folder.path().join("file"), folder.path().join("pipe"));
        std::fs::write(&file, "text").unwrap();
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RWXU, 0).unwrap();
        assert_eq!(read(&file, 4).unwrap(), b"text");
        assert_eq!(read(&file, 3).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        for other in [&pipe, folder.path(), Path::new("/dev/zero")] {
            assert_eq!(read(other, 4).unwrap_err().kind(), io::ErrorKind::InvalidInput, "{}", other.display());
        }
        std::fs::write(&file, b"\xff").unwrap();
        assert_eq!(read_text(&file).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
