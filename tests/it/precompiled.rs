//! Guests that were compiled ahead of time.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use guesthouse::engine::{Code, CompileLimits, Engine, Target, compile_ahead};
use tempfile::TempDir;

use crate::support::{Behaviour, Host, guests, process, program, root, task_root, wait_for};

fn wasm(guest: &str) -> Vec<u8> {
    fs::read(guests::path(guest)).unwrap()
}

fn compiled(guest: &str) -> Vec<u8> {
    compile_ahead(&wasm(guest), Target::native().unwrap(), CompileLimits::default()).unwrap()
}

fn with_files(files: &[(&str, &[u8])]) -> TempDir {
    let directory = task_root();
    files.iter().for_each(|(name, bytes)| fs::write(directory.path().join(name), bytes).unwrap());
    directory
}

/// The files that are mapped into the host, as it runs.
fn is_mapped(host: &Host, file: &str) -> bool {
    fs::read_to_string(format!("/proc/{}/maps", host.program.pid())).unwrap().contains(file)
}

fn warnings(host: &Host) -> Vec<String> {
    host.program.lines().into_iter().filter(|line| line.contains(".cwasm")).collect()
}

/// The same, where there is to be one, which may come after the response.
fn warning(host: &Host) -> String {
    let mut warnings = wait_for("a warning", || Some(warnings(host)).filter(|warnings| !warnings.is_empty()));
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    warnings.remove(0)
}

#[test]
fn machine_code_is_mapped_and_the_wasm_file_is_not_needed() {
    let directory = with_files(&[("count.cwasm", &compiled("count"))]);
    for handler in ["count", ""] {
        let host = Host::in_directory(directory.path()).handler(handler).start();
        assert_eq!((host.response("{}"), host.response("{}")), ("1".to_owned(), "2".to_owned()));
        assert!(is_mapped(&host, "count.cwasm"));
    }
}

/// As debug info, which is only read when a trap asks for it.
#[test]
fn what_is_not_touched_of_machine_code_takes_no_memory() {
    let code = compiled("count");
    // The end of the file says how long what is before it is.
    let tail = code.len() - 16;
    let length = u32::from_le_bytes(code[tail..tail + 4].try_into().unwrap()) as usize;
    let (image, appendix) = code.split_at(tail - length);
    let directory = with_files(&[("count.cwasm", &sealed([image, &vec![0; 16 << 20], appendix].concat()))]);
    let host = Host::in_directory(directory.path()).handler("count").start();
    assert_eq!(host.response("{}"), "1");
    let smaps = fs::read_to_string(format!("/proc/{}/smaps", host.program.pid())).unwrap();
    let (mut is_ours, mut mapped, mut resident) = (false, 0, 0);
    for line in smaps.lines() {
        let kib = |name| line.strip_prefix(name)?.trim().strip_suffix(" kB")?.parse::<u64>().ok();
        // A mapping's own line begins with its addresses, the others with a name.
        if line.split(' ').next().is_some_and(|first| first.contains('-')) {
            is_ours = line.ends_with("count.cwasm");
        } else if is_ours {
            mapped += kib("Size:").unwrap_or(0);
            resident += kib("Rss:").unwrap_or(0);
        }
    }
    assert!(mapped > 16 * 1024 && resident < mapped / 4, "{resident} KiB of {mapped} are in memory");
}

#[test]
fn machine_code_goes_before_the_wasm_file_beside_it_where_it_was_made_from_that() {
    let directory = with_files(&[("count.cwasm", &compiled("count")), ("count.wasm", &wasm("count"))]);
    let host = Host::in_directory(directory.path()).handler("count").start();
    assert_eq!(host.response("{}"), "1");
    assert!(is_mapped(&host, "count.cwasm"));
    assert!(warnings(&host).is_empty(), "{:?}", warnings(&host));
}

