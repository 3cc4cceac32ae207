//! What keeps a guest from being served is told to Lambda before the first event, with a way out.

use std::{
    fs,
    time::{Duration, Instant},
};

use crate::support::{Host, InvocationError, RuntimeClient, guests};

/// The error for a guest with these bytes; fails unless it has this type.
#[track_caller]
fn error_for(bytes: &[u8], error_type: &str) -> InvocationError {
    // Who can't be stopped is reported when a quarter of this is left: a busy machine may take a part of it.
    Host::with(bytes).margin("1s").init_error(error_type)
}

#[test]
fn a_missing_guest_is_reported_with_those_that_exist() {
    for client in RuntimeClient::BOTH {
        let error = Host::of("nobody").runtime_client(client).init_error("Host.GuestNotFound");
        error.explains(&["no such guest", "nobody", "`echo`", "`hello`"]);
    }
}

#[test]
fn a_task_root_that_is_not_there_is_reported() {
    let error = Host::of("echo").env("LAMBDA_TASK_ROOT", "/nowhere").init_error("Host.Config");
    error.explains(&["can't open the task root `/nowhere`"]);
}

#[test]
fn all_problems_of_the_settings_are_reported_at_once() {
    Host::of("echo")
        .env("GUESTHOUSE_RUNTIME_CLIENT", "nginx")
        .env("GUESTHOUSE_MARGIN", "soon")
        .init_error("Host.Config")
        .explains(&["`GUESTHOUSE_RUNTIME_CLIENT` is `nginx`", "`GUESTHOUSE_MARGIN` is `soon`"]);
}

#[test]
fn a_digest_that_is_not_the_pinned_one_is_refused_and_the_pinned_one_is_served() {
    let other = format!("sha256:{}", "0".repeat(64));
    let error = Host::of("count").digest(&other).init_error("Host.DigestMismatch").explains(&[&other]);
    let digest = error.message().split('`').find(|part| part.starts_with("sha256:")).unwrap();
    assert_eq!(Host::of("count").digest(digest).start().response("{}"), "1");
}

#[test]
fn what_is_no_wasm_file_is_refused() {
    error_for(b"#!/bin/sh", "Host.InvalidGuest").explains(&["not a wasm file", "`#!/b`"]);
    error_for(b"", "Host.InvalidGuest").explains(&["not a wasm file"]);
}

#[test]
fn a_core_module_is_refused() {
    error_for(&guests::from_text("(module)"), "Host.InvalidGuest").explains(&["a core wasm module"]);
}

#[test]
fn a_truncated_component_is_refused() {
    let whole = fs::read(guests::path("echo")).unwrap();
    for keep in [8, 9, 100, whole.len() / 2, whole.len() - 1] {
        error_for(&whole[..keep], "Host.InvalidGuest").explains(&[]);
    }
}

#[test]
fn types_that_are_nested_without_end_are_refused() {
    for levels in [600, 500_000] {
        error_for(&guests::nested_types(levels), "Host.InvalidGuest").explains(&[]);
    }
}

#[test]
fn what_overburdens_the_compiler_is_refused_in_time() {
    error_for(&guests::nested_instances(25), "Host.InvalidGuest").explains(&["instantiates 67108864 components"]);
    let refused = ["a function with 5000 locals has 500 loops"];
    error_for(&guests::loops_and_locals(5_000, 500), "Host.InvalidGuest").explains(&refused);
    // What does not show beforehand is stopped.
    error_for(&guests::loops_and_locals(1_000, 200), "Guest.Timeout").explains(&["compiling it takes longer than "]);
}

#[test]
fn a_component_without_a_known_contract_is_refused_with_its_exports() {
    let text = r#"(component (instance $empty) (export "acme:orders/api@1.0.0" (instance $empty)))"#;
    error_for(&guests::from_text(text), "Host.InvalidGuest")
        .explains(&["no known contract", "`acme:orders/api@1.0.0`"]);
    error_for(&guests::from_text("(component)"), "Host.InvalidGuest").explains(&["exports nothing"]);
}

#[test]
fn a_contract_of_another_version_is_refused() {
    let text = r#"(component (instance $empty) (export "guesthouse:lambda/handler@0.2.0" (instance $empty)))"#;
    error_for(&guests::from_text(text), "Host.InvalidGuest").explains(&["`guesthouse:lambda/handler@0.2.0`", "0.1.x"]);
}

#[test]
fn a_hook_of_another_version_is_refused() {
    let text = r#"(component (instance $empty) (export "guesthouse:lambda/lifecycle@0.2.0" (instance $empty)))"#;
    error_for(&guests::from_text(text), "Host.InvalidGuest")
        .explains(&["`guesthouse:lambda/lifecycle@0.2.0`", "0.1.x"]);
}

/// They import things that the host does not provide either, but that is not what stands in the way.
#[test]
fn a_contract_that_comes_later_is_refused_by_its_name() {
    for contract in ["wasi:http/handler@0.3.0", "wasi:http/incoming-handler@0.3.0", "wasi:cli/run@0.3.0"] {
        let text = format!(
            r#"(component (import "wasi:http/types@0.2.3" (instance (export "fields" (type (sub resource)))))
               (instance $empty) (export "{contract}" (instance $empty)))"#
        );
        let named = format!("`{contract}`");
        error_for(&guests::from_text(&text), "Host.InvalidGuest").explains(&[&named, "does not serve yet"]);
    }
}

