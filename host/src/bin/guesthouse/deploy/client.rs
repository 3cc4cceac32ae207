//! This module sends one call to AWS until it is accepted or refused for good.

use std::{fmt, time::Duration};

use guesthouse::{
    backoff::Backoff,
    config::EnvVars,
    source::aws_api::{ApiRequest, ApiResponse, AwsApi},
};
use serde_json::{Value, json};

/// The first wait between two attempts. Each is twice as long as the one before.
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// The maximum number of attempts. All waits together are 26 seconds: a new role is known to Lambda after some 10.
const ATTEMPTS: usize = 10;

/// The permission to call a function.
pub const INVOKE: &str = "lambda:InvokeFunction";

/// Sends calls to the APIs of AWS in one region.
pub struct Aws {
    pub api: AwsApi,
    pub region: String,
    pub environment: EnvVars,
}

/// An API of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    Lambda,
    Iam,
    Sts,
    Logs,
}

/// Describes one call.
pub struct Call<'a> {
    pub service: Service,
    pub method: &'static str,
    /// The path with the query.
    pub path: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// The permission that the call needs, such as `lambda:GetFunction`.
    pub action: &'a str,
}

/// Describes why a call failed. `status` is 0 if there was no response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallError {
    pub action: String,
    pub status: u16,
    pub code: String,
    pub message: String,
}

impl Aws {
    /// Sends a call, again and again while AWS says that it may work later.
    pub async fn call(&self, call: &Call<'_>) -> Result<ApiResponse, CallError> {
        let (region, address) = self.endpoint(call.service);
        let request = ApiRequest {
            service: call.service.name(),
            region,
            method: call.method,
            url: format!("{}{}", address.trim_end_matches('/'), call.path),
            headers: call.headers.clone(),
            body: call.body.clone(),
        };
        attempt(call.action, async || match self.api.send(&request).await {
            Ok(response) if response.status < 300 => Ok(response),
            Ok(response) => Err(CallError::of_response(call.action, &response)),
            Err(message) => Err(CallError { action: call.action.to_owned(), status: 0, code: String::new(), message }),
        })
        .await
    }

    /// Sends a call of Lambda's API, and returns the JSON of the response.
    pub async fn lambda(
        &self,
        action: &str,
        method: &'static str,
        path: String,
        body: Option<Value>,
    ) -> Result<Value, CallError> {
        let headers = body.iter().map(|_| ("content-type", "application/json".to_owned())).collect();
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let call = Call { service: Service::Lambda, method, path, headers, body, action };
        let response = self.call(&call).await?;
        // Some responses have no body.
        Ok(serde_json::from_slice(&response.body).unwrap_or(Value::Null))
    }

    /// Sends a call of IAM's or STS's API, and returns the XML of the response.
    pub async fn query(
        &self,
        service: Service,
        operation: &str,
        parameters: &[(&str, &str)],
    ) -> Result<String, CallError> {
        let version = if service == Service::Iam { "2010-05-08" } else { "2011-06-15" };
        let mut body = format!("Action={operation}&Version={version}");
        for (name, value) in parameters {
            let value = percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC);
            body.push_str(&format!("&{name}={value}"));
        }
        let headers = vec![("content-type", "application/x-www-form-urlencoded".to_owned())];
        let action = format!("{}:{operation}", service.name());
        let path = "/".to_owned();
        let call = Call { service, method: "POST", path, headers, body: body.into_bytes(), action: &action };
        let response = self.call(&call).await?;
        Ok(String::from_utf8_lossy(&response.body).into_owned())
    }

    /// Returns the region of signatures, and the address.
    fn endpoint(&self, service: Service) -> (String, String) {
        let region = match (service, &self.region) {
            // IAM has one region in each partition.
            (Service::Iam, region) if region.starts_with("cn-") => "cn-north-1".to_owned(),
            (Service::Iam, region) if region.starts_with("us-gov-") => "us-gov-west-1".to_owned(),
            (Service::Iam, _) => "us-east-1".to_owned(),
            (_, region) => region.clone(),
        };
        let own = format!("AWS_ENDPOINT_URL_{}", service.variable());
        if let Some(address) = self.environment.get(&own).or_else(|| self.environment.get("AWS_ENDPOINT_URL")) {
            return (region, address.to_owned());
        }
        let domain = if self.region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let address = match service {
            Service::Iam if region == "us-east-1" => format!("https://iam.{domain}"),
            Service::Iam if region == "us-gov-west-1" => "https://iam.us-gov.amazonaws.com".to_owned(),
            _ => format!("https://{}.{region}.{domain}", service.name()),
        };
        (region, address)
    }
}

