//! A guest's standard output and error, cut into lines.
//!
//! Every write is taken over at once, on the guest's own call: nothing is buffered but the line that is not complete yet,
//! and that one is handed on when the invocation ends, however it ends.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{self, Poll},
    time::Duration,
};

use bytes::Bytes;
use tokio::{io::AsyncWrite, time::sleep};
use wasmtime_wasi::{
    async_trait,
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamError, StreamResult},
};

use super::panic::Failing;
use crate::{
    digest::Digest,
    invocation::Context,
    observer::{LINE_LIMIT_BYTES, Line, Observer},
    text::split_level,
};

/// How much a guest may write with one call, in bytes: such a call is not interrupted, and may be all newlines.
const WRITE_LIMIT_BYTES: usize = 8 * 1024;

/// How long a guest waits before it is asked again whether its lines are still too many for the log.
const PAUSE: Duration = Duration::from_millis(1);

/// Where a guest writes a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

/// Both streams of one instance.
#[derive(Clone)]
pub(super) struct Stdio(Arc<Mutex<Inner>>);

struct Inner {
    observer: Arc<dyn Observer>,
    guest: Digest,
    metrics: Arc<[String]>,
    request_id: Option<String>,
    tenant_id: Option<String>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    last_stderr_line: String,
    has_said_something: bool,
    /// It was waited for until something may be written, and nothing was since.
    is_ready: bool,
    /// Go writes a stack trace behind what went wrong, up to its end.
    in_trace: bool,
    /// What is written to standard error is about a failure that its language's runtime told of.
    failing: Failing,
}

