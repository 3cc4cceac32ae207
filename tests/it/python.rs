//! What functions in Python do with libraries, files, threads, and what is not there. The guest is
//! `guests/conformance/python-libraries`.

use serde_json::{Value, json};

use crate::support::{Host, compiled::host};

fn started() -> Host {
    host("python", "libraries").start()
}

fn done(host: &Host, what: &str) -> Value {
    host.response_json(json!({ "do": what }).to_string())
}

#[test]
fn files_beside_pythons_code_are_read_as_on_lambda() {
    let expected = json!({
        "rendered": "Hello Ada!", "root": "/var/task", "working": "/var/task", "relative": {"greeting": "Hello"},
        "handler": "src/orders.receive", "settings of the build": false,
    });
    assert_eq!(done(&started(), "files"), expected);
}

#[test]
fn packages_of_python_do_without_their_extensions() {
    let expected = json!({
        "yaml": {"a": [1, "two"]}, "extension": false, "jwt": {"sub": "7"}, "zone": "2024-07-01T00:00:00+02:00",
    });
    assert_eq!(done(&started(), "libraries"), expected);
}

#[test]
fn what_threads_and_processes_of_python_are_to_do_is_done_in_turn() {
    let host = started();
    let pools = json!({"squares": [0, 1, 4, 9], "outcomes": {"1": 1, "x": "ValueError", "3": 3}});
    assert_eq!(done(&host, "pools"), pools);
    let found = json!([[0, "t0"], [1, "t1"], [2, "t2"]]);
    assert_eq!(done(&host, "threads"), json!({"found": found, "local": "main", "alive": [false, false, false]}));
    assert_eq!(done(&host, "workers"), json!([0, 2, 4, 6, 8, "stopped"]));
    assert_eq!(done(&host, "processes"), json!([[0, 0], [1, 1], [2, 4]]));
    let said = |line: &&String| line.contains("a guest has no threads");
    assert_eq!(host.program.lines().iter().filter(said).count(), 1);
}

#[test]
fn what_python_does_not_have_in_a_guest_can_be_imported_and_says_so() {
    let said = done(&started(), "absent");
    for name in ["bz2", "ctypes", "pool", "subprocess"] {
        let text = said[name].as_str().unwrap_or_default();
        assert!(["not there in a guest", "does not support"].iter().any(|part| text.contains(part)), "{name}: {said}");
    }
}
