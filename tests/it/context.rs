//! Everything that Lambda says of an invocation reaches the guest.

use serde_json::{Value, json};

use crate::support::{Event, Host, RuntimeClient, fake::TRACE_ID};

fn context(host: &Host, event: Event) -> Value {
    host.fake.invoke(event).response_json()
}

#[test]
fn every_header_and_variable_reaches_the_guest() {
    for client in RuntimeClient::BOTH {
        let host = Host::of("context").runtime_client(client).start();
        let client_context = r#"{"custom":{"a":"b"},"environment":{}}"#;
        let event = Event::new("{}").with_whole_context(client_context);
        let id = event.id.clone();
        assert_eq!(
            context(&host, event),
            json!({
                "request_id": id,
                "function_name": "the-function",
                "function_version": "7",
                "invoked_function_arn": "arn:aws:lambda:eu-central-1:1:function:f",
                "memory_limit_mib": 512,
                "log_group_name": "/aws/lambda/the-function",
                "log_stream_name": "2026/11/23/[7]abc",
                "deadline_ms": 4_102_444_800_123_u64,
                "trace_id": TRACE_ID,
                "client_context": client_context,
                "identity": {"identity_id": "id1", "identity_pool_id": "pool1"},
                "tenant_id": "tenant-A",
            }),
            "{client:?}"
        );
    }
}

#[test]
fn what_lambda_leaves_out_is_absent() {
    let host = Host::of("context").env("AWS_LAMBDA_LOG_GROUP_NAME", "").start();
    let context = context(&host, Event::new("{}"));
    for name in ["trace_id", "client_context", "identity", "tenant_id"] {
        assert_eq!(context[name], Value::Null, "{name}");
    }
    assert_eq!(context["log_group_name"], "");
}

#[test]
fn no_header_that_a_caller_can_set_ends_the_process() {
    let mut host = Host::of("context").start();
    let client_context = "Lambda-Runtime-Client-Context";
    let odd: &[(&str, &[u8], Value)] = &[
        (client_context, b"not json", json!("not json")),
        (
            client_context,
            br#"{"client":{"app_title":1},"custom":{"a":1}}"#,
            json!(r#"{"client":{"app_title":1},"custom":{"a":1}}"#),
        ),
        (client_context, b"", json!("")),
        (client_context, "{\"custom\":{\"a\":\"\u{fc}\"}}".as_bytes(), json!("{\"custom\":{\"a\":\"\u{fc}\"}}")),
        (client_context, b"\xff\xfe", json!("\u{fffd}\u{fffd}")),
        // HTTP does not allow these bytes, but the emulator lets them through: they become spaces.
        (client_context, b"a\x01b\x00c", json!("a b c")),
        ("Lambda-Runtime-Trace-Id", b"\xc3\x28 no trace", json!("\u{fffd}( no trace")),
        ("Lambda-Runtime-Cognito-Identity", b"[1", Value::Null),
        ("Lambda-Runtime-Cognito-Identity", br#"{"cognitoIdentityId":{}}"#, Value::Null),
        ("Lambda-Runtime-Aws-Tenant-Id", b"\xf0\x9f\x8f\xa0", json!("🏠")),
        ("X-Unknown", b"whatever", Value::Null),
    ];
    for (name, value, expected) in odd {
        let context = context(&host, Event::new("{}").header(name, value.to_vec()));
        let field = match *name {
            "Lambda-Runtime-Trace-Id" => "trace_id",
            "Lambda-Runtime-Cognito-Identity" => "identity",
            "Lambda-Runtime-Aws-Tenant-Id" => "tenant_id",
            _ => "client_context",
        };
        assert_eq!(&context[field], expected, "{name}: {:?}", String::from_utf8_lossy(value));
    }
    let large = "x".repeat(1_000_000);
    let context = context(&host, Event::new("{}").header(client_context, large.clone()));
    assert!(context["client_context"] == large);
    assert!(host.program.is_running());
}

/// This is why it is not the default. The two can be sent to Lambda itself: text that is not JSON, and a letter that is
/// not ASCII.
#[test]
fn lambda_runtime_ends_the_process_on_an_odd_client_context() {
    for odd in ["not json", "{\"custom\":{\"a\":\"\u{fc}\"}}"] {
        let mut host = Host::of("context").runtime_client(RuntimeClient::LambdaRuntime).start();
        host.fake.send(Event::new("{}").header("Lambda-Runtime-Client-Context", odd));
        assert_eq!(host.program.wait().code(), Some(1));
    }
}
