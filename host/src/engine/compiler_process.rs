//! The compiler in a process of its own, which can be stopped and has a limit on its memory.
//!
//! No look at a guest's file tells what compiling it takes: 1.5 KB can take gigabytes, and nothing in a process stops a compiler. So the
//! host runs its own program once more, by another name, with the file as standard input: that one compiles, and writes to its
//! standard output what `guesthouse compile` would. Both are memory with a descriptor, so that what comes is mapped and not copied. Whatever
//! the compiler does, the process that serves only learns of it.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Read as _, Write as _},
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    process::{Child, Command, ExitCode, ExitStatus, Stdio},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{RecvTimeoutError, channel},
    },
    thread,
};

use rustix::{
    fd::OwnedFd,
    process::{
        Pid, PidfdFlags, Resource, Rlimit, Signal, getppid, pidfd_open, pidfd_send_signal,
        set_parent_process_death_signal, setrlimit,
    },
};

use super::{
    LoadError,
    code::CompileLimits,
    compiler::{self, STACK_BYTES, Target},
};
use crate::{digest::Digest, memory_file::memory_file};

/// By this name the program compiles, and does nothing else.
const NAME: &str = "guesthouse-compiler";

/// It is said on standard error why there is nothing on standard output.
const REFUSED: u8 = 3;

/// No message is longer, in bytes.
const MESSAGE_LIMIT_BYTES: u64 = 1024 * 1024;

/// What the program and its libraries take besides, in bytes.
const OWN_BYTES: u64 = 32 * 1024 * 1024;

/// The least that the compiler gets, in bytes: with less it can't compile the smallest guest.
const LEAST_BYTES: u64 = 48 * 1024 * 1024;

/// Whether this program [can compile by its other name](compile_if_asked).
static CAN_BE_ASKED: AtomicBool = AtomicBool::new(false);

/// Compiles, if that is what the program was started for: to be called first of all, with its arguments. A program that does not call it
/// compiles in its own process, without a limit on memory.
pub fn compile_if_asked(arguments: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let mut arguments = arguments.into_iter().map(|argument| argument.to_string_lossy().into_owned());
    if arguments.next().as_deref() != Some(NAME) {
        CAN_BE_ASKED.store(true, Ordering::Relaxed);
        return None;
    }
    Some(match answer(&arguments.collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A line of its own, behind what a panic may have said. The one who asked hears it, or is gone.
            let said = serde_json::to_string(&error).unwrap_or_default();
            let _ = io::stderr().write_all(format!("\n{said}").as_bytes());
            ExitCode::from(REFUSED)
        }
    })
}

/// In the process that compiles.
fn answer(arguments: &[String]) -> Result<(), LoadError> {
    let internal =
        |what: &str| LoadError::Engine(format!("the compiler's process was not asked as it is to be: {what}"));
    let [parent, memory, seconds, source, target] = arguments else { return Err(internal("arguments")) };
    // It ends with the process that asked, which may have ended before.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    if getppid().is_none_or(|now| now.as_raw_nonzero().to_string() != *parent) {
        return Err(internal("the one who asked is gone"));
    }
    let source: Digest = source.parse().map_err(|_| internal("digest"))?;
    let target = match target.as_str() {
        "" => None,
        target => Some(target.parse().map_err(|_| internal("target"))?),
    };
    limit(memory.parse().map_err(|_| internal("memory"))?, seconds.parse().map_err(|_| internal("time"))?);
    let failed = |error: io::Error| LoadError::Engine(format!("the compiler's process can't read or write: {error}"));
    let mut bytes = Vec::new();
    io::stdin().read_to_end(&mut bytes).map_err(failed)?;
    let image = compiler::build(bytes, &source, target)?;
    io::stdout().write_all(&image).and_then(|()| io::stdout().flush()).map_err(failed)
}

