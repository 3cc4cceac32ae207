//! This module invokes a function, and reads what Lambda reports of it.

use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::{
    client::{Aws, Call, CallError, INVOKE, Service},
    plan::ALIAS,
};

/// How an invocation ended.
pub struct Ended {
    /// The response, or the error as Lambda describes it.
    pub payload: Vec<u8>,
    pub is_error: bool,
    pub version: String,
    /// The last 4 KB of its log.
    pub log: String,
}

/// Invokes the function behind the alias.
pub async fn invoke(aws: &Aws, name: &str, event: Vec<u8>) -> Result<Ended, CallError> {
    let headers = vec![
        ("content-type", "application/json".to_owned()),
        ("x-amz-invocation-type", "RequestResponse".to_owned()),
        ("x-amz-log-type", "Tail".to_owned()),
    ];
    let path = format!("/2015-03-31/functions/{name}/invocations?Qualifier={ALIAS}");
    let call = Call { service: Service::Lambda, method: "POST", path, headers, body: event, action: INVOKE };
    let response = aws.call(&call).await?;
    let log = response.header("x-amz-log-result").and_then(|log| BASE64_STANDARD.decode(log).ok()).unwrap_or_default();
    Ok(Ended {
        is_error: response.header("x-amz-function-error").is_some(),
        version: response.header("x-amz-executed-version").unwrap_or(ALIAS).to_owned(),
        log: String::from_utf8_lossy(&log).into_owned(),
        payload: response.body,
    })
}

/// Returns the durations of Lambda's last line: that of the invocation, and that of a cold start, if it was one. The
/// line is text, or JSON if the function's log is.
pub fn durations(log: &str) -> (Option<String>, Option<String>) {
    let json = log.lines().rev().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    if let Some(report) = json.into_iter().find(|line| line["type"] == "platform.report") {
        let metric = |name: &str| Some(format!("{} ms", report["record"]["metrics"][name].as_f64()?));
        return (metric("durationMs"), metric("initDurationMs"));
    }
    let Some(line) = log.lines().rev().find(|line| line.starts_with("REPORT ")) else { return (None, None) };
    let field = |name: &str| {
        let value = line.split('\t').find_map(|part| part.trim().strip_prefix(name));
        value.map(|value| value.trim().to_owned())
    };
    (field("Duration:"), field("Init Duration:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cold_start_is_read_from_the_report_in_both_formats() {
        let text = "START RequestId: 1\nREPORT RequestId: 1\tDuration: 1.50 ms\tBilled Duration: 12 ms\tMemory Size: \
                    256 MB\tMax Memory Used: 30 MB\tInit Duration: 9.70 ms\t\n";
        let pair = |duration: &str, init: &str| (Some(duration.to_owned()), Some(init.to_owned()));
        assert_eq!(durations(text), pair("1.50 ms", "9.70 ms"));
        let warm = "REPORT RequestId: 1\tDuration: 1.50 ms\tBilled Duration: 2 ms\n";
        assert_eq!(durations(warm), (Some("1.50 ms".to_owned()), None));
        let json = r#"{"type":"platform.report","record":{"metrics":{"durationMs":1.5,"initDurationMs":9.7}}}"#;
        assert_eq!(durations(json), pair("1.5 ms", "9.7 ms"));
        assert_eq!(durations("nothing"), (None, None));
    }
}
