//! Tests that the guest keeps serving whatever a refresh finds, that one line reports why, and that the host swaps to
//! the next good artifact.

use std::{fs, io::Write as _, thread, time::Duration};

use guesthouse::digest::Digest;

use crate::support::{
    Mode, Origin, Setup,
    elsewhere::{Key, from, said, said_by},
    guests::{self, answering},
    program,
    text::Text,
    wait_for,
};

const GUEST: &str = "/guest.wasm";

/// Causes a fault, then mends it.
fn survives(setup: impl FnOnce(Setup) -> Setup, origin: &Origin, fault: impl FnOnce(&Origin), reasons: &[&str]) {
    origin.put(GUEST, answering("v1"));
    let host = setup(from(&origin.url(GUEST), "0s")).start();
    assert_eq!(host.response("{}"), "\"v1\"");
    fault(origin);
    wait_for("the line about the fault", || {
        assert_eq!(host.response("{}"), "\"v1\"");
        (!said(&host).is_empty()).then_some(())
    });
    assert_eq!(host.response("{}"), "\"v1\"");
    let lines = said(&host);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    let current = Digest::of(&answering("v1")).to_string();
    for part in reasons.iter().chain(&[" stays at ", current.as_str(), "hint: "]) {
        assert!(lines[0].contains(part), "{part:?} is not in {}", lines[0]);
    }
    origin.put(GUEST, answering("v2"));
    origin.set(Mode::Serve);
    host.becomes("\"v2\"");
}

fn serving(mode: Mode, reasons: &[&str]) {
    survives(
        |setup| setup,
        &Origin::start(),
        |origin| {
            origin.set(mode);
            origin.put(GUEST, answering("broken"));
        },
        reasons,
    );
}

fn artifact(bytes: Vec<u8>, reasons: &[&str]) {
    let digest = Digest::of(&bytes).to_string();
    let reasons = [reasons, &[digest.as_str()]].concat();
    survives(|setup| setup, &Origin::start(), |origin| origin.put(GUEST, bytes), &reasons);
}

#[test]
fn a_source_that_dies_in_the_middle_of_the_body() {
    serving(Mode::DieMidBody, &["Host.SourceUnavailable", "tried 3 times"]);
}

#[test]
fn a_source_that_hangs() {
    serving(Mode::Hang, &["Host.SourceUnavailable", "tried 3 times"]);
}

#[test]
fn a_source_that_hangs_in_the_middle_of_the_body() {
    serving(Mode::HangMidBody, &["Host.SourceUnavailable", "tried 3 times"]);
}

#[test]
fn a_source_that_redirects_in_a_loop() {
    serving(Mode::Redirect(GUEST.to_owned()), &["Host.SourceUnavailable", "more than 5 redirects"]);
}

#[test]
fn a_source_that_redirects_to_another_scheme() {
    let (tls, plain) = (Origin::with_tls(), Origin::start());
    plain.put(GUEST, answering("broken"));
    let authority = tls.authority().to_owned();
    let to = plain.url(GUEST);
    let trusting = |setup: Setup| setup.certificates(&authority);
    survives(trusting, &tls, |origin| origin.set(Mode::Redirect(to)), &["a redirect from `https` to `http`"]);
    assert_eq!(plain.asked().len(), 0);
}

#[test]
fn a_source_that_serves_10_gb() {
    for announced in [true, false] {
        let limited = |setup: Setup| setup.artifact_limit("1MiB");
        let fault = |origin: &Origin| origin.set(Mode::Huge { announced });
        survives(limited, &Origin::start(), fault, &["Host.InvalidGuest", "larger than 1048576 bytes"]);
    }
}

#[test]
fn a_source_that_serves_a_web_page() {
    serving(Mode::Html, &["Host.InvalidGuest", "a web page"]);
    artifact(b"<!DOCTYPE html>".to_vec(), &["Host.InvalidGuest", "not a wasm file"]);
}

#[test]
fn a_source_that_says_no() {
    serving(Mode::Status("403 Forbidden"), &["Host.SourceUnavailable", "403"]);
    serving(Mode::Status("404 Not Found"), &["Host.GuestNotFound"]);
    serving(Mode::Status("503 Service Unavailable"), &["Host.SourceUnavailable", "503", "tried 3 times"]);
}