impl Stdio {
    /// `metrics` are the namespaces of those that the guest may write.
    pub(super) fn new(observer: Arc<dyn Observer>, guest: Digest, metrics: Arc<[String]>) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            observer,
            guest,
            metrics,
            request_id: None,
            tenant_id: None,
            stdout: Vec::new(),
            stderr: Vec::new(),
            last_stderr_line: String::new(),
            has_said_something: false,
            is_ready: false,
            in_trace: false,
            failing: Failing::No,
        })))
    }

    pub(super) fn stream(&self, stream: Stream) -> GuestStream {
        GuestStream { stdio: self.clone(), stream }
    }

    /// From now on lines belong to this invocation, or to none.
    pub(super) fn begin(&self, context: Option<&Context>) {
        let mut inner = self.lock();
        inner.request_id = context.map(|context| context.request_id.clone());
        inner.tenant_id = context.and_then(|context| context.tenant_id.clone());
        inner.last_stderr_line.clear();
        inner.has_said_something = false;
        inner.in_trace = false;
        inner.failing = Failing::No;
    }

    /// Hands on lines that were not completed.
    pub(super) fn finish(&self) {
        let mut inner = self.lock();
        inner.hand_on();
        inner.belongs_to_none();
    }

    /// The same, and returns what is known of the end. The end of what a program wrote to its standard output is handed on, too: it may say
    /// what went wrong, and nobody else gets it.
    pub(super) fn finish_failed(&self, stdout: Option<&[u8]>) -> LastWords {
        let mut inner = self.lock();
        inner.hand_on();
        let mut last_line = std::mem::take(&mut inner.last_stderr_line);
        let last_of_stdout = stdout.map(|stdout| inner.hand_on_end(stdout)).unwrap_or_default();
        if last_line.is_empty() {
            last_line = last_of_stdout;
        }
        inner.belongs_to_none();
        LastWords { last_line, has_said_something: inner.has_said_something }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a guest wrote before it failed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct LastWords {
    /// The last line of standard error that says something: after a panic in Rust or Go, its message. Where there is none, that of a
    /// program's standard output.
    pub(super) last_line: String,
    /// There are lines in the log.
    pub(super) has_said_something: bool,
}

/// How much of a failed program's standard output is handed on, in bytes.
const END_LIMIT_BYTES: usize = 4 * 1024;

/// How long a line in an error's message is, in characters.
const LAST_LINE_LIMIT_CHARS: usize = 1024;

/// Where an invocation was given up in the middle, its open lines are handed on all the same.
impl Drop for Inner {
    fn drop(&mut self) {
        self.hand_on();
    }
}

impl Inner {
    fn hand_on(&mut self) {
        for stream in [Stream::Stdout, Stream::Stderr] {
            let rest = std::mem::take(self.buffer(stream));
            if !rest.is_empty() {
                self.emit(stream, &rest);
            }
        }
    }

    /// Hands on the last lines, and returns the very last that says something.
    fn hand_on_end(&mut self, stdout: &[u8]) -> String {
        let mut end = &stdout[stdout.len().saturating_sub(END_LIMIT_BYTES)..];
        if end.len() < stdout.len() {
            // What is left of the line that was cut.
            let cut = end.iter().position(|&byte| byte == b'\n').map_or(0, |at| at + 1);
            end = &end[cut..];
        }
        self.write(Stream::Stdout, end);
        self.hand_on();
        let end = String::from_utf8_lossy(end);
        let last = end.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
        last.trim_end().chars().take(LAST_LINE_LIMIT_CHARS).collect()
    }

    fn belongs_to_none(&mut self) {
        (self.request_id, self.tenant_id) = (None, None);
    }

    fn buffer(&mut self, stream: Stream) -> &mut Vec<u8> {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }

    fn write(&mut self, stream: Stream, mut bytes: &[u8]) {
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
            let mut whole = std::mem::take(self.buffer(stream));
            whole.extend_from_slice(line);
            for piece in pieces(&whole) {
                self.emit(stream, piece);
            }
            bytes = rest;
        }
        let mut open = std::mem::take(self.buffer(stream));
        open.extend_from_slice(bytes);
        while open.len() > LINE_LIMIT_BYTES {
            let piece: Vec<u8> = open.drain(..cut(&open)).collect();
            self.emit(stream, &piece);
        }
        *self.buffer(stream) = open;
    }

    fn emit(&mut self, stream: Stream, line: &[u8]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = String::from_utf8_lossy(line);
        let mut is_of_failure = false;
        if stream == Stream::Stderr {
            self.in_trace = begins_trace(&line) || self.in_trace && continues_trace(&line);
            if !self.in_trace && says_something(&line) {
                self.last_stderr_line =
                    split_level(&line).map_or(&*line, |(_, text)| text).chars().take(LAST_LINE_LIMIT_CHARS).collect();
            }
            is_of_failure = self.failing.hears(&line);
        }
        self.has_said_something |= !line.trim().is_empty();
        self.observer.line(&Line {
            request_id: self.request_id.as_deref(),
            tenant_id: self.tenant_id.as_deref(),
            guest: self.guest,
            text: &line,
            is_of_failure,
            metrics: &self.metrics,
        });
    }
}

/// What Rust and Go print after a panic's message advises the developer, and says nothing of the fault.
fn says_something(line: &str) -> bool {
    let is_signal = line.starts_with("[signal ") && line.contains(" pc=") && line.ends_with(']');
    !line.trim().is_empty() && !line.starts_with("note: ") && line != "stack backtrace:" && !is_signal
}

/// Whether it is `goroutine 1 [running]:` or the like.
fn begins_trace(line: &str) -> bool {
    line == "runtime stack:" || line.starts_with("goroutine ") && line.ends_with("]:")
}

/// Whether it is a function with its arguments, the file and line below it, or an empty line between two goroutines.
fn continues_trace(line: &str) -> bool {
    line.is_empty() || line.starts_with(['\t', ' ']) || line.starts_with("created by ") || line.ends_with(')')
}

/// An empty line is one (empty) piece.
fn pieces(mut line: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    while line.len() > LINE_LIMIT_BYTES {
        let (piece, rest) = line.split_at(cut(line));
        pieces.push(piece);
        line = rest;
    }
    pieces.push(line);
    pieces
}

/// Where to cut a line that is too long: never inside a UTF-8 character.
fn cut(line: &[u8]) -> usize {
    (LINE_LIMIT_BYTES - 3..=LINE_LIMIT_BYTES).rev().find(|&at| line[at] & 0xC0 != 0x80).unwrap_or(LINE_LIMIT_BYTES)
}

