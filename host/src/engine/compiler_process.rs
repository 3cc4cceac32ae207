//! The compiler in a process of its own: 1.5 KB of a guest can take gigabytes.

use std::{
    fs::File,
    io::{self, Read as _},
    os::unix::process::ExitStatusExt as _,
    process::ExitStatus,
    thread,
};

use super::{
    LoadError,
    child::{self, Ended, Job, Limits, REFUSED},
    code::CompileLimits,
    compiler::{self, STACK_BYTES, Target},
};
use crate::{digest::Digest, memory_file::memory_file};

/// By this name the program compiles, and does nothing else.
pub(super) const NAME: &str = "guesthouse-compiler";

/// The least that the compiler gets, in bytes: with less it can't compile the smallest guest.
const LEAST_BYTES: u64 = 48 * 1024 * 1024;

/// Compiles in another process, where this program can be asked for that, or else in this one. Returns what `guesthouse compile` would
/// write, in memory that has a descriptor.
///
/// # Errors
/// What the compiler says; [`LoadError::SlowToCompile`] and [`LoadError::TooMuchToCompile`] for its limits.
pub(super) fn build(
    bytes: &[u8],
    source: &Digest,
    target: Option<Target>,
    limits: CompileLimits,
) -> Result<File, LoadError> {
    if !child::is_possible() {
        let image = compiler::build(bytes.to_vec(), source, target)?;
        return memory_file("cwasm", &image)
            .map_err(|error| LoadError::Engine(format!("there is no memory for the code: {error}")));
    }
    let limits = CompileLimits { memory_bytes: limits.memory_bytes.max(LEAST_BYTES), ..limits };
    let failed = |error: io::Error| LoadError::Engine(format!("can't start the compiler's process: {error}"));
    let threads = thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
    // Those of the compiler's threads, and of the one that reads the file.
    let stacks = (threads + 1) * STACK_BYTES as u64;
    let job = Job {
        name: NAME,
        arguments: vec![source.to_string(), target.map(|target| target.to_string()).unwrap_or_default()],
        input: memory_file("wasm", bytes).map_err(failed)?,
        limits: Limits { time: limits.time, memory_bytes: limits.memory_bytes.saturating_add(stacks), threads },
    };
    match child::run(job).map_err(failed)? {
        None => Err(LoadError::SlowToCompile(limits.time)),
        Some(Ended { status, output, .. }) if status.success() => Ok(output),
        Some(Ended { status, said, .. }) => Err(refusal(status, &said, limits)),
    }
}

/// In the process that compiles.
pub(super) fn answer(arguments: &[String]) -> Result<Vec<u8>, String> {
    let compile = || {
        let internal = |what: &str| LoadError::Engine(format!("the compiler's process was asked for another {what}"));
        let [source, target] = arguments else { return Err(internal("number of things")) };
        let source: Digest = source.parse().map_err(|_| internal("digest"))?;
        let target = match target.as_str() {
            "" => None,
            target => Some(target.parse().map_err(|_| internal("target"))?),
        };
        let mut bytes = Vec::new();
        let read = io::stdin().read_to_end(&mut bytes);
        read.map_err(|error| LoadError::Engine(format!("the compiler's process can't read: {error}")))?;
        compiler::build(bytes, &source, target)
    };
    compile().map_err(|error| serde_json::to_string(&error).unwrap_or_default())
}

fn refusal(status: ExitStatus, said: &[u8], limits: CompileLimits) -> LoadError {
    const KILLED: i32 = 9;
    let too_much = LoadError::TooMuchToCompile(limits.memory_bytes);
    let text = String::from_utf8_lossy(said);
    if status.code() == Some(REFUSED.into()) {
        let (before, last) = text.rsplit_once('\n').unwrap_or(("", &text));
        if !before.trim().is_empty() {
            tracing::warn!("the compiler's process said: {before}");
        }
        return match serde_json::from_str(last) {
            // What the compiler says where the system gives it no more.
            Ok(LoadError::Malformed(reason) | LoadError::Engine(reason))
                if reason.contains("Cannot allocate memory") =>
            {
                too_much
            }
            Ok(error) => error,
            Err(_) => LoadError::Compiler,
        };
    }
    // What reads component types does not see that they go in a circle.
    if text.contains("has overflowed its stack") {
        return LoadError::TooMuch("types that are nested too deep, or in a circle".to_owned());
    }
    // Rust's words before it aborts, and what the kernel does.
    if text.contains("memory allocation of ")
        || text.contains("Cannot allocate memory")
        || status.signal() == Some(KILLED)
    {
        return too_much;
    }
    tracing::warn!("the compiler's process ended with {status}: {text}");
    LoadError::Compiler
}
