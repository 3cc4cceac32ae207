use std::sync::{Arc, Mutex};

use wasmtime_wasi::p2::{OutputStream as _, StreamError};

use super::lines::{END_LIMIT_BYTES, LastWords, Stdio, Stream};
use crate::{
    digest::Digest,
    invocation::Context,
    observer::{LINE_LIMIT_BYTES, Line, Observer},
};

#[derive(Default)]
struct Lines(Mutex<Vec<(Option<String>, bool, String)>>);

impl Observer for Lines {
    fn line(&self, line: &Line<'_>) {
        let Line { request_id, is_of_failure, text, .. } = *line;
        self.0.lock().unwrap().push((request_id.map(str::to_owned), is_of_failure, text.to_owned()));
    }
}

fn stdio() -> (Stdio, Arc<Lines>) {
    let observed = Arc::new(Lines::default());
    (Stdio::new(observed.clone(), Digest::of(b"guest"), Arc::default()), observed)
}

fn invocation(id: &str) -> Context {
    Context { request_id: id.to_owned(), ..Context::default() }
}

#[test]
fn writes_become_lines_and_an_open_line_is_handed_on_at_the_end() {
    let (stdio, observed) = stdio();
    stdio.begin(Some(&invocation("id-1")));
    stdio.stream(Stream::Stdout).push(b"a\n\nb");
    stdio.stream(Stream::Stderr).push(b"boom\r\nstack backtrace:\nnote: run with `RUST_BACKTRACE=1` and so on");
    assert_eq!(stdio.finish_failed(None).last_line, "boom");
    let observed: Vec<_> = observed.0.lock().unwrap().iter().map(|(.., line)| line.clone()).collect();
    assert_eq!(observed[..3], ["a", "", "boom"]);
    assert_eq!(observed[4], "b");
}

#[test]
fn the_end_of_a_failed_programs_output_is_handed_on() {
    let output = format!("{}\nline 7: missing semicolon\n\n", "x".repeat(END_LIMIT_BYTES));
    let (stdio, observed) = stdio();
    stdio.begin(Some(&invocation("id-1")));
    let words = stdio.finish_failed(Some(output.as_bytes()));
    assert_eq!(words, LastWords { last_line: "line 7: missing semicolon".to_owned(), has_written: true });
    let lines: Vec<_> = observed.0.lock().unwrap().iter().map(|(_, _, line)| line.clone()).collect();
    assert_eq!(lines, ["line 7: missing semicolon", ""]);
    stdio.begin(Some(&invocation("id-2")));
    assert_eq!(stdio.finish_failed(Some(b"")), LastWords::default());
    stdio.begin(Some(&invocation("id-3")));
    stdio.stream(Stream::Stderr).push(b"no database\n");
    assert_eq!(stdio.finish_failed(Some(output.as_bytes())).last_line, "no database");
    assert_eq!(observed.0.lock().unwrap().len(), 5);
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
        let (stdio, observed) = stdio();
        for chunk in vec![b'x'; bytes].chunks(1000) {
            stdio.stream(Stream::Stdout).push(chunk);
        }
        stdio.finish();
        let observed = observed.0.lock().unwrap();
        assert_eq!(observed.len(), expected);
        assert_eq!(observed.iter().map(|(_, _, line)| line.len()).sum::<usize>(), bytes);
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
    let (stdio, observed) = stdio();
    let text = "é".repeat(LINE_LIMIT_BYTES);
    stdio.stream(Stream::Stdout).push(text.as_bytes());
    stdio.stream(Stream::Stdout).push(b"\n");
    let observed: String = observed.0.lock().unwrap().iter().map(|(_, _, line)| line.as_str()).collect();
    assert!(observed == text);
}

#[test]
fn an_open_line_is_handed_on_when_its_instance_is_dropped() {
    let (stdio, observed) = stdio();
    stdio.begin(Some(&invocation("id-1")));
    stdio.stream(Stream::Stdout).push(b"the last words");
    drop(stdio);
    assert_eq!(*observed.0.lock().unwrap(), [(Some("id-1".to_owned()), false, "the last words".to_owned())]);
}

#[test]
fn only_a_failure_on_standard_error_is_reported_as_one() {
    let (stdio, observed) = stdio();
    for (id, stream, is_of_failure) in [("id-1", Stream::Stderr, true), ("id-2", Stream::Stdout, false)] {
        stdio.begin(Some(&invocation(id)));
        stdio.stream(stream).push(b"ready\npanic: no such order\n");
        stdio.finish();
        let is_reported: Vec<_> =
            observed.0.lock().unwrap().drain(..).map(|(_, is_of_failure, _)| is_of_failure).collect();
        assert_eq!(is_reported, [false, is_of_failure]);
    }
}

#[test]
fn lines_carry_the_request_id_of_their_invocation_and_none_outside() {
    let (stdio, observed) = stdio();
    stdio.stream(Stream::Stdout).push(b"starting\n");
    stdio.begin(Some(&invocation("id-1")));
    stdio.stream(Stream::Stdout).push(b"serving\n");
    stdio.finish();
    let observed = observed.0.lock().unwrap();
    assert_eq!((observed[0].0.as_deref(), observed[1].0.as_deref()), (None, Some("id-1")));
}
