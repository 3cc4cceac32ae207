//! `guesthouse serve` follows the directory that it serves.

use std::{fs, path::Path};

use crate::support::{guests::answering, served::Served, wait_for};

fn serve(guests: &Path) -> Served {
    Served::start(guests, &[])
}

fn response(served: &Served, function: &str) -> String {
    served.invoke(function, "{}").text().to_owned()
}

fn put(directory: &Path, name: &str, bytes: &[u8]) {
    // As cargo does it: another file takes the place.
    fs::write(directory.join(".new"), bytes).unwrap();
    fs::rename(directory.join(".new"), directory.join(name)).unwrap();
}

#[test]
fn a_changed_guest_is_taken_at_once_however_it_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let guest = directory.path().join("one.wasm");
    fs::write(&guest, answering("v1")).unwrap();
    for served in [serve(directory.path()), serve(&guest)] {
        put(directory.path(), "one.wasm", &answering("v2"));
        wait_for("a renamed file", || (response(&served, "one") == "\"v2\"").then_some(()));
        served.program.line("the swap", |line| line.contains("`one` swapped from").then_some(()));
        fs::write(&guest, answering("v3")).unwrap();
        wait_for("a file that was written to", || (response(&served, "one") == "\"v3\"").then_some(()));
        fs::remove_file(&guest).unwrap();
        fs::write(directory.path().join("hidden"), answering("v1")).unwrap();
        fs::hard_link(directory.path().join("hidden"), &guest).unwrap();
        wait_for("a link in its place", || (response(&served, "one") == "\"v1\"").then_some(()));
    }
}

#[test]
fn new_guests_are_added_and_those_that_are_gone_removed() {
    let directory = tempfile::tempdir().unwrap();
    put(directory.path(), "one.wasm", &answering("v1"));
    let served = serve(directory.path());
    put(directory.path(), "two.wasm", &answering("v2"));
    wait_for("the new function", || (response(&served, "two") == "\"v2\"").then_some(()));
    served.program.line("its address", |line| line.ends_with("/functions/two/invocations").then_some(()));
    fs::remove_file(directory.path().join("one.wasm")).unwrap();
    served.program.line("what is gone", |line| line.contains("`one` is gone").then_some(()));
    assert_eq!(served.invoke("one", "{}").subject(), "404");
    assert_eq!(response(&served, "two"), "\"v2\"");
}

#[test]
fn a_broken_guest_is_reported_and_the_one_before_stays() {
    let directory = tempfile::tempdir().unwrap();
    put(directory.path(), "one.wasm", &answering("v1"));
    let served = serve(directory.path());
    put(directory.path(), "one.wasm", b"broken");
    served
        .program
        .line("the reason", |line| (line.contains("stays at") && line.contains("not a wasm file")).then_some(()));
    assert_eq!(response(&served, "one"), "\"v1\"");
    put(directory.path(), "two.wasm", b"broken");
    served.program.line("the reason", |line| line.contains("`two` returns only its error").then_some(()));
    put(directory.path(), "two.wasm", &answering("v2"));
    wait_for("the mended guest", || (response(&served, "two") == "\"v2\"").then_some(()));
}

#[test]
fn settings_that_are_changed_count_at_once_and_broken_ones_change_nothing() {
    let directory = tempfile::tempdir().unwrap();
    put(directory.path(), "one.wasm", &answering("v1"));
    put(directory.path(), "other.wasm", &answering("v2"));
    let served = serve(directory.path());
    put(directory.path(), "guesthouse.toml", b"[handlers.one]\nsource = \"other.wasm\"\n");
    wait_for("the other source", || (response(&served, "one") == "\"v2\"").then_some(()));
    put(directory.path(), "guesthouse.toml", b"[handlers.one]\nsauce = \"other.wasm\"\n");
    served.program.line("the reason", |line| line.contains("nothing was changed").then_some(()));
    put(directory.path(), "guesthouse.toml", b"[handlers.one]\nsource = \"missing.wasm\"\n");
    served.program.line("the reason", |line| line.contains("`one` keeps its previous settings").then_some(()));
    assert_eq!(response(&served, "one"), "\"v2\"");
}

#[test]
fn the_report_has_the_guest_that_handled_the_event() {
    let directory = tempfile::tempdir().unwrap();
    put(directory.path(), "one.wasm", &answering("v1"));
    let served = serve(directory.path());
    for version in ["v1", "v2"] {
        put(directory.path(), "one.wasm", &answering(version));
        wait_for("this guest", || (response(&served, "one") == format!("\"{version}\"")).then_some(()));
        let guest = guesthouse::digest::Digest::of(&answering(version)).short();
        let report = format!("Guest: {guest}\t");
        served.program.line("the report", |line| (line.starts_with("REPORT ") && line.contains(&report)).then_some(()));
    }
}
