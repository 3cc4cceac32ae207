//! Commands as they are: core modules of WASI 0.1 and WebAssembly 3.0, with the same limits as components.

use std::time::Duration;

use crate::support::{
    Event, Host,
    guests::{self, MIXED, PROGRAMS},
};

/// Enough for what has to do with many files, on a machine that has much else to do.
const AMPLE: Duration = Duration::from_secs(120);

fn asked(host: &Host, event: &str) -> String {
    let post = host.fake.invoke(Event::new(event).timeout(AMPLE));
    post.text().trim_end().to_owned()
}

#[test]
fn files_directories_and_bytes_have_the_same_limits_for_components_and_modules() {
    for (program, too_many) in
        PROGRAMS.into_iter().zip(["Quota exceeded (os error 19)", "No file descriptors available (os error 33)"])
    {
        let host = Host::of(program).tmp_limit("4MiB").start();
        for (event, response) in [
            ("\"open 768\"", "768"),
            ("\"open 769\"", &format!("\"{too_many}\"")),
            ("\"write 4000000\"", "4000000"),
            ("\"write 5000000\"", "\"No space left on device (os error 51)\""),
            ("\"nest 63\"", "63"),
            ("\"nest 65\"", "\"Filename too long (os error 37)\""),
            ("\"list 500\"", "500"),
            ("\"list 900\"", "900"),
        ] {
            // Rust's streams tell a full disk by another error.
            let told = asked(&host, event).replace("I/O error (os error 29)", "No space left on device (os error 51)");
            assert_eq!(told, response, "{program}: {event}");
        }
    }
}

#[test]
fn a_program_has_tmp_only_as_it_is_granted() {
    for program in PROGRAMS {
        for access in ["read-only", "none"] {
            let host = Host::of(program).tmp(access).start();
            let told = asked(&host, "\"write 1\"");
            assert!(told.starts_with('"') && told.contains("os error"), "{program}, {access}: {told}");
        }
    }
}

/// As a module it becomes a component after all: who else would give it WASI 0.2?
#[test]
fn a_program_may_ask_wasi_0_2_beside_wasi_0_1() {
    for program in MIXED {
        assert_eq!(Host::of(program).start().response("ada"), "ADA\n", "{program}");
    }
}