#[test]
fn a_component_for_a_newer_wit() {
    let text = r#"(component (instance $empty) (export "guesthouse:lambda/handler@0.2.0" (instance $empty)))"#;
    artifact(guests::from_text(text), &["Host.InvalidGuest", "guesthouse:lambda@0.1.x"]);
}

#[test]
fn a_component_that_is_truncated() {
    let whole = answering("v2");
    artifact(whole[..whole.len() / 2].to_vec(), &["Host.InvalidGuest"]);
}

#[test]
fn a_component_with_types_that_are_nested_without_end() {
    artifact(guests::nested_types(20_000), &["Host.InvalidGuest"]);
    artifact(guests::nested_types(200_000), &["Host.InvalidGuest", "bytes of types in one section"]);
}

/// 1.5 KB, which would take gigabytes.
#[test]
fn a_component_that_instantiates_others_without_end() {
    artifact(guests::nested_instances(25), &["Host.InvalidGuest", "instantiates 67108864 components"]);
}

/// The limit is what is left of the function's memory, and holds for another process than the one that serves.
#[test]
fn a_component_that_takes_the_compiler_more_memory_than_there_is() {
    let origin = Origin::start();
    origin.put(GUEST, answering("v1"));
    let host = from(&origin.url(GUEST), "0s").function_memory(128).start();
    assert_eq!(host.response("{}"), "\"v1\"");
    let before = host.program.peak_kib();
    origin.put(GUEST, guests::many_elements(1_000_000));
    let line = wait_for("the line about it", || {
        assert_eq!(host.response("{}"), "\"v1\"");
        // On a busy machine its time may be over first.
        said(&host).into_iter().find(|line| !line.contains("compiling it takes longer than "))
    });
    assert!(line.contains("Host.InvalidGuest") && line.contains("compiling it takes more memory than the "), "{line}");
    let grown = host.program.peak_kib() - before;
    assert!(grown < 64 * 1024, "{grown} KiB more");
    wait_for("the compiler to be gone", || host.program.children().is_empty().then_some(()));
    origin.put(GUEST, guests::many_elements(10));
    wait_for("the smaller one", || {
        host.invoke("{}");
        said(&host).iter().any(|line| line.contains("swapped from")).then_some(())
    });
}

#[test]
fn a_component_whose_start_fails() {
    artifact(fs::read(guests::path("init_panics")).unwrap(), &["Guest.Trap.Unreachable", "failed to start"]);
    artifact(fs::read(guests::path("init_fails")).unwrap(), &["failed to start"]);
}

#[test]
fn machine_code_without_a_key() {
    artifact(b"\x7fELF and so on".to_vec(), &["Host.Untrusted", "no key is trusted"]);
}

#[test]
fn an_artifact_that_is_not_the_pinned_one() {
    let pin = Digest::of(&answering("v1")).to_string();
    let origin = Origin::start();
    origin.put(GUEST, answering("v1"));
    let host = from(&origin.url(GUEST), "0s").digest(&pin).start();
    origin.put(GUEST, answering("v2"));
    assert_eq!((host.response("{}"), host.response("{}")), ("\"v1\"".to_owned(), "\"v1\"".to_owned()));
    let lines = said_by(&host, 1);
    assert!(lines[0].contains("Host.DigestMismatch") && lines[0].contains(&pin), "{lines:#?}");
}

#[test]
fn an_artifact_without_a_signature_with_another_keys_and_then_with_the_right_one() {
    let (own, other) = (Key::new(), Key::new());
    let origin = Origin::start();
    let (first, second) = (answering("v1"), answering("v2"));
    origin.put(GUEST, first.clone());
    origin.put("/guest.wasm.minisig", own.sign(&first));
    let host = from(&origin.url(GUEST), "0s").trusted_key(&own.public()).start();
    assert_eq!(host.response("{}"), "\"v1\"");
    let refused = |count: usize, reason: &str| {
        assert_eq!((host.response("{}"), host.response("{}")), ("\"v1\"".to_owned(), "\"v1\"".to_owned()));
        let lines = said_by(&host, count);
        assert!(lines[count - 1].contains("Host.Untrusted") && lines[count - 1].contains(reason), "{lines:#?}");
    };
    origin.remove("/guest.wasm.minisig");
    origin.put(GUEST, second.clone());
    refused(1, "no signature");
    origin.put("/guest.wasm.minisig", other.sign(&second));
    refused(2, "none of the trusted keys");
    // Only the signature is another now.
    let bodies = || origin.asked().iter().filter(|asked| asked.path == GUEST && asked.status == "200 OK").count();
    let before = bodies();
    assert_eq!((host.response("{}"), bodies()), ("\"v1\"".to_owned(), before));
    origin.put("/guest.wasm.minisig", own.sign(&second));
    host.becomes("\"v2\"");
}

