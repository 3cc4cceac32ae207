//! This program once more, in a process of its own that can be stopped and has a limit on its memory.
//!
//! No look at what a guest's author wrote tells what working on it takes, and nothing in a process stops what it does. So such work is
//! done by another process: the host runs its own program by another name, with a file as standard input. What it writes to its standard
//! output is memory with a descriptor, so that it can be mapped and need not be copied. Whatever happens there, the process that serves
//! only learns of it.

use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::process::CommandExt as _,
    process::{Child, Command, ExitCode, ExitStatus},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fd::{AsFd as _, OwnedFd},
    io::Errno,
    process::{
        Pid, PidfdFlags, Resource, Rlimit, Signal, getppid, pidfd_open, set_parent_process_death_signal, setrlimit,
    },
};

use crate::memory_file::memory_file;

/// It is said on standard error why there is nothing on standard output.
pub(super) const REFUSED: u8 = 3;

/// No message is longer, in bytes.
const MESSAGE_LIMIT_BYTES: u64 = 1024 * 1024;

/// What the program and its libraries take besides, in bytes.
const OWN_BYTES: u64 = 32 * 1024 * 1024;

/// Whether this program works by its other names, too.
static CAN_BE_ASKED: AtomicBool = AtomicBool::new(false);

/// What another process is to do.
pub(super) struct Job {
    /// The name by which the program knows that.
    pub(super) name: &'static str,
    pub(super) arguments: Vec<String>,
    pub(super) input: File,
    pub(super) limits: Limits,
}

/// What it may take.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) time: Duration,
    /// In bytes. The stacks of its threads count whole, touched or not.
    pub(super) memory_bytes: u64,
    /// How many threads work at a time.
    pub(super) threads: u64,
}

/// How it ended, and what it wrote.
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) output: File,
    pub(super) said: Vec<u8>,
}

/// To be called where it is known that the program was not started for a job: from now on it can be asked for jobs.
pub(super) fn can_be_asked() {
    CAN_BE_ASKED.store(true, Ordering::Relaxed);
}

/// Whether there can be other processes. In those that only use the library there are none.
pub(super) fn is_possible() -> bool {
    CAN_BE_ASKED.load(Ordering::Relaxed)
}

/// Has another process do the job, and waits for it. `None` where it took longer than it may: it was stopped.
///
/// # Errors
/// When it can't be started, or not be waited for.
pub(super) fn run(job: Job) -> io::Result<Option<Ended>> {
    let Job { name, arguments, input, limits } = job;
    let (mut output, mut said) = (memory_file("output", &[])?, memory_file("said", &[])?);
    let mut command = Command::new("/proc/self/exe");
    command
        .arg0(name)
        .args([
            std::process::id().to_string(),
            limits.memory_bytes.to_string(),
            limits.time.as_secs().saturating_add(1).saturating_mul(limits.threads).to_string(),
        ])
        .args(arguments)
        .env_clear()
        .stdin(input)
        .stdout(output.try_clone()?)
        .stderr(said.try_clone()?);
    // It ends with the thread that started it, which is this one.
    let mut child = command.spawn()?;
    let has_ended = wait(&child, limits.time);
    if !matches!(has_ended, Ok(true)) {
        let _ = child.kill();
    }
    let status = child.wait()?;
    if !has_ended? {
        return Ok(None);
    }
    output.rewind()?;
    said.rewind()?;
    let mut text = Vec::new();
    said.take(MESSAGE_LIMIT_BYTES).read_to_end(&mut text)?;
    Ok(Some(Ended { status, output, said: text }))
}

/// Whether it ended within this time.
fn wait(child: &Child, time: Duration) -> io::Result<bool> {
    // A process that nobody waited for keeps its number, so this is it.
    let process: OwnedFd = pidfd_open(Pid::from_child(child), PidfdFlags::empty())?;
    let stop = Instant::now() + time;
    loop {
        let left = Timespec::try_from(stop.saturating_duration_since(Instant::now())).ok();
        match poll(&mut [PollFd::from_borrowed_fd(process.as_fd(), PollFlags::IN)], left.as_ref()) {
            Err(Errno::INTR) => {}
            polled => return Ok(polled? > 0),
        }
    }
}

/// In the process that does the job: has it done within its limits, and writes what comes of it, or why nothing does.
pub(super) fn serve(arguments: &[String], work: impl FnOnce(&[String]) -> Result<Vec<u8>, String>) -> ExitCode {
    let done = begin(arguments).and_then(work).and_then(|output| {
        let written = io::stdout().write_all(&output).and_then(|()| io::stdout().flush());
        written.map_err(|error| error.to_string())
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A line of its own, behind what a panic may have said. The one who asked hears it, or is gone.
            let _ = io::stderr().write_all(format!("\n{error}").as_bytes());
            ExitCode::from(REFUSED)
        }
    }
}

/// Puts on the limits, and returns the job's own arguments.
fn begin(arguments: &[String]) -> Result<&[String], String> {
    let [parent, memory, seconds, arguments @ ..] = arguments else { return Err("arguments are missing".to_owned()) };
    // It ends with the process that asked, which may have ended before.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    if getppid().is_none_or(|now| now.as_raw_nonzero().to_string() != *parent) {
        return Err("the one who asked is gone".to_owned());
    }
    let number = |text: &str| text.parse::<u64>().map_err(|_| format!("`{text}` is no number"));
    limit(number(memory)?, number(seconds)?);
    Ok(arguments)
}

/// What can't be limited is not: the process that asked stops this one in time all the same.
fn limit(memory_bytes: u64, seconds: u64) {
    let set = |resource, most: u64| {
        let _ = setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
    };
    // Where memory runs out in spite of all, it is this process that the kernel ends.
    let _ = fs::write("/proc/self/oom_score_adj", "1000");
    set(Resource::Data, memory_bytes.saturating_add(OWN_BYTES));
    set(Resource::Cpu, seconds);
    set(Resource::Core, 0);
}