/// One of an instance's streams, as WASI wants it.
pub(super) struct GuestStream {
    stdio: Stdio,
    stream: Stream,
}

impl GuestStream {
    fn push(&self, bytes: &[u8]) {
        let mut stdio = self.stdio.lock();
        stdio.is_ready = false;
        stdio.write(self.stream, bytes);
    }
}

impl IsTerminal for GuestStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for GuestStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.stdio.stream(self.stream))
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.stdio.stream(self.stream))
    }
}

#[async_trait]
impl Pollable for GuestStream {
    /// Here a guest waits for whoever reads the log, and not while it writes: its deadline ends this.
    async fn ready(&mut self) {
        let observer = self.stdio.lock().observer.clone();
        while observer.is_behind() {
            sleep(PAUSE).await;
        }
        self.stdio.lock().is_ready = true;
    }
}

#[async_trait]
impl OutputStream for GuestStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        // A guest that keeps to the contract asks `check_write` first.
        if bytes.len() > WRITE_LIMIT_BYTES {
            return Err(StreamError::trap("more was written than the stream had room for"));
        }
        self.push(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        let stdio = self.stdio.lock();
        let may_write = stdio.is_ready || !stdio.observer.is_behind();
        Ok(if may_write { WRITE_LIMIT_BYTES } else { 0 })
    }
}

