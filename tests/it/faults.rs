//! A guest's fault becomes an error; the process lives on, and the next answer is right.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Edge, Event, Host, http::Message};

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
        ("overflow the stack", "Guest.Trap.", ""),
        ("exit 0", "Guest.Exit", "the guest called `exit(0)`\nhint: "),
        ("exit 3", "Guest.Exit", "the guest called `exit(1)`\nhint: "),
        ("allocate", "Guest.OutOfMemory", "memory allocation of "),
        ("loop", "Guest.Timeout", "the guest was stopped after 1.90 seconds"),
        ("sleep", "Guest.Timeout", "the guest was stopped after 1.90 seconds"),
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
    assert!(frames.iter().any(|frame| frame.starts_with("core::panicking::panic_fmt+0x")), "{frames:?}");
    assert!(frames.len() <= 64 && !error.to_string().contains(env!("CARGO_MANIFEST_DIR")), "{error}");
}

#[test]
fn an_error_of_a_hundred_megabytes_is_cut_to_what_lambda_takes() {
    let host = Host::of("misbehave").start();
    let post = cause(&host, "answer too much");
    assert!(post.body.len() < 1024 * 1024);
    assert_eq!(host.answer("\"\""), "1");
}
