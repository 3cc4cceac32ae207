//! What a guest keeps is there in the next invocation.

use serde_json::{Value, json};

use crate::support::{Host, Reply, RuntimeClient, wait_for};

/// A file in `/tmp` that no other test uses, and that is gone after it.
struct Kept(String);

impl Kept {
    fn new(test: &str) -> Self {
        Self(format!("guesthouse-test-{test}-{}", std::process::id()))
    }

    fn append(&self, host: &Host, text: &str) -> Reply {
        host.invoke(json!({"file": self.0, "text": text}).to_string())
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(format!("/tmp/{}", self.0));
    }
}

#[test]
fn memory_stays_between_invocations() {
    for client in RuntimeClient::BOTH {
        let host = Host::of("count").runtime_client(client).start();
        let counts: Vec<String> = (0..3).map(|_| host.response("{}")).collect();
        assert_eq!(counts, ["1", "2", "3"], "{client:?}");
    }
}

#[test]
fn memory_is_new_in_every_invocation_where_instances_are_fresh() {
    let host = Host::of("count").fresh().start();
    let counts: Vec<String> = (0..3).map(|_| host.response("{}")).collect();
    assert_eq!(counts, ["1", "1", "1"]);
}

#[test]
fn a_file_in_tmp_stays_between_invocations_and_between_instances() {
    for instances in ["reuse", "fresh"] {
        let kept = Kept::new(instances);
        let host = Host::of("keep_in_tmp").instances(instances).start();
        kept.append(&host, "one ").response();
        assert_eq!(kept.append(&host, "two").response_json(), "one two");
        let on_disk = std::fs::read_to_string(format!("/tmp/{}", kept.0)).unwrap();
        assert_eq!(on_disk, "one two");
    }
}

#[test]
fn tmp_can_be_read_only_or_absent() {
    for (setting, error) in [("read-only", "Operation not permitted"), ("none", "No such file or directory")] {
        let kept = Kept::new(setting);
        let host = Host::of("keep_in_tmp").tmp(setting).start();
        kept.append(&host, "one").about(setting).any_error().says(error);
        assert!(!std::path::Path::new(&format!("/tmp/{}", kept.0)).exists());
    }
}

#[test]
fn no_file_but_those_in_tmp_can_be_reached() {
    let host = Host::of("reach_out").start();
    let reached = |event: Value| host.invoke(event.to_string()).is_response();
    let inside = tempfile::NamedTempFile::new_in("/tmp").unwrap();
    assert!(reached(json!({"read": inside.path()})));
    for outside in ["/etc/passwd", "../etc/passwd", "/tmp/../etc/passwd", "/proc/self/environ", "/var/task/hello.wasm"]
    {
        assert!(!reached(json!({"read": outside})), "{outside}");
    }
    for directory in ["/", "/etc", "/tmp/..", "."] {
        assert!(!reached(json!({"list": directory})), "{directory}");
    }
    let links = tempfile::tempdir_in("/tmp").unwrap();
    for target in ["/etc/passwd", "../../etc/passwd", "/proc/self/environ"] {
        let link = links.path().join(target.replace('/', "-"));
        std::os::unix::fs::symlink(target, &link).unwrap();
        assert!(!reached(json!({"read": link})), "a link to {target}");
    }
}

#[test]
fn nothing_of_the_network_can_be_reached_and_least_of_all_the_runtime_api() {
    let host = Host::of("reach_out").start();
    let connections = host.fake.connections();
    let runtime_api = host.fake.address.clone();
    for event in [
        json!({"connect": runtime_api}),
        json!({"connect": "169.254.169.254:80"}),
        json!({"send": runtime_api}),
        json!({"resolve": "localhost"}),
    ] {
        host.invoke(event.to_string()).about(event).any_error();
    }
    assert_eq!(host.fake.connections(), connections);
}

#[test]
fn init_runs_once_for_each_instance() {
    let host = Host::of("init_counts").start();
    for _ in 0..3 {
        assert_eq!(host.response("{}"), "1");
    }
    let prepared = |host: &Host| host.program.lines().iter().filter(|line| line.ends_with("\tpreparing")).count();
    wait_for("a line", || (prepared(&host) > 0).then_some(()));
    assert_eq!(prepared(&host), 1);
    let fresh = Host::of("init_counts").fresh().start();
    for _ in 0..3 {
        assert_eq!(fresh.response("{}"), "1");
    }
    // One is made before the first event, to see whether it can be.
    wait_for("three lines", || (prepared(&fresh) == 3).then_some(()));
}

#[test]
fn a_guest_sees_the_functions_variables_but_no_credentials_and_not_the_runtime_api() {
    let host = Host::of("environment")
        .env("STAGE", "prod")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_BEARER_TOKEN_BEDROCK", "secret")
        .env("HTTPS_PROXY", "http://user:secret@127.0.0.1:1")
        .start();
    let seen = host.response_json("{}");
    assert_eq!((&seen["STAGE"], &seen["AWS_LAMBDA_FUNCTION_NAME"]), (&json!("prod"), &json!("the-function")));
    assert_eq!((&seen["AWS_SECRET_ACCESS_KEY"], &seen["AWS_LAMBDA_RUNTIME_API"]), (&Value::Null, &Value::Null));
    assert!(!seen.to_string().contains("secret"), "{seen}");
}
