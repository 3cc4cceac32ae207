//! Guests' requests to AWS, which the host signs again, and secrets that no guest has.

use serde_json::{Value, json};

use crate::support::{Api, Host, Setup, servers::S3, tools, wait_for};

/// The key that a guest's SDK signs with.
const PLACEHOLDER: &str = "GUESTHOUSE0000000000";

/// A host whose guest may call these services, at a server in AWS's place.
fn sender(api: &Api, services: &[&str]) -> Setup {
    Host::of("request")
        .aws(services)
        .env("AWS_ENDPOINT_URL", &api.url(""))
        .env("AWS_ACCESS_KEY_ID", "AKIAREAL")
        .env("AWS_SECRET_ACCESS_KEY", "real-secret")
        .env("AWS_SESSION_TOKEN", "real-token")
}

fn authorization(key: &str, region: &str, service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={key}/20261127/{region}/{service}/aws4_request, \
         SignedHeaders=host;x-amz-date;x-amz-target, Signature=0123"
    )
}

/// Sends a request with these headers, and returns what became of it.
fn send(host: &Host, api: &Api, more: &Value) -> Value {
    let mut request = json!({"scheme": "http", "authority": api.authority(), "method": "POST", "path": "/"});
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    host.response_json(json!({ "requests": [request] }).to_string())[0].clone()
}

/// What the server received of the last request.
fn received(api: &Api, header: &str) -> Option<String> {
    api.requests().last().unwrap().header(header).map(str::to_owned)
}

#[test]
fn what_a_guest_signs_with_the_placeholder_is_signed_with_the_functions_own_key() {
    let api = Api::start();
    let host = sender(&api, &["dynamodb"]).start();
    let headers = json!([
        ["authorization", authorization(PLACEHOLDER, "eu-central-1", "dynamodb")],
        ["x-amz-security-token", "made up"],
        ["x-amz-date", "20200101T000000Z"],
        ["x-amz-target", "DynamoDB_20120810.GetItem"],
    ]);
    let sent = send(&host, &api, &json!({"headers": headers, "body": 100}));
    assert_eq!(sent["status"], 200, "{sent}");
    let signed = received(&api, "authorization").unwrap();
    assert!(signed.starts_with("AWS4-HMAC-SHA256 Credential=AKIAREAL/"), "{signed}");
    assert!(signed.contains("/eu-central-1/dynamodb/aws4_request"), "{signed}");
    for header in ["host", "x-amz-date", "x-amz-security-token", "x-amz-target"] {
        assert!(signed.contains(header), "{header}: {signed}");
    }
    assert_eq!(received(&api, "x-amz-security-token").unwrap(), "real-token");
    assert_ne!(received(&api, "x-amz-date").unwrap(), "20200101T000000Z");
    let request = api.requests().pop().unwrap();
    assert_eq!(request.headers.iter().filter(|(name, _)| name == "authorization").count(), 1);
    assert_eq!((request.body.len(), received(&api, "content-length").as_deref()), (100, Some("100")));
}

#[test]
fn a_digest_or_word_for_the_body_is_kept_and_the_body_is_not_read_ahead() {
    let api = Api::start();
    let host = sender(&api, &["s3"]).start();
    for payload in ["UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", &"ab".repeat(32)] {
        let headers = json!([
            ["authorization", authorization(PLACEHOLDER, "eu-central-1", "s3")],
            ["x-amz-content-sha256", payload],
        ]);
        // More than the host would read ahead.
        let sent = send(&host, &api, &json!({"headers": headers, "body": 17_000_000, "path": "/bucket/a%20b"}));
        assert_eq!(sent["status"], 200, "{payload}: {sent}");
        assert_eq!(received(&api, "x-amz-content-sha256").unwrap(), payload);
    }
    let headers = json!([["authorization", authorization(PLACEHOLDER, "eu-central-1", "s3")]]);
    let sent = send(&host, &api, &json!({"headers": headers, "body": 17_000_000}));
    assert!(sent["error"].as_str().unwrap().contains("HttpRequestBodySize"), "{sent}");
    assert_eq!(send(&host, &api, &json!({"headers": headers, "body": 1_000_000}))["status"], 200);
}

#[test]
fn a_request_with_a_key_of_its_own_and_one_without_a_signature_pass_unchanged() {
    let api = Api::start();
    let host = sender(&api, &["s3"]).start();
    for value in [authorization("ASIAOTHER", "eu-central-1", "s3"), "Bearer x".to_owned()] {
        let sent = send(&host, &api, &json!({"headers": [["authorization", value]]}));
        assert_eq!((&sent["status"], received(&api, "authorization")), (&json!(200), Some(value)));
        assert_eq!(received(&api, "x-amz-security-token"), None);
    }
    assert_eq!(send(&host, &api, &json!({}))["status"], 200);
    assert_eq!(received(&api, "authorization"), None);
}

