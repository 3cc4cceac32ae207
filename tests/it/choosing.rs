//! How the handler is chosen, and that it never leads out of the task root.

use std::{fs, os::unix::fs::symlink};

use crate::support::{Host, Setup, guests};

/// A task root with these guests.
fn task_root(names: &[&str]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for name in names {
        let file = directory.path().join(format!("{name}.wasm"));
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::copy(guests::path(name.rsplit('/').next().unwrap()), file).unwrap();
    }
    directory
}

#[test]
fn the_variable_wins_over_the_argument_and_the_argument_over_lambdas_variable() {
    let directory = task_root(&["echo", "count", "context"]);
    let root = directory.path();
    let asked = |setup: Setup| setup.start().response("{\"a\":1}");
    assert_eq!(
        asked(Host::in_directory(root).env("HANDLER", "count").argument("echo").env("_HANDLER", "context")),
        "1"
    );
    assert_eq!(asked(Host::in_directory(root).argument("count").env("_HANDLER", "echo")), "1");
    assert_eq!(asked(Host::in_directory(root).env("_HANDLER", "count")), "1");
}

#[test]
fn an_empty_variable_counts_as_not_set_and_the_only_guest_is_taken() {
    let directory = task_root(&["count"]);
    assert_eq!(Host::in_directory(directory.path()).env("_HANDLER", "").env("HANDLER", "").start().response("{}"), "1");
}

#[test]
fn a_guest_in_a_directory_is_named_by_its_path() {
    let directory = task_root(&["billing/count", "echo"]);
    assert_eq!(Host::in_directory(directory.path()).handler("billing/count").start().response("{}"), "1");
}

#[test]
fn a_file_reference_reaches_outside_the_task_root() {
    let directory = task_root(&["echo"]);
    let reference = format!("file://{}", guests::path("count").display());
    assert_eq!(Host::in_directory(directory.path()).handler(&reference).start().response("{}"), "1");
}

#[test]
fn no_name_leads_out_of_the_task_root() {
    let outside = task_root(&["count"]);
    let inside = task_root(&["echo"]);
    symlink(outside.path().join("count.wasm"), inside.path().join("link.wasm")).unwrap();
    symlink(outside.path(), inside.path().join("directory")).unwrap();
    let neighbour = format!("../{}/count", outside.path().file_name().unwrap().to_str().unwrap());
    let absolute = outside.path().join("count");
    let names = [
        &neighbour,
        absolute.to_str().unwrap(),
        "link",
        "directory/count",
        "./echo",
        "echo/../echo",
        "a//b",
        "/",
        "..",
        &"x/".repeat(2048),
    ];
    for name in names {
        let error = Host::in_directory(inside.path()).handler(name).any_init_error().has_hint();
        assert!(["Host.Config", "Host.GuestNotFound"].contains(&error.error_type()), "{name}: {error}");
    }
}

/// A variable can't hold a NUL and neither can an argument, so it can only come through the file.
#[test]
fn a_nul_in_a_name_is_refused() {
    let directory = task_root(&["echo"]);
    fs::write(directory.path().join("guesthouse.toml"), "[handlers.echo]\nsource = \"ec\\u0000ho.wasm\"").unwrap();
    Host::in_directory(directory.path()).handler("echo").init_error("Host.Config");
}

#[test]
fn the_settings_file_can_name_another_source() {
    let directory = task_root(&["count", "echo"]);
    fs::write(directory.path().join("guesthouse.toml"), "[handlers.orders]\nsource = \"count.wasm\"").unwrap();
    assert_eq!(Host::in_directory(directory.path()).handler("orders").start().response("{}"), "1");
}
