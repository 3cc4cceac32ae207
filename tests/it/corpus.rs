//! What was found by fuzzing, or was thought of for it, is replayed here: each file under `tests/fuzz/corpus` goes to
//! the function that its directory is named after. `cargo xtask fuzz` searches for more.

use std::fs;

use crate::{fuzz_targets, support::root};

fn replay(name: &str, target: fn(&[u8])) {
    let directory = root().join("tests/fuzz/corpus").join(name);
    let files: Vec<_> = fs::read_dir(directory).unwrap().flatten().map(|entry| entry.path()).collect();
    assert!(files.len() >= 5, "the corpus `{name}` has {} files", files.len());
    for file in files {
        println!("{}", file.display());
        target(&fs::read(&file).unwrap());
    }
}

#[test]
fn the_host_copes_with_the_kept_guests() {
    replay("guest", fuzz_targets::guest);
}

#[test]
fn the_host_copes_with_the_kept_settings() {
    replay("settings", fuzz_targets::settings);
}

#[test]
fn the_host_copes_with_the_kept_events() {
    replay("next", fuzz_targets::next);
}

#[test]
fn the_host_copes_with_the_kept_handlers() {
    replay("handler", fuzz_targets::handler);
}

#[test]
fn the_host_copes_with_the_kept_rules_and_authorities() {
    replay("network", fuzz_targets::network);
}

#[test]
fn the_host_copes_with_the_kept_events_of_http() {
    replay("gateway", fuzz_targets::gateway);
}
