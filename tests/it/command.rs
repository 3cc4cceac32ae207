//! The contract `command`: programs that know nothing of Lambda, as components and as core modules.

use std::{fs, process::Command, time::Duration};

use serde_json::{Value, json};

use crate::support::{Edge, Event, Host, guests, program, task_root};

fn error(host: &Host, event: &str) -> Value {
    let post = host.invoke(event);
    assert!(post.subject().ends_with("/error"), "{event}: {}", post.subject());
    post.json()
}

#[test]
fn an_event_comes_on_standard_input_and_what_is_printed_is_the_answer() {
    for edge in Edge::BOTH {
        let host = Host::of("command").edge(edge).start();
        for event in ["{\"name\": \"Zoë\"}\n", "no JSON at all"] {
            assert_eq!(host.answer(event), event);
        }
        assert_eq!(host.answer("\"exit 0\""), "\"done\"\n");
    }
}

#[test]
fn what_a_command_gets_is_bytes() {
    let host = Host::of("command").start();
    let error = host.invoke([0xff]).json();
    assert_eq!(error["errorType"], "Guest.InvalidResponse");
    assert!(error["errorMessage"].as_str().unwrap().contains("not UTF-8"));
}

#[test]
fn the_context_is_in_variables_that_only_the_host_sets() {
    let host = Host::of("command")
        .env("GREETING", "hi")
        .env("LAMBDA_CONTEXT_IDENTITY_ID", "somebody else")
        .env("LAMBDA_CONTEXT_TENANT_ID", "somebody else")
        .start();
    let event = Event::new("\"variables\"").header("lambda-runtime-aws-tenant-id", "tenant-a");
    let variables: Vec<String> = serde_json::from_str(host.fake.invoke(event).text()).unwrap();
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

#[test]
fn arguments_are_those_of_the_settings() {
    for (written, expected) in [
        ("", json!(["guest"])),
        ("-r .name", json!(["guest", "-r", ".name"])),
        (r#"["-r", ".first name"]"#, json!(["guest", "-r", ".first name"])),
    ] {
        let host = Host::of("command").env("GUESTHOUSE_ARGS", written).start();
        assert_eq!(serde_json::from_str::<Value>(&host.answer("\"arguments\"")).unwrap(), expected);
    }
}

#[test]
fn each_invocation_has_an_instance_of_its_own() {
    let host = Host::of("command").env("GUESTHOUSE_INSTANCES", "reuse").start();
    for _ in 0..3 {
        assert_eq!(host.answer("\"count\""), "1\n");
    }
}

#[test]
fn standard_error_goes_to_the_log_and_standard_output_does_not() {
    let host = Host::of("command").start();
    assert_eq!(host.answer("\"logs\""), "\"to the caller\"\n");
    host.program.line("the line on standard error", |line| line.contains("to the log").then_some(()));
    assert!(!host.program.lines().iter().any(|line| line.contains("to the caller")));
}

#[test]
fn a_command_that_ends_badly_is_an_error_and_the_next_invocation_is_served() {
    let host = Host::of("command").start();
    let pid = host.program.pid();
    for (event, error_type, said) in [
        ("\"exit 3\"", "Guest.Exit", "no such order: exited with status 3"),
        ("\"failure\"", "Guest.Exit", "exited with status 1"),
        ("\"panic\"", "Guest.Trap.Unreachable", "what now"),
        ("\"nothing\"", "Guest.InvalidResponse", "ended well without an answer"),
        ("\"bytes\"", "Guest.InvalidResponse", "not UTF-8"),
        ("\"over the limit\"", "Function.ResponseSizeTooLarge", "more than 6291556 bytes"),
    ] {
        let error = error(&host, event);
        assert_eq!(error["errorType"], error_type, "{event}: {error}");
        assert!(error["errorMessage"].as_str().unwrap().contains(said), "{event}: {error}");
        assert_eq!(host.answer("\"count\""), "1\n");
    }
    let stopped = host.fake.invoke(Event::new("\"loop\"").timeout(Duration::from_secs(2))).json();
    assert_eq!(stopped["errorType"], "Guest.Timeout");
    assert_eq!(host.answer("\"at the limit\"").len(), 6_291_556);
    assert_eq!(host.program.pid(), pid);
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
fn a_core_module_with_a_main_is_a_command() {
    let module = guests::from_text(ECHO);
    let host = Host::with(&module).start();
    let long = "é".repeat(100_000);
    for event in ["{\"name\":\"Ada\"}", &long] {
        assert_eq!(host.answer(event), event);
    }
}

#[test]
fn a_core_module_can_be_compiled_ahead_of_time_and_is_known_by_its_own_digest() {
    let folder = task_root();
    let (wasm, cwasm) = (folder.path().join("guest.wasm"), folder.path().join("guest.cwasm"));
    fs::write(&wasm, guests::from_text(ECHO)).unwrap();
    let compiled = Command::new(program("guesthouse")).arg("compile").arg(&wasm).output().unwrap();
    assert!(compiled.status.success(), "{compiled:?}");
    assert!(cwasm.exists());
    // One that was not made from the file beside it would be told of.
    let host = Host::in_folder(folder.path()).start();
    assert_eq!(host.answer("1"), "1");
    assert!(!host.program.lines().iter().any(|line| line.contains("is compiled now")));
}

/// Answers with its event: the pointer and the length that came are those that go.
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
            assert_eq!(host.answer("{\"name\":\"Ada\"}"), "{\"name\":\"Ada\"}");
        }
    }
}

