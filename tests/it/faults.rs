//! A guest's fault becomes an error; the process lives on, and the next answer is right.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Edge, Event, Host, guests, http::Message};

fn cause(host: &Host, fault: &str) -> Message {
    let post = host.fake.invoke(Event::new(json!(fault).to_string()).timeout(Duration::from_secs(2)));
    assert!(post.subject().ends_with("/error"), "{fault}: {}", post.text());
    post
}

#[test]
fn a_handlers_error_reaches_the_caller_whole_and_the_instance_stays() {
    for edge in Edge::BOTH {
        let host = Host::of("misbehave").edge(edge).start();
        assert_eq!(host.answer("\"\""), "1");
        let post = cause(&host, "err");
        assert_eq!(post.header("lambda-runtime-function-error-type"), Some("OrderNotFound"));
        let error = json!({
            "errorType": "OrderNotFound", "errorMessage": "no such order: `42`", "stackTrace": ["find", "main"],
        });
        assert_eq!(post.json(), error);
        assert_eq!(host.answer("\"\""), "2");
    }
}

#[test]
fn an_error_passed_up_with_a_question_mark_has_its_own_name() {
    let host = Host::of("misbehave").start();
    let error = cause(&host, "parse").json();
    assert_eq!(
        (&error["errorType"], &error["errorMessage"]),
        (&json!("ParseIntError"), &json!("invalid digit found in string"))
    );
}

#[test]
fn an_error_type_that_fits_into_no_header_is_kept_in_the_body() {
    let host = Host::of("misbehave").start();
    let post = cause(&host, "odd error type");
    assert_eq!(post.header("lambda-runtime-function-error-type"), Some("a??b: ?"));
    assert_eq!(post.json()["errorType"], "a\r\nb: ü");
}

/// Each of these throws the instance away: the next answer comes from a new one, in the same process.
#[test]
fn after_a_fault_the_next_answer_is_right_and_from_the_same_process() {
    let faults = [
        ("panic", "Guest.Trap.Unreachable", "out of pickles: "),
        ("trap", "Guest.Trap.Unreachable", "wasm `unreachable` instruction executed"),
        ("overflow the stack", "Guest.Trap.MemoryOutOfBounds", "out of bounds memory access"),
        ("exit 0", "Guest.Exit", "the guest called `exit(0)`\nhint: "),
        ("exit 3", "Guest.Exit", "the guest called `exit` with a failure\nhint: "),
        (
            "answer too much",
            "Function.ResponseSizeTooLarge",
            "the answer is larger than the host reads, which is 16777216 bytes",
        ),
        ("allocate", "Guest.OutOfMemory", "memory allocation of "),
        ("loop", "Guest.Timeout", "the guest was stopped after 1."),
        ("sleep", "Guest.Timeout", "the guest was stopped after 1."),
    ];
    for edge in Edge::BOTH {
        let mut host = Host::of("misbehave").edge(edge).start();
        for (fault, error_type, message) in faults {
            host.answer("\"\"");
            let error = cause(&host, fault).json();
            assert!(error["errorType"].as_str().unwrap().starts_with(error_type), "{edge:?}, {fault}: {error}");
            assert!(error["errorMessage"].as_str().unwrap().starts_with(message), "{edge:?}, {fault}: {error}");
            assert_eq!(host.answer("\"\""), "1", "{edge:?}, after {fault}");
            assert!(host.program.is_running());
        }
    }
}

