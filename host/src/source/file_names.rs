//! This module defines how the files of a guest are named.

use std::path::Path;

/// The extension of a guest's `.wasm` file.
pub(super) const WASM: &str = "wasm";

/// The extension of a `.cwasm` file: a guest that was compiled ahead of time.
pub const CWASM: &str = "cwasm";

/// The suffix of a signature's file. It follows the whole name of the file that is signed.
pub(super) const SIGNATURE_SUFFIX: &str = ".minisig";

/// Limits the size of a signature's file, in bytes. No signature is longer.
pub(super) const SIGNATURE_LIMIT_BYTES: u64 = 16 * 1024;

/// Returns whether a path ends with this extension.
pub(super) fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}