/// The beginning of a command that copies what it reads and so on: WASI's functions, and a memory.
const BEGIN: &str = r#"(module
    (import "wasi_snapshot_preview1" "args_sizes_get" (func $args (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "sock_shutdown" (func $shutdown (param i32 i32) (result i32)))
    (memory (export "memory") 4 MAXIMUM)
    (data (i32.const 16) "fine\n")
    (func $say (param $at i32) (param $length i32)
        (i32.store (i32.const 0) (local.get $at)) (i32.store (i32.const 4) (local.get $length))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
    (func $fine (call $say (i32.const 16) (i32.const 5)))
    (func $must (param i32) (if (i32.eqz (local.get 0)) (then unreachable)))"#;

fn module(maximum: &str, rest: &str) -> Vec<u8> {
    guests::from_text(&format!("{}{rest})", BEGIN.replace("MAXIMUM", maximum)))
}

/// Says `fine` where all is as WASI and WebAssembly have it.
fn expect_fine(what: &str, guest: &[u8]) {
    assert_eq!(Host::with(guest).start().response("1"), "fine\n", "{what}");
}

#[test]
fn nobody_else_has_anything_in_a_modules_memory() {
    // It takes all that there is, and what it grows by, and finds zeros behind that.
    let greedy = r#"(func (export "_start") (local $at i32)
        (drop (call $args (i32.const 64) (i32.const 68)))
        (memory.fill (i32.const 1024) (i32.const 0x55) (i32.const 261120))
        (call $must (i32.eq (memory.grow (i32.const 3)) (i32.const 4)))
        (local.set $at (i32.const 1024))
        (loop $next
            (call $must (i32.eq (i32.load8_u (local.get $at)) (select (i32.const 0x55) (i32.const 0) (i32.lt_u (local.get $at) (i32.const 262144)))))
            (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (i32.const 458752))))
        (call $fine))"#;
    expect_fine("greedy", &module("", greedy));
    expect_fine("a memory that may not grow", &module("4", r#"(func (export "_start") (call $fine))"#));
    expect_fine("WASI in the start section", &module("", r#"(func (export "_start")) (start $fine)"#));
    let started = r#"(func (export "_initialize") unreachable) (func (export "_start") (call $fine))"#;
    expect_fine("only `_start` is called", &module("", started));
    let nothing = guests::from_text("(module (func (export \"_start\")))");
    Host::with(&nothing).start().invoke("1").any_error().says("ended well without a response");
}

#[test]
fn the_functions_of_wasi_0_1_do_as_it_says_with_what_is_not_there() {
    // 8 is EBADF, 57 is ENOTSOCK, 28 is EINVAL.
    let wrong = r#"(func (export "_start")
        (call $must (i32.eq (call $write (i32.const 99) (i32.const 0) (i32.const 0) (i32.const 8)) (i32.const 8)))
        (call $must (i32.eq (call $shutdown (i32.const 99) (i32.const 3)) (i32.const 8)))
        (call $must (i32.eq (call $shutdown (i32.const 1) (i32.const 3)) (i32.const 57)))
        (call $must (i32.eq (call $write (i32.const 1) (i32.const 0) (i32.const 1025) (i32.const 8)) (i32.const 28)))
        (call $fine))"#;
    expect_fine("errors", &module("", wrong));
    // Two buffers at once.
    let pieces = r#"(func (export "_start")
        (i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (i32.const 2))
        (i32.store (i32.const 8) (i32.const 18)) (i32.store (i32.const 12) (i32.const 3))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 2) (i32.const 32)))
        (call $must (i32.eq (i32.load (i32.const 32)) (i32.const 5))))"#;
    expect_fine("pieces", &module("", pieces));
    for (bytes, is_taken) in [(200_000, true), (1_048_577, false)] {
        let random = format!(
            r#"(func (export "_start") (drop (memory.grow (i32.const 20)))
                (call $must (i32.eqz (call $random (i32.const 1024) (i32.const {bytes})))) (call $fine))"#
        );
        let post = Host::with(&module("", &random)).start().invoke("1");
        assert_eq!(post.is_response(), is_taken, "{bytes}: {}", post.text());
    }
}

/// Beyond what a call may hand to the host, the place in memory is wrong.
#[test]
fn an_address_outside_of_memory_is_a_trap() {
    for call in [
        "(call $say (i32.const 262143) (i32.const 2))",
        "(call $say (i32.const -8) (i32.const 16))",
        "(drop (call $write (i32.const 1) (i32.const 262140) (i32.const 1) (i32.const 8)))",
        "(drop (call $random (i32.const 262144) (i32.const 1)))",
    ] {
        let host = Host::with(&module("", &format!("(func (export \"_start\") {call})"))).start();
        host.invoke("1").about(call).error("Guest.Trap.HostCall");
    }
}

