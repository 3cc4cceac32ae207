//! Lambda's own emulator.

use serde_json::json;

use crate::support::{Host, RuntimeClient, guests, request::url};

/// The time that a guest has, in seconds.
const TIMEOUT_SECONDS: u32 = 30;

#[test]
fn the_sample_responds_under_the_emulator() {
    for client in RuntimeClient::BOTH {
        let emulator = Host::of("hello").runtime_client(client).under_the_emulator(TIMEOUT_SECONDS);
        let response = emulator.invoke(r#"{"name":"Ada"}"#).response_json();
        assert_eq!((&response["message"], &response["count"]), (&json!("Hello Ada!"), &json!(1)));
        assert_eq!(emulator.invoke("{}").response_json()["count"], 2);
    }
}

#[test]
fn events_of_all_sizes_pass_byte_for_byte() {
    for client in RuntimeClient::BOTH {
        let emulator = Host::of("echo").runtime_client(client).under_the_emulator(TIMEOUT_SECONDS);
        for size in [0, 1, 2047, 2048, 100_000, 6 * 1024 * 1024] {
            let event = "é".repeat(size / 2) + &"x".repeat(size % 2);
            assert!(emulator.invoke(event.as_str()).response() == event, "{client:?}: {size} bytes");
        }
    }
}

#[test]
fn what_the_emulator_says_of_the_caller_reaches_the_guest() {
    let emulator = Host::of("context").under_the_emulator(TIMEOUT_SECONDS);
    let headers = [
        ("X-Amzn-RequestId", "my-request"),
        ("X-Amz-Client-Context", "eyJjdXN0b20iOnt9fQ=="),
        ("X-Amz-Cognito-Identity", r#"{"cognitoIdentityId":"id1","cognitoIdentityPoolId":"pool1"}"#),
        ("X-Amz-Tenant-Id", "tenant-A"),
    ];
    let context = emulator.invoke_with(&headers, "{}").response_json();
    assert_eq!(context["request_id"], "my-request");
    assert_eq!(context["client_context"], r#"{"custom":{}}"#);
    assert_eq!(context["identity"], json!({"identity_id": "id1", "identity_pool_id": "pool1"}));
    assert_eq!(context["tenant_id"], "tenant-A");
    assert_eq!((&context["function_name"], &context["memory_limit_mib"]), (&json!("test_function"), &json!(256)));
}

#[test]
fn a_client_context_of_raw_bytes_does_not_cost_the_process() {
    let emulator = Host::of("context").under_the_emulator(TIMEOUT_SECONDS);
    emulator.invoke("{}");
    let pid = emulator.bootstrap();
    // In base64: `not json`, the bytes 1 to 3, the bytes 0xff 0xfe, and two lines.
    for encoded in ["bm90IGpzb24=", "AQID", "//4=", "YQpi"] {
        let context = emulator.invoke_with(&[("X-Amz-Client-Context", encoded)], "{}").response_json();
        assert_eq!(context["function_version"], "$LATEST");
    }
    assert_eq!(emulator.bootstrap(), pid);
}

/// The emulator takes the protocol of streams, and returns what came as a whole, the prelude included.
#[test]
fn a_streamed_response_passes_the_emulator_as_a_whole() {
    for client in RuntimeClient::BOTH {
        let emulator = Host::with_file(&guests::http("raw"))
            .env("GUESTHOUSE_HTTP_RESPOND", "stream")
            .runtime_client(client)
            .under_the_emulator(TIMEOUT_SECONDS);
        for count in [0, 3] {
            let target = format!("/pieces?count={count}&size=4&status=201");
            let reply = emulator.invoke(url("GET", &target).to_string());
            let (prelude, body) = reply.response().split_once("\0\0\0\0\0\0\0\0").expect("a prelude");
            let prelude: serde_json::Value = serde_json::from_str(prelude).unwrap();
            assert_eq!(prelude["statusCode"], 201, "{client:?}");
            assert_eq!(body, ["", "0:xxxx1:xxxx2:xxxx"][usize::from(count > 0)], "{client:?}");
        }
    }
}

#[test]
fn an_init_failure_is_what_the_caller_gets() {
    let failed = Host::of("nobody").under_the_emulator(10).try_invoke(&[], "{}");
    assert_eq!(failed.subject(), "502");
    failed.error("Host.GuestNotFound");
}