impl AsyncWrite for GuestStream {
    fn poll_write(self: Pin<&mut Self>, _: &mut task::Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.push(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Heard(Mutex<Vec<(Option<String>, bool, String)>>);

    impl Observer for Heard {
        fn line(&self, line: &Line<'_>) {
            let Line { request_id, is_of_failure, text, .. } = *line;
            self.0.lock().unwrap().push((request_id.map(str::to_owned), is_of_failure, text.to_owned()));
        }
    }

    fn stdio() -> (Stdio, Arc<Heard>) {
        let heard = Arc::new(Heard::default());
        (Stdio::new(heard.clone(), Digest::of(b"guest"), Arc::default()), heard)
    }

    fn invocation(id: &str) -> Context {
        Context { request_id: id.to_owned(), ..Context::default() }
    }

    #[test]
    fn writes_become_lines_and_an_open_line_is_handed_on_at_the_end() {
        let (stdio, heard) = stdio();
        stdio.begin(Some(&invocation("id-1")));
        stdio.stream(Stream::Stdout).push(b"a\n\nb");
        stdio.stream(Stream::Stderr).push(b"boom\r\nstack backtrace:\nnote: run with `RUST_BACKTRACE=1` and so on");
        assert_eq!(stdio.finish_failed(None).last_line, "boom");
        let heard: Vec<_> = heard.0.lock().unwrap().iter().map(|(.., line)| line.clone()).collect();
        assert_eq!(heard[..3], ["a", "", "boom"]);
        assert_eq!(heard[4], "b");
    }

    #[test]
    fn the_end_of_a_failed_programs_output_is_handed_on() {
        let output = format!("{}\nline 7: missing semicolon\n\n", "x".repeat(END_LIMIT_BYTES));
        let (stdio, heard) = stdio();
        stdio.begin(Some(&invocation("id-1")));
        let words = stdio.finish_failed(Some(output.as_bytes()));
        assert_eq!(words, LastWords { last_line: "line 7: missing semicolon".to_owned(), has_said_something: true });
        let lines: Vec<_> = heard.0.lock().unwrap().iter().map(|(_, _, line)| line.clone()).collect();
        assert_eq!(lines, ["line 7: missing semicolon", ""]);
        stdio.begin(Some(&invocation("id-2")));
        assert_eq!(stdio.finish_failed(Some(b"")), LastWords::default());
        stdio.begin(Some(&invocation("id-3")));
        stdio.stream(Stream::Stderr).push(b"no database\n");
        assert_eq!(stdio.finish_failed(Some(output.as_bytes())).last_line, "no database");
        assert_eq!(heard.0.lock().unwrap().len(), 5);
    }

    #[test]
    fn the_last_line_is_that_before_a_stack_trace() {
        let (stdio, _) = stdio();
        for (written, last) in [
            (
                "first\npanic: no such order\n\ngoroutine 6 [running]:\nmain.main()\n\t/main.go:7 +0x2\n",
                "panic: no such order",
            ),
            (
                "fatal error: a bug\n[signal 0xb: one code=0x1 addr=0x0 pc=0x2]\n\nruntime stack:\nmain.main()\n",
                "fatal error: a bug",
            ),
            ("goroutine 6 [running]:\nmain.main()\n\t/main.go:7 +0x2\nno database\n", "no database"),
            ("goroutine 6 is late\n[signal handler] failed\n", "[signal handler] failed"),
        ] {
            stdio.begin(Some(&invocation("id-1")));
            stdio.stream(Stream::Stderr).push(written.as_bytes());
            assert_eq!(stdio.finish_failed(None).last_line, last);
        }
    }

    #[test]
    fn a_line_at_the_limit_is_whole_and_a_longer_one_comes_in_pieces_without_loss() {
        for (bytes, expected) in [(LINE_LIMIT_BYTES, 1), (LINE_LIMIT_BYTES + 1, 2), (3 * LINE_LIMIT_BYTES, 3)] {
            let (stdio, heard) = stdio();
            for chunk in vec![b'x'; bytes].chunks(1000) {
                stdio.stream(Stream::Stdout).push(chunk);
            }
            stdio.finish();
            let heard = heard.0.lock().unwrap();
            assert_eq!(heard.len(), expected);
            assert_eq!(heard.iter().map(|(_, _, line)| line.len()).sum::<usize>(), bytes);
        }
    }

    #[test]
    fn one_write_may_be_as_large_as_the_stream_says_and_not_larger() {
        let (stdio, _) = stdio();
        let mut stream = stdio.stream(Stream::Stdout);
        let room = stream.check_write().unwrap();
        assert!(stream.write(vec![b'x'; room].into()).is_ok());
        assert!(matches!(stream.write(vec![b'x'; room + 1].into()), Err(StreamError::Trap(_))));
    }

    #[test]
    fn a_long_line_is_never_cut_inside_a_character() {
        let (stdio, heard) = stdio();
        let text = "é".repeat(LINE_LIMIT_BYTES);
        stdio.stream(Stream::Stdout).push(text.as_bytes());
        stdio.stream(Stream::Stdout).push(b"\n");
        let heard: String = heard.0.lock().unwrap().iter().map(|(_, _, line)| line.as_str()).collect();
        assert!(heard == text);
    }

    #[test]
    fn an_open_line_is_handed_on_when_its_instance_is_dropped() {
        let (stdio, heard) = stdio();
        stdio.begin(Some(&invocation("id-1")));
        stdio.stream(Stream::Stdout).push(b"the last words");
        drop(stdio);
        assert_eq!(*heard.0.lock().unwrap(), [(Some("id-1".to_owned()), false, "the last words".to_owned())]);
    }

    #[test]
    fn only_a_failure_on_standard_error_is_told_as_one() {
        let (stdio, heard) = stdio();
        for (id, stream, is_of_failure) in [("id-1", Stream::Stderr, true), ("id-2", Stream::Stdout, false)] {
            stdio.begin(Some(&invocation(id)));
            stdio.stream(stream).push(b"ready\npanic: no such order\n");
            stdio.finish();
            let told: Vec<_> = heard.0.lock().unwrap().drain(..).map(|(_, is_of_failure, _)| is_of_failure).collect();
            assert_eq!(told, [false, is_of_failure]);
        }
    }

    #[test]
    fn lines_carry_the_request_id_of_their_invocation_and_none_outside() {
        let (stdio, heard) = stdio();
        stdio.stream(Stream::Stdout).push(b"starting\n");
        stdio.begin(Some(&invocation("id-1")));
        stdio.stream(Stream::Stdout).push(b"serving\n");
        stdio.finish();
        let heard = heard.0.lock().unwrap();
        assert_eq!((heard[0].0.as_deref(), heard[1].0.as_deref()), (None, Some("id-1")));
    }
}