impl Service {
    const fn name(self) -> &'static str {
        match self {
            Self::Lambda => "lambda",
            Self::Iam => "iam",
            Self::Sts => "sts",
            Self::Logs => "logs",
        }
    }

    /// Returns the end of the variable that names another address.
    const fn variable(self) -> &'static str {
        match self {
            Self::Lambda => "LAMBDA",
            Self::Iam => "IAM",
            Self::Sts => "STS",
            Self::Logs => "CLOUDWATCH_LOGS",
        }
    }
}

/// Does something until it works, fails for good, or failed too often.
async fn attempt<T>(action: &str, mut send: impl AsyncFnMut() -> Result<T, CallError>) -> Result<T, CallError> {
    let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
    for _ in 1..ATTEMPTS {
        match send().await {
            Err(error) if error.may_work_later() => tokio::time::sleep(backoff.wait()).await,
            ended => return ended,
        }
    }
    send().await.map_err(|error| CallError { action: format!("{action} ({ATTEMPTS} attempts)"), ..error })
}

impl CallError {
    fn of_response(action: &str, response: &ApiResponse) -> Self {
        let body = String::from_utf8_lossy(&response.body);
        let json: Value = serde_json::from_str(&body).unwrap_or(Value::Null);
        let field = |names: &[&str]| names.iter().find_map(|name| json[*name].as_str().map(str::to_owned));
        let code = response.header("x-amzn-errortype").map(str::to_owned);
        let code = code.or_else(|| field(&["__type", "code", "Code"])).or_else(|| xml(&body, "Code"));
        let code = code.unwrap_or_default();
        // AWS writes `Name:http://…`, and `namespace#Name`.
        let code = code.split(':').next().unwrap_or_default().rsplit('#').next().unwrap_or_default().to_owned();
        let message = field(&["Message", "message", "errorMessage"]).or_else(|| xml(&body, "Message"));
        let message = message.unwrap_or_else(|| body.chars().take(300).collect());
        // What follows has the headers that were signed, and the session's token is one.
        let message = message.split("The Canonical String").next().unwrap_or_default().trim_end().to_owned();
        Self { action: action.to_owned(), status: response.status, code, message }
    }

    /// Returns whether what the call names does not exist.
    pub fn is_not_found(&self) -> bool {
        self.status == 404
    }

    /// Returns whether the same call may be accepted later.
    fn may_work_later(&self) -> bool {
        match self.status {
            429 => true,
            // The function may have run: only its caller knows whether it may run twice.
            500 | 502 | 503 | 504 => self.action != INVOKE,
            // Another change of the same function is not finished.
            409 => {
                self.message.contains("in progress")
                    || self.message.contains("cannot be performed at this time")
                    || self.code == "ConcurrentModification"
            }
            // IAM tells Lambda about a new role after seconds.
            400 if self.code == "InvalidParameterValueException" => {
                self.message.contains("cannot be assumed by Lambda")
            }
            400 => self.code.starts_with("Throttl") || self.code == "RequestLimitExceeded",
            _ => false,
        }
    }

    /// Returns the permission that is missing, and what for, if that is the reason.
    fn missing_permission(&self) -> Option<(String, String)> {
        let rest = self.message.split("not authorized to perform: ").nth(1)?;
        let action = rest.split_whitespace().next()?.trim_end_matches([',', '.']).to_owned();
        let resource = rest.split("on resource: ").nth(1).and_then(|rest| rest.split_whitespace().next());
        let resource = resource.map(|resource| resource.trim_end_matches([',', '.'])).filter(|name| *name != "*");
        Some((action, resource.unwrap_or("*").to_owned()))
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { action, status, code, message } = self;
        match status {
            0 => return write!(f, "can't call {action}: {message}\nhint: check the network, and the region's name"),
            _ => write!(f, "AWS refused {action} with {status} {code}: {message}")?,
        }
        if let Some((action, resource)) = self.missing_permission() {
            let statement = json!({"Effect": "Allow", "Action": action, "Resource": resource});
            return write!(
                f,
                "\nhint: the permission `{action}` is missing; add this statement to a policy of whoever deploys: \
                 {statement}"
            );
        }
        match code.as_str() {
            "ExpiredToken" | "ExpiredTokenException" => write!(f, "\nhint: log in again: the credentials are too old"),
            "InvalidClientTokenId"
            | "UnrecognizedClientException"
            | "SignatureDoesNotMatch"
            | "InvalidSignatureException" => write!(f, "\nhint: check the credentials and this machine's clock"),
            "AccessDenied" | "AccessDeniedException" => {
                let statement = json!({"Effect": "Allow", "Action": action, "Resource": "*"});
                write!(f, "\nhint: the permission `{action}` may be missing: {statement}")
            }
            _ => Ok(()),
        }
    }
}

