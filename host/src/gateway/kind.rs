//! This module decides from an event's keys which service sent it. The order of the questions matters: each is asked
//! where those before it have found nothing. See docs/decisions/57-events-are-scanned.md.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::event::{Event, Members, Text, first, invalid, read_as};
use crate::failure::Failure;

/// The service that sent a request, as far as it makes a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A REST API of API Gateway.
    Rest,
    /// An HTTP API of API Gateway, payload format 1.0.
    HttpApiV1,
    /// An HTTP API of API Gateway, payload format 2.0.
    HttpApiV2,
    /// A Function URL.
    FunctionUrl,
    /// An Application Load Balancer whose target group sends one value for each name.
    Alb,
    /// An Application Load Balancer whose target group sends all values.
    AlbMultiValue,
    /// VPC Lattice, event structure version 1.
    LatticeV1,
    /// VPC Lattice, event structure version 2.
    LatticeV2,
}

/// Holds what the request context of an event says.
pub struct RequestContext<'a> {
    /// The whole, as it came.
    pub raw: Option<&'a RawValue>,
    members: Members<'a, 8>,
}

impl<'a> RequestContext<'a> {
    /// Reads the request context of an event.
    pub fn of(event: &Event<'a>) -> Self {
        let raw = event.get("requestContext");
        const NAMES: [&str; 8] =
            ["connectionId", "domainName", "elb", "eventType", "http", "serviceArn", "serviceNetworkArn", "stage"];
        Self { raw, members: Members::of(raw, NAMES) }
    }

    /// Returns the domain by which the service was called.
    pub fn domain(&self) -> Option<Cow<'a, str>> {
        self.members.text("domainName")
    }

    /// Returns the stage of an API.
    pub fn stage(&self) -> Option<Cow<'a, str>> {
        self.members.text("stage")
    }

    /// Returns the method, where it stands in the request context.
    pub fn method(&self) -> Result<Option<Cow<'a, str>>, Failure> {
        let method = Members::of(self.members.get("http"), ["method"]).get("method");
        method.map(|raw| read_as("requestContext.http.method", raw).map(|Text(method)| method)).transpose()
    }

    fn has(&self, name: &str) -> bool {
        self.members.get(name).is_some()
    }
}

impl Kind {
    /// Decides which service sent an event.
    pub fn of(event: &Event<'_>, context: &RequestContext<'_>) -> Result<Self, Failure> {
        if event.has("type") && (event.has("methodArn") || event.has("routeArn")) {
            return Err(foreign("a Lambda authorizer's event"));
        }
        if context.has("elb") {
            let is_multi_value = event.has("multiValueHeaders");
            return Ok(if is_multi_value { Self::AlbMultiValue } else { Self::Alb });
        }
        let version: Option<Cow<'_, str>> = event.get("version").and_then(text);
        if context.has("http") && version.as_deref() == Some("2.0") {
            let is_url = context.domain().is_some_and(|domain| is_function_url(&domain));
            return Ok(if is_url { Self::FunctionUrl } else { Self::HttpApiV2 });
        }
        if context.has("serviceArn") || context.has("serviceNetworkArn") {
            return Ok(Self::LatticeV2);
        }
        if context.has("connectionId") && context.has("eventType") {
            return Err(foreign("a WebSocket event"));
        }
        if event.has("httpMethod") && context.raw.is_some() {
            return Ok(if version.as_deref() == Some("1.0") { Self::HttpApiV1 } else { Self::Rest });
        }
        if event.has("raw_path") && event.has("method") && context.raw.is_none() {
            return Ok(Self::LatticeV1);
        }
        Err(foreign(&other_service(event)))
    }

    /// Returns how messages name the service.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rest | Self::HttpApiV1 | Self::HttpApiV2 => "API Gateway",
            Self::FunctionUrl => "a Function URL",
            Self::Alb | Self::AlbMultiValue => "an Application Load Balancer",
            Self::LatticeV1 | Self::LatticeV2 => "VPC Lattice",
        }
    }
}

/// Returns whether this is a Function URL's domain, as in `abc.lambda-url.us-east-1.on.aws`. The end is not compared:
/// it is another one in another partition of AWS.
fn is_function_url(domain: &str) -> bool {
    let mut labels = domain.split('.');
    labels.next().is_some_and(|id| !id.is_empty()) && labels.next() == Some("lambda-url") && labels.count() >= 3
}

fn foreign(what: &str) -> Failure {
    invalid(format!("{what} can't become an HTTP request"))
}

fn text<'a>(raw: &'a RawValue) -> Option<Cow<'a, str>> {
    serde_json::from_str(raw.get()).ok().map(|Text(text)| text)
}

/// Names the service that sends events of other shapes, for the message.
fn other_service(event: &Event<'_>) -> String {
    let first = event.get("Records").or_else(|| event.get("records")).and_then(first);
    let record = Members::of(first, ["cf", "eventSource", "EventSource"]);
    if record.get("cf").is_some() {
        return "an event of Lambda@Edge".to_owned();
    }
    let source = record.text("eventSource").or_else(|| record.text("EventSource"));
    let source = source.or_else(|| event.get("eventSource").and_then(text));
    let service = match source.as_deref() {
        Some("aws:sqs") => "SQS",
        Some("aws:sns") => "SNS",
        Some("aws:s3") => "S3",
        Some("aws:ses") => "SES",
        Some("aws:dynamodb") => "DynamoDB",
        Some("aws:kinesis") => "Kinesis",
        Some("aws:kafka" | "SelfManagedKafka") => "Kafka",
        Some("aws:mq" | "aws:rmq") => "Amazon MQ",
        Some("aws:codecommit") => "CodeCommit",
        _ if event.has("detail-type") => "EventBridge",
        _ if event.has("awslogs") => "CloudWatch Logs",
        _ if event.has("deliveryStreamArn") => "Firehose",
        _ if event.has("triggerSource") => "Cognito",
        _ if event.has("RequestType") && event.has("ResponseURL") => "CloudFormation",
        _ if event.has("actionGroup") => "Bedrock",
        _ if event.has("tasks") && event.has("invocationSchemaVersion") => "S3 Batch Operations",
        _ if event.has("info") || event.has("fieldName") => "AppSync",
        _ => return format!("an event with {}", keys(event)),
    };
    format!("an event of {service}")
}

fn keys(event: &Event<'_>) -> String {
    match event.shown_keys() {
        keys if keys.is_empty() => "no keys".to_owned(),
        keys => format!("the keys {keys}"),
    }
}
