use std::collections::BTreeMap;

use http::{HeaderMap, StatusCode, response::Parts};
use serde_json::{Value, json, value::RawValue};

use super::*;
use crate::{
    failure::ErrorType,
    invocation::{CognitoIdentity, Context, Deadline},
};

/// Makes a request of an event.
pub fn receive(event: &Value) -> Result<Received, Failure> {
    Gateway::default().request(&Bytes::from(event.to_string()), &Context::default())
}

/// Returns the request and the front of an event that is right.
pub fn received(event: &Value) -> Received {
    receive(event).unwrap_or_else(|failure| panic!("{failure}\n{event}"))
}

/// Returns the message of an event that is refused.
pub fn refused(event: &Value) -> String {
    refusal(receive(event))
}

pub fn refusal(received: Result<Received, Failure>) -> String {
    let failure = received.expect_err("it is refused");
    assert_eq!(failure.error_type, ErrorType::InvalidEvent);
    assert!(failure.hint.is_some(), "{failure}");
    failure.reason().into_owned()
}

/// Returns the path and the query of an event that is right.
pub fn target(event: &Value) -> String {
    received(event).request.uri().path_and_query().unwrap().to_string()
}

/// Returns all values of a header.
pub fn values<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    headers.get_all(name).iter().map(|value| std::str::from_utf8(value.as_bytes()).unwrap()).collect()
}

/// Returns the event of a service, with these members changed. A `null` takes one away.
pub fn event(service: &str, changes: &Value) -> Value {
    let mut event = match service {
        "rest" | "http-api-1" => json!({
            "resource": "/{proxy+}", "path": "/p", "httpMethod": "GET",
            "headers": {"Host": "api.example.com"}, "multiValueHeaders": {"Host": ["api.example.com"]},
            "queryStringParameters": null, "multiValueQueryStringParameters": null,
            "requestContext": {"stage": "prod", "path": "/prod/p", "httpMethod": "GET"},
            "body": null, "isBase64Encoded": false,
        }),
        "http-api-2" | "url" => json!({
            "version": "2.0", "rawPath": "/p", "rawQueryString": "", "headers": {"host": "api.example.com"},
            "requestContext": {
                "domainName": "api.example.com", "stage": "$default",
                "http": {"method": "GET", "path": "/p", "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7"},
            },
            "isBase64Encoded": false,
        }),
        "alb" => json!({
            "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/t/1"}},
            "httpMethod": "GET", "path": "/p", "queryStringParameters": {}, "headers": {"host": "api.example.com"},
            "body": "", "isBase64Encoded": false,
        }),
        "alb-multi" => json!({
            "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/t/1"}},
            "httpMethod": "GET", "path": "/p", "multiValueQueryStringParameters": {},
            "multiValueHeaders": {"host": ["api.example.com"]}, "body": "", "isBase64Encoded": false,
        }),
        "lattice-1" => json!({
            "raw_path": "/p", "method": "GET", "headers": {"host": "api.example.com"}, "query_string_parameters": {},
            "body": "", "is_base64_encoded": false,
        }),
        "lattice-2" => json!({
            "version": "2.0", "path": "/p", "method": "GET", "headers": {"host": ["api.example.com"]},
            "requestContext": {"serviceArn": "arn:b", "serviceNetworkArn": "arn:a"}, "isBase64Encoded": false,
        }),
        _ => panic!("{service}"),
    };
    match service {
        "http-api-1" => event["version"] = json!("1.0"),
        "url" => event["requestContext"]["domainName"] = json!("abc.lambda-url.us-east-1.on.aws"),
        _ => {}
    }
    for (name, value) in changes.as_object().unwrap() {
        event[name] = value.clone();
    }
    event
}

/// All services.
pub const SERVICES: [&str; 8] =
    ["rest", "http-api-1", "http-api-2", "url", "alb", "alb-multi", "lattice-1", "lattice-2"];