impl std::error::Error for CallError {}

/// Returns the text of the first element with this name, in an XML of AWS, which has no attributes there.
pub fn xml(text: &str, name: &str) -> Option<String> {
    let rest = text.split_once(&format!("<{name}>"))?.1;
    let value = rest.split_once(&format!("</{name}>"))?.0;
    let value = value.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
    Some(value.replace("&#34;", "\"").replace("&#39;", "'").replace("&amp;", "&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: u16, code: &str, message: &str) -> CallError {
        CallError { action: "lambda:X".to_owned(), status, code: code.to_owned(), message: message.to_owned() }
    }

    #[test]
    fn only_what_may_work_later_is_sent_again() {
        let role = "The role defined for the function cannot be assumed by Lambda.";
        for (status, code, message, is_sent_again) in [
            (429, "TooManyRequestsException", "Rate exceeded", true),
            (400, "ThrottlingException", "Rate exceeded", true),
            (400, "Throttling", "Rate exceeded", true),
            (503, "ServiceUnavailable", "", true),
            (400, "InvalidParameterValueException", role, true),
            (400, "InvalidParameterValueException", "Uploaded file must be a non-empty zip", false),
            (409, "ResourceConflictException", "An update is in progress for resource", true),
            (409, "ResourceConflictException", "Function already exist: x", false),
            (409, "EntityAlreadyExists", "Role exists", false),
            (403, "AccessDeniedException", "no", false),
            (404, "ResourceNotFoundException", "no", false),
            (0, "", "connection refused", false),
        ] {
            assert_eq!(error(status, code, message).may_work_later(), is_sent_again, "{status} {code} {message}");
        }
    }

    #[test]
    fn a_function_that_may_have_run_is_not_called_again() {
        let invocation = |status| CallError { action: INVOKE.to_owned(), ..error(status, "", "") };
        assert_eq!([429, 500, 503].map(|status| invocation(status).may_work_later()), [true, false, false]);
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_end_with_success_with_a_refusal_or_at_their_limit() {
        for (failures, status, works, sent) in
            [(0, 429, true, 1), (9, 429, true, 10), (10, 429, false, 10), (1, 403, false, 1)]
        {
            let mut calls = 0;
            let ended = attempt("x", async || {
                calls += 1;
                if calls > failures { Ok(()) } else { Err(error(status, "", "")) }
            })
            .await;
            assert_eq!((ended.is_ok(), calls), (works, sent), "{failures} times {status}");
        }
    }

    #[test]
    fn a_refusal_names_the_permission_and_the_statement_that_grants_it() {
        let message = "User: arn:aws:iam::1:user/a is not authorized to perform: lambda:CreateFunction on resource: \
                       arn:aws:lambda:eu-central-1:1:function:hello because no identity-based policy allows the \
                       lambda:CreateFunction action";
        let text = error(403, "AccessDeniedException", message).to_string();
        let statement = r#"{"Action":"lambda:CreateFunction","Effect":"Allow","Resource":"arn:aws:lambda:eu-central-1:1:function:hello"}"#;
        assert!(text.ends_with(statement), "{text}");
        let whole = "User: a is not authorized to perform: iam:PassRole";
        assert!(error(403, "AccessDenied", whole).to_string().contains(r#""Action":"iam:PassRole""#));
        assert!(!error(400, "ValidationException", "bad memory").to_string().contains("hint"));
    }

    #[test]
    fn an_error_is_read_from_json_and_from_xml() {
        let of = |headers: &[(&str, &str)], body: &str| {
            let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let response = ApiResponse { status: 400, headers, body: body.as_bytes().to_vec() };
            let error = CallError::of_response("x", &response);
            (error.code, error.message)
        };
        let pair = |code: &str, message: &str| (code.to_owned(), message.to_owned());
        let header = [("x-amzn-errortype", "ResourceConflictException:http://internal/")];
        assert_eq!(of(&header, r#"{"Message":"m"}"#), pair("ResourceConflictException", "m"));
        assert_eq!(
            of(&[], r##"{"__type":"a.b#ThrottlingException","message":"m"}"##),
            pair("ThrottlingException", "m")
        );
        let xml =
            "<ErrorResponse><Error><Code>NoSuchEntity</Code><Message>a &lt;b&gt;</Message></Error></ErrorResponse>";
        assert_eq!(of(&[], xml), pair("NoSuchEntity", "a <b>"));
        assert_eq!(of(&[], "gateway"), pair("", "gateway"));
    }
}