#[test]
fn what_webassembly_3_0_has_runs() {
    for (what, code) in [
        (
            "exceptions",
            r#"(tag $t (param i32)) (func $throws (throw $t (i32.const 5)))
            (func (export "_start") (call $say (i32.const 16) (block $h (result i32)
                (try_table (catch $t $h) (call $throws)) (i32.const 0))))"#,
        ),
        (
            // More than the function has, did nobody take it away.
            "garbage collection",
            r#"(type $list (struct (field i32) (field (mut (ref null $list))))) (type $bytes (array (mut i8)))
            (func (export "_start") (local $list (ref null $list)) (local $i i32)
                (loop $more
                    (local.set $list (struct.new $list (local.get $i) (local.get $list)))
                    ;; In a circle, so that counting references does not help.
                    (struct.set $list 1 (local.get $list) (local.get $list))
                    (drop (array.new_default $bytes (i32.const 100000)))
                    (br_if $more (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 20000))))
                (call $fine))"#,
        ),
        (
            "tail calls",
            r#"(func $down (param i32) (result i32)
                (if (result i32) (local.get 0)
                    (then (return_call $down (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 5))))
            (func (export "_start") (call $say (i32.const 16) (call $down (i32.const 1000000))))"#,
        ),
        (
            "several memories, and addresses of 64 bits",
            r#"(memory $other i64 1) (data (memory $other) (i64.const 8) "fine\n")
            (func (export "_start")
                (memory.copy 0 $other (i32.const 64) (i64.const 8) (i32.const 5))
                (call $say (i32.const 64) (i32.const 5)))"#,
        ),
        (
            "extended constants, relaxed SIMD",
            r#"(global $at i32 (i32.add (i32.const 8) (i32.const 8)))
            (func (export "_start")
                (call $must (f32.eq (f32x4.extract_lane 0 (f32x4.relaxed_madd (f32x4.splat (f32.const 2))
                    (f32x4.splat (f32.const 3)) (f32x4.splat (f32.const 1)))) (f32.const 7)))
                (call $say (global.get $at) (i32.const 5)))"#,
        ),
    ] {
        expect_fine(what, &module("", code));
    }
}

/// What the collector has counts as the instance's memory, and so does a memory with addresses of 64 bits.
#[test]
fn memory_is_limited_wherever_it_is() {
    let list = r#"(type $list (struct (field (ref null $list)) (field i64))) (func (export "_start") (local $list (ref null $list))
        (loop $more (local.set $list (struct.new $list (local.get $list) (i64.const 1))) (br $more)))"#;
    let large = r#"(memory $other i64 1) (func (export "_start")
        (call $must (i64.ne (memory.grow $other (i64.const 1000)) (i64.const -1))) (call $fine))"#;
    for code in [list, large] {
        let host = Host::with(&module("", code)).memory("32MiB").start();
        host.fake.invoke(Event::new("1").timeout(AMPLE)).error("Guest.OutOfMemory");
    }
    let host = Host::with(&module("", large)).memory("96MiB").start();
    assert_eq!(host.response("1"), "fine\n");
    // Beyond what is reserved for it, 4 GiB, it would have to be copied, which nothing could interrupt.
    let larger = r#"(memory $other i64 1) (func (export "_start")
        (call $must (i64.eq (memory.grow $other (i64.const 65535)) (i64.const 1)))
        (call $must (i64.eq (memory.grow $other (i64.const 1)) (i64.const -1))) (call $fine))"#;
    let host = Host::with(&module("", larger)).function_memory(10240).start();
    assert_eq!(host.response("1"), "fine\n");
}

#[test]
fn a_loop_that_makes_garbage_is_stopped_at_its_deadline() {
    let code = r#"(type $bytes (array (mut i8)))
        (func (export "_start") (loop $more (drop (array.new_default $bytes (i32.const 1000))) (br $more)))"#;
    let host = Host::with(&module("", code)).start();
    host.fake.invoke(Event::new("1").timeout(Duration::from_secs(2))).error("Guest.Timeout");
}

#[test]
fn a_trap_in_a_module_has_its_frames() {
    let code = r#"(func $deepest unreachable) (func $deeper (call $deepest)) (func (export "_start") (call $deeper))"#;
    let frames = Host::with(&module("", code)).start().invoke("1").error("Guest.Trap.Unreachable").stack_trace();
    assert!(frames[0].starts_with("deepest+") && frames[1].starts_with("deeper+") && frames.len() == 3, "{frames:?}");
}

/// In Rust, with files and lines.
#[test]
fn a_panic_in_a_module_says_where() {
    let [_, program] = PROGRAMS;
    let trace = Host::of(program).start().invoke("\"panic\"").any_error().stack_trace().join("\n");
    assert!(trace.contains("main (") && trace.contains("/command.rs:"), "{trace}");
}