/// Returns the head of a response.
pub fn head(status: u16, headers: &[(&'static str, &str)]) -> Parts {
    let (mut head, ()) = http::Response::new(()).into_parts();
    head.status = StatusCode::from_u16(status).unwrap();
    for (name, value) in headers {
        head.headers.append(*name, value.parse().unwrap());
    }
    head
}

/// Returns the front of a service.
pub fn front(service: &str) -> Front {
    received(&event(service, &json!({}))).front
}

/// Returns the JSON of a response.
pub fn responded(service: &str, head: &Parts, body: &[u8]) -> Value {
    serde_json::from_slice(&front(service).response(head, body).unwrap()).unwrap()
}

/// An event with the request that is right. The event is kept as it is, because the order of its keys counts.
#[derive(serde::Deserialize)]
struct Recorded<'a> {
    name: &'a str,
    url: &'a str,
    headers: BTreeMap<&'a str, Vec<&'a str>>,
    #[serde(borrow)]
    event: &'a RawValue,
}

#[test]
fn the_recorded_events_become_the_right_requests() {
    let recorded: Vec<Recorded<'_>> = serde_json::from_str(include_str!("fixtures/events.json")).unwrap();
    assert_eq!(recorded.len(), 19);
    for Recorded { name, url, headers, event } in recorded {
        let event = Bytes::from_static(event.get().as_bytes());
        let request = Gateway::default().request(&event, &Context::default()).unwrap().request;
        assert_eq!(request.uri().to_string(), url, "{name}");
        for (header, expected) in headers {
            assert_eq!(values(request.headers(), header), expected, "{name} {header}");
        }
        assert_eq!(request.method(), "GET");
        assert_eq!(values(request.headers(), "content-length"), ["0"]);
    }
}

#[test]
fn the_kind_is_decided_by_the_keys_in_this_order() {
    for service in SERVICES {
        let kind = match service {
            "rest" => Kind::Rest,
            "http-api-1" => Kind::HttpApiV1,
            "http-api-2" => Kind::HttpApiV2,
            "url" => Kind::FunctionUrl,
            "alb" => Kind::Alb,
            "alb-multi" => Kind::AlbMultiValue,
            "lattice-1" => Kind::LatticeV1,
            _ => Kind::LatticeV2,
        };
        assert_eq!(front(service), Front::new(kind, &Method::GET), "{service}");
    }
    // The load balancer's sign comes before all others.
    let both = event("http-api-2", &json!({"httpMethod": "GET", "requestContext": {"elb": {}, "http": {}}}));
    assert_eq!(received(&both).front, Front::new(Kind::Alb, &Method::GET));
    // `null` is as good as nothing.
    let none = event("alb", &json!({"multiValueHeaders": null}));
    assert_eq!(received(&none).front, Front::new(Kind::Alb, &Method::GET));
    let empty = event("alb", &json!({"multiValueHeaders": {}}));
    assert_eq!(received(&empty).front, Front::new(Kind::AlbMultiValue, &Method::GET));
}

#[test]
fn a_function_url_is_recognised_by_its_domain() {
    for (domain, kind) in [
        ("abc.lambda-url.us-east-1.on.aws", Kind::FunctionUrl),
        ("abc.lambda-url.eusc-de-east-1.on.amazonwebservices.eu", Kind::FunctionUrl),
        ("abc.lambda-url.us-east-1.localhost.localstack.cloud:4566", Kind::FunctionUrl),
        ("lambda-url.us-east-1.on.aws", Kind::HttpApiV2),
        (".lambda-url.us-east-1.on.aws", Kind::HttpApiV2),
        ("abc.lambda-url", Kind::HttpApiV2),
        ("abc.execute-api.us-east-1.amazonaws.com", Kind::HttpApiV2),
        ("", Kind::HttpApiV2),
    ] {
        let mut event = event("url", &json!({}));
        event["requestContext"]["domainName"] = json!(domain);
        assert_eq!(received(&event).front, Front::new(kind, &Method::GET), "{domain}");
    }
}

#[test]
fn only_function_urls_and_rest_apis_may_stream() {
    for service in SERVICES {
        assert_eq!(front(service).can_stream(), ["url", "rest"].contains(&service), "{service}");
    }
}

#[test]
fn an_event_of_another_service_is_named() {
    for (event, named) in [
        (json!({"Records": [{"eventSource": "aws:sqs", "body": "x"}]}), "an event of SQS"),
        (json!({"Records": [{"EventSource": "aws:sns"}, 1]}), "an event of SNS"),
        (json!({"Records": [{"eventSource": "aws:s3"}]}), "an event of S3"),
        (json!({"Records": [{"eventSource": "aws:ses"}]}), "an event of SES"),
        (json!({"Records": [{"eventSource": "aws:dynamodb"}]}), "an event of DynamoDB"),
        (json!({"Records": [{"eventSource": "aws:kinesis"}]}), "an event of Kinesis"),
        (json!({"Records": [{"eventSource": "aws:codecommit"}]}), "an event of CodeCommit"),
        (json!({"eventSource": "aws:kafka", "records": {"t-0": []}}), "an event of Kafka"),
        (json!({"eventSource": "aws:rmq"}), "an event of Amazon MQ"),
        (json!({"Records": [{"cf": {"request": {}}}]}), "an event of Lambda@Edge"),
        (json!({"detail-type": "Scheduled Event", "source": "aws.events", "version": "0"}), "an event of EventBridge"),
        (json!({"awslogs": {"data": ""}}), "an event of CloudWatch Logs"),
        (json!({"deliveryStreamArn": "arn:f", "records": []}), "an event of Firehose"),
        (json!({"triggerSource": "PreSignUp_SignUp"}), "an event of Cognito"),
        (json!({"RequestType": "Create", "ResponseURL": "https://x"}), "an event of CloudFormation"),
        (json!({"actionGroup": "g", "messageVersion": "1.0"}), "an event of Bedrock"),
        (json!({"invocationSchemaVersion": "1.0", "tasks": []}), "an event of S3 Batch Operations"),
        (json!({"info": {"fieldName": "x"}}), "an event of AppSync"),
        (json!({"type": "TOKEN", "methodArn": "arn:m", "authorizationToken": "t"}), "a Lambda authorizer's event"),
        (event("rest", &json!({"type": "REQUEST", "methodArn": "arn:m"})), "a Lambda authorizer's event"),
        (event("http-api-2", &json!({"type": "REQUEST", "routeArn": "arn:r"})), "a Lambda authorizer's event"),
        (json!({"requestContext": {"connectionId": "c=", "eventType": "CONNECT"}, "headers": {}}), "a WebSocket event"),
        (json!({"name": "Ada", "age": 36}), "an event with the keys `age`, `name`"),
        (json!({"\u{1b}[2J": 1}), "an event with the keys `\\u001b[2J`"),
        (json!({}), "an event with no keys"),
        // The context is missing, without which nobody knows how to respond.
        (json!({"httpMethod": "GET", "path": "/"}), "an event with the keys `httpMethod`, `path`"),
        // One of the gateway's versions that the host does not know.
        (
            event("http-api-2", &json!({"version": "3.0"})),
            "an event with the keys `headers`, `isBase64Encoded`, `rawPath`, `rawQueryString`, `requestContext`",
        ),
    ] {
        assert_eq!(refused(&event), format!("{named} can't become an HTTP request"));
    }
}

#[test]
fn the_guest_learns_of_the_context_in_headers() {
    let context = Context {
        request_id: "8476a536".into(),
        function_name: "höllo".into(),
        function_version: "$LATEST".into(),
        invoked_function_arn: "arn:f".into(),
        memory_limit_mib: 128,
        log_group_name: "/aws/lambda/hello".into(),
        log_stream_name: "2026/[$LATEST]1".into(),
        deadline: Deadline { unix_ms: 1_700_000_000_000 },
        trace_id: Some("Root=1-2;Parent=3".into()),
        client_context: Some("{\"a\": 1}\n".into()),
        identity: Some(CognitoIdentity { identity_id: "i".into(), identity_pool_id: "p".into() }),
        tenant_id: Some("acme".into()),
    };
    let event = r#"{"version": "2.0", "rawPath": "/", "headers": {"X-Amzn-Trace-Id": "Root=0"}, "requestContext": {
        "http": {"method": "GET"}, "authorizer": {"jwt": {"claims": {"name": "J\u00fcr \"gen\" 🦀 ü",	"a b": " "}}}}}"#;
    let received = Gateway::default().request(&Bytes::from_static(event.as_bytes()), &context).unwrap();
    let headers = received.request.headers();
    assert_eq!(
        values(headers, "x-amzn-request-context"),
        [
            r#"{"http":{"method":"GET"},"authorizer":{"jwt":{"claims":{"name":"J\u00fcr \"gen\" \ud83e\udd80 \u00fc","a b":" "}}}}"#
        ]
    );
    assert_eq!(
        values(headers, "x-amzn-lambda-context"),
        [concat!(
            r#"{"request_id":"8476a536","deadline":1700000000000,"invoked_function_arn":"arn:f","#,
            r#""xray_trace_id":"Root=1-2;Parent=3","client_context":"{\"a\": 1}\n","#,
            r#""identity":{"identity_id":"i","identity_pool_id":"p"},"tenant_id":"acme","#,
            r#""env_config":{"function_name":"h\u00f6llo","memory":128,"version":"$LATEST","#,
            r#""log_stream":"2026/[$LATEST]1","log_group":"/aws/lambda/hello"}}"#
        )]
    );
    assert_eq!(values(headers, "x-amz-tenant-id"), ["acme"]);
    assert_eq!(values(headers, "x-amzn-trace-id"), ["Root=1-2;Parent=3"]);
}

