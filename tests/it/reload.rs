//! `guesthouse serve` follows the folder that it serves.

use std::{fs, path::Path};

use crate::{
    serve::{Served, with_tmp},
    support::{guests::answering, http, wait_for},
};

fn serve(guests: &Path) -> Served {
    with_tmp(guests, Path::new("/tmp"), &[])
}

fn answer(served: &Served, function: &str) -> String {
    http::invoke(&served.address, function, &[], b"{}").text().to_owned()
}

fn put(folder: &Path, name: &str, bytes: &[u8]) {
    // As cargo does it: another file takes the place.
    fs::write(folder.join(".new"), bytes).unwrap();
    fs::rename(folder.join(".new"), folder.join(name)).unwrap();
}

#[test]
fn a_changed_guest_is_taken_at_once_however_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let guest = folder.path().join("one.wasm");
    fs::write(&guest, answering("v1")).unwrap();
    for served in [serve(folder.path()), serve(&guest)] {
        put(folder.path(), "one.wasm", &answering("v2"));
        wait_for("a renamed file", || (answer(&served, "one") == "\"v2\"").then_some(()));
        served.program.line("the change", |line| line.contains("`one` changed over").then_some(()));
        fs::write(&guest, answering("v3")).unwrap();
        wait_for("a file that was written to", || (answer(&served, "one") == "\"v3\"").then_some(()));
        fs::remove_file(&guest).unwrap();
        fs::write(folder.path().join("hidden"), answering("v1")).unwrap();
        fs::hard_link(folder.path().join("hidden"), &guest).unwrap();
        wait_for("a link in its place", || (answer(&served, "one") == "\"v1\"").then_some(()));
    }
}

#[test]
fn new_guests_are_added_and_those_that_are_gone_removed() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "one.wasm", &answering("v1"));
    let served = serve(folder.path());
    put(folder.path(), "two.wasm", &answering("v2"));
    wait_for("the new function", || (answer(&served, "two") == "\"v2\"").then_some(()));
    served.program.line("its address", |line| line.ends_with("/functions/two/invocations").then_some(()));
    fs::remove_file(folder.path().join("one.wasm")).unwrap();
    served.program.line("what is gone", |line| line.contains("`one` is gone").then_some(()));
    assert_eq!(http::invoke(&served.address, "one", &[], b"{}").subject(), "404");
    assert_eq!(answer(&served, "two"), "\"v2\"");
}

#[test]
fn a_broken_guest_is_told_of_and_the_one_before_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "one.wasm", &answering("v1"));
    let served = serve(folder.path());
    put(folder.path(), "one.wasm", b"broken");
    served
        .program
        .line("the reason", |line| (line.contains("stays at") && line.contains("not a wasm file")).then_some(()));
    assert_eq!(answer(&served, "one"), "\"v1\"");
    put(folder.path(), "two.wasm", b"broken");
    served.program.line("the reason", |line| line.contains("`two` answers only with its error").then_some(()));
    put(folder.path(), "two.wasm", &answering("v2"));
    wait_for("the mended guest", || (answer(&served, "two") == "\"v2\"").then_some(()));
}

#[test]
fn settings_that_are_changed_count_at_once_and_broken_ones_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "one.wasm", &answering("v1"));
    put(folder.path(), "other.wasm", &answering("v2"));
    let served = serve(folder.path());
    put(folder.path(), "guesthouse.toml", b"[handlers.one]\nsource = \"other.wasm\"\n");
    wait_for("the other source", || (answer(&served, "one") == "\"v2\"").then_some(()));
    put(folder.path(), "guesthouse.toml", b"[handlers.one]\nsauce = \"other.wasm\"\n");
    served.program.line("the reason", |line| line.contains("all goes on as it was").then_some(()));
    put(folder.path(), "guesthouse.toml", b"[handlers.one]\nsource = \"missing.wasm\"\n");
    served.program.line("the reason", |line| line.contains("`one` goes on as it was").then_some(()));
    assert_eq!(answer(&served, "one"), "\"v2\"");
}

#[test]
fn the_report_says_which_guest_answered() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "one.wasm", &answering("v1"));
    let served = serve(folder.path());
    for version in ["v1", "v2"] {
        put(folder.path(), "one.wasm", &answering(version));
        wait_for("this guest", || (answer(&served, "one") == format!("\"{version}\"")).then_some(()));
        let guest = guesthouse::digest::Digest::of(&answering(version)).short();
        let report = format!("Guest: {guest}\t");
        served.program.line("the report", |line| (line.starts_with("REPORT ") && line.contains(&report)).then_some(()));
    }
}