#[test]
fn a_wasm_file_that_is_named_is_compiled_whatever_is_beside_it() {
    let settings = "[handlers.x]\nsource = \"count.wasm\"\n[handlers.y]\nsource = \"count.cwasm\"";
    let directory = with_files(&[
        ("count.cwasm", &compiled("count")),
        ("count.wasm", &wasm("count")),
        ("guesthouse.toml", settings.as_bytes()),
    ]);
    for (handler, mapped) in [("x", false), ("y", true)] {
        let host = Host::in_directory(directory.path()).handler(handler).start();
        assert_eq!(host.response("{}"), "1");
        assert_eq!(is_mapped(&host, "count.cwasm"), mapped);
    }
}

/// Files that are no machine code for this host, each with what is said of it.
fn foreign() -> Vec<(&'static str, Vec<u8>)> {
    let good = compiled("echo");
    let other = if Target::native() == Some(Target::X86_64) { Target::Aarch64 } else { Target::X86_64 };
    let replaced = |from: &str, to: &str| {
        assert_eq!(from.len(), to.len());
        let at = good.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
        sealed([&good[..at], to.as_bytes(), &good[at + from.len()..]].concat())
    };
    vec![
        ("", Vec::new()),
        ("", b"\x7fELF".repeat(100)),
        ("cut off", good[..good.len() / 2].to_vec()),
        ("cut off", good[..good.len() - 1].to_vec()),
        ("incompatible version", replaced("guesthouse 0.1.0", "guesthouse 0.0.9")),
        ("architecture", compile_ahead(&wasm("echo"), other, CompileLimits::default()).unwrap()),
        ("digest", replaced("sha256:", "sha999:")),
        ("checksum", flipped(&good, good.len() / 3)),
    ]
}

/// With the right checksum, which is before the last 8 bytes.
fn sealed(mut code: Vec<u8>) -> Vec<u8> {
    let end = code.len() - 12;
    let checksum = crc32fast::hash(&code[..end]);
    code[end..end + 4].copy_from_slice(&checksum.to_le_bytes());
    code
}

fn flipped(code: &[u8], at: usize) -> Vec<u8> {
    let mut code = code.to_vec();
    code[at] ^= 1 << (at % 8);
    code
}

#[test]
fn unfit_machine_code_without_a_wasm_file_is_refused_with_the_remedy() {
    for (words, bytes) in foreign() {
        let directory = with_files(&[("echo.cwasm", &bytes)]);
        Host::in_directory(directory.path())
            .handler("echo")
            .init_error("Host.InvalidGuest")
            .explains(&[words, "guesthouse compile"]);
    }
}

/// Every 97th byte, and each of the last hundred.
#[test]
fn no_flipped_byte_of_machine_code_is_run() {
    let (engine, good) = (Engine::new().unwrap(), compiled("count"));
    let map = |code: &[u8]| {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(code).unwrap();
        Code::map(&engine, file).map(drop)
    };
    assert_eq!(map(&good), Ok(()));
    for at in (0..good.len()).step_by(97).chain(good.len() - 100..good.len()) {
        let said = map(&flipped(&good, at)).unwrap_err();
        assert!(said.contains("damaged") || said.contains("not made by this version"), "byte {at}: {said}");
    }
}

#[test]
fn unfit_machine_code_beside_a_wasm_file_is_not_used_and_that_is_logged_once() {
    for (words, bytes) in [foreign(), vec![("another `.wasm` file", compiled("count"))]].concat() {
        let directory = with_files(&[("echo.cwasm", &bytes), ("echo.wasm", &wasm("echo"))]);
        let host = Host::in_directory(directory.path()).handler("echo").start();
        assert_eq!(host.response("\"hi\""), "\"hi\"");
        let warning = warning(&host);
        for word in [words, "WARN", "guesthouse compile"] {
            assert!(warning.contains(word), "`{word}` is not in {warning}");
        }
    }
}

