//! Runs a job in another process of this program, which can be killed and has a limit on its memory.
//!
//! The time and memory that a job takes can't be known from what a guest's author wrote, and nothing inside a process
//! can stop such work. So the host runs its own executable under another name (`argv[0]`), with a file as standard
//! input. The job writes its result to standard output, which is a memory file: the result can be mapped and need not
//! be copied. Whatever goes wrong in a job, the process that serves invocations only receives an error.
//!
//! See docs/decisions/29-compiler-process.md.

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

/// The exit status of a job that failed: standard error ends with the reason.
pub(super) const REFUSED: u8 = 3;

/// Limits how much of a job's standard error is read, in bytes.
const MESSAGE_LIMIT_BYTES: u64 = 1024 * 1024;

/// The memory that the executable and its libraries take in addition to the job, in bytes.
const OWN_BYTES: u64 = 32 * 1024 * 1024;

/// Whether this program can also be started for jobs.
static CAN_BE_ASKED: AtomicBool = AtomicBool::new(false);

/// Describes a job for another process.
pub(super) struct Job {
    /// The name under which the executable does this job.
    pub(super) name: &'static str,
    pub(super) arguments: Vec<String>,
    pub(super) input: File,
    pub(super) limits: Limits,
}

/// The limits of a job.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) time: Duration,
    /// The limit on memory, in bytes. The threads' stacks count in full, whether they are touched or not.
    pub(super) memory_bytes: u64,
    /// How many threads work at the same time. The limit on processor time is multiplied by it.
    pub(super) threads: u64,
}

/// The result of a job that ended in time: its exit status, standard output and standard error.
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) output: File,
    pub(super) stderr: Vec<u8>,
}

/// Records that this process was not started for a job. From now on it can start jobs itself.
pub(super) fn can_be_asked() {
    CAN_BE_ASKED.store(true, Ordering::Relaxed);
}

/// Returns whether jobs can run in another process. In programs that only use the library, they can't.
pub(super) fn is_possible() -> bool {
    CAN_BE_ASKED.load(Ordering::Relaxed)
}

/// Runs a job in another process, and waits for it. Returns `None` if the job exceeded its time limit and was killed.
///
/// # Errors
/// Fails if the process can't be started, or can't be waited for.
pub(super) fn run(job: Job) -> io::Result<Option<Ended>> {
    let Job { name, arguments, input, limits } = job;
    let (mut output, mut stderr) = (memory_file("output", &[])?, memory_file("stderr", &[])?);
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
        .stderr(stderr.try_clone()?);
    // The kernel kills the process when the thread that started it ends. That is this thread, which waits for it.
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
    stderr.rewind()?;
    let mut text = Vec::new();
    stderr.take(MESSAGE_LIMIT_BYTES).read_to_end(&mut text)?;
    Ok(Some(Ended { status, output, stderr: text }))
}

/// Returns whether the process ended within this time.
fn wait(child: &Child, time: Duration) -> io::Result<bool> {
    // Nobody has waited for the process yet, so its id can't belong to another one.
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

/// Does a job within its limits, in the process that was started for it. Writes the result to standard output, or the
/// reason why there is none to standard error.
pub(super) fn serve(arguments: &[String], work: impl FnOnce(&[String]) -> Result<Vec<u8>, String>) -> ExitCode {
    let done = begin(arguments).and_then(work).and_then(|output| {
        let written = io::stdout().write_all(&output).and_then(|()| io::stdout().flush());
        written.map_err(|error| error.to_string())
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The reason gets a line of its own, because a panic may have written something before it. If this write
            // fails, the parent process has ended, and nobody needs the reason.
            let _ = io::stderr().write_all(format!("\n{error}").as_bytes());
            ExitCode::from(REFUSED)
        }
    }
}

/// Sets the limits, and returns the job's own arguments.
fn begin(arguments: &[String]) -> Result<&[String], String> {
    let [parent, memory, seconds, arguments @ ..] = arguments else { return Err("arguments are missing".to_owned()) };
    // This process ends with its parent. The parent may have ended before the signal was set, which its id shows.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    if getppid().is_none_or(|now| now.as_raw_nonzero().to_string() != *parent) {
        return Err("the parent process has ended".to_owned());
    }
    let number = |text: &str| text.parse::<u64>().map_err(|_| format!("`{text}` is not a number"));
    limit(number(memory)?, number(seconds)?);
    Ok(arguments)
}

/// Sets the limits of this process. One that can't be set is skipped: the parent kills this process in time anyway.
fn limit(memory_bytes: u64, seconds: u64) {
    let set = |resource, most: u64| {
        let _ = setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
    };
    // If the machine runs out of memory anyway, the kernel kills this process first.
    let _ = fs::write("/proc/self/oom_score_adj", "1000");
    set(Resource::Data, memory_bytes.saturating_add(OWN_BYTES));
    set(Resource::Cpu, seconds);
    set(Resource::Core, 0);
}
