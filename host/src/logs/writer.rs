//! This module writes log lines to a place that may be slow to read them.
//!
//! Code that logs does not wait for a write. Lines go into a queue, and a thread of their own writes them without
//! holding a lock. The queue has a limit, because a guest decides how much it prints, and nobody can make the reader
//! read as fast. If more than half of the queue is used, guests have to wait, as with any pipe, as long as the reader
//! takes something. If the reader takes nothing, lines are dropped and counted. Once it reads again, the log reports
//! how many lines were dropped.
//!
//! See docs/decisions/10-log-queue.md.

use std::{
    io::Write,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::lock::lock;

/// The maximum size of the lines that wait to be written, in bytes. One line alone may be longer.
const LIMIT_BYTES: usize = 2 * 1024 * 1024;

/// The size of the waiting lines above which guests wait, in bytes. The rest of the queue has room for what one write
/// of a guest becomes: 8,192 empty lines are 700 KB.
const BEHIND_BYTES: usize = LIMIT_BYTES / 2;

/// The maximum size of one write, in bytes. It is small enough to distinguish a slow reader from one that reads
/// nothing.
const CHUNK_BYTES: usize = 16 * 1024;

/// The time after which guests no longer wait for a reader that takes nothing. They wait again once it takes something.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// The time during which new lines only collect and do not wake the thread. A line is often soon followed by others,
/// and waking the thread for each of them costs more than writing it.
const LINGERING: Duration = Duration::from_micros(200);

/// An `Output` is a place to which log lines are written.
pub trait Output: Send + Sync {
    /// Writes one line, or queues it to be written. The line includes its line end.
    fn write(&self, request_id: Option<&str>, line: &str);

    /// Returns whether to wait before more is written: many lines are waiting already, and the reader takes them.
    fn is_behind(&self) -> bool {
        false
    }

    /// Waits until all lines so far are written, at most for this time.
    fn flush(&self, _limit: Duration) {}
}

/// A `LogWriter` writes log lines to one place, in a thread of its own that starts with the first line.
pub struct LogWriter {
    shared: Arc<Shared>,
    /// Makes the line that reports how many lines were dropped.
    notice: fn(u64) -> String,
}

struct Shared {
    state: Mutex<State>,
    /// Signals that there is something to write.
    came: Condvar,
    /// Signals that something was written.
    moved: Condvar,
}

struct State {
    /// The place to write to, until the thread takes it over.
    to: Option<Box<dyn Write + Send>>,
    /// The whole lines that wait to be written, one after the other.
    waiting: Vec<u8>,
    /// The size of what the thread has taken and not yet written, in bytes.
    writing: usize,
    /// Whether the thread need not be woken, because it checks for lines by itself within [`LINGERING`].
    lingers: bool,
    dropped: u64,
    /// The number of bytes that were queued so far.
    came: u64,
    /// The number of those bytes that were written.
    written: u64,
    /// The time of the last write, or the time at which a line came into the empty queue if that was later.
    moved_at: Instant,
    /// The last flush that waited in vain: the number of bytes that were written by then, and how long it waited.
    waited_in_vain: Option<(u64, Duration)>,
}

impl LogWriter {
    /// Returns a writer to `to`. `notice` makes the line, with its line end, that reports how many lines were dropped.
    pub fn new(to: impl Write + Send + 'static, notice: fn(u64) -> String) -> Self {
        let state = State {
            to: Some(Box::new(to)),
            waiting: Vec::new(),
            writing: 0,
            lingers: false,
            dropped: 0,
            came: 0,
            written: 0,
            moved_at: Instant::now(),
            waited_in_vain: None,
        };
        let shared = Shared { state: Mutex::new(state), came: Condvar::new(), moved: Condvar::new() };
        Self { shared: Arc::new(shared), notice }
    }

    /// Starts the thread, unless it runs already. If it can't be started, lines wait until it can.
    fn start(&self, state: &mut State) {
        let Some(to) = state.to.take() else { return };
        let (to, shared, notice) = (Arc::new(Mutex::new(Some(to))), self.shared.clone(), self.notice);
        let given = to.clone();
        let write = move || {
            let to = lock(&given).take();
            if let Some(to) = to {
                shared.write(to, notice);
            }
        };
        if thread::Builder::new().name("log".to_owned()).stack_size(128 * 1024).spawn(write).is_err() {
            state.to = lock(&to).take();
        }
    }
}

impl Output for LogWriter {
    fn write(&self, _: Option<&str>, line: &str) {
        let shared = &*self.shared;
        let mut state = shared.lock();
        self.start(&mut state);
        if !state.has_room(line.len()) {
            state.dropped += 1;
            return;
        }
        if state.is_empty() {
            state.moved_at = Instant::now();
        }
        state.tell_of_dropped(self.notice);
        state.add(line);
        if state.writing == 0 && !state.lingers {
            shared.came.notify_one();
        }
    }

    fn is_behind(&self) -> bool {
        let state = self.shared.lock();
        state.held() > BEHIND_BYTES && state.moved_at.elapsed() < LONGEST_WAIT
    }

    fn flush(&self, limit: Duration) {
        let mut state = self.shared.lock();
        state.tell_of_dropped(self.notice);
        let (before, wanted) = (state.written, state.came);
        if before == wanted {
            return;
        }
        let stop = Instant::now() + limit;
        self.shared.came.notify_one();
        // An earlier flush waited at least as long in vain, and nothing was written since. Another wait would be in
        // vain, too.
        if state.waited_in_vain.is_some_and(|(written, waited)| written == before && waited >= limit) {
            return;
        }
        while state.written < wanted {
            let left = stop.saturating_duration_since(Instant::now());
            if left.is_zero() {
                state.waited_in_vain = Some((state.written, limit));
                break;
            }
            state = self.shared.moved.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Shared {
    /// Runs the thread, which never ends: takes the waiting lines and writes them.
    fn write(&self, mut to: Box<dyn Write + Send>, notice: fn(u64) -> String) {
        let mut taken = Vec::new();
        loop {
            let mut state = self.lock();
            if state.waiting.is_empty() {
                state.lingers = true;
                state = self.came.wait_timeout(state, LINGERING).unwrap_or_else(PoisonError::into_inner).0;
                state.lingers = false;
            }
            while state.waiting.is_empty() {
                state = self.came.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            taken.clear();
            std::mem::swap(&mut taken, &mut state.waiting);
            state.writing = taken.len();
            drop(state);
            let mut rest = &taken[..];
            while !rest.is_empty() {
                let (chunk, after) = rest.split_at(chunk(rest));
                // If the log can't be written, there is no place to report that, and the invocation must not fail
                // because of it.
                let _ = to.write_all(chunk).and_then(|()| to.flush());
                rest = after;
                let mut state = self.lock();
                state.written += chunk.len() as u64;
                state.writing = rest.len();
                state.moved_at = Instant::now();
                if state.is_empty() {
                    state.tell_of_dropped(notice);
                }
                drop(state);
                self.moved.notify_all();
            }
            // The buffer is freed after a large output, so that its memory is not held until the process ends.
            if taken.capacity() > 4 * CHUNK_BYTES {
                taken = Vec::new();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl State {
    fn has_room(&self, bytes: usize) -> bool {
        self.is_empty() || self.held() + bytes <= LIMIT_BYTES
    }

    fn held(&self) -> usize {
        self.waiting.len() + self.writing
    }

    fn is_empty(&self) -> bool {
        self.held() == 0
    }

    fn add(&mut self, line: &str) {
        self.waiting.extend_from_slice(line.as_bytes());
        self.came += line.len() as u64;
    }

    fn tell_of_dropped(&mut self, notice: fn(u64) -> String) {
        if self.dropped > 0 {
            self.add(&notice(self.dropped));
            self.dropped = 0;
        }
    }
}

/// Returns how many of these bytes to write at once: whole lines, unless the first one is too long.
fn chunk(bytes: &[u8]) -> usize {
    if bytes.len() <= CHUNK_BYTES {
        return bytes.len();
    }
    let end = bytes[..CHUNK_BYTES].iter().rposition(|&byte| byte == b'\n');
    end.map_or(CHUNK_BYTES, |end| end + 1)
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::mpsc::{Receiver, Sender, channel},
    };

    use super::*;

    /// Accepts one write for each message from the sender, or all writes once there is no sender.
    struct Reader {
        go_on: Receiver<()>,
        read: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.go_on.recv();
            self.read.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn reader() -> (LogWriter, Sender<()>, Arc<Mutex<Vec<u8>>>) {
        let ((give, go_on), read) = (channel(), Arc::default());
        let reader = Reader { go_on, read: Arc::clone(&read) };
        (LogWriter::new(reader, |count| format!("{count} dropped\n")), give, read)
    }

    fn text(read: &Mutex<Vec<u8>>) -> String {
        String::from_utf8(read.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn lines_come_whole_and_in_order_where_they_are_read() {
        let (writer, give, read) = reader();
        drop(give);
        // All lines fit into the queue, so the test does not depend on how busy the machine is.
        let lines: Vec<String> = (0..1000).map(|number| format!("{number} {}\n", "x".repeat(number))).collect();
        lines.iter().for_each(|line| writer.write(None, line));
        writer.flush(Duration::from_secs(60));
        assert!(text(&read) == lines.concat());
    }

    #[test]
    fn where_nothing_is_read_lines_are_dropped_and_counted_and_nobody_waits() {
        let (writer, give, read) = reader();
        let line = format!("{}\n", "x".repeat(LIMIT_BYTES / 10 - 1));
        (0..100).for_each(|_| writer.write(None, &line));
        writer.flush(Duration::from_millis(10));
        drop(give);
        writer.flush(Duration::from_secs(60));
        let read = text(&read);
        let kept = read.matches('x').count() / (line.len() - 1);
        assert_eq!(read.lines().last(), Some(format!("{} dropped", 100 - kept).as_str()));
        assert!((9..=11).contains(&kept), "{kept}");
    }

    #[test]
    fn it_is_behind_where_half_of_its_room_is_taken_until_nothing_is_read_any_more() {
        let (writer, give, _) = reader();
        let begun = Instant::now();
        writer.write(None, &"x".repeat(BEHIND_BYTES));
        assert!(!writer.is_behind());
        writer.write(None, "x");
        // On a busy machine, the wait may be over already.
        assert!(writer.is_behind() || begun.elapsed() > LONGEST_WAIT / 2);
        while writer.is_behind() {
            assert!(begun.elapsed() < 50 * LONGEST_WAIT);
            thread::yield_now();
        }
        drop(give);
        writer.flush(Duration::from_secs(60));
        assert!(!writer.is_behind());
    }

    #[test]
    fn a_line_that_is_longer_than_all_that_may_wait_is_written_where_nothing_waits() {
        let (writer, give, read) = reader();
        drop(give);
        writer.write(None, &"x".repeat(2 * LIMIT_BYTES));
        writer.flush(Duration::from_secs(60));
        assert_eq!(text(&read).len(), 2 * LIMIT_BYTES);
    }

    #[test]
    fn a_chunk_ends_with_a_line_where_lines_are_short() {
        assert_eq!(chunk(b"short\n"), 6);
        let long = "x".repeat(CHUNK_BYTES);
        assert_eq!(chunk(format!("short\n{long}\n").as_bytes()), 6);
        assert_eq!(chunk(format!("{long}x\n").as_bytes()), CHUNK_BYTES);
    }
}
