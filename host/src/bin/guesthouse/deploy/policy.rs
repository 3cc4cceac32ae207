//! This module writes what the function's own role may do.

use anyhow::bail;
use guesthouse::config::Settings;
use serde_json::{Value, json};

use super::plan::{RoleWish, Seen, Wish};

/// Where the function is.
pub struct Account {
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: String,
    pub id: String,
    pub region: String,
}

/// Returns the policy of a function's role: its own log group, and the object that is its source.
pub fn policy(name: &str, account: &Account, handler: &Settings) -> Value {
    let Account { partition, id, region } = account;
    let group = format!("arn:{partition}:logs:{region}:{id}:log-group:/aws/lambda/{name}");
    let mut statements = vec![json!({
        "Sid": "Logs",
        "Effect": "Allow",
        "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": [group, format!("{group}:*")],
    })];
    if let Some(object) = handler.source.as_deref().and_then(|source| source.strip_prefix("s3://")) {
        // In a policy these have a meaning of their own.
        let object = object.replace('$', "${$}").replace('*', "${*}").replace('?', "${?}");
        statements.push(json!({
            "Sid": "Source",
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": format!("arn:{partition}:s3:::{object}"),
        }));
    }
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// Refuses to change a role that is that of the function with the same name in another region: roles have no region.
pub fn check_region(region: &str, wish: &Wish, seen: &Seen) -> anyhow::Result<()> {
    let (RoleWish::Own { name, .. }, Some(role)) = (&wish.role, &seen.role) else { return Ok(()) };
    match role.policy.as_ref().and_then(region_of) {
        Some(other) if other != region => bail!(
            "the role `{name}` is that of the function `{}` in {other}\nhint: choose another name with `--name`, or name \
             a role with `--role`",
            wish.name
        ),
        _ => Ok(()),
    }
}

/// Returns the region of the function that a role's policy was made for.
pub fn region_of(policy: &Value) -> Option<&str> {
    policy["Statement"][0]["Resource"][0].as_str()?.split(':').nth(3)
}

/// Returns advice on the AWS services that the guest may call. What it may do there only its owner knows.
pub fn advice(handler: &Settings) -> Option<String> {
    let services = &handler.network.aws;
    if services.is_empty() {
        return None;
    }
    let statement = |service: &String| {
        let name = service.split(':').next().unwrap_or(service);
        let sid: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        json!({"Sid": sid, "Effect": "Allow", "Action": format!("{name}:ACTION"), "Resource": "ARN"}).to_string()
    };
    let names: Vec<String> = services.iter().map(ToString::to_string).collect();
    let statements: Vec<String> = names.iter().map(statement).collect();
    Some(format!(
        "the guest may call {}, but its role may not yet; add a policy with what it needs there:\n{}",
        names.join(", "),
        statements.join("\n")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        Account { partition: "aws".to_owned(), id: "123456789012".to_owned(), region: "eu-central-1".to_owned() }
    }

    fn from(source: &str) -> Value {
        policy("hello", &account(), &Settings { source: Some(source.to_owned()), ..Settings::default() })
    }

    #[test]
    fn a_role_may_write_its_own_logs_and_nothing_else() {
        let policy = policy("hello", &account(), &Settings::default());
        let group = "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/hello";
        assert_eq!(policy["Statement"].as_array().unwrap().len(), 1);
        assert_eq!(policy["Statement"][0]["Resource"], json!([group, format!("{group}:*")]));
        assert_eq!(from("https://example.com/x.wasm"), policy);
        assert_eq!(region_of(&policy), Some("eu-central-1"));
        assert_eq!(region_of(&json!({"Statement": []})), None);
    }

    #[test]
    fn a_role_may_read_exactly_the_object_that_is_its_source() {
        let statement = from("s3://guests/hello.wasm")["Statement"][1].clone();
        assert_eq!(statement["Action"], "s3:GetObject");
        assert_eq!(statement["Resource"], "arn:aws:s3:::guests/hello.wasm");
        assert_eq!(from("s3://guests/a*?$.wasm")["Statement"][1]["Resource"], "arn:aws:s3:::guests/a${*}${?}${$}.wasm");
    }

    #[test]
    fn granted_services_become_advice_with_a_statement_each() {
        assert_eq!(advice(&Settings::default()), None);
        let mut settings = Settings::default();
        settings.network.aws =
            vec!["dynamodb".parse().unwrap(), "sqs:eu-central-1".parse().unwrap(), "execute-api".parse().unwrap()];
        let advice = advice(&settings).unwrap();
        assert!(advice.contains("dynamodb, sqs:eu-central-1"), "{advice}");
        assert!(advice.contains(r#""Action":"dynamodb:ACTION""#) && advice.contains(r#""Sid":"sqs""#), "{advice}");
        // The name of a statement has only letters and digits.
        assert!(advice.contains(r#""Sid":"executeapi""#), "{advice}");
    }
}
