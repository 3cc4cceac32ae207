//! What a guest keeps is there in the next invocation.

use serde_json::{Value, json};

use crate::support::{Edge, Event, Host};

/// A file in `/tmp` that no other test uses, and that is gone after it.
struct Kept(String);

impl Kept {
    fn new(test: &str) -> Self {
        Self(format!("guesthouse-test-{test}-{}", std::process::id()))
    }

    fn append(&self, host: &Host, text: &str) -> Value {
        host.invoke(json!({"file": self.0, "text": text}).to_string()).json()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(format!("/tmp/{}", self.0));
    }
}

#[test]
fn memory_stays_between_invocations() {
    for edge in Edge::BOTH {
        let host = Host::of("count").edge(edge).start();
        let counts: Vec<String> = (0..3).map(|_| host.answer("{}")).collect();
        assert_eq!(counts, ["1", "2", "3"], "{edge:?}");
    }
}

#[test]
fn memory_is_new_in_every_invocation_where_instances_are_fresh() {
    let host = Host::of("count").env("GUESTHOUSE_INSTANCES", "fresh").start();
    let counts: Vec<String> = (0..3).map(|_| host.answer("{}")).collect();
    assert_eq!(counts, ["1", "1", "1"]);
}

#[test]
fn a_file_in_tmp_stays_between_invocations_and_between_instances() {
    for instances in ["reuse", "fresh"] {
        let kept = Kept::new(instances);
        let host = Host::of("keep_in_tmp").env("GUESTHOUSE_INSTANCES", instances).start();
        kept.append(&host, "one ");
        assert_eq!(kept.append(&host, "two"), "one two");
        let on_disk = std::fs::read_to_string(format!("/tmp/{}", kept.0)).unwrap();
        assert_eq!(on_disk, "one two");
    }
}

#[test]
fn tmp_can_be_read_only_or_absent() {
    for (setting, error) in [("read-only", "Operation not permitted"), ("none", "")] {
        let kept = Kept::new(setting);
        let host = Host::of("keep_in_tmp").env("GUESTHOUSE_TMP", setting).start();
        let answer = kept.append(&host, "one");
        assert!(answer["errorMessage"].as_str().unwrap().contains(error), "{setting}: {answer}");
        assert!(!std::path::Path::new(&format!("/tmp/{}", kept.0)).exists());
    }
}

#[test]
fn nothing_but_tmp_can_be_reached() {
    let host = Host::of("keep_in_tmp").start();
    for file in ["../etc/guesthouse", "/etc/guesthouse", "../../proc/self/environ"] {
        let answer = host.invoke(json!({"file": file, "text": ""}).to_string()).json();
        assert!(answer["errorType"].is_string(), "{file}: {answer}");
    }
}

#[test]
fn init_runs_once_for_each_instance() {
    let host = Host::of("init_counts").start();
    for _ in 0..3 {
        assert_eq!(host.answer("{}"), "1");
    }
    let prepared = host.program.lines().iter().filter(|line| line.ends_with("\tpreparing")).count();
    assert_eq!(prepared, 1);
}

#[test]
fn a_guest_sees_the_functions_variables_but_no_credentials_and_not_the_runtime_api() {
    let host = Host::of("environment").env("STAGE", "prod").env("AWS_SECRET_ACCESS_KEY", "secret").start();
    let seen = host.fake.invoke(Event::new("{}")).json();
    assert_eq!((&seen["STAGE"], &seen["AWS_LAMBDA_FUNCTION_NAME"]), (&json!("prod"), &json!("the-function")));
    assert_eq!((&seen["AWS_SECRET_ACCESS_KEY"], &seen["AWS_LAMBDA_RUNTIME_API"]), (&Value::Null, &Value::Null));
}
