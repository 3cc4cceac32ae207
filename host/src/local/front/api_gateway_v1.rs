//! This module makes events of the payload format 1.0, as a REST API with one resource `/{proxy+}` sends them.

use http::{
    StatusCode,
    header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, MAX_FORWARDS, WWW_AUTHENTICATE},
};
use serde_json::{Map, Value, json};

use super::{
    Refused, Site,
    request::{Arrived, decoded, pairs, push, text},
};
use crate::local::{ACCOUNT, REGION};

/// The stage of REST APIs by which most templates deploy.
const USUAL_STAGE: &str = "prod";

/// Returns the event of a REST API.
///
/// # Errors
/// If the query holds a `|`, which REST APIs refuse.
pub(super) fn event(site: &Site, arrived: &Arrived<'_>) -> Result<Value, Refused> {
    if arrived.query.is_some_and(|query| query.contains('|')) {
        let message = "REST APIs refuse a `|` in the query: write `%7C`".to_owned();
        return Err(Refused { status: StatusCode::BAD_REQUEST, message });
    }
    let id = arrived.id(10);
    let stage = site.stage.as_deref().unwrap_or(USUAL_STAGE);
    // Slashes at the beginning are one, but for `requestContext.path`.
    let folded = format!("/{}", arrived.path.trim_start_matches('/'));
    let (domain, path, context_path) = match &site.base_path {
        Some(base) => ("api.example.com".to_owned(), format!("/{base}{folded}"), format!("/{base}{}", arrived.path)),
        None => {
            (format!("{id}.execute-api.{REGION}.amazonaws.com"), folded.clone(), format!("/{stage}{}", arrived.path))
        }
    };
    let below = folded.trim_matches('/');
    let (resource, parameters) = match below {
        "" => ("/", Value::Null),
        below => ("/{proxy+}", json!({"proxy": below})),
    };
    let (mut headers, mut lists) = (Map::new(), Map::new());
    for (name, value) in &arrived.passed_on() {
        let value = text(value);
        let is_signature = *name == AUTHORIZATION && value.starts_with("AWS4-");
        if is_signature || [CONTENT_LENGTH, MAX_FORWARDS, WWW_AUTHENTICATE].contains(name) {
            continue;
        }
        let name = cased(name);
        headers.insert(name.clone(), value.as_str().into());
        push(&mut lists, name, value);
    }
    let (mut query, mut query_lists) = (Map::new(), Map::new());
    for (name, value) in pairs(arrived.query.unwrap_or_default(), &['&', ';']) {
        let (name, value) = (decoded(name), decoded(value));
        query.insert(name.clone(), value.as_str().into());
        push(&mut query_lists, name, value);
    }
    let or_null = |map: Map<String, Value>| if map.is_empty() { Value::Null } else { map.into() };
    let is_binary = arrived.header(&CONTENT_TYPE).is_some_and(|media_type| site.is_binary(&media_type));
    let (body, is_base64) = match arrived.body {
        [] => (Value::Null, false),
        body if is_binary => (arrived.body(|_| false).0.into(), !body.is_empty()),
        // What is not UTF-8 arrives damaged, as on AWS.
        body => (String::from_utf8_lossy(body).into(), false),
    };
    Ok(json!({
        "resource": resource,
        "path": path,
        "httpMethod": arrived.method.as_str(),
        "headers": headers,
        "multiValueHeaders": lists,
        "queryStringParameters": or_null(query),
        "multiValueQueryStringParameters": or_null(query_lists),
        "pathParameters": parameters,
        "stageVariables": null,
        "requestContext": {
            "resourceId": &id[..6.min(id.len())],
            "resourcePath": resource,
            "httpMethod": arrived.method.as_str(),
            "extendedRequestId": arrived.request_id,
            "requestTime": arrived.time(),
            "path": context_path,
            "accountId": ACCOUNT,
            "protocol": "HTTP/1.1",
            "stage": stage,
            "domainPrefix": domain.split('.').next(),
            "requestTimeEpoch": arrived.epoch_ms(),
            "requestId": arrived.request_id,
            "identity": {
                "cognitoIdentityPoolId": null,
                "accountId": null,
                "cognitoIdentityId": null,
                "caller": null,
                "sourceIp": arrived.client.to_string(),
                "principalOrgId": null,
                "accessKey": null,
                "cognitoAuthenticationType": null,
                "cognitoAuthenticationProvider": null,
                "userArn": null,
                "userAgent": arrived.user_agent(),
                "user": null,
            },
            "domainName": domain,
            "apiId": id,
        },
        "body": body,
        "isBase64Encoded": is_base64,
    }))
}

/// Returns a header's name in the case that clients write it in: standard ones in title case. REST APIs keep the case,
/// which is not known any more here.
fn cased(name: &HeaderName) -> String {
    const STANDARD: &[&str] = &[
        "accept",
        "age",
        "authorization",
        "cache-control",
        "content-",
        "cookie",
        "date",
        "host",
        "if-",
        "origin",
        "pragma",
        "range",
        "referer",
        "user-agent",
        "via",
        "x-amzn-trace-id",
        "x-forwarded-",
    ];
    let name = name.as_str();
    if !STANDARD.iter().any(|standard| name.starts_with(standard)) {
        return name.to_owned();
    }
    let titled = name.split('-').map(|word| match word.split_at_checked(1) {
        Some((first, rest)) => first.to_ascii_uppercase() + rest,
        None => String::new(),
    });
    titled.collect::<Vec<_>>().join("-")
}