#[test]
fn a_stack_trace_names_the_guests_functions_and_nothing_of_the_hosts() {
    let host = Host::of("misbehave").start();
    let error = cause(&host, "panic").json();
    let frames: Vec<&str> = error["stackTrace"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(frames[0].starts_with("abort+0x"), "C's library has no debug info: {frames:?}");
    assert!(frames.iter().any(|frame| frame.starts_with("core::panicking::panic_fmt (")), "{frames:?}");
    let own = frames.iter().find(|frame| frame.starts_with("misbehave (")).unwrap();
    assert!(own.contains("examples/misbehave.rs:21:20)"), "{own}");
    assert!(frames.len() <= 64 && !error.to_string().contains("wasmtime"), "{error}");
}

#[test]
fn a_large_error_is_cut_to_what_lambda_takes_in_the_answer_and_in_the_log() {
    let host = Host::of("misbehave").start();
    let post = cause(&host, "large error");
    assert_eq!(post.json()["errorType"].as_str().map(str::len), Some(256));
    assert!(post.body.len() < 1024 * 1024);
    assert_eq!(host.answer("\"\""), "1");
    assert!(host.program.lines().iter().all(|line| line.len() < 1024 * 1024));
}

/// The names are API, so each is caused by a guest that does just that.
#[test]
fn each_trap_has_its_name() {
    let traps = [
        ("unreachable", "Unreachable"),
        ("(i32.load (i32.const 0x7fffffff))", "MemoryOutOfBounds"),
        ("(i32.div_u (i32.const 1) (i32.const 0))", "IntegerDivideByZero"),
        ("(i32.div_s (i32.const 0x80000000) (i32.const -1))", "IntegerOverflow"),
        ("(i32.trunc_f32_s (f32.const nan))", "BadConversionToInteger"),
        ("(call $deeper (i32.const 0))", "StackOverflow"),
        ("(call_indirect (type $to-number) (i32.const 9))", "TableOutOfBounds"),
        ("(call_indirect (type $to-number) (i32.const 1))", "IndirectCallToNull"),
        ("(call_indirect (type $to-number) (i32.const 0))", "BadSignature"),
    ];
    for (body, kind) in traps {
        let host = Host::with(&guests::handling(body)).start();
        for _ in 0..2 {
            let post = host.invoke("{}");
            assert_eq!(post.json()["errorType"], format!("Guest.Trap.{kind}"), "{body}: {}", post.text());
        }
    }
}

/// A guest's `handle` returns the address of: 0 for an answer, then the text's address and length.
#[test]
fn an_answer_that_breaks_the_contract_is_an_invalid_response() {
    let answering = |address: u32, length: u32, first_byte: u8| {
        guests::handling(&format!(
            "(i32.store8 (i32.const 100) (i32.const {first_byte}))
             (i32.store (i32.const 16) (i32.const 0))
             (i32.store (i32.const 20) (i32.const {address}))
             (i32.store (i32.const 24) (i32.const {length}))
             (i32.const 16)"
        ))
    };
    let host = Host::with(&answering(100, 1, b'7')).start();
    assert_eq!(host.answer("{}"), "7");
    for (what, guest) in [
        ("not UTF-8", answering(100, 1, 0xff)),
        ("text out of bounds", answering(0x7fff_ffff, 1, b'7')),
        ("text of 4 GiB", answering(0, u32::MAX, b'7')),
        ("a result out of bounds", guests::handling("(i32.const 0x7ffffff0)")),
        ("an unaligned result", guests::handling("(i32.const 17)")),
    ] {
        let mut host = Host::with(&guest).start();
        for _ in 0..2 {
            let post = host.invoke("{}");
            assert_eq!(post.json()["errorType"], "Guest.InvalidResponse", "{what}: {}", post.text());
        }
        assert!(host.program.is_running());
    }
}

/// What the component model lets a guest do besides its handler: give memory for the event, clean up after the answer,
/// and start.
#[test]
fn a_guest_that_traps_around_its_handler_faults_as_one_that_traps_in_it() {
    let good = "(i32.store (i32.const 16) (i32.const 0)) (i32.store (i32.const 20) (i32.const 100))
                (i32.store (i32.const 24) (i32.const 0)) (i32.const 16)";
    let in_realloc = guests::handling_with(good, "(if (i32.eq (local.get 3) (i32.const 5)) (then unreachable))", "");
    let in_post_return = guests::handling_with(good, "", "(unreachable)");
    let out_of_bounds = guests::handling_with(
        good,
        "(if (i32.eq (local.get 3) (i32.const 5)) (then (return (i32.const 0x7ffffff0))))",
        "",
    );
    for (what, guest, error_type) in [
        ("realloc", in_realloc, "Guest.Trap.Unreachable"),
        ("post-return", in_post_return, "Guest.Trap.Unreachable"),
        ("memory out of bounds", out_of_bounds, "Guest.InvalidResponse"),
    ] {
        let mut host = Host::with(&guest).start();
        for _ in 0..2 {
            let post = host.invoke("12345");
            assert_eq!(post.json()["errorType"], error_type, "{what}: {}", post.text());
        }
        assert!(host.program.is_running(), "{what}");
    }
}

/// The guest looks for a file to know whether to loop, so that its first instance starts and the next does not.
#[test]
fn start_up_that_loops_is_stopped_like_a_handler_that_does() {
    let file = format!("/tmp/guesthouse-test-init-loops-{}", std::process::id());
    let mut host = Host::of("init_loops").env("LOOP_FILE", &file).start();
    assert_eq!(host.answer("\"\""), "1");
    std::fs::write(&file, "").unwrap();
    assert_eq!(cause(&host, "trap").json()["errorType"], "Guest.Trap.Unreachable");
    let error = cause(&host, "").json();
    std::fs::remove_file(&file).unwrap();
    assert_eq!(error["errorType"], "Guest.Timeout");
    assert!(
        error["errorMessage"].as_str().unwrap().starts_with("the guest's start-up was stopped after 1."),
        "{error}"
    );
    assert_eq!(host.answer("\"\""), "1");
    assert!(host.program.is_running());
}
