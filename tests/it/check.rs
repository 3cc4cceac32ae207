//! `guesthouse check`: what a guest is, what it imports, and whether it can run.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value, json};

use crate::support::{
    guests::{self, PROGRAMS},
    program,
};

fn check(arguments: &[&Path]) -> Output {
    Command::new(program("guesthouse")).arg("check").args(arguments).output().unwrap()
}

/// What it tells of one guest.
fn told(guest: &Path) -> (Value, i32) {
    let output = check(&[guest, Path::new("--json")]);
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    (report, output.status.code().unwrap())
}

struct Directory(tempfile::TempDir);

impl Directory {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

#[test]
fn it_tells_what_guests_are_that_run() {
    let [component, module] = PROGRAMS;
    for (guest, kind, contract, world) in [
        (guests::path("hello"), "component", "event", json!("guesthouse:lambda/function")),
        (guests::path("init_counts"), "component", "event", json!("guesthouse:lambda/function-with-init")),
        (guests::path(component), "component", "command", json!("wasi:cli/command")),
        (guests::path(module), "module", "command", Value::Null),
        (guests::http("raw"), "component", "http", json!("wasi:http/proxy")),
    ] {
        let (report, status) = told(&guest);
        assert_eq!((&report["runs"], status), (&json!(true), 0), "{report}");
        assert_eq!((&report["kind"], &report["contract"], &report["world"]), (&json!(kind), &json!(contract), &world));
        assert_eq!(report["bytes"], fs::metadata(&guest).unwrap().len());
        assert!(report["memory_bytes"].as_u64().unwrap() >= 65_536, "{report}");
        assert!(report["languages"].as_array().unwrap().contains(&json!("Rust")), "{report}");
        assert!(report["tools"].as_array().unwrap().iter().any(|tool| tool.as_str().unwrap().starts_with("rustc 1.")));
        let statuses: Vec<_> = report["imports"].as_array().unwrap().iter().map(|import| &import["status"]).collect();
        assert!(!statuses.is_empty() && statuses.iter().all(|status| *status == "provided"), "{report}");
        assert_eq!(report["error"], Value::Null);
    }
}

#[test]
fn each_import_is_listed_with_its_status_and_how_to_do_without_it() {
    let directory = Directory::new();
    let component = guests::from_text(
        r#"(component
        (import "wasi:cli/stdout@0.2.3" (instance))
        (import "wasi:cli/stdot@0.2.3" (instance (export "f" (func))))
        (import "wasi:clocks/wall-clock@0.2.0-rc-2023-11-10" (instance (export "f" (func))))
        (import "wasi:sockets/tcp@0.2.3" (instance (export "tcp-socket" (type (sub resource)))))
        (import "acme:billing/ledger" (instance (export "f" (func))))
        (import "acme:billing/types" (instance)))"#,
    );
    let module = guests::from_text(
        r#"(module
        (import "wasi_snapshot_preview1" "sock_open" (func (param i32)))
        (import "wasi_snapshot_preview1" "fd_close" (func (param i64)))
        (import "wasi_unstable" "fd_close" (func (param i32) (result i32)))
        (import "env" "emscripten_resize_heap" (func (param i32) (result i32)))
        (memory (export "memory") 1) (func (export "_start")))"#,
    );
    for (guest, expected) in [
        (
            directory.file("component.wasm", &component),
            [
                ("wasi:cli/stdout@0.2.3", "provided", ""),
                ("wasi:cli/stdot@0.2.3", "unknown", "import `wasi:cli/stdout@0.2.x`"),
                (
                    "wasi:clocks/wall-clock@0.2.0-rc-2023-11-10",
                    "other-version",
                    "build it for `wasi:clocks/wall-clock@0.2.x`",
                ),
                ("wasi:sockets/tcp@0.2.3", "denied", "no rule of `network.allow` grants sockets"),
                ("acme:billing/ledger", "unknown", "without this import"),
                ("acme:billing/types", "provided", ""),
            ]
            .as_slice(),
        ),
        (
            directory.file("module.wasm", &module),
            &[
                ("wasi_snapshot_preview1::sock_open", "unknown", "sock_"),
                ("wasi_snapshot_preview1::fd_close", "other-version", "import it as `func(i32) -> i32`"),
                ("wasi_unstable::fd_close", "other-version", "build it for `wasi_snapshot_preview1`"),
                ("env::emscripten_resize_heap", "unknown", "-sSTANDALONE_WASM"),
            ],
        ),
    ] {
        let (report, status) = told(&guest);
        assert_eq!((&report["runs"], status), (&json!(false), 1), "{report}");
        assert_eq!(report["error"]["errorType"], "Host.UnsupportedImport");
        let imports = report["imports"].as_array().unwrap();
        assert_eq!(imports.len(), expected.len(), "{report}");
        for (import, (name, status, remedy)) in imports.iter().zip(expected) {
            assert_eq!((&import["name"], &import["status"]), (&json!(name), &json!(status)), "{import}");
            assert!(import["remedy"].as_str().unwrap_or_default().contains(remedy), "{import}");
        }
    }
}

/// Components in each other.
fn nested(levels: usize) -> Vec<u8> {
    (0..levels).fold(guests::from_text("(component)"), |inner, _| {
        let length = [0, 1, 2, 3, 4].map(|at| (inner.len() >> (7 * at)) as u8 & 0x7f | if at < 4 { 0x80 } else { 0 });
        [&inner[..8], &[4], &length, &inner].concat()
    })
}

