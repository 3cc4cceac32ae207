//! A guest's fault becomes an error; the process lives on, and the next response is right.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    Event, Host, RuntimeClient,
    http::Message,
    root,
    text::{FAULT, Text},
};

fn cause(host: &Host, fault: &str) -> Message {
    let post = host.fake.invoke(Event::new(json!(fault).to_string()).timeout(Duration::from_secs(60)));
    assert!(post.subject().ends_with("/error"), "{fault}: {}", post.text());
    post
}

#[test]
fn a_handlers_error_reaches_the_caller_whole_and_the_instance_stays() {
    for client in RuntimeClient::BOTH {
        let host = Host::of("misbehave").runtime_client(client).start();
        assert_eq!(host.response("\"\""), "1");
        let post = cause(&host, "err");
        assert_eq!(post.header("lambda-runtime-function-error-type"), Some("OrderNotFound"));
        let error = json!({
            "errorType": "OrderNotFound", "errorMessage": "no such order: `42`", "stackTrace": ["find", "main"],
        });
        assert_eq!(post.json(), error);
        assert_eq!(host.response("\"\""), "2");
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

#[test]
fn a_stack_trace_names_the_guests_functions_and_nothing_of_the_hosts() {
    let host = Host::of("misbehave").start();
    let error = cause(&host, "panic").json();
    let frames: Vec<&str> = error["stackTrace"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(frames[0].starts_with("abort+0x"), "C's library has no debug info: {frames:?}");
    assert!(frames.iter().any(|frame| frame.starts_with("core::panicking::panic_fmt (")), "{frames:?}");
    let own: Vec<&&str> = frames.iter().filter(|frame| frame.contains("examples/misbehave.rs:")).collect();
    let source = std::fs::read_to_string(root().join("guests/fixtures/examples/misbehave.rs")).unwrap();
    let line = 1 + source.lines().position(|line| line.contains("panic!(")).unwrap();
    assert!(own[0].starts_with("fault (") && own[0].contains(&format!("misbehave.rs:{line}:")), "{own:?}");
    assert!(own[1].starts_with("misbehave ("), "{own:?}");
    assert!(!error.to_string().contains("wasmtime"), "{error}");
}

#[test]
fn a_deep_stack_trace_has_its_innermost_64_frames() {
    let host = Host::of("misbehave").start();
    let error = cause(&host, "overflow the stack").json();
    let frames: Vec<&str> = error["stackTrace"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(frames.len(), 64);
    // What stands before it was inlined where the stack ended.
    assert!(frames.iter().skip(1).all(|frame| frame.starts_with("deeper (")), "{frames:?}");
}

#[test]
fn a_function_without_debug_info_is_shown_with_its_offset() {
    let guest = Text { handle: "(call $deeper (i32.const 0))", ..Text::default() };
    let host = Host::with(&guest.build()).start();
    let error = host.invoke(FAULT).json();
    let frames: Vec<&str> = error["stackTrace"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(frames.len() == 64 && frames.iter().all(|frame| frame.starts_with("deeper+0x")), "{frames:?}");
}

#[test]
fn a_large_error_is_cut_to_what_lambda_takes_in_the_response_and_in_the_log() {
    let host = Host::of("misbehave").start();
    let post = cause(&host, "large error");
    assert_eq!(post.json()["errorType"].as_str().map(str::len), Some(256));
    assert!(post.body.len() < 1024 * 1024);
    assert_eq!(host.response("\"\""), "1");
    assert!(host.program.lines().iter().all(|line| line.len() < 1024 * 1024));
}