#[test]
fn a_client_can_not_send_the_hosts_headers_in_any_spelling() {
    let own = json!({
        "X-Amzn-Request-Context": "{}", "x_amzn_request_context": "{}", "x-amzn-Lambda_Context": "{}",
        "x-amz-tenant-id": "evil", "X_AMZ_TENANT_ID": "evil", "content-length": "5", "x-amzn-request-contexts": "kept",
    });
    for service in ["http-api-2", "url", "alb", "lattice-1"] {
        let received = received(&event(service, &json!({"headers": own})));
        let headers = received.request.headers();
        assert!(values(headers, "x-amzn-request-context") != ["{}"], "{service}");
        assert_eq!(headers.get_all("x-amzn-lambda-context").iter().count(), 1, "{service}");
        assert_eq!(values(headers, "content-length"), ["0"], "{service}");
        assert_eq!(values(headers, "x-amzn-request-contexts"), ["kept"], "{service}");
        let absent = ["x_amzn_request_context", "x-amzn-lambda_context", "x-amz-tenant-id", "x_amz_tenant_id"];
        assert!(absent.iter().all(|name| !headers.contains_key(*name)), "{service} {headers:?}");
    }
}

#[test]
fn headers_about_the_connection_do_not_reach_the_guest() {
    let own = json!({
        "Connection": "keep-alive", "keep-alive": "1", "transfer-encoding": "chunked", "te": "trailers", "trailer": "x",
        "upgrade": "h2c", "http2-settings": "x", "proxy-authorization": "x", "Proxy": "http://evil", "host": "h",
    });
    let received = received(&event("alb", &json!({"headers": own})));
    let mut names: Vec<&str> = received.request.headers().keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-length", "host", "x-amzn-lambda-context", "x-amzn-request-context"]);
}
