//! This module makes events of VPC Lattice, with either event structure.

use serde_json::{Map, Value, json};

use super::request::{Arrived, is_text, join, push, text};
use crate::local::{ACCOUNT, REGION};

/// Returns the event of a Lattice service with the event structure 2.0. The query is in the path and, once more, in
/// `queryStringParameters`.
pub(super) fn event(arrived: &Arrived<'_>) -> Value {
    let (mut headers, mut query) = (Map::new(), Map::new());
    for (name, value) in &arrived.passed_on() {
        push(&mut headers, name.to_string(), text(value));
    }
    for (name, value) in arrived.query() {
        push(&mut query, name.to_owned(), value.to_owned());
    }
    let (body, is_base64) = body(arrived);
    let (id, of) = (arrived.id(17), format!("arn:aws:vpc-lattice:{REGION}:{ACCOUNT}:"));
    json!({
        "version": "2.0",
        "path": path(arrived),
        "method": arrived.method.as_str(),
        "headers": headers,
        "queryStringParameters": query,
        "body": body,
        "isBase64Encoded": is_base64,
        "requestContext": {
            "serviceNetworkArn": format!("{of}servicenetwork/sn-{id}"),
            "serviceArn": format!("{of}service/svc-{id}"),
            "targetGroupArn": format!("{of}targetgroup/tg-{id}"),
            "identity": {"sourceVpcArn": format!("arn:aws:ec2:{REGION}:{ACCOUNT}:vpc/vpc-{id}")},
            "region": REGION,
            "timeEpoch": (arrived.epoch_ms() * 1000).to_string(),
        },
    })
}

/// Returns the event of a Lattice service with the event structure 1.0: values of one name are joined.
pub(super) fn v1_event(arrived: &Arrived<'_>) -> Value {
    let (mut headers, mut query) = (Map::new(), Map::new());
    for (name, value) in &arrived.passed_on() {
        join(&mut headers, name.to_string(), &text(value));
    }
    for (name, value) in arrived.query() {
        join(&mut query, name.to_owned(), value);
    }
    let (body, is_base64) = body(arrived);
    json!({
        "raw_path": path(arrived),
        "method": arrived.method.as_str(),
        "headers": headers,
        "query_string_parameters": query,
        "body": body,
        "is_base64_encoded": is_base64,
    })
}

/// Returns the path with the query, as on the wire.
fn path(arrived: &Arrived<'_>) -> String {
    match arrived.query {
        Some(query) => format!("{}?{query}", arrived.path),
        None => arrived.path.to_owned(),
    }
}

/// Returns the body, and whether it is in base64.
fn body(arrived: &Arrived<'_>) -> (Value, bool) {
    match arrived.body {
        [] => (Value::Null, false),
        _ => {
            let (body, is_base64) = arrived.body(is_text);
            (body.into(), is_base64)
        }
    }
}
