//! The image, built from the Dockerfile and run with the emulator in it.
//!
//! `cargo xtask test` makes what this needs: `tests/image/lab.sh` has the story.

use std::process::{Command, Output};

use crate::support::root;

fn lab(arguments: &[&str]) -> Output {
    Command::new("bash").arg(root().join("tests/image/lab.sh")).args(arguments).output().unwrap()
}

fn response(arguments: &[&str]) -> String {
    let ran = lab(arguments);
    assert!(ran.status.success(), "{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

#[test]
#[ignore = "builds the image, which takes minutes: cargo xtask test runs it"]
fn the_image_serves_the_handler_of_its_command_or_of_the_variable() {
    response(&["build"]);
    assert!(response(&["invoke", r#"{"name":"image"}"#]).contains("Hello image!"));
    assert!(response(&["invoke", "[1, 2]", "echo"]).trim_end() == "[1, 2]");
    assert!(response(&["invoke", "[1, 2]", "-e", "HANDLER=echo"]).trim_end() == "[1, 2]");
    // A host without the network would refuse this.
    let granted = ["invoke", r#"{"name":"image"}"#, "-e", "GUESTHOUSE_NETWORK_ALLOW=https://api.example.com"];
    assert!(response(&granted).contains("Hello image!"));
    let missing = response(&["invoke", "{}", "nobody"]);
    assert!(missing.contains("Host.GuestNotFound"), "{missing}");
}

#[test]
#[ignore = "builds the image, which takes minutes: cargo xtask test runs it"]
fn the_hosts_stage_adds_bootstrap_to_the_base_image_and_nothing_else() {
    assert_eq!(response(&["added"]).trim(), "./var/runtime/bootstrap");
}

/// Amazon Linux 2023 has glibc 2.34: a binary that wants more does not start there.
#[test]
#[ignore = "builds the image, which takes minutes: cargo xtask test runs it"]
fn bootstrap_wants_no_glibc_newer_than_the_base_images() {
    response(&["build"]);
    let symbols = response(&["glibc"]);
    let newest =
        symbols.lines().filter_map(|line| line.strip_prefix("GLIBC_2.")?.split('.').next()?.parse().ok()).max();
    assert!(newest.is_some_and(|minor: u32| minor <= 34), "{symbols}");
}