#[test]
fn what_can_not_or_must_not_be_signed_is_refused_with_the_reason() {
    let (api, other) = (Api::start(), Api::start());
    let host = sender(&api, &["dynamodb"]).allow(&[&other.url("")]).start();
    let several = authorization(PLACEHOLDER, "x", "dynamodb").replace("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256");
    let streamed = json!([
        ["authorization", authorization(PLACEHOLDER, "eu-central-1", "dynamodb")],
        ["x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"],
    ]);
    let presigned = format!("/?X-Amz-Credential={PLACEHOLDER}%2F20261127%2Feu-central-1%2Fs3%2Faws4_request");
    for (more, reason) in [
        (json!({"headers": [["authorization", authorization(PLACEHOLDER, "eu-central-1", "s3")]]}), "`s3`"),
        (json!({"headers": [["authorization", several]]}), "AWS4-ECDSA-P256-SHA256"),
        (json!({ "headers": streamed }), "one by one"),
        (json!({ "path": presigned }), "signed in the guest"),
        (
            json!({
                "headers": [["authorization", authorization(PLACEHOLDER, "eu-central-1", "dynamodb")]],
                "authority": other.authority(),
            }),
            "is not a host of AWS",
        ),
    ] {
        let sent = send(&host, &api, &more);
        assert!(sent["error"].as_str().is_some_and(|error| error.contains(reason)), "{more}: {sent}");
    }
    assert_eq!((api.requests().len(), other.requests().len()), (0, 0));
}

#[test]
fn only_the_operations_that_are_granted_are_signed() {
    let api = Api::start();
    let task_root = crate::support::task_root();
    std::fs::copy(crate::support::guests::path("request"), task_root.path().join("request.wasm")).unwrap();
    let settings = r#"[handlers.request]
        aws = [{ service = "dynamodb", actions = ["GetItem"] }]"#;
    std::fs::write(task_root.path().join("guesthouse.toml"), settings).unwrap();
    let host = Host::in_directory(task_root.path())
        .env("AWS_ENDPOINT_URL_DYNAMODB", &api.url(""))
        .env("AWS_ACCESS_KEY_ID", "AKIAREAL")
        .env("AWS_SECRET_ACCESS_KEY", "real-secret")
        .start();
    let call = |operation: &str| {
        let headers = json!([
            ["authorization", authorization(PLACEHOLDER, "eu-central-1", "dynamodb")],
            ["x-amz-target", format!("DynamoDB_20120810.{operation}")],
        ]);
        send(&host, &api, &json!({ "headers": headers }))
    };
    assert_eq!(call("GetItem")["status"], 200);
    assert!(call("PutItem")["error"].as_str().unwrap().contains("`PutItem`"));
}

#[test]
fn a_guest_has_placeholders_and_the_services_addresses_and_nothing_else_of_aws() {
    let api = Api::start();
    let host = Host::of("environment")
        .aws(&["s3"])
        .env("AWS_ENDPOINT_URL", &api.url(""))
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", "AKIAREAL")
        .env("AWS_SECRET_ACCESS_KEY", "real-secret")
        .env("AWS_SESSION_TOKEN", "real-token")
        .env("GUESTHOUSE_ENV_PASS", "STAGE")
        .start();
    let seen = host.response_json("{}");
    assert_eq!((&seen["AWS_ACCESS_KEY_ID"], &seen["AWS_REGION"]), (&json!(PLACEHOLDER), &json!("eu-central-1")));
    assert_eq!((&seen["AWS_ENDPOINT_URL"], &seen["AWS_SESSION_TOKEN"]), (&json!(api.url("")), &Value::Null));
    assert!(!seen.to_string().contains("real"), "{seen}");
}

#[test]
fn credentials_that_are_passed_by_name_are_told_in_the_log_and_nothing_is_signed() {
    let host = Host::of("environment")
        .aws(&["s3"])
        .env("AWS_ACCESS_KEY_ID", "AKIAREAL")
        .env("AWS_SECRET_ACCESS_KEY", "real-secret")
        .env("GUESTHOUSE_ENV_PASS", "AWS_ACCESS_KEY_ID,AWS_SECRET_ACCESS_KEY")
        .start();
    assert_eq!(host.response_json("{}")["AWS_SECRET_ACCESS_KEY"], "real-secret");
    let is_told = |line: &String| line.contains("the guest has `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`");
    wait_for("a line", || host.program.lines().iter().any(is_told).then_some(()));
}

