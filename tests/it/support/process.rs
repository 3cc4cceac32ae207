//! A program under test, with its output.

use std::{
    fs,
    io::{self, BufRead, BufReader, Read},
    process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{PATIENCE, wait_for};

/// Runs a program to its end, which it has to come to by itself.
pub fn output(command: &mut Command) -> Output {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap_or_else(|error| panic!("can't start {command:?}: {error}"));
    let (stdout, stderr) = (child.stdout.take().expect("a pipe"), child.stderr.take().expect("a pipe"));
    let read = |mut from: Box<dyn Read + Send>| {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            from.read_to_end(&mut bytes).map(|_| bytes)
        })
    };
    let (stdout, stderr) = (read(Box::new(stdout)), read(Box::new(stderr)));
    let begun = Instant::now();
    let status = loop {
        match child.try_wait().expect("a state") {
            Some(status) => break status,
            None if begun.elapsed() > PATIENCE => {
                let _ = child.kill();
                panic!("{command:?} did not end within {PATIENCE:?}");
            }
            None => thread::sleep(Duration::from_millis(5)),
        }
    };
    let bytes = |reader: JoinHandle<io::Result<Vec<u8>>>| reader.join().expect("a reader").expect("output");
    Output { status, stdout: bytes(stdout), stderr: bytes(stderr) }
}

/// A running program. It ends with this value.
pub struct Program {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Program {
    pub fn start(command: &mut Command) -> Self {
        let (program, stdout) = Self::start_unread(command);
        program.read(stdout);
        program
    }

    /// Whose standard output nobody reads for now.
    pub fn start_unread(command: &mut Command) -> (Self, ChildStdout) {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("can't start {command:?}: {error}"));
        let stdout = child.stdout.take().expect("a pipe");
        let stderr = child.stderr.take().expect("a pipe");
        let program = Self { lines: Arc::default(), child };
        program.read(stderr);
        (program, stdout)
    }

    /// From now on what comes is read as fast as it comes, to its end.
    pub fn read(&self, from: impl Read + Send + 'static) {
        gather(from, self.lines.clone());
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// All lines that came so far, on both streams.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// Waits for a line for which `ask` has something.
    pub fn line<T>(&self, what: &str, ask: impl Fn(&str) -> Option<T>) -> T {
        wait_for(what, || self.lines().iter().find_map(|line| ask(line)))
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.pid().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a state").is_none()
    }

    pub fn wait(&mut self) -> ExitStatus {
        wait_for("the end of the program", || self.child.try_wait().expect("a state"))
    }

    /// The memory that is resident now, in KiB.
    pub fn resident_kib(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most that ever was, in KiB.
    pub fn peak_kib(&self) -> u64 {
        self.status("VmHWM:")
    }

    pub fn threads(&self) -> u64 {
        self.status("Threads:")
    }

    pub fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.pid())).expect("the process runs").count()
    }

    /// How many pieces of memory are mapped: what is left of a guest would be among them.
    pub fn mappings(&self) -> usize {
        fs::read_to_string(format!("/proc/{}/maps", self.pid())).expect("the process runs").lines().count()
    }

    /// The processes that this one started and that are there now.
    pub fn children(&self) -> Vec<u32> {
        let threads = fs::read_dir(format!("/proc/{}/task", self.pid())).expect("the process runs").flatten();
        let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
        lists.flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()).collect()
    }

    fn status(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the process runs");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line of that name");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself, which is just as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- output of process {}\n{}", self.pid(), self.lines().join("\n"));
        }
    }
}

fn gather(from: impl Read + Send + 'static, lines: Arc<Mutex<Vec<String>>>) {
    thread::spawn(move || {
        for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
            lines.lock().unwrap().push(String::from_utf8_lossy(&line).into_owned());
        }
    });
}
