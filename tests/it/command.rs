//! Tests of the contract `command`: commands that know nothing of Lambda, as components and as core modules.

use std::{fs, process::Command, time::Duration};

use serde_json::json;

use crate::support::{
    Event, Host, RuntimeClient,
    guests::{self, PROGRAMS},
    program, task_root,
};

#[test]
fn an_event_comes_on_standard_input_and_what_is_printed_is_the_response() {
    for (client, program) in RuntimeClient::BOTH.into_iter().zip(PROGRAMS) {
        let host = Host::of(program).runtime_client(client).start();
        for event in ["{\"name\": \"Zoë\"}\n", "no JSON at all", &"é".repeat(100_000)] {
            assert_eq!(host.response(event), event);
        }
        assert_eq!(host.response("\"exit 0\""), "\"done\"\n");
    }
}

#[test]
fn what_a_command_gets_is_bytes() {
    for program in PROGRAMS {
        let host = Host::of(program).start();
        host.invoke([0xff]).error("Guest.InvalidResponse").says("not UTF-8");
    }
}

#[test]
fn the_context_is_in_variables_that_only_the_host_sets() {
    for program in PROGRAMS {
        let host = Host::of(program)
            .env("GREETING", "hi")
            .env("LAMBDA_CONTEXT_IDENTITY_ID", "somebody else")
            .env("LAMBDA_CONTEXT_TENANT_ID", "somebody else")
            .start();
        let event = Event::new("\"variables\"").header("lambda-runtime-aws-tenant-id", "tenant-a");
        let variables: Vec<String> = serde_json::from_str(host.fake.invoke(event).response()).unwrap();
        let value = |name: &str| {
            let mut all = variables.iter().filter_map(|variable| variable.strip_prefix(&format!("{name}=")));
            let value = all.next().map(str::to_owned);
            assert_eq!(all.next(), None, "{name} is there twice");
            value
        };
        assert!(value("LAMBDA_CONTEXT_REQUEST_ID").is_some_and(|id| !id.is_empty()));
        assert!(value("LAMBDA_CONTEXT_DEADLINE_MS").unwrap().parse::<u64>().unwrap() > 1_700_000_000_000);
        for (name, expected) in [
            ("LAMBDA_CONTEXT_FUNCTION_NAME", Some("the-function")),
            ("LAMBDA_CONTEXT_FUNCTION_VERSION", Some("7")),
            ("LAMBDA_CONTEXT_MEMORY_LIMIT_MIB", Some("512")),
            ("LAMBDA_CONTEXT_LOG_GROUP_NAME", Some("/aws/lambda/the-function")),
            ("LAMBDA_CONTEXT_LOG_STREAM_NAME", Some("2026/11/23/[7]abc")),
            ("LAMBDA_CONTEXT_TENANT_ID", Some("tenant-a")),
            ("LAMBDA_CONTEXT_IDENTITY_ID", None),
            ("LAMBDA_CONTEXT_IDENTITY_POOL_ID", None),
            ("GREETING", Some("hi")),
            ("AWS_LAMBDA_RUNTIME_API", None),
        ] {
            assert_eq!(value(name).as_deref(), expected, "{name}");
        }
    }
}