#[test]
fn lambda_runtime_without_the_variables_it_needs_is_refused() {
    Host::of("echo")
        .runtime_client(RuntimeClient::LambdaRuntime)
        .env("AWS_LAMBDA_FUNCTION_VERSION", "")
        .init_error("Host.Config")
        .explains(&["`AWS_LAMBDA_FUNCTION_VERSION`"]);
}

#[test]
fn a_contract_with_other_types_is_refused() {
    let text = r#"(component (instance $empty) (export "guesthouse:lambda/handler@0.1.0" (instance $empty)))"#;
    let none = ["`guesthouse:lambda/handler@0.1.0#handle` is missing, and must be `func(string, record {", "hint: "];
    error_for(&guests::from_text(text), "Host.InvalidGuest").explains(&none);
    let run = |ty: &str, code: &str| {
        guests::from_text(&format!(
            r#"(component
                (core module $m (func (export "run") {code}))
                (core instance $c (instantiate $m))
                (func $run {ty} (canon lift (core func $c "run")))
                (instance $e (export "run" (func $run)))
                (export "wasi:cli/run@0.2.0" (instance $e)))"#
        ))
    };
    for (guest, is, must_be) in [
        (
            run("(result u32)", "(result i32) (i32.const 0)"),
            "`wasi:cli/run@0.2.0#run` is `func() -> u32`",
            "`func() -> result`",
        ),
        (run(r#"(param "a" s8)"#, "(param i32)"), "`wasi:cli/run@0.2.0#run` is `func(s8)`", "`func() -> result`"),
        (
            guests::from_text(r#"(module (func (export "_start") (param i32) (result i32) (local.get 0)))"#),
            "`_start` is `func(i32) -> i32`",
            "`func()`",
        ),
        (
            guests::from_text(r#"(module (global (export "_start") i32 (i32.const 1)))"#),
            "`_start` is `global i32`",
            "`func()`",
        ),
    ] {
        error_for(&guest, "Host.InvalidGuest").explains(&[is, &format!(", and must be {must_be}")]);
    }
}

#[test]
fn every_import_that_the_host_does_not_provide_is_named_with_the_nearest() {
    let text = r#"(component
        (import "wasi:cli/stdot@0.2.6" (instance (export "get-stdout" (func))))
        (import "wasi:clocks/monotonic-clock@0.3.0" (instance (export "now" (func (result u64)))))
        (import "acme:billing/ledger" (instance (export "post" (func))))
    )"#;
    error_for(&guests::from_text(text), "Host.UnsupportedImport").explains(&[
        "`wasi:cli/stdot@0.2.6` (nearest: `wasi:cli/stdout@0.2.x`)",
        "`wasi:clocks/monotonic-clock@0.3.0` (provided as `wasi:clocks/monotonic-clock@0.2.x`)",
        "`acme:billing/ledger` (nothing like it is provided)",
    ]);
}

#[test]
fn an_import_that_is_provided_but_lacks_a_function_says_which() {
    let text = r#"(component (import "wasi:cli/stdout@0.2.6" (instance (export "get-stdouts" (func))))
        (core module $m (func (export "run") (result i32) (i32.const 0)))
        (core instance $c (instantiate $m))
        (func $run (result (result)) (canon lift (core func $c "run")))
        (instance $e (export "run" (func $run)))
        (export "wasi:cli/run@0.2.0" (instance $e)))"#;
    error_for(&guests::from_text(text), "Host.UnsupportedImport").explains(&["`wasi:cli/stdout@0.2.6`", "get-stdouts"]);
}

#[test]
fn a_guest_whose_init_fails_or_panics_is_reported_in_its_own_words() {
    for client in RuntimeClient::BOTH {
        let failed = Host::of("init_fails").runtime_client(client).init_error("NoTable");
        failed.says("the variable `TABLE` is not set").says("failed to start").has_hint();
        let panicked = Host::of("init_panics").runtime_client(client).init_error("Guest.Trap.Unreachable");
        panicked.says("the cellar is empty").says("failed to start").has_hint();
    }
}

/// What was printed without a line end is in the log all the same.
#[test]
fn the_last_words_of_a_guest_that_does_not_start_are_in_the_log() {
    let mut host = Host::of("init_fails").spawn();
    host.fake.post();
    host.program.wait();
    host.program.line("its last words", |line| line.ends_with("\tlooking for the table").then_some(()));
}

#[test]
fn a_start_up_without_end_is_stopped_before_lambda_would_stop_the_host() {
    let file = tempfile::NamedTempFile::new_in("/tmp").unwrap();
    let begun = Instant::now();
    let looping = Host::of("init_loops").env("LOOP_FILE", file.path().to_str().unwrap());
    let error = looping.margin("1s").init_error("Guest.Timeout");
    assert!(begun.elapsed() > Duration::from_secs(8), "{:?}", begun.elapsed());
    let error = error.explains(&["the guest's start-up was stopped after "]);
    let message = error.message();
    let seconds: f64 = message.split(" after ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    // Lambda's limit is ten; what the host itself took until then is not the guest's.
    assert!((1.0..10.0).contains(&seconds), "{message}");
}
