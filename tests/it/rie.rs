//! Lambda's own emulator.

use std::path::Path;

use serde_json::json;

use crate::support::{Program, RuntimeClient, emulator, guests, http, http::Message, program, tools};

pub struct Rie {
    address: String,
    program: Program,
}

/// The emulator with `bootstrap` and this handler. It serves one invocation at a time, so each test has its own.
pub fn rie(handler: &str, client: RuntimeClient, timeout_seconds: u32) -> Rie {
    in_directory(&guests::ALL, handler, &[("GUESTHOUSE_RUNTIME_CLIENT", client.name().to_owned())], timeout_seconds)
}

/// The same with a task root and variables of the test's own.
pub fn in_directory(task_root: &Path, handler: &str, env: &[(&str, String)], timeout_seconds: u32) -> Rie {
    let (address, program) = emulator::start(|addresses| {
        let mut command = tools::rie();
        command
            .args(addresses)
            .arg(program("bootstrap"))
            .arg(handler)
            .env("LAMBDA_TASK_ROOT", task_root)
            .env("AWS_LAMBDA_FUNCTION_TIMEOUT", timeout_seconds.to_string())
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .envs(env.iter().map(|(name, value)| (name, value)));
        command
    });
    Rie { address, program }
}

impl Rie {
    pub fn invoke(&self, headers: &[(&str, &str)], event: &[u8]) -> Message {
        let response = http::invoke(&self.address, "function", headers, event);
        assert_eq!(response.subject(), "200", "{}", response.text());
        response
    }

    /// The `bootstrap` that the emulator runs now.
    pub fn bootstrap(&self) -> u32 {
        let children = self.program.children();
        assert_eq!(children.len(), 1, "{children:?}");
        children[0]
    }
}

#[test]
fn the_sample_answers_under_the_emulator() {
    for client in RuntimeClient::BOTH {
        let rie = rie("hello", client, 30);
        let response = rie.invoke(&[], br#"{"name":"Ada"}"#).json();
        assert_eq!((&response["message"], &response["count"]), (&json!("Hello Ada!"), &json!(1)));
        assert_eq!(rie.invoke(&[], b"{}").json()["count"], 2);
    }
}

#[test]
fn events_of_all_sizes_pass_byte_for_byte() {
    for client in RuntimeClient::BOTH {
        let rie = rie("echo", client, 30);
        for size in [0, 1, 2047, 2048, 100_000, 6 * 1024 * 1024] {
            let event = "é".repeat(size / 2) + &"x".repeat(size % 2);
            assert!(rie.invoke(&[], event.as_bytes()).body == event.as_bytes(), "{client:?}: {size} bytes");
        }
    }
}

#[test]
fn what_the_emulator_says_of_the_caller_reaches_the_guest() {
    let rie = rie("context", RuntimeClient::Direct, 30);
    let headers = [
        ("X-Amzn-RequestId", "my-request"),
        ("X-Amz-Client-Context", "eyJjdXN0b20iOnt9fQ=="),
        ("X-Amz-Cognito-Identity", r#"{"cognitoIdentityId":"id1","cognitoIdentityPoolId":"pool1"}"#),
        ("X-Amz-Tenant-Id", "tenant-A"),
    ];
    let context = rie.invoke(&headers, b"{}").json();
    assert_eq!(context["request_id"], "my-request");
    assert_eq!(context["client_context"], r#"{"custom":{}}"#);
    assert_eq!(context["identity"], json!({"identity_id": "id1", "identity_pool_id": "pool1"}));
    assert_eq!(context["tenant_id"], "tenant-A");
    assert_eq!((&context["function_name"], &context["memory_limit_mib"]), (&json!("test_function"), &json!(256)));
}

#[test]
fn a_client_context_of_raw_bytes_does_not_cost_the_process() {
    let rie = rie("context", RuntimeClient::Direct, 30);
    rie.invoke(&[], b"{}");
    let pid = rie.bootstrap();
    // In base64: `not json`, the bytes 1 to 3, the bytes 0xff 0xfe, and two lines.
    for encoded in ["bm90IGpzb24=", "AQID", "//4=", "YQpi"] {
        assert_eq!(rie.invoke(&[("X-Amz-Client-Context", encoded)], b"{}").json()["function_version"], "$LATEST");
    }
    assert_eq!(rie.bootstrap(), pid);
}

#[test]
fn an_init_failure_is_what_the_caller_gets() {
    let rie = rie("nobody", RuntimeClient::Direct, 10);
    let response = http::invoke(&rie.address, "function", &[], b"{}");
    assert_eq!(response.subject(), "502");
    assert_eq!(response.json()["errorType"], "Host.GuestNotFound");
}