/// What only the linker knows is told, too: a function that the interface does not have.
#[test]
fn what_keeps_a_guest_from_running_is_reported_as_by_the_host() {
    let run = |imports: &str| {
        guests::from_text(&format!(
            r#"(component {imports}
            (core module $m (func (export "run") (result i32) (i32.const 0)))
            (core instance $c (instantiate $m))
            (func $run (result (result)) (canon lift (core func $c "run")))
            (instance $e (export "run" (func $run)))
            (export "wasi:cli/run@0.2.0" (instance $e)))"#
        ))
    };
    let directory = Directory::new();
    let whole = run("");
    for (bytes, error_type, said) in [
        (
            run(r#"(import "wasi:cli/exit@0.2.0" (instance (export "leave" (func))))"#),
            "Host.UnsupportedImport",
            "leave",
        ),
        (
            guests::from_text(r#"(module (memory 1 2 shared) (func (export "_start") (atomic.fence)))"#),
            "Host.InvalidGuest",
            "threads, with memory that they share (in its memory section, at byte 0x",
        ),
        (
            guests::from_text(r#"(module (type $f (func)) (type $c (cont $f)) (func (export "_start")))"#),
            "Host.InvalidGuest",
            "stack switching (in its type section, at byte 0x",
        ),
        (
            guests::from_text(
                r#"(module (import "wasi_snapshot_preview1" "sched_yield" (func (result i32))) (func (export "_start")))"#,
            ),
            "Host.InvalidGuest",
            "does not export its memory as `memory`",
        ),
        (whole[..whole.len() - 3].to_vec(), "Host.InvalidGuest", "the file is cut off: it has "),
        ([&whole[..], &[40, 1, 0]].concat(), "Host.InvalidGuest", "not a valid wasm file: "),
        (b"\x7fELF".to_vec(), "Host.InvalidGuest", "it starts with `\\x7fELF`"),
        (Vec::new(), "Host.InvalidGuest", "it is empty"),
        (guests::from_text("(component)"), "Host.InvalidGuest", "exports nothing"),
        (nested(5_000), "Host.InvalidGuest", "components that are nested more than 100 deep"),
        (
            guests::from_text(r#"(component (instance $e) (export "wasi:cli/run@0.2.0-rc-2023-12-05" (instance $e)))"#),
            "Host.InvalidGuest",
            "`wasi:cli/run@0.2.0-rc-2023-12-05`, a release candidate",
        ),
    ] {
        let guest = directory.file("guest.wasm", &bytes);
        let (report, status) = told(&guest);
        assert_eq!((&report["runs"], status), (&json!(false), 1), "{report}");
        let message = report["error"]["errorMessage"].as_str().unwrap();
        assert_eq!(report["error"]["errorType"], error_type, "{report}");
        assert!(message.contains(said) && message.contains("\nhint: "), "{message}");
        // As whoever runs it would hear.
        let ran = Command::new(program("guesthouse")).arg("run").arg(&guest).output().unwrap();
        assert!(String::from_utf8_lossy(&ran.stderr).contains(said), "{ran:?}");
    }
}

#[test]
fn custom_sections_never_make_a_guest_invalid() {
    let directory = Directory::new();
    let [component, module] = PROGRAMS;
    for guest in [guests::path(component), guests::path(module)] {
        let mut bytes = fs::read(guest).unwrap();
        for name in [
            "component-type:x",
            "name",
            "producers",
            ".debug_info",
            "dylink.0",
            "metadata.code.branch_hint",
            "linking",
            "core",
            "",
        ] {
            for content in [&b""[..], b"\0", b"\xff\xff\xff\xff\x0f", b"\x01\xff\xff\xff\x0f"] {
                let section = [&[name.len() as u8], name.as_bytes(), content].concat();
                bytes.extend_from_slice(&[&[0, section.len() as u8][..], &section].concat());
            }
        }
        let (report, status) = told(&directory.file("guest.wasm", &bytes));
        assert_eq!((&report["runs"], status), (&json!(true), 0), "{report}");
    }
}

#[test]
fn several_guests_are_a_line_each_and_one_that_can_not_run_is_enough_to_fail() {
    let directory = Directory::new();
    let (good, bad) = (guests::path("echo"), directory.file("bad.wasm", b"no"));
    let output = check(&[&good, &bad, Path::new("--json")]);
    let lines = String::from_utf8(output.stdout).unwrap();
    let runs: Vec<_> = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["runs"].clone()).collect();
    assert_eq!((runs, output.status.code()), (vec![json!(true), json!(false)], Some(1)));
    let said = String::from_utf8(check(&[&good, &bad]).stdout).unwrap();
    for part in
        ["echo.wasm: runs\n", "bad.wasm: can't run\n", "  contract  event (the world `guesthouse:lambda/function`)\n"]
    {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    let none = String::from_utf8(check(&[Path::new("/nonexistent.wasm"), &good]).stdout).unwrap();
    assert!(none.contains("hint: ") && none.contains("echo.wasm: runs\n"), "{none}");
}

#[test]
fn machine_code_is_recognized_as_such() {
    let directory = Directory::new();
    let compiled = directory.0.path().join("guest.cwasm");
    let [_, module] = PROGRAMS;
    let done =
        Command::new(program("guesthouse")).arg("compile").arg(guests::path(module)).arg("-o").arg(&compiled).output();
    assert!(done.unwrap().status.success());
    let (report, status) = told(&compiled);
    assert_eq!(
        (&report["kind"], &report["contract"], status),
        (&json!("machine code"), &json!("command"), 0),
        "{report}"
    );
    let (report, status) = told(&directory.file("other.cwasm", b"no machine code"));
    assert_eq!((&report["runs"], status), (&json!(false), 1), "{report}");
}
