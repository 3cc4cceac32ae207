//! Runs the compiler in another process, because a guest of 1.5 KB can make it take gigabytes of memory.
//!
//! See docs/decisions/29-compiler-process.md.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _},
    os::unix::process::ExitStatusExt as _,
    process::ExitStatus,
    thread,
};

use super::{
    LoadError,
    child::{self, Ended, Job, Limits, REFUSED},
    compile_limits::CompileLimits,
    compiler,
    large_stack::STACK_BYTES,
    target::Target,
};
use crate::{digest::Digest, memory_file::memory_file};

/// The name under which the executable compiles, and does nothing else.
pub(super) const NAME: &str = "guesthouse-compiler";

/// The minimum of the compiler's memory limit, in bytes: with less it can't compile even the smallest guest.
const LEAST_BYTES: u64 = 48 * 1024 * 1024;

/// Compiles a guest ahead of time, in another process with these limits, and returns the content of a `.cwasm` file.
///
/// # Errors
/// Fails if the bytes are not a guest, if this build has no compiler for the target, or if compiling exceeds the
/// limits.
pub fn compile_ahead(bytes: &[u8], target: Target, limits: CompileLimits) -> Result<Vec<u8>, LoadError> {
    if !cfg!(feature = "cross") && Some(target) != Target::native() {
        return Err(LoadError::NoTarget(target.to_string()));
    }
    let (mut built, mut image) = (build(bytes, &Digest::of(bytes), Some(target), limits)?, Vec::new());
    let read = built.rewind().and_then(|()| built.read_to_end(&mut image));
    read.map_err(|error| LoadError::Engine(format!("can't read what the compiler wrote: {error}")))?;
    Ok(image)
}

/// Compiles a guest for this machine, in another process with these limits, only to find out whether that works.
///
/// # Errors
/// Returns the errors of [`compile_ahead`].
pub fn check(bytes: &[u8], limits: CompileLimits) -> Result<(), LoadError> {
    build(bytes, &Digest::of(bytes), None, limits).map(drop)
}

/// Compiles a guest in another process, or in this one if this program can't start others. Returns a memory file with
/// what `guesthouse compile` would write.
///
/// # Errors
/// Returns the compiler's errors, and [`LoadError::SlowToCompile`] or [`LoadError::TooMuchToCompile`] if a limit is
/// exceeded.
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
    // These are the stacks of the compiler's threads, and of the thread that reads the guest's types.
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
        Some(Ended { status, stderr, .. }) => Err(refusal(status, &stderr, limits)),
    }
}

/// Compiles the guest on standard input, in the process that was started for it. Errors are returned as JSON.
pub(super) fn compile(arguments: &[String]) -> Result<Vec<u8>, String> {
    let compile = || {
        let internal = |what: &str| LoadError::Engine(format!("the compiler's process got an invalid {what}"));
        let [source, target] = arguments else { return Err(internal("number of arguments")) };
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

fn refusal(status: ExitStatus, stderr: &[u8], limits: CompileLimits) -> LoadError {
    const KILLED: i32 = 9;
    let too_much = LoadError::TooMuchToCompile(limits.memory_bytes);
    let text = String::from_utf8_lossy(stderr);
    if status.code() == Some(REFUSED.into()) {
        let (before, last) = text.rsplit_once('\n').unwrap_or(("", &text));
        if !before.trim().is_empty() {
            tracing::warn!("the compiler's process wrote: {before}");
        }
        return match serde_json::from_str(last) {
            // The compiler reports this if the system refuses it memory.
            Ok(LoadError::Malformed(reason) | LoadError::Engine(reason))
                if reason.contains("Cannot allocate memory") =>
            {
                too_much
            }
            Ok(error) => error,
            Err(_) => LoadError::Compiler,
        };
    }
    // The parser of component types does not detect cycles, and overflows its stack.
    if text.contains("has overflowed its stack") {
        return LoadError::TooMuch("types that are nested too deep, or contain themselves".to_owned());
    }
    // Rust writes the first of these texts before it aborts. The kernel sends the signal when the machine runs out of
    // memory.
    if text.contains("memory allocation of ")
        || text.contains("Cannot allocate memory")
        || status.signal() == Some(KILLED)
    {
        return too_much;
    }
    tracing::warn!("the compiler's process ended with {status}: {text}");
    LoadError::Compiler
}
