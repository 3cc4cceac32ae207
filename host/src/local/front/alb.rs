//! This module makes events of an Application Load Balancer whose target group does not have multi-value headers.

use serde_json::{Map, Value, json};

use super::request::{Arrived, is_text, text};
use crate::local::{ACCOUNT, REGION};

/// Returns the event of a load balancer. The query is as on the wire; of what is there twice, the last one counts.
pub(super) fn event(arrived: &Arrived<'_>) -> Value {
    let headers: Map<String, Value> =
        arrived.passed_on().iter().map(|(name, value)| (name.to_string(), text(value).into())).collect();
    let query: Map<String, Value> = arrived.query().map(|(name, value)| (name.to_owned(), value.into())).collect();
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
        "queryStringParameters": query,
        "headers": headers,
        "body": body,
        "isBase64Encoded": is_base64,
    })
}