#[test]
fn credentials_come_from_the_server_that_lambda_names_and_are_kept() {
    let (api, server) = (Api::start(), Credentials::start());
    let host = Host::of("request")
        .aws(&["sqs"])
        .env("AWS_ENDPOINT_URL", &api.url(""))
        .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", &server.url)
        .env("AWS_CONTAINER_AUTHORIZATION_TOKEN", "the-token")
        .start();
    let headers = json!([["authorization", authorization(PLACEHOLDER, "eu-central-1", "sqs")]]);
    for _ in 0..3 {
        assert_eq!(send(&host, &api, &json!({ "headers": headers }))["status"], 200);
        assert!(received(&api, "authorization").unwrap().contains("Credential=ASIASERVER/"));
        assert_eq!(received(&api, "x-amz-security-token").unwrap(), "of the server");
    }
    assert_eq!(server.origin.asked().len(), 1);
}

/// A server with credentials that do not expire soon.
struct Credentials {
    origin: crate::support::Origin,
    url: String,
}

impl Credentials {
    fn start() -> Self {
        let origin = crate::support::Origin::start();
        let text = json!({
            "AccessKeyId": "ASIASERVER", "SecretAccessKey": "x", "Token": "of the server",
            "Expiration": "2999-01-01T00:00:00Z",
        });
        origin.put("/credentials", text.to_string());
        origin.set(crate::support::Mode::Login("the-token".to_owned()));
        let url = origin.url("/credentials");
        Self { origin, url }
    }
}

#[test]
fn a_secret_is_put_into_requests_to_its_host_and_into_no_others() {
    let (api, other) = (Api::start(), Api::start());
    let task_root = crate::support::task_root();
    std::fs::copy(crate::support::guests::path("request"), task_root.path().join("request.wasm")).unwrap();
    let settings = format!(
        "[handlers.request]\nnetwork.allow = [\"{}\", \"{}\"]\n\
         secrets = {{ API_KEY = {{ from = \"env:THE_KEY\", hosts = [\"{}\"] }} }}",
        api.url(""),
        other.url(""),
        api.url("")
    );
    std::fs::write(task_root.path().join("guesthouse.toml"), settings).unwrap();
    let host = Host::in_directory(task_root.path()).env("THE_KEY", "sk_live").start();
    let headers = json!([["authorization", "Bearer guesthouse-secret-API_KEY-"]]);
    assert_eq!(send(&host, &api, &json!({ "headers": headers }))["status"], 200);
    assert_eq!(received(&api, "authorization").unwrap(), "Bearer sk_live");
    assert_eq!(send(&host, &other, &json!({ "headers": headers }))["status"], 200);
    assert_eq!(received(&other, "authorization").unwrap(), "Bearer guesthouse-secret-API_KEY-");
}

#[test]
fn secrets_come_from_awss_stores_once_and_a_missing_one_fails_the_start() {
    let (api, aws) = (Api::start(), S3::start());
    let endpoint = format!("http://{}", aws.address);
    let script = "
import boto3, sys
of = dict(endpoint_url=sys.argv[1], region_name='us-east-1', aws_access_key_id=sys.argv[2], aws_secret_access_key=sys.argv[3])
boto3.client('secretsmanager', **of).create_secret(Name='stripe', SecretString='sk_live')
boto3.client('ssm', **of).put_parameter(Name='/my/token', Value='t0ken', Type='SecureString')
";
    let made = tools::python().args(["-c", script, &endpoint, &aws.key_id, &aws.secret]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let setup = |parameter: &str| {
        let task_root = crate::support::task_root();
        std::fs::copy(crate::support::guests::path("request"), task_root.path().join("request.wasm")).unwrap();
        let settings = format!(
            "[handlers.request]\nnetwork.allow = [\"{0}\"]\n[handlers.request.secrets]\n\
             KEY = {{ from = \"secretsmanager:stripe\", hosts = [\"{0}\"] }}\n\
             TOKEN = {{ from = \"ssm:{parameter}\", hosts = [\"{0}\"] }}\n",
            api.url("")
        );
        std::fs::write(task_root.path().join("guesthouse.toml"), settings).unwrap();
        Setup::owning(task_root).envs(&aws.env()).env("AWS_ENDPOINT_URL", &endpoint)
    };
    let host = setup("/my/token").start();
    let headers = json!([["x-key", "guesthouse-secret-KEY-"], ["x-token", "guesthouse-secret-TOKEN-"]]);
    assert_eq!(send(&host, &api, &json!({ "headers": headers }))["status"], 200);
    assert_eq!(
        (received(&api, "x-key").as_deref(), received(&api, "x-token").as_deref()),
        (Some("sk_live"), Some("t0ken"))
    );
    let missing = setup("/no/such").init_error("Host.Config");
    missing.explains(&["can't get the secret `TOKEN`", "ParameterNotFound"]).has_hint();
}