#[test]
fn machine_code_is_taken_from_the_task_root_only() {
    let (inside, outside) = (task_root(), with_files(&[("echo.cwasm", &compiled("echo"))]));
    let file = outside.path().join("echo.cwasm");
    let host = |handler: &str| Host::in_directory(inside.path()).handler(handler);
    host(&format!("file://{}", file.display()))
        .init_error("Host.Untrusted")
        .explains(&["echo.cwasm", "outside the task root"]);
    symlink(&file, inside.path().join("echo.cwasm")).unwrap();
    host("echo").init_error("Host.GuestNotFound").explains(&["echo.cwasm"]);
    // Beside its other file it is only not used.
    fs::write(inside.path().join("echo.wasm"), wasm("echo")).unwrap();
    let host = Host::in_directory(inside.path()).handler("echo").start();
    assert_eq!(host.response("\"hi\""), "\"hi\"");
    warning(&host);
}

/// A guest that has `/tmp` could write a file there for the next start of the host.
#[test]
fn machine_code_is_not_taken_from_where_the_guest_can_write() {
    let directory = tempfile::tempdir_in("/tmp").unwrap();
    fs::write(directory.path().join("echo.cwasm"), compiled("echo")).unwrap();
    let host = || Host::in_directory(directory.path()).handler("echo");
    host().init_error("Host.Untrusted").explains(&["echo.cwasm", "the guest can write there"]);
    assert_eq!(host().tmp("none").start().response("\"hi\""), "\"hi\"");

    fs::write(directory.path().join("echo.wasm"), wasm("echo")).unwrap();
    let host = host().start();
    assert_eq!(host.response("\"hi\""), "\"hi\"");
    assert!(!is_mapped(&host, "echo.cwasm"));
    assert!(warning(&host).contains("the guest can write there"));
}

/// Not even by a link in the task root.
#[test]
fn machine_code_is_judged_by_where_it_is_and_not_by_the_way_there() {
    let directory = tempfile::tempdir_in("/tmp").unwrap();
    fs::write(directory.path().join("echo.cwasm"), compiled("echo")).unwrap();
    let link = task_root();
    symlink(directory.path(), link.path().join("root")).unwrap();
    Host::in_directory(&link.path().join("root"))
        .handler("echo")
        .init_error("Host.Untrusted")
        .explains(&["the guest can write there"]);
}

#[test]
fn a_pinned_digest_is_that_of_the_wasm_file() {
    let directory = with_files(&[("count.cwasm", &compiled("count"))]);
    let host = |digest: String| Host::in_directory(directory.path()).handler("count").digest(&digest);
    let digest = guesthouse::digest::Digest::of(&wasm("count"));
    assert_eq!(host(digest.to_string()).start().response("{}"), "1");
    let other = guesthouse::digest::Digest::of(b"other");
    host(other.to_string()).init_error("Host.DigestMismatch").explains(&[&digest.to_string(), &other.to_string()]);
}

#[test]
fn faults_look_the_same_as_those_of_code_that_is_compiled_at_the_start() {
    let directory = with_files(&[("misbehave.cwasm", &compiled("misbehave"))]);
    let ahead = Host::in_directory(directory.path()).handler("misbehave").start();
    let now = Host::of("misbehave").start();
    for behaviour in [Behaviour::Trap, Behaviour::Abort, Behaviour::Panic, Behaviour::OverflowTheStack, Behaviour::Fail]
    {
        let error_of = |host: &Host| host.invoke(behaviour.clone()).any_error();
        assert_eq!(error_of(&ahead).json(), error_of(&now).json(), "{behaviour}");
    }
    let trace = ahead.invoke(Behaviour::Trap).any_error().stack_trace().join("\n");
    assert!(trace.contains("misbehave.rs:"), "{trace}");
}

/// Built by itself, into a directory of its own: the other tests use the host with everything.
#[test]
#[ignore = "builds another host, which takes minutes: cargo xtask test runs it"]
fn a_host_without_a_compiler_runs_machine_code_and_names_the_remedy_for_wasm() {
    let target = root().join("target/lean");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root()).env("CARGO_TARGET_DIR", &target);
    cargo.args(["build", "--locked", "--package", "guesthouse", "--no-default-features", "--bin", "bootstrap"]);
    assert!(cargo.status().unwrap().success());
    let lean = target.join("debug/bootstrap");

    let directory = with_files(&[("count.cwasm", &compiled("count")), ("echo.wasm", &wasm("echo"))]);
    let host = |handler| Host::in_directory(directory.path()).program(&lean).handler(handler);
    assert_eq!(host("count").start().response("{}"), "1");
    host("echo").init_error("Host.InvalidGuest").explains(&["this host has no compiler", "guesthouse compile"]);
    host("count")
        .env("GUESTHOUSE_RUNTIME_CLIENT", "lambda_runtime")
        .init_error("Host.Config")
        .explains(&["`lambda_runtime`", "built without"]);
}