/// Like Go's own programs: it takes what it grows its memory by, and all behind that, for its own.
const GREEDY: &str = r#"(module
    (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write_again (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1 MAXIMUM)
    (data (i32.const 2048) " or nothing\n")
    (func $must (param i32) (if (i32.eqz (local.get 0)) (then (call $exit (i32.const 9)))))
    (func (export "_start") (local $at i32)
        (call $must (i32.eq (memory.size) (i32.const 1)))
        (call $must (i32.eq (memory.grow (i32.const 1)) (i32.const GROWN)))
        (drop (memory.grow (i32.const 3)))
        (local.set $at (i32.mul (memory.size) (i32.const 65536)))
        (memory.fill (i32.const 65536) (i32.const 0x55) (i32.sub (local.get $at) (i32.const 65536)))
        ;; The second argument, behind the event.
        (drop (call $args_sizes (i32.const 64) (i32.const 68)))
        (call $must (i32.eq (i32.load (i32.const 64)) (i32.const 2)))
        (drop (call $args (i32.const 128) (i32.const 256)))
        (i32.store (i32.const 0) (i32.const 1024)) (i32.store (i32.const 4) (i32.const 16))
        (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 32)))
        (memory.copy (i32.const 1040) (i32.const 1024) (i32.const 16))
        (i32.store (i32.const 0) (i32.const 1040)) (i32.store (i32.const 4) (i32.load (i32.const 32)))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 36)))
        (i32.store (i32.const 0) (i32.load (i32.const 132))) (i32.store (i32.const 4) (i32.const 3))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 36)))
        (i32.store (i32.const 0) (i32.const 2048)) (i32.store (i32.const 4) (i32.const 12))
        (drop (call $write_again (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 36)))
        (loop $next
            (local.set $at (i32.sub (local.get $at) (i32.const 1)))
            (if (i32.ge_u (local.get $at) (i32.const 65536)) (then
                (call $must (i32.eq (i32.load8_u (local.get $at)) (i32.const 0x55)))
                (br $next))))
        ;; Its memory ends where it says.
        (if (i32.eq (i32.load8_u (i32.const 1024)) (i32.const 0x21))
            (then (drop (i32.load8_u (i32.mul (memory.size) (i32.const 65536)))))))
    (@custom "go:buildid" "any"))"#;

fn greedy(maximum: &str, grown: &str) -> String {
    GREEDY.replace("MAXIMUM", maximum).replace("GROWN", grown)
}

#[test]
fn a_module_that_takes_all_memory_for_its_own_does_not_meet_the_adapters() {
    for (maximum, grown) in [("", "1"), ("5", "1"), ("1", "-1")] {
        let host = Host::with(&guests::from_text(&greedy(maximum, grown))).env("GUESTHOUSE_ARGS", "all").start();
        assert_eq!(host.answer("its "), "its all or nothing\n", "at most {maximum}");
        let error = error(&host, "!");
        assert_eq!(error["errorType"], "Guest.Trap.MemoryOutOfBounds", "{error}");
    }
}

#[test]
fn a_core_module_that_can_not_become_a_component_is_refused_with_the_reason() {
    for (text, error_type, said) in [
        (
            "(module (func (export \"run\")))",
            "Host.InvalidGuest",
            "without `_start` and without a handler: it exports `run`",
        ),
        (
            "(module (import \"env\" \"call\" (func)) (import \"gojs\" \"call\" (func)) (func (export \"_start\")))",
            "Host.UnsupportedImport",
            "`env` (nothing like it is provided), `gojs`",
        ),
        (
            "(module (import \"wasi_unstable\" \"call\" (func)) (func (export \"_start\")))",
            "Host.UnsupportedImport",
            "`wasi_unstable` (provided as `wasi_snapshot_preview1`)",
        ),
        (
            "(module (import \"wasi_snapshot_preview1\" \"fd_reed\" (func)) (memory (export \"memory\") 1)
                (func (export \"_start\")))",
            "Host.InvalidGuest",
            "`fd_reed`",
        ),
        ("(module (func (export \"_start\") (param i32)))", "Host.InvalidGuest", "can't be made a component"),
        (
            &greedy("", "1").replace("args_sizes_get", "environ_sizes_get"),
            "Host.InvalidGuest",
            "and not `args_sizes_get`",
        ),
        (
            &greedy("", "1").replace("proc_exit", "sched_yield"),
            "Host.InvalidGuest",
            "`sched_yield` with other parameters",
        ),
        (
            &greedy("", "1")
                .replace("(i32.load8_u (local.get $at))", "(i32.load8_u offset=4294967295 (local.get $at))"),
            "Host.InvalidGuest",
            "an address behind all memory",
        ),
        (
            &greedy("", "1").replace("(i32.const 2048) \" or", "(i32.const -1) \" or"),
            "Host.InvalidGuest",
            "an address behind all memory",
        ),
        (
            &format!("(module {} (func (export \"_start\")))", r#"(import "env" "f" (func))"#.repeat(1001)),
            "Host.InvalidGuest",
            "1001 imports, and 1000 is the most",
        ),
    ] {
        let error = Host::with(&guests::from_text(text)).spawn().init_error();
        assert_eq!(error["errorType"], error_type, "{error}");
        let message = error["errorMessage"].as_str().unwrap();
        assert!(message.contains(said) && message.contains("\nhint: "), "{message}");
    }
}