#[test]
fn a_signed_cwasm_needs_no_compiler_and_one_that_is_not_for_this_engine_is_refused() {
    let key = Key::new();
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("v2.wasm"), answering("v2")).unwrap();
    let tool = std::process::Command::new(program("guesthouse"));
    let mut tool = tool;
    let compiled = tool.arg("compile").arg(directory.path().join("v2.wasm")).output().unwrap();
    assert!(compiled.status.success());
    let image = fs::read(directory.path().join("v2.cwasm")).unwrap();
    let origin = Origin::start();
    let put = |bytes: &[u8]| {
        origin.put("/guest.wasm.minisig", key.sign(bytes));
        origin.put(GUEST, bytes);
    };
    put(&answering("v1"));
    let host = from(&origin.url(GUEST), "0s").trusted_key(&key.public()).start();
    put(&image[..image.len() - 1]);
    assert_eq!((host.response("{}"), host.response("{}")), ("\"v1\"".to_owned(), "\"v1\"".to_owned()));
    assert!(said_by(&host, 1)[0].contains("Host.InvalidGuest"));
    put(&image);
    host.becomes("\"v2\"");
}

/// What is read of a file while it is written is neither the one guest nor the other.
#[test]
fn a_file_that_is_written_while_it_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("guest.wasm");
    fs::write(&path, answering("v1")).unwrap();
    let host = from(&format!("file://{}", path.display()), "0s").start();
    for round in 0..10 {
        let (from, to) = if round % 2 == 0 { ("v1", "v2") } else { ("v2", "v1") };
        let bytes = answering(to);
        let writer = {
            let path = path.clone();
            thread::spawn(move || {
                let mut file = fs::File::create(path).unwrap();
                for piece in bytes.chunks(bytes.len() / 20) {
                    file.write_all(piece).unwrap();
                    thread::sleep(Duration::from_millis(2));
                }
            })
        };
        let both = [format!("\"{from}\""), format!("\"{to}\"")];
        wait_for("the newer guest", || {
            let response = host.response("{}");
            assert!(both.contains(&response), "{response}");
            (response == both[1]).then_some(())
        });
        writer.join().unwrap();
    }
}

#[test]
fn a_freeze_in_each_step_of_a_refresh() {
    for (step, bytes) in [
        ("request", answering("v2")),
        ("body", answering("v2")),
        ("compile", much_to_compile()),
        ("start", fs::read(guests::path("init_takes_a_while")).unwrap()),
    ] {
        let origin = Origin::start();
        origin.put(GUEST, answering("v1"));
        let host = from(&origin.url(GUEST), "1ms").start();
        match step {
            "request" => origin.set(Mode::Hang),
            "body" => origin.set(Mode::HangMidBody),
            _ => {}
        }
        let digest = Digest::of(&bytes).to_string();
        origin.put(GUEST, bytes);
        wait_for("the refresh", || {
            host.invoke("{}").response();
            (origin.asked().len() > 1).then_some(())
        });
        if step == "start" {
            host.program.line("the start", |line| line.contains("starting").then_some(()));
        }
        host.program.signal("STOP");
        thread::sleep(Duration::from_secs(3));
        origin.set(Mode::Serve);
        host.program.signal("CONT");
        wait_for("the newer guest", || {
            host.response("{}");
            said(&host).iter().any(|line| line.contains("swapped from") && line.contains(&digest)).then_some(())
        });
    }
}

/// A guest whose compilation takes a while.
fn much_to_compile() -> Vec<u8> {
    let work = "(local.set 0 (i32.mul (local.get 0) (i32.const 3)))".repeat(50_000);
    let module = format!("(func (param i32) {work})");
    Text { module: module.leak(), ..Text::default() }.build()
}
