//! This module reads the event that a command is given.

use std::{
    fs::File,
    io::{self, Read},
};

use anyhow::Context as _;

/// Reads an event: JSON, `@FILE`, or `-` for standard input. Of a larger one, one byte more than the limit is read.
///
/// # Errors
/// Fails with the remedy if the file or standard input can't be read.
pub fn read(event: &str, limit_bytes: u64) -> anyhow::Result<Vec<u8>> {
    let whole = |source: &mut dyn Read| {
        let mut bytes = Vec::new();
        source.take(limit_bytes.saturating_add(1)).read_to_end(&mut bytes).map(|_| bytes)
    };
    match event.strip_prefix('@') {
        Some(path) => File::open(path)
            .and_then(|mut file| whole(&mut file))
            .with_context(|| format!("can't read the event from `{path}`\nhint: `@` is followed by a file's path")),
        None if event == "-" => whole(&mut io::stdin().lock()).context("can't read the event from standard input"),
        None => Ok(event.as_bytes().to_vec()),
    }
}
