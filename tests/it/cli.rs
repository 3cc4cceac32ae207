//! `guesthouse run`, help, and exit statuses.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};

use crate::support::{Behaviour, guests, process, program};

fn guesthouse(arguments: &[&str]) -> Output {
    process::output(Command::new(program("guesthouse")).args(arguments))
}

fn run(guest: &str, arguments: &[&str]) -> Output {
    let guest = guests::path(guest);
    // Enough for whatever is not to end by a timeout, on a busy machine too.
    let timeout: &[&str] = if arguments.contains(&"--timeout") { &[] } else { &["--timeout", "300"] };
    guesthouse(&[&["run", guest.to_str().unwrap()], arguments, timeout].concat())
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

#[test]
fn the_response_is_all_there_is_on_standard_output() {
    let ran = run("hello", &["-e", r#"{"name":"Ada"}"#]);
    assert_eq!(ran.status.code(), Some(0));
    let response: Value = serde_json::from_str(stdout(&ran)).unwrap();
    assert_eq!(response, json!({"message": "Hello Ada!", "count": 1, "last": null}));
    assert!(stderr(&ran).contains("greeting Ada"), "{}", stderr(&ran));
}

#[test]
fn the_event_comes_from_the_argument_a_file_or_standard_input() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, "\"from a file\"").unwrap();
    assert_eq!(stdout(&run("echo", &["-e", "\"from the argument\""])), "\"from the argument\"\n");
    assert_eq!(stdout(&run("echo", &["-e", &format!("@{}", file.path().display())])), "\"from a file\"\n");
    assert_eq!(stdout(&run("echo", &[])), "{}\n");

    let guest = guests::path("echo");
    let mut command = Command::new(program("guesthouse"));
    let mut child = command
        .args(["run", guest.to_str().unwrap(), "-e", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"\"from standard input\"").unwrap();
    assert_eq!(stdout(&child.wait_with_output().unwrap()), "\"from standard input\"\n");
}

#[test]
fn a_guests_error_ends_with_status_2_and_is_shown_with_its_frames() {
    let ran = run("misbehave", &["-e", &Behaviour::Fail.event()]);
    assert_eq!((ran.status.code(), stdout(&ran)), (Some(2), ""));
    assert!(
        stderr(&ran).ends_with("error: OrderNotFound: no such order: `42`\n  at find\n  at main\n"),
        "{}",
        stderr(&ran)
    );
    assert_eq!(run("misbehave", &["-e", &Behaviour::Trap.event()]).status.code(), Some(2));
    assert_eq!(run("misbehave", &["-e", &Behaviour::Loop.event(), "--timeout", "0.5"]).status.code(), Some(2));
}

#[test]
fn a_guest_that_can_not_be_loaded_ends_with_status_1_and_a_hint() {
    let file = tempfile::Builder::new().suffix(".wasm").tempfile().unwrap();
    std::fs::write(&file, "#!/bin/sh").unwrap();
    let path = file.path().to_str().unwrap();
    for (arguments, part) in [
        (["run", "/nowhere/at-all.wasm"], "no such guest"),
        (["run", path], "not a wasm file"),
        (["run", "/tmp"], "is a directory"),
        (["serve", "/nowhere"], "/nowhere"),
    ] {
        let ran = guesthouse(&arguments);
        assert_eq!(ran.status.code(), Some(1), "{arguments:?}: {}", stderr(&ran));
        assert!(stderr(&ran).contains(part) && stderr(&ran).contains("hint: "), "{arguments:?}: {}", stderr(&ran));
    }
}

#[test]
fn a_wrong_command_line_ends_with_status_64_and_help_with_0() {
    for arguments in [
        &["walk"][..],
        &["run"],
        &["run", "x.wasm", "--timeout", "0"],
        &["run", "x.wasm", "--memory", "64"],
        &["run", "x.wasm", "--env", "=x"],
        &["serve", ".", "--port", "x"],
        &[],
    ] {
        assert_eq!(guesthouse(arguments).status.code(), Some(64), "{arguments:?}");
    }
    for arguments in [&["--help"][..], &["run", "--help"], &["serve", "--help"], &["--version"]] {
        let ran = guesthouse(arguments);
        assert_eq!(ran.status.code(), Some(0), "{arguments:?}");
        assert!(!ran.stdout.is_empty());
    }
}

#[test]
fn there_is_no_colour_where_there_is_no_terminal() {
    for arguments in [&["--help"][..], &["walk"], &["run", "/nowhere.wasm"]] {
        let ran = guesthouse(arguments);
        assert!(!ran.stdout.contains(&0x1b) && !ran.stderr.contains(&0x1b), "{arguments:?}");
    }
}

#[test]
fn settings_in_variables_count_here_too() {
    let ran = run("keep_in_tmp", &["--env", "GUESTHOUSE_TMP=none", "-e", r#"{"file":"x","text":"y"}"#]);
    assert_eq!(ran.status.code(), Some(2), "{}", stderr(&ran));
    let ran = run("echo", &["--env", "GUESTHOUSE_TMP=writable", "--env", "GUESTHOUSE_FOO=1"]);
    assert_eq!(ran.status.code(), Some(1));
    assert!(
        stderr(&ran).contains("`GUESTHOUSE_TMP` is `writable`") && stderr(&ran).contains("`GUESTHOUSE_FOO`: unknown")
    );
}

#[test]
fn a_guest_sees_the_variables_it_is_given_and_none_of_the_shells() {
    let seen: Value = serde_json::from_str(stdout(&run("environment", &["--env", "STAGE=dev"]))).unwrap();
    assert_eq!(
        (&seen["STAGE"], &seen["AWS_LAMBDA_FUNCTION_NAME"], &seen["PATH"]),
        (&json!("dev"), &json!("environment"), &Value::Null)
    );
}

#[test]
fn a_variable_that_is_kept_from_the_guest_is_told_of() {
    let ran = run("environment", &["--env", "AWS_SECRET_ACCESS_KEY=x", "--env", "STAGE=dev"]);
    let seen: Value = serde_json::from_str(stdout(&ran)).unwrap();
    assert_eq!((&seen["AWS_SECRET_ACCESS_KEY"], &seen["STAGE"]), (&Value::Null, &json!("dev")));
    let said = stderr(&ran);
    assert!(
        said.contains("`AWS_SECRET_ACCESS_KEY` of `--env` does not reach") && said.contains("`env.pass`"),
        "{said}"
    );
    assert!(!said.contains("`STAGE`"), "{said}");
}

#[test]
fn what_a_guest_a_file_or_the_settings_say_can_not_command_the_terminal() {
    let is_clean = |text: &str| !text.contains(|char: char| char.is_control() && !"\t\n".contains(char));
    let directory = tempfile::tempdir().unwrap();
    let odd = directory.path().join("\u{1b}]0;owned\u{7}.wasm");
    std::fs::copy(guests::path("echo"), &odd).unwrap();
    let compiled = guesthouse(&["compile", odd.to_str().unwrap()]);
    assert!(compiled.status.success() && stdout(&compiled).contains("\\u001b]0;owned\\u0007"), "{compiled:?}");
    std::fs::write(directory.path().join("guesthouse.toml"), "[handlers.x]\n\"\\u001b[2J\\u009b\" = 1").unwrap();
    let refused = guesthouse(&["serve", directory.path().to_str().unwrap(), "--port", "0"]);
    assert!(!refused.status.success() && stderr(&refused).contains("\\u001b[2J"), "{refused:?}");
    let talked = run("talk", &["-e", r#"["err","\u001b]0;owned\u0007\u001b[2J\rforged\n"]"#]);
    assert!(stderr(&talked).contains("\\u001b]0;owned\\u0007\\u001b[2J\\u000dforged"), "{talked:?}");
    let failed = run("misbehave", &["-e", &Behaviour::OddErrorType.event()]);
    for output in [compiled, refused, talked, failed] {
        assert!(is_clean(stdout(&output)) && is_clean(stderr(&output)), "{output:?}");
    }
}