/// What can't be limited is not: the process that asked stops this one in time all the same.
fn limit(memory_bytes: u64, seconds: u64) {
    let set = |resource, most: u64| {
        let _ = setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
    };
    // Where memory runs out in spite of all, it is this process that the kernel ends.
    let _ = fs::write("/proc/self/oom_score_adj", "1000");
    let threads = thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
    // Stacks count whole, touched or not: those of the compiler's threads, and of the one that reads the file.
    set(Resource::Data, memory_bytes + OWN_BYTES + (threads + 1) * STACK_BYTES as u64);
    set(Resource::Cpu, seconds * threads);
    set(Resource::Core, 0);
}

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
    if !CAN_BE_ASKED.load(Ordering::Relaxed) {
        let image = compiler::build(bytes.to_vec(), source, target)?;
        return memory_file("cwasm", &image)
            .map_err(|error| LoadError::Engine(format!("there is no memory for the code: {error}")));
    }
    let limits = CompileLimits { memory_bytes: limits.memory_bytes.max(LEAST_BYTES), ..limits };
    let (tell, told) = channel();
    let stopper = Stopper::default();
    thread::scope(|scope| {
        // The process ends with the thread that started it, so that is the one that waits for it.
        let work = || drop(tell.send(run(bytes, source, target, limits, &stopper)));
        let started = thread::Builder::new().name("compiler".to_owned()).spawn_scoped(scope, work);
        started.map_err(|error| LoadError::Engine(format!("can't start a thread: {error}")))?;
        match told.recv_timeout(limits.time) {
            Ok(built) => built,
            Err(RecvTimeoutError::Timeout) => {
                stopper.stop();
                Err(LoadError::SlowToCompile(limits.time))
            }
            Err(RecvTimeoutError::Disconnected) => Err(LoadError::Compiler),
        }
    })
}

/// Ends the process, whether it has started or not.
#[derive(Default)]
struct Stopper(Mutex<Stop>);

#[derive(Default)]
enum Stop {
    #[default]
    NotStarted,
    Running(OwnedFd),
    Stopped,
}

impl Stopper {
    fn lock(&self) -> MutexGuard<'_, Stop> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the process, unless it was stopped before.
    fn start(&self, command: &mut Command) -> io::Result<Option<Child>> {
        let mut state = self.lock();
        if matches!(*state, Stop::Stopped) {
            return Ok(None);
        }
        let mut child = command.spawn()?;
        // A process that nobody waited for keeps its number, so this is it.
        match pidfd_open(Pid::from_child(&child), PidfdFlags::empty()) {
            Ok(process) => *state = Stop::Running(process),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(error.into());
            }
        }
        Ok(Some(child))
    }

    fn stop(&self) {
        if let Stop::Running(process) = std::mem::replace(&mut *self.lock(), Stop::Stopped) {
            // It may have ended by itself.
            let _ = pidfd_send_signal(process, Signal::KILL);
        }
    }
}

fn run(
    bytes: &[u8],
    source: &Digest,
    target: Option<Target>,
    limits: CompileLimits,
    stopper: &Stopper,
) -> Result<File, LoadError> {
    let failed = |error: io::Error| LoadError::Engine(format!("can't start the compiler's process: {error}"));
    let input = memory_file("wasm", bytes).map_err(failed)?;
    let output = memory_file("cwasm", &[]).map_err(failed)?;
    let mut command = Command::new("/proc/self/exe");
    command
        .arg0(NAME)
        .args([
            std::process::id().to_string(),
            limits.memory_bytes.to_string(),
            limits.time.as_secs().saturating_add(1).to_string(),
            source.to_string(),
            target.map(|target| target.to_string()).unwrap_or_default(),
        ])
        .env_clear()
        .stdin(input)
        .stdout(output.try_clone().map_err(failed)?)
        .stderr(Stdio::piped());
    let Some(mut child) = stopper.start(&mut command).map_err(failed)? else {
        return Err(LoadError::SlowToCompile(limits.time));
    };
    let mut said = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        // What can't be read is not there.
        let _ = stderr.take(MESSAGE_LIMIT_BYTES).read_to_end(&mut said);
    }
    let status = child.wait().map_err(failed)?;
    match status.success() {
        true => Ok(output),
        false => Err(refusal(status, &said, limits)),
    }
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
