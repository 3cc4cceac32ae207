//! `guesthouse serve`, called by curl's kind of client, the AWS command line and boto3.

use std::path::Path;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::support::{Behaviour, guests, http, served::Served, tools, wait_for};

#[test]
fn a_response_has_lambdas_status_and_headers() {
    let served = Served::start(&guests::ALL, &[]);
    let response = served.invoke("hello", r#"{"name":"Ada"}"#);
    assert_eq!((response.subject(), &response.response_json()["message"]), ("200", &json!("Hello Ada!")));
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert_eq!(response.header("x-amz-executed-version"), Some("$LATEST"));
    assert_eq!(response.header("x-amzn-requestid").map(str::len), Some(36));
    assert_eq!((response.header("x-amz-function-error"), response.header("x-amz-log-result")), (None, None));
}

#[test]
fn events_and_responses_pass_byte_for_byte_up_to_6_mb() {
    let served = Served::start(&guests::path("echo"), &[]);
    for event in ["", "{}", " {\"a\" : 1.0} ", "\"héllo 你好 🏠\"", &format!("\"{}\"", "x".repeat(6 * 1024 * 1024 - 2))]
    {
        let response = served.invoke("echo", event);
        assert_eq!(response.subject(), "200");
        assert!(response.body == event.as_bytes());
    }
    let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(served.invoke("echo", nested.as_str()).response() == nested);
}

#[test]
fn a_function_error_is_marked_and_the_next_response_is_right() {
    let served = Served::start(&guests::path("misbehave"), &["--timeout", "20", "--env", "GUESTHOUSE_MARGIN=2s"]);
    for (behaviour, error_type) in [
        (Behaviour::Fail, "OrderNotFound"),
        (Behaviour::Panic, "Guest.Trap.Unreachable"),
        (Behaviour::Exit(1), "Guest.Exit"),
        (Behaviour::Loop, "Guest.Timeout"),
    ] {
        let failed = served.invoke("misbehave", behaviour);
        assert_eq!((failed.subject(), failed.header("x-amz-function-error")), ("200", Some("Unhandled")));
        failed.error(error_type);
        assert_eq!(served.invoke("misbehave", Behaviour::Count).header("x-amz-function-error"), None);
    }
}

#[test]
fn the_log_tail_has_start_the_guests_lines_end_and_report() {
    let served = Served::start(&guests::path("talk"), &[]);
    let tail = [("X-Amz-Log-Type", "Tail")];
    let response = served.invoke_with("talk", &tail, r#"["out","one\n","err","two\n"]"#);
    let log = BASE64_STANDARD.decode(response.header("x-amz-log-result").unwrap()).unwrap();
    let log = String::from_utf8(log).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    let id = response.header("x-amzn-requestid").unwrap();
    assert_eq!(lines[0], format!("START RequestId: {id} Version: $LATEST"));
    assert!(lines[1].ends_with("\tINFO\tone") && lines[2].ends_with("\tINFO\ttwo"), "{log}");
    assert_eq!(lines[3], format!("END RequestId: {id}"));
    assert!(lines[4].starts_with(&format!("REPORT RequestId: {id}\tDuration: ")), "{log}");
    for part in [" ms\tBilled Duration: ", " ms\tMemory Size: 128 MB\tMax Memory Used: 2 MB\tInit Duration: "] {
        assert!(lines[4].contains(part), "{log}");
    }
    let long = json!(["out", "x".repeat(10_000)]).to_string();
    let response = served.invoke_with("talk", &tail, long);
    assert_eq!(BASE64_STANDARD.decode(response.header("x-amz-log-result").unwrap()).unwrap().len(), 4096);
}

/// The response goes before the log, and what is logged of it is the invocation's all the same.
#[test]
fn the_log_tail_of_a_failure_says_what_failed_before_its_end() {
    let served = Served::start(&guests::path("misbehave"), &[]);
    for behaviour in [Behaviour::Fail, Behaviour::Trap] {
        let failed = served.invoke_with("misbehave", &[("X-Amz-Log-Type", "Tail")], behaviour.clone());
        let log = BASE64_STANDARD.decode(failed.header("x-amz-log-result").unwrap()).unwrap();
        let log = String::from_utf8(log).unwrap();
        let at = |what: &str| log.lines().position(|line| line.contains(what));
        assert!(at("host: ").is_some() && at("host: ") < at("END RequestId"), "{behaviour}: {log}");
    }
}

#[test]
fn the_callers_context_reaches_the_guest() {
    let served = Served::start(&guests::path("context"), &["--memory", "256"]);
    let client_context = BASE64_STANDARD.encode(r#"{"custom":{"a":"ü"}}"#);
    let headers = [
        ("X-Amzn-RequestId", "my-request"),
        ("X-Amz-Client-Context", client_context.as_str()),
        ("X-Amz-Cognito-Identity", r#"{"cognitoIdentityId":"id1","cognitoIdentityPoolId":"pool1"}"#),
        ("X-Amz-Tenant-Id", "tenant-A"),
        ("X-Amzn-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700"),
    ];
    let response = served.invoke_with("context", &headers, "{}");
    assert_eq!(response.header("x-amzn-requestid"), Some("my-request"));
    let context = response.response_json();
    let expected = [
        ("request_id", json!("my-request")),
        ("function_name", json!("context")),
        ("function_version", json!("$LATEST")),
        ("invoked_function_arn", json!("arn:aws:lambda:us-east-1:012345678912:function:context")),
        ("memory_limit_mib", json!(256)),
        ("log_group_name", json!("/aws/lambda/context")),
        ("client_context", json!(r#"{"custom":{"a":"ü"}}"#)),
        ("identity", json!({"identity_id": "id1", "identity_pool_id": "pool1"})),
        ("tenant_id", json!("tenant-A")),
        ("trace_id", json!("Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700")),
    ];
    for (field, value) in expected {
        assert_eq!(context[field], value, "{field}");
    }
}

#[test]
fn invocation_types_are_honoured() {
    let served = Served::start(&guests::path("talk"), &[]);
    let event = br#"["out","asynchronous\n"]"#;
    let dry = served.invoke_with("talk", &[("X-Amz-Invocation-Type", "DryRun")], event);
    assert_eq!((dry.subject(), dry.body.len()), ("204", 0));
    let accepted = served.invoke_with("talk", &[("X-Amz-Invocation-Type", "Event")], event);
    assert_eq!((accepted.subject(), accepted.body.len()), ("202", 0));
    let said = || served.program.lines().iter().filter(|line| line.ends_with("asynchronous")).count();
    wait_for("the asynchronous invocation", || (said() == 1).then_some(()));
    let odd = served.invoke_with("talk", &[("X-Amz-Invocation-Type", "Perhaps")], event);
    assert_eq!((odd.subject(), odd.header("x-amzn-errortype")), ("400", Some("InvalidParameterValueException")));
}

#[test]
fn what_lambda_refuses_is_refused_in_its_words() {
    let served = Served::start(&guests::path("echo"), &[]);
    let refused = |function: &str, headers: &[(&str, &str)], event: &[u8]| {
        let response = served.invoke_with(function, headers, event);
        let message = response.json()["Message"].as_str().unwrap_or_default().to_owned();
        (response.subject().to_owned(), response.header("x-amzn-errortype").unwrap().to_owned(), message)
    };
    let (status, kind, message) = refused("nobody", &[], b"{}");
    assert_eq!((status.as_str(), kind.as_str()), ("404", "ResourceNotFoundException"));
    assert_eq!(message, "Function not found: arn:aws:lambda:us-east-1:012345678912:function:nobody");
    let (status, kind, _) = refused("echo", &[], b"not json");
    assert_eq!((status.as_str(), kind.as_str()), ("400", "InvalidRequestContentException"));
    let (status, kind, _) = refused("echo", &[("X-Amz-Client-Context", "***")], b"{}");
    assert_eq!((status.as_str(), kind.as_str()), ("400", "InvalidRequestContentException"));
    let (status, kind, _) = refused("echo", &[], "1".repeat(6_291_557).as_bytes());
    assert_eq!((status.as_str(), kind.as_str()), ("413", "RequestTooLargeException"));
    assert_eq!(served.invoke("echo", "1".repeat(6_291_556)).subject(), "200");
    let asynchronous = [("X-Amz-Invocation-Type", "Event")];
    assert_eq!(refused("echo", &asynchronous, "1".repeat(1024 * 1024 + 1).as_bytes()).0, "413");
    assert_eq!(http::request(&served.address, "GET /2015-03-31/functions/echo/invocations", &[], b"").subject(), "405");
    assert_eq!(http::request(&served.address, "POST /", &[], b"").subject(), "404");
}

#[test]
fn each_invocation_has_the_functions_memory_to_itself() {
    let served = Served::start(&guests::path("misbehave"), &["--concurrency", "8", "--memory", "128"]);
    let response = served.invoke_with("misbehave", &[("X-Amz-Log-Type", "Tail")], Behaviour::Allocate);
    response.error("Guest.OutOfMemory");
    let log = BASE64_STANDARD.decode(response.header("x-amz-log-result").unwrap()).unwrap();
    assert!(String::from_utf8(log).unwrap().contains("Max Memory Used: 68 MB"));
}

#[test]
fn a_request_id_that_is_in_use_is_refused() {
    let served = Served::start(&guests::path("misbehave"), &["--timeout", "20", "--env", "GUESTHOUSE_MARGIN=2s"]);
    let id = [("X-Amzn-RequestId", "my-request")];
    std::thread::scope(|scope| {
        let first = scope.spawn(|| served.invoke_with("misbehave", &id, Behaviour::Sleep));
        served.program.line("the first to start", |line| line.starts_with("START RequestId: my-request").then_some(()));
        let second = served.invoke_with("misbehave", &id, Behaviour::Count);
        assert_eq!((second.subject(), second.header("x-amzn-errortype")), ("409", Some("ResourceConflictException")));
        first.join().unwrap().error("Guest.Timeout");
    });
    assert_eq!(served.invoke_with("misbehave", &id, Behaviour::Count).response(), "1");
}

#[test]
fn an_event_that_breaks_off_is_not_invoked() {
    let served = Served::start(&guests::path("echo"), &[]);
    let response = http::break_off(&served.address, "POST /2015-03-31/functions/echo/invocations", 7, b"12");
    assert_eq!(response.map(|response| response.subject().to_owned()), Some("400".to_owned()));
    assert!(!served.program.lines().iter().any(|line| line.starts_with("START")));
}

#[test]
fn handlers_of_the_settings_file_are_served_and_one_that_can_not_be_says_why() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::copy(guests::path("count"), directory.path().join("count.wasm")).unwrap();
    let settings =
        "[handlers.orders]\nsource = \"count.wasm\"\ninstances = \"fresh\"\n[handlers.far]\nsource = \"s3://bucket\"";
    std::fs::write(directory.path().join("guesthouse.toml"), settings).unwrap();
    let served = Served::start(directory.path(), &[]);
    assert_eq!([(); 2].map(|()| served.invoke("orders", "{}").response_json()), [1, 1]);
    served.invoke("far", "{}").error("Host.Config");
}

#[test]
fn a_guest_that_can_not_start_says_why_and_the_others_serve() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::copy(guests::path("echo"), directory.path().join("echo.wasm")).unwrap();
    std::fs::write(directory.path().join("broken.wasm"), "#!/bin/sh").unwrap();
    let served = Served::start(directory.path(), &[]);
    let failed = served.invoke("broken", "{}");
    assert_eq!(failed.header("x-amz-function-error"), Some("Unhandled"));
    failed.error("Host.InvalidGuest");
    assert_eq!(served.invoke("echo", "1").response(), "1");
}

#[test]
fn a_lone_guest_has_the_name_function_as_under_the_emulator() {
    let served = Served::start(&guests::path("echo"), &[]);
    assert_eq!(served.invoke("function", "1").response(), "1");
    assert_eq!(Served::start(&guests::ALL, &[]).invoke("function", "1").subject(), "404");
}

#[test]
fn each_function_has_a_tmp_of_its_own_that_stays_between_invocations() {
    let served = Served::start(&guests::path("keep_in_tmp"), &[]);
    let event = br#"{"file":"guesthouse-serve-test","text":"one "}"#;
    served.invoke("keep_in_tmp", event).response();
    assert_eq!(served.invoke("keep_in_tmp", event).response_json(), "one one ");
    assert!(!Path::new("/tmp/guesthouse-serve-test").exists());

    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("billing")).unwrap();
    for name in ["billing.wasm", "billing/refund.wasm", "...wasm"] {
        std::fs::copy(guests::path("keep_in_tmp"), directory.path().join(name)).unwrap();
    }
    let served = Served::start(directory.path(), &[]);
    assert_eq!(served.invoke("billing%2Frefund", event).response_json(), "one ");
    assert_eq!(served.invoke("billing", event).response_json(), "one ");
    let inside = br#"{"file":"refund/guesthouse-serve-test","text":""}"#;
    served.invoke("billing", inside).any_error();
}

/// By which name it was found, and from which page, a browser says truthfully. A function sends pages, too.
#[test]
fn no_web_page_can_invoke() {
    let served = Served::start(&guests::path("echo"), &[]);
    let own = format!("http://{}", served.address);
    for (name, value) in [
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
        ("Origin", "http://localhost:3000"),
        ("Origin", &own),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-origin"),
    ] {
        let refused = served.invoke_with("echo", &[(name, value)], "1");
        assert_eq!((refused.subject(), refused.header("x-amzn-errortype")), ("403", Some("AccessDeniedException")));
    }
    assert_eq!(served.invoke_with("echo", &[("Sec-Fetch-Site", "none")], "1").response(), "1");
    served.program.line("the report", |line| line.starts_with("REPORT").then_some(()));
    assert_eq!(served.program.lines().iter().filter(|line| line.starts_with("START")).count(), 1);
}

#[test]
fn no_control_character_of_a_callers_reaches_the_terminal() {
    let served = Served::start(&guests::path("echo"), &[]);
    assert_eq!(served.invoke("%1b]52;c;Y3Vy%07%1b[2J%0dforged%c2%9b", "1").subject(), "404");
    let line =
        served.program.line("the warning", |line| line.contains("there is no function").then(|| line.to_owned()));
    assert!(
        line.contains("\\u001b]52;c;Y3Vy\\u0007") && !line.contains(|char: char| char.is_control() && char != '\t'),
        "{line:?}"
    );
}

#[test]
fn the_aws_command_line_invokes_unchanged() {
    let served = Served::start(&guests::ALL, &[]);
    let (done, said, response) = served.aws("hello", r#"{"name":"Ada"}"#);
    let said: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}"));
    assert!(done && response.contains("Hello Ada!"), "{response}");
    assert_eq!(
        (&said["StatusCode"], &said["ExecutedVersion"], &said["FunctionError"]),
        (&json!(200), &json!("$LATEST"), &Value::Null)
    );
    let log = BASE64_STANDARD.decode(said["LogResult"].as_str().unwrap()).unwrap();
    assert!(String::from_utf8(log).unwrap().contains("greeting Ada"));

    let (done, said, response) = served.aws("misbehave", &Behaviour::Panic.event());
    assert!(
        done && said.contains("\"FunctionError\": \"Unhandled\"") && response.contains("Guest.Trap.Unreachable"),
        "{said}{response}"
    );
    let (done, said, _) = served.aws("nobody", "{}");
    assert!(!done && said.contains("ResourceNotFoundException"), "{said}");
}

#[test]
fn boto3_invokes_unchanged() {
    const SCRIPT: &str = r#"
import base64, json, sys, boto3
client = boto3.client("lambda", endpoint_url=sys.argv[1])
response = client.invoke(FunctionName="echo", Payload="\"h\u00e9llo\"".encode())
assert response["Payload"].read() == "\"h\u00e9llo\"".encode(), response
large = b"[" + b"1," * 3_000_000 + b"1]"
assert client.invoke(FunctionName="echo", Payload=large)["Payload"].read() == large
context = base64.b64encode(json.dumps({"custom": {"a": "b"}}).encode()).decode()
response = client.invoke(FunctionName="context", Payload=b"{}", ClientContext=context)
assert json.loads(json.load(response["Payload"])["client_context"]) == {"custom": {"a": "b"}}
assert client.invoke(FunctionName="echo", InvocationType="Event", Payload=b"{}")["StatusCode"] == 202
assert client.invoke(FunctionName="echo", InvocationType="DryRun", Payload=b"{}")["StatusCode"] == 204
response = client.invoke(FunctionName="misbehave", Payload=b'"err"')
assert response["FunctionError"] == "Unhandled" and json.load(response["Payload"])["errorType"] == "OrderNotFound"
for payload, error in [(b"not json", client.exceptions.InvalidRequestContentException),
                       (b"1" * 6_291_557, client.exceptions.RequestTooLargeException)]:
    try:
        client.invoke(FunctionName="echo", Payload=payload)
        sys.exit(f"{error} was not raised")
    except error:
        pass
"#;
    let served = Served::start(&guests::ALL, &[]);
    let ran = tools::python().args(["-c", SCRIPT, &format!("http://{}", served.address)]).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}
