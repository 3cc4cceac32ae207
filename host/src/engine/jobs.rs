//! Runs the jobs that this program does in other processes, under other names.

use std::{ffi::OsString, process::ExitCode};

#[cfg(feature = "compiler")]
use super::compiler_process;
use super::{child, symbols};

/// Does the job that the program was started for, if it was started for one. Call this first, with the program's
/// arguments. Returns `None` if the program was started as itself.
///
/// A program that does not call this function compiles in its own process, without a limit on memory, and its stack
/// traces have no files and lines.
pub fn work_if_asked(arguments: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let mut arguments = arguments.into_iter().map(|argument| argument.to_string_lossy().into_owned());
    let work = match arguments.next().as_deref() {
        #[cfg(feature = "compiler")]
        Some(compiler_process::NAME) => compiler_process::compile,
        Some(symbols::NAME) => symbols::serve,
        _ => {
            child::can_be_asked();
            return None;
        }
    };
    Some(child::serve(&arguments.collect::<Vec<_>>(), work))
}
