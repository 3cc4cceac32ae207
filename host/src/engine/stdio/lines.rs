//! Splits what a guest writes into lines, and passes them on.

use std::sync::{Arc, Mutex, MutexGuard};

use super::trace;
use crate::{
    digest::Digest,
    engine::panic::Failing,
    invocation::Context,
    lock::lock,
    observer::{LINE_LIMIT_BYTES, Line, Observer},
    text::split_level,
};

/// Names the stream that a guest writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Stream {
    Stdout,
    Stderr,
}

/// Holds both streams of one instance.
#[derive(Clone)]
pub(in crate::engine) struct Stdio(Arc<Mutex<Inner>>);

pub(super) struct Inner {
    pub(super) observer: Arc<dyn Observer>,
    guest: Digest,
    metrics: Arc<[String]>,
    request_id: Option<String>,
    tenant_id: Option<String>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    last_stderr_line: String,
    has_written: bool,
    /// Whether the guest has waited until it may write, and has not written since.
    pub(super) is_ready: bool,
    /// Whether the current line belongs to a stack trace of Go's, which follows the message of the failure.
    in_trace: bool,
    /// Whether standard error is about a failure that the language's runtime reports.
    failing: Failing,
}

impl Stdio {
    /// Creates the streams of an instance. `metrics` are the namespaces of the metrics that the guest may write.
    pub(in crate::engine) fn new(observer: Arc<dyn Observer>, guest: Digest, metrics: Arc<[String]>) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            observer,
            guest,
            metrics,
            request_id: None,
            tenant_id: None,
            stdout: Vec::new(),
            stderr: Vec::new(),
            last_stderr_line: String::new(),
            has_written: false,
            is_ready: false,
            in_trace: false,
            failing: Failing::No,
        })))
    }

    /// Assigns all following lines to this invocation, or to none.
    pub(in crate::engine) fn begin(&self, context: Option<&Context>) {
        let mut inner = self.lock();
        inner.request_id = context.map(|context| context.request_id.clone());
        inner.tenant_id = context.and_then(|context| context.tenant_id.clone());
        inner.last_stderr_line.clear();
        inner.has_written = false;
        inner.in_trace = false;
        inner.failing = Failing::No;
    }

    /// Passes on incomplete lines. Later lines belong to no invocation.
    pub(in crate::engine) fn finish(&self) {
        let mut inner = self.lock();
        inner.hand_on();
        inner.belongs_to_none();
    }

    /// Passes on incomplete lines as [`Stdio::finish`] does, and returns what the guest wrote last. The end of a
    /// command's standard output is passed on too: it may contain the reason of the failure, and nobody else receives
    /// it.
    pub(in crate::engine) fn finish_failed(&self, stdout: Option<&[u8]>) -> LastWords {
        let mut inner = self.lock();
        inner.hand_on();
        let mut last_line = std::mem::take(&mut inner.last_stderr_line);
        let last_of_stdout = stdout.map(|stdout| inner.hand_on_end(stdout)).unwrap_or_default();
        if last_line.is_empty() {
            last_line = last_of_stdout;
        }
        inner.belongs_to_none();
        LastWords { last_line, has_written: inner.has_written }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.0)
    }
}

/// Describes what a guest wrote before it failed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::engine) struct LastWords {
    /// The last line of standard error that describes the failure: after a panic in Rust or Go, its message. If there
    /// is none, the last line of a command's standard output.
    pub(in crate::engine) last_line: String,
    /// Whether the guest wrote any lines to the log.
    pub(in crate::engine) has_written: bool,
}

/// Limits how much of a failed command's standard output is passed on, in bytes.
pub(super) const END_LIMIT_BYTES: usize = 4 * 1024;

/// Limits the length of the guest's line in an error's message, in characters.
const LAST_LINE_LIMIT_CHARS: usize = 1024;

/// Passes on incomplete lines if an invocation was abandoned.
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

    /// Passes on the last lines of a command's standard output, and returns the last one that is not blank.
    fn hand_on_end(&mut self, stdout: &[u8]) -> String {
        let mut end = &stdout[stdout.len().saturating_sub(END_LIMIT_BYTES)..];
        if end.len() < stdout.len() {
            // This skips the rest of the line that was cut.
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

    pub(super) fn write(&mut self, stream: Stream, mut bytes: &[u8]) {
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
            self.in_trace = trace::begins(&line) || self.in_trace && trace::continues(&line);
            if !self.in_trace && trace::is_message(&line) {
                self.last_stderr_line =
                    split_level(&line).map_or(&*line, |(_, text)| text).chars().take(LAST_LINE_LIMIT_CHARS).collect();
            }
            is_of_failure = self.failing.hears(&line);
        }
        self.has_written |= !line.trim().is_empty();
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

/// Splits a line that is too long. An empty line becomes one empty piece.
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

/// Returns where to split a line that is too long, which is never inside a UTF-8 character.
fn cut(line: &[u8]) -> usize {
    (LINE_LIMIT_BYTES - 3..=LINE_LIMIT_BYTES).rev().find(|&at| line[at] & 0xC0 != 0x80).unwrap_or(LINE_LIMIT_BYTES)
}
