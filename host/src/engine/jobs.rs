//! What this program does by other names than its own.

use std::{ffi::OsString, process::ExitCode};

#[cfg(feature = "compiler")]
use super::compiler_process;
use super::{child, symbols};

/// Does the job that the program was started for, if it was started for one: to be called first of all, with its arguments.
///
/// A program that does not call it compiles in its own process, without a limit on memory, and finds no files and lines for stack traces.
pub fn work_if_asked(arguments: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let mut arguments = arguments.into_iter().map(|argument| argument.to_string_lossy().into_owned());
    let work = match arguments.next().as_deref() {
        #[cfg(feature = "compiler")]
        Some(compiler_process::NAME) => compiler_process::answer,
        Some(symbols::NAME) => symbols::answer,
        _ => {
            child::can_be_asked();
            return None;
        }
    };
    Some(child::serve(&arguments.collect::<Vec<_>>(), work))
}
