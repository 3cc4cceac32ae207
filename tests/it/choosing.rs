//! How the handler is chosen, and that it never leads out of the task root.

use std::{fs, os::unix::fs::symlink};

use crate::support::{Host, guests};

/// A task root with these guests.
fn task_root(names: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        let file = folder.path().join(format!("{name}.wasm"));
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::copy(guests::path(name.rsplit('/').next().unwrap()), file).unwrap();
    }
    folder
}

#[test]
fn the_variable_wins_over_the_argument_and_the_argument_over_lambdas_variable() {
    let folder = task_root(&["echo", "count", "context"]);
    let root = folder.path();
    let asked = |setup: crate::support::host::Setup| setup.start().answer("{\"a\":1}");
    assert_eq!(asked(Host::in_folder(root).env("HANDLER", "count").argument("echo").env("_HANDLER", "context")), "1");
    assert_eq!(asked(Host::in_folder(root).argument("count").env("_HANDLER", "echo")), "1");
    assert_eq!(asked(Host::in_folder(root).env("_HANDLER", "count")), "1");
}

#[test]
fn an_empty_variable_counts_as_not_set_and_the_only_guest_is_taken() {
    let folder = task_root(&["count"]);
    assert_eq!(Host::in_folder(folder.path()).env("_HANDLER", "").env("HANDLER", "").start().answer("{}"), "1");
}

#[test]
fn a_guest_in_a_folder_is_named_by_its_path() {
    let folder = task_root(&["billing/count", "echo"]);
    assert_eq!(Host::in_folder(folder.path()).env("HANDLER", "billing/count").start().answer("{}"), "1");
}

#[test]
fn a_file_reference_reaches_outside_the_task_root() {
    let folder = task_root(&["echo"]);
    let reference = format!("file://{}", guests::path("count").display());
    assert_eq!(Host::in_folder(folder.path()).env("HANDLER", &reference).start().answer("{}"), "1");
}

#[test]
fn no_name_leads_out_of_the_task_root() {
    let outside = task_root(&["count"]);
    let inside = task_root(&["echo"]);
    symlink(outside.path().join("count.wasm"), inside.path().join("link.wasm")).unwrap();
    symlink(outside.path(), inside.path().join("folder")).unwrap();
    let neighbour = format!("../{}/count", outside.path().file_name().unwrap().to_str().unwrap());
    let absolute = outside.path().join("count");
    let names = [
        &neighbour,
        absolute.to_str().unwrap(),
        "link",
        "folder/count",
        "./echo",
        "echo/../echo",
        "a//b",
        "/",
        "..",
        &"x/".repeat(2048),
    ];
    for name in names {
        let error = Host::in_folder(inside.path()).env("HANDLER", name).spawn().init_error();
        let error_type = error["errorType"].as_str().unwrap();
        assert!(["Host.Config", "Host.GuestNotFound"].contains(&error_type), "{name}: {error}");
        assert!(error["errorMessage"].as_str().unwrap().contains("\nhint: "), "{name}: {error}");
    }
}

/// A variable can't hold a NUL and neither can an argument, so it can only come through the file.
#[test]
fn a_nul_in_a_name_is_refused() {
    let folder = task_root(&["echo"]);
    fs::write(folder.path().join("guesthouse.toml"), "[handlers.echo]\nsource = \"ec\\u0000ho.wasm\"").unwrap();
    let error = Host::in_folder(folder.path()).env("HANDLER", "echo").spawn().init_error();
    assert_eq!(error["errorType"], "Host.Config");
}

#[test]
fn the_settings_file_can_name_another_source() {
    let folder = task_root(&["count", "echo"]);
    fs::write(folder.path().join("guesthouse.toml"), "[handlers.orders]\nsource = \"count.wasm\"").unwrap();
    assert_eq!(Host::in_folder(folder.path()).env("HANDLER", "orders").start().answer("{}"), "1");
}
