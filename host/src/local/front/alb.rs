//! This module makes events of an Application Load Balancer.

use serde_json::{Map, Value, json};

use super::request::{Arrived, is_text, push, text};
use crate::local::{ACCOUNT, REGION};

/// Returns the event of a load balancer whose target group does not have multi-value headers: of what is there twice,
/// the last one counts. The query is as on the wire.
pub(super) fn event(arrived: &Arrived<'_>) -> Value {
    let headers: Map<String, Value> =
        arrived.passed_on().iter().map(|(name, value)| (name.to_string(), text(value).into())).collect();
    let query: Map<String, Value> = arrived.query().map(|(name, value)| (name.to_owned(), value.into())).collect();
    let mut event = common(arrived);
    event["headers"] = headers.into();
    event["queryStringParameters"] = query.into();
    event
}

/// Returns the event of a load balancer whose target group has multi-value headers.
pub(super) fn multi_value_event(arrived: &Arrived<'_>) -> Value {
    let (mut headers, mut query) = (Map::new(), Map::new());
    for (name, value) in &arrived.passed_on() {
        push(&mut headers, name.to_string(), text(value));
    }
    for (name, value) in arrived.query() {
        push(&mut query, name.to_owned(), value.to_owned());
    }
    let mut event = common(arrived);
    event["multiValueHeaders"] = headers.into();
    event["multiValueQueryStringParameters"] = query.into();
    event
}

/// Returns what both events have.
fn common(arrived: &Arrived<'_>) -> Value {
    let (body, is_base64) = arrived.body(|media_type| !arrived.is_encoded() && is_text(media_type));
    let id = arrived.id(16);
    json!({
        "requestContext": {
            "elb": {
                "targetGroupArn":
                    format!("arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/local/{id}"),
            },
        },
        "httpMethod": arrived.method.as_str(),
        "path": arrived.path,
        "body": body,
        "isBase64Encoded": is_base64,
    })
}