fn guesthouse(arguments: &[&str], directory: &Path) -> Output {
    process::output(Command::new(program("guesthouse")).args(arguments).current_dir(directory))
}

fn said(output: &Output) -> (Option<i32>, String) {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

/// The processor that an ELF file is for.
fn machine(file: &Path) -> u16 {
    let bytes = fs::read(file).unwrap();
    u16::from_le_bytes([bytes[18], bytes[19]])
}

#[test]
fn the_tool_compiles_for_each_of_lambdas_processors() {
    const X86_64: u16 = 62;
    const AARCH64: u16 = 183;
    let directory = with_files(&[("echo.wasm", &wasm("echo"))]);
    for (target, expected) in [("x86_64-unknown-linux-gnu", X86_64), ("aarch64-unknown-linux-gnu", AARCH64)] {
        let (status, said) = said(&guesthouse(&["compile", "echo.wasm", "--target", target], directory.path()));
        assert_eq!(status, Some(0), "{said}");
        assert!(said.contains(target) && said.contains("echo.cwasm"), "{said}");
        assert_eq!(machine(&directory.path().join("echo.cwasm")), expected);
    }
    let (status, said) = said(&guesthouse(&["compile", "echo.wasm", "--target", "sparc"], directory.path()));
    assert_eq!(status, Some(64));
    assert!(said.contains("`aarch64-unknown-linux-gnu`"), "{said}");
}

#[test]
fn the_tool_writes_beside_the_guest_or_to_a_path_and_runs_what_it_wrote() {
    let directory = with_files(&[("echo.wasm", &wasm("echo"))]);
    for (arguments, file) in
        [(&["compile", "echo.wasm"][..], "echo.cwasm"), (&["compile", "echo.wasm", "-o", "other.cwasm"], "other.cwasm")]
    {
        assert_eq!(said(&guesthouse(arguments, directory.path())).0, Some(0));
        let path: PathBuf = directory.path().join(file);
        assert!(path.exists());
        let ran = guesthouse(&["run", file, "-e", "\"hi\""], directory.path());
        assert_eq!((ran.status.code(), &ran.stdout[..]), (Some(0), &b"\"hi\"\n"[..]), "{}", said(&ran).1);
    }
    let written = |file| fs::read(directory.path().join(file)).unwrap();
    assert!(written("echo.cwasm") == written("other.cwasm"), "the same guest is compiled to other bytes each time");
}

#[test]
fn the_tool_refuses_what_is_no_guest_and_keeps_what_was_there() {
    let directory =
        with_files(&[("text.wasm", b"#!/bin/sh"), ("text.cwasm", b"from before"), ("echo.wasm", &wasm("echo"))]);
    for (arguments, words) in [
        (&["compile", "text.wasm"][..], "not a wasm file"),
        (&["compile", "missing.wasm"], "can't read `missing.wasm`"),
        (&["compile", "echo.wasm", "-o", "echo.wasm"], "is the guest itself"),
        (&["compile", "echo.wasm", "-o", "echo.bin"], "ends with `.cwasm`"),
        (&["compile", "echo.wasm", "-o", "no/such/directory.cwasm"], "can't write"),
    ] {
        let (status, said) = said(&guesthouse(arguments, directory.path()));
        assert_eq!(status, Some(1), "{said}");
        assert!(said.contains(words), "{said}");
    }
    assert_eq!(fs::read(directory.path().join("text.cwasm")).unwrap(), b"from before");
    assert_eq!(fs::read(directory.path().join("echo.wasm")).unwrap(), wasm("echo"));
}
