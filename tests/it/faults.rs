//! A guest's fault becomes an error; the process lives on, and the next response is right.

use std::time::Duration;

use serde_json::json;

use crate::support::{
    Behaviour, Event, Host, Reply, RuntimeClient,
    behaviour::{NAMED, Size},
    root,
    text::{FAULT, Text},
};

fn cause(host: &Host, fault: Behaviour) -> Reply {
    host.fake.invoke(Event::new(fault).timeout(Duration::from_secs(60)))
}

/// The fixture reads what the tests write.
#[test]
fn each_behaviour_of_the_fixture_is_read_as_it_is_written() {
    let with_values = [
        Behaviour::WaitIn("/tmp/some directory".to_owned()),
        Behaviour::Rest.aloud(),
        Behaviour::WaitIn("/tmp".to_owned()).aloud(),
        Behaviour::Exit(1).in_start_up(),
        Behaviour::ErrorOf(Size::Mb(50)),
        Behaviour::ResponseOf(Size::Bytes(7)),
        Behaviour::Exit(0),
        Behaviour::OpenFiles(1_000_000),
    ];
    for behaviour in NAMED.iter().map(|(behaviour, _)| behaviour).chain(&with_values) {
        let text = behaviour.to_string();
        assert_eq!(text.parse::<Behaviour>().as_ref(), Ok(behaviour), "{text:?}");
        // What makes an event larger changes nothing.
        assert_eq!(format!("{text}   ").parse::<Behaviour>().as_ref(), Ok(behaviour), "{text:?}");
    }
    for unknown in ["overflow", "exit", "open files", "response of 7 GB", "start badly: overflow"] {
        assert!(unknown.parse::<Behaviour>().is_err(), "{unknown}");
    }
}

#[test]
fn a_handlers_error_reaches_the_caller_whole_and_the_instance_stays() {
    for client in RuntimeClient::BOTH {
        let host = Host::of("misbehave").runtime_client(client).start();
        assert_eq!(host.response(Behaviour::Count), "1");
        let post = cause(&host, Behaviour::Fail);
        assert_eq!(post.header("lambda-runtime-function-error-type"), Some("OrderNotFound"));
        let error = json!({
            "errorType": "OrderNotFound", "errorMessage": "no such order: `42`", "stackTrace": ["find", "main"],
        });
        assert_eq!(post.any_error().json(), &error);
        assert_eq!(host.response(Behaviour::Count), "2");
    }
}

#[test]
fn an_error_passed_up_with_a_question_mark_has_its_own_name() {
    let host = Host::of("misbehave").start();
    let error = cause(&host, Behaviour::FailToParse).error("ParseIntError");
    assert_eq!(error.message(), "invalid digit found in string");
}

#[test]
fn an_error_type_that_fits_into_no_header_is_kept_in_the_body() {
    let host = Host::of("misbehave").start();
    let post = cause(&host, Behaviour::OddErrorType);
    assert_eq!(post.header("lambda-runtime-function-error-type"), Some("a??b: ?"));
    post.error("a\r\nb: ü");
}

#[test]
fn a_stack_trace_names_the_guests_functions_and_nothing_of_the_hosts() {
    let host = Host::of("misbehave").start();
    let error = cause(&host, Behaviour::Panic).any_error();
    let frames = error.stack_trace();
    assert!(frames[0].starts_with("abort+0x"), "C's library has no debug info: {frames:?}");
    assert!(frames.iter().any(|frame| frame.starts_with("core::panicking::panic_fmt (")), "{frames:?}");
    let own: Vec<&String> = frames.iter().filter(|frame| frame.contains("examples/misbehave.rs:")).collect();
    let source = std::fs::read_to_string(root().join("guests/fixtures/examples/misbehave.rs")).unwrap();
    let line = 1 + source.lines().position(|line| line.contains("panic!(")).unwrap();
    assert!(own[0].starts_with("fault (") && own[0].contains(&format!("misbehave.rs:{line}:")), "{own:?}");
    assert!(own[1].starts_with("misbehave ("), "{own:?}");
    assert!(!error.to_string().contains("wasmtime"), "{error}");
}

#[test]
fn a_deep_stack_trace_has_its_innermost_64_frames() {
    let host = Host::of("misbehave").start();
    let frames = cause(&host, Behaviour::OverflowTheStack).any_error().stack_trace();
    assert_eq!(frames.len(), 64);
    // What stands before it was inlined where the stack ended.
    assert!(frames.iter().skip(1).all(|frame| frame.starts_with("deeper (")), "{frames:?}");
}

#[test]
fn a_function_without_debug_info_is_shown_with_its_offset() {
    let guest = Text { handle: "(call $deeper (i32.const 0))", ..Text::default() };
    let host = Host::with(&guest.build()).start();
    let frames = host.invoke(FAULT).any_error().stack_trace();
    assert!(frames.len() == 64 && frames.iter().all(|frame| frame.starts_with("deeper+0x")), "{frames:?}");
}

#[test]
fn a_large_error_is_cut_to_what_lambda_takes_in_the_response_and_in_the_log() {
    let host = Host::of("misbehave").start();
    let post = cause(&host, Behaviour::LargeError);
    assert_eq!(post.any_error().error_type().len(), 256);
    assert!(post.body.len() < 1024 * 1024);
    assert_eq!(host.response(Behaviour::Count), "1");
    assert!(host.program.lines().iter().all(|line| line.len() < 1024 * 1024));
}