#[test]
fn arguments_are_those_of_the_settings() {
    for (written, expected) in [
        ("", json!(["guest"])),
        ("-r .name", json!(["guest", "-r", ".name"])),
        (r#"["-r", ".first name"]"#, json!(["guest", "-r", ".first name"])),
    ] {
        for program in PROGRAMS {
            let host = Host::of(program).args(written).start();
            assert_eq!(host.response_json("\"arguments\""), expected);
        }
    }
}

#[test]
fn quotes_among_words_are_refused_with_the_form_that_takes_them() {
    for written in ["-e 'a b'", "-e \"a b\"", "it's"] {
        let error = Host::of("command").args(written).init_error("Host.Config");
        error.says(r#"an array such as `["-e", "two words"]`"#);
    }
}

#[test]
fn each_invocation_has_an_instance_of_its_own() {
    for program in PROGRAMS {
        let host = Host::of(program).instances("reuse").start();
        for _ in 0..3 {
            assert_eq!(host.response("\"count\""), "1\n");
        }
    }
}

#[test]
fn standard_error_goes_to_the_log_and_standard_output_does_not() {
    for program in PROGRAMS {
        let host = Host::of(program).start();
        assert_eq!(host.response("\"logs\""), "\"to the caller\"\n");
        host.program.line("the line on standard error", |line| line.contains("to the log").then_some(()));
        assert!(!host.program.lines().iter().any(|line| line.contains("to the caller")));
    }
}

/// As `tracing` writes them in Rust, with colours.
#[test]
fn lines_of_a_logger_have_their_own_levels() {
    for program in PROGRAMS {
        let host = Host::of(program).start();
        assert_eq!(host.response("\"tracing\""), "null\n");
        for (level, message) in [("INFO", "ready"), ("ERROR", "no such order")] {
            let line = host.program.line(message, |line| line.contains(message).then(|| line.to_owned()));
            assert_eq!(line.split('\t').nth(2), Some(level), "{line}");
        }
    }
}

#[test]
fn a_command_that_ends_badly_is_an_error_and_the_next_invocation_is_served() {
    for program in PROGRAMS {
        let host = Host::of(program).start();
        let pid = host.program.pid();
        for (event, error_type, said) in [
            ("\"failure\"", "Guest.Exit", "exited with status 1\nhint: "),
            ("\"panic\"", "Guest.Trap.Unreachable", "what now"),
            ("\"nothing\"", "Guest.InvalidResponse", "ended well without a response"),
            ("\"bytes\"", "Guest.InvalidResponse", "not UTF-8"),
            ("\"over the limit\"", "Function.ResponseSizeTooLarge", "more than 6291556 bytes"),
            ("\"overflow the stack\"", "Guest.Trap.", ""),
            ("\"allocate\"", "Guest.OutOfMemory", "memory allocation of "),
        ] {
            let error = host.invoke(event).about(format!("{program}, {event}")).any_error().says(said);
            assert!(error.error_type().starts_with(error_type), "{program}, {event}: {error}");
            assert_eq!(host.response("\"count\""), "1\n");
        }
        for event in ["\"loop\"", "\"sleep\"", "\"empty lines\""] {
            let stopped = host.fake.invoke(Event::new(event).timeout(Duration::from_secs(2)));
            stopped.about(format!("{program}, {event}")).error("Guest.Timeout");
        }
        assert_eq!(host.response("\"at the limit\"").len(), 6_291_556);
        assert_eq!(host.program.pid(), pid);
    }
}

/// `exit` of WASI 0.2 tells no more than that it failed.
#[test]
fn the_status_of_a_command_that_fails_is_reported_with_its_last_words() {
    for (program, [three, four]) in PROGRAMS.into_iter().zip([[1, 1], [3, 4]]) {
        let host = Host::of(program).start();
        let error = |event: &str| host.invoke(event).any_error();
        error("\"exit 3\"").starts(&format!("no such order: exited with status {three}\nhint: "));
        let said = format!("line 7: missing semicolon: exited with status {four}\nhint: ");
        error("\"exit 4, said on standard output\"").starts(&said);
        host.program
            .line("the end of its output", |line| line.ends_with("\tINFO\tline 7: missing semicolon").then_some(()));
        host.program.line("what it printed", |line| line.ends_with("\tINFO\t\"half done\"").then_some(()));
        assert!(!error("\"failure\"").message().contains("is in the log"));
    }
}

/// By `exit-with-code` of WASI 0.2.12.
#[test]
fn the_status_is_reported_by_wasi_0_2_too() {
    let text = r#"(component
        (import "wasi:cli/exit@0.2.12" (instance $exit (export "exit-with-code" (func (param "status-code" u8)))))
        (core func $exit (canon lower (func $exit "exit-with-code")))
        (core module $m (import "exit" "exit" (func $exit (param i32)))
            (func (export "run") (result i32) (call $exit (i32.const 42)) (i32.const 0)))
        (core instance $e (export "exit" (func $exit)))
        (core instance $c (instantiate $m (with "exit" (instance $e))))
        (func $run (result (result)) (canon lift (core func $c "run")))
        (instance $r (export "run" (func $run)))
        (export "wasi:cli/run@0.2.12" (instance $r)))"#;
    let host = Host::with(&guests::from_text(text)).start();
    host.invoke("1").any_error().starts("exited with status 42\nhint: ");
}

/// Copies its standard input to its standard output, by WASI 0.1 alone.
const ECHO: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 2)
    (func (export "_start")
        (loop $again
            (i32.store (i32.const 0) (i32.const 1024)) (i32.store (i32.const 4) (i32.const 65536))
            (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
            (i32.store (i32.const 4) (i32.load (i32.const 8)))
            (if (i32.load (i32.const 8)) (then
                (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 12)))
                (br $again))))))"#;

#[test]
fn a_core_module_can_be_compiled_ahead_of_time_and_is_known_by_its_own_digest() {
    let directory = task_root();
    let (wasm, cwasm) = (directory.path().join("guest.wasm"), directory.path().join("guest.cwasm"));
    fs::write(&wasm, guests::from_text(ECHO)).unwrap();
    let compiled = Command::new(program("guesthouse")).arg("compile").arg(&wasm).output().unwrap();
    assert!(compiled.status.success(), "{compiled:?}");
    assert!(cwasm.exists());
    // One that was not made from the file beside it would be told of.
    let host = Host::in_directory(directory.path()).start();
    assert_eq!(host.response("1"), "1");
    assert!(!host.program.lines().iter().any(|line| line.contains("is compiled now")));
}

/// Returns its event: the pointer and the length that it received are those that it returns.
const HANDLER: &str = r#"(module
    (memory (export "memory") 2)
    (global $free (mut i32) (i32.const 1024))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
        (global.get $free)
        (global.set $free (i32.and (i32.add (i32.add (global.get $free) (local.get 3)) (i32.const 7)) (i32.const -8))))
    (func (export "guesthouse:lambda/handler@0.1.0#handle") (param $context i32) (result i32)
        (i32.store (i32.const 16) (i32.const 0))
        (i32.store (i32.const 20) (i32.load (local.get $context)))
        (i32.store (i32.const 24) (i32.load offset=4 (local.get $context)))
        (i32.const 16))
    (func (export "cabi_post_guesthouse:lambda/handler@0.1.0#handle") (param i32)
        (global.set $free (i32.const 1024)))
    LIFECYCLE)"#;

#[test]
fn a_core_module_with_the_handlers_functions_keeps_the_contract_event() {
    let lifecycle = r#"(func (export "guesthouse:lambda/lifecycle@0.1.0#init") (result i32)
        (i32.store (i32.const 32) (i32.const 0)) (i32.const 32))"#;
    for lifecycle in ["", lifecycle] {
        let host = Host::with(&guests::from_text(&HANDLER.replace("LIFECYCLE", lifecycle))).start();
        for _ in 0..3 {
            assert_eq!(host.response("{\"name\":\"Ada\"}"), "{\"name\":\"Ada\"}");
        }
    }
}
