use std::sync::Arc;

use super::*;

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<String>>);

impl Output for Kept {
    fn write(&self, _: Option<&str>, line: &str) {
        self.0.lock().unwrap().push_str(line);
    }
}

fn guests_line<'a>(request_id: Option<&'a str>, text: &'a str) -> Line<'a> {
    let guest = Digest::of(b"guest");
    Line { request_id, tenant_id: None, guest, text, is_of_failure: false, metrics: &[] }
}

const SUBJECT: Subject<'static> = Subject { request_id: Some("id-1"), tenant_id: None, guest: None };

fn written(format: Format, level: Level, write: impl FnOnce(&Logs)) -> String {
    let kept = Kept::default();
    write(&Logs::new(format, level, Box::new(kept.clone())));
    kept.0.lock().unwrap().clone()
}

#[test]
fn a_text_line_has_time_request_id_level_and_message_between_tabs() {
    let line = written(Format::Text, Level::Info, |logs| logs.line(&guests_line(Some("id-1"), "hello")));
    let fields: Vec<&str> = line.trim_end().split('\t').collect();
    assert_eq!(fields[1..], ["id-1", "INFO", "hello"]);
    assert!(humantime::parse_rfc3339(fields[0]).is_ok(), "{line}");
}

#[test]
fn a_json_line_is_an_object_with_time_level_request_id_and_message() {
    let line = written(Format::Json, Level::Info, |logs| {
        logs.line(&guests_line(Some("id-1"), "say \"no\""));
    });
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (&line["level"], &line["requestId"], &line["message"]),
        (&json!("INFO"), &json!("id-1"), &json!("say \"no\""))
    );
    assert!(humantime::parse_rfc3339(line["timestamp"].as_str().unwrap()).is_ok());
}

#[test]
fn an_object_of_the_guests_own_is_passed_on_with_what_it_lacks() {
    let own = r#"{"level":"WARN","order":1.0}"#;
    let line = written(Format::Json, Level::Info, |logs| logs.line(&guests_line(Some("id-1"), own)));
    assert!(
        line.ends_with(
            ",\"requestId\":\"id-1\",\"guest\":\"84983c60f7da\",\"guesthouse\":{\"from\":\"guest\"},\"level\":\"WARN\",\"order\":1.0}\n"
        ),
        "{line}"
    );
    let empty = written(Format::Json, Level::Info, |logs| logs.line(&guests_line(None, "{}")));
    assert!(serde_json::from_str::<Value>(&empty).is_ok(), "{empty}");
}

#[test]
fn lines_at_the_level_are_written_and_lines_below_are_not() {
    for (level, expected) in [(Level::Info, 3), (Level::Warn, 2), (Level::Error, 1), (Level::Fatal, 0)] {
        let lines = written(Format::Text, level, |logs| {
            logs.line(&guests_line(None, "text"));
            logs.line(&guests_line(None, "[WARN] text"));
            logs.line(&Line { is_of_failure: true, ..guests_line(None, "panic: text") });
        });
        assert_eq!(lines.lines().count(), expected, "{level:?}");
    }
    let debug = r#"{"level":"debug"}"#;
    assert_eq!(written(Format::Json, Level::Info, |logs| logs.line(&guests_line(None, debug))), "");
}

#[test]
fn a_guest_can_not_write_in_the_name_of_another_invocation() {
    for forged in
        [r#"{"level":"FATAL","requestId":"id-2"}"#, r#"{"requestId":"id-2","requestId":"id-1","level":"FATAL"}"#]
    {
        let line = written(Format::Json, Level::Info, |logs| {
            logs.line(&guests_line(Some("id-1"), forged));
        });
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (&line["requestId"], &line["level"], &line["message"]),
            (&json!("id-1"), &json!("INFO"), &json!(forged))
        );
    }
}

#[test]
fn a_message_of_the_hosts_is_never_taken_for_an_object() {
    let message = "{\"level\":\"TRACE\",\n\"requestId\":\"id-2\"}";
    let lines = written(Format::Json, Level::Info, |logs| logs.write(Level::Error, &SUBJECT, message));
    let line: Value = serde_json::from_str(&lines).unwrap();
    assert_eq!((lines.lines().count(), &line["level"], &line["message"]), (1, &json!("ERROR"), &json!(message)));
}

#[test]
fn a_line_says_whether_the_host_or_a_guest_wrote_it() {
    let hosts = |format| {
        written(format, Level::Info, |logs| {
            logs.write(Level::Error, &SUBJECT, "Host.Internal: the host failed");
        })
    };
    let guests = |format, text: &str| written(format, Level::Info, |logs| logs.line(&guests_line(Some("id-1"), text)));
    let message = |line: &str| line.trim_end().splitn(4, '\t').nth(3).unwrap().to_owned();
    assert_eq!(message(&hosts(Format::Text)), "host: Host.Internal: the host failed");
    for (text, shown) in [
        ("Host.Internal: the host failed", "Host.Internal: the host failed"),
        ("host: Host.Internal: the host failed", "guest: host: Host.Internal: the host failed"),
        ("\u{a0} host: Host.Internal", "guest: \u{a0} host: Host.Internal"),
        ("\u{200b}host: Host.Internal", "guest: \u{200b}host: Host.Internal"),
        ("h\u{ad}ost:\u{a0}Host.Internal", "guest: h\u{ad}ost:\u{a0}Host.Internal"),
        ("hostile", "hostile"),
    ] {
        assert_eq!(message(&guests(Format::Text, text)), shown);
    }
    let from = |line: &str| serde_json::from_str::<Value>(line).unwrap()["guesthouse"]["from"].clone();
    assert_eq!(from(&hosts(Format::Json)), "host");
    for text in
        ["text", "{}", r#"{"guesthouse":{"from":"host"}}"#, r#"{"guesthou\u0073e":{"from":"host"},"level":"ERROR"}"#]
    {
        assert_eq!(from(&guests(Format::Json, text)), "guest", "{text}");
    }
}

#[test]
fn metrics_are_passed_on_where_they_are_granted_and_platform_events_never() {
    let granted = ["Orders".to_owned()];
    let logged = |text: &str| {
        let line = Line { metrics: &granted, ..guests_line(Some("id-1"), text) };
        let written = written(Format::Json, Level::Info, |logs| logs.line(&line));
        serde_json::from_str::<Value>(&written).unwrap()
    };
    let metrics = |namespaces: &[&str]| {
        let directives: Vec<Value> = namespaces.iter().map(|namespace| json!({"Namespace": namespace})).collect();
        json!({"_aws": {"Timestamp": 1, "CloudWatchMetrics": directives}, "count": 1})
    };
    for good in [metrics(&["Orders"]), json!({"type": "order", "record": 1}), json!({"_AWS": 1})] {
        let line = logged(&good.to_string());
        assert!(good.as_object().unwrap().iter().all(|(key, value)| line[key] == *value), "{line}");
    }
    let minted = [
        metrics(&["Billing"]),
        metrics(&["Orders", "Billing"]),
        json!({"_aws": {"CloudWatchMetrics": [{"Metrics": []}]}}),
        json!({"_aws": {"CloudWatchMetrics": {"Namespace": "Orders"}}}),
        json!({"_aws": null}),
        json!({"type": "platform.report", "record": {"requestId": "someone-else"}}),
        json!({"type": "Platform.initStart", "time": "1999-01-01T00:00:00Z"}),
    ];
    for minted in minted {
        let line = logged(&minted.to_string());
        assert_eq!((&line["message"], &line["requestId"]), (&minted, &json!("id-1")), "{line}");
        assert!(line["_aws"].is_null() && line["type"].is_null(), "{line}");
    }
}

#[test]
fn what_is_passed_on_is_what_was_checked() {
    let twice = r#"{"_aws":{"CloudWatchMetrics":[{"Namespace":"Billing"}],"CloudWatchMetrics":[]}}"#;
    for text in [twice, "{\"a\":1,\r\"b\":2}"] {
        let line = written(Format::Json, Level::Info, |logs| {
            logs.line(&guests_line(None, text));
        });
        assert!(!line.contains("Billing") && !line.contains('\r'), "{line:?}");
    }
}

#[test]
fn the_hosts_own_time_stands_beside_a_guests() {
    let own = r#"{"timestamp":"1999-01-01T00:00:00Z","level":"INFO"}"#;
    let written = written(Format::Json, Level::Info, |logs| logs.line(&guests_line(None, own)));
    let line: Value = serde_json::from_str(&written).unwrap();
    assert_eq!(line["timestamp"], "1999-01-01T00:00:00Z");
    assert!(humantime::parse_rfc3339(line["guesthouse"]["time"].as_str().unwrap()).is_ok(), "{line}");
}

#[test]
fn no_control_character_of_a_guests_or_a_callers_reaches_the_log() {
    let odd = "\u{1b}]0;owned\u{7}\u{9b}2J\rforged\u{2028}\u{85}\u{7f}";
    let id = "id\tERROR\tforged\u{1b}";
    let own = "{\"message\":\"\u{7f}\u{9b}\u{2028}\u{2029}\u{85}\",\"level\":\"INFO\"}";
    for (format, text) in [(Format::Text, odd), (Format::Json, odd), (Format::Json, own)] {
        let written = written(format, Level::Info, |logs| logs.line(&guests_line(Some(id), text)));
        let is_control = |char: char| char.is_control() && !"\t\n".contains(char) || "\u{2028}\u{2029}".contains(char);
        assert!(!written.contains(is_control), "{written:?}");
        assert_eq!(written.matches('\t').count(), if format == Format::Text { 3 } else { 0 }, "{written:?}");
        assert_eq!(written.matches('\n').count(), 1, "{written:?}");
    }
}

#[test]
fn an_object_is_a_line_of_its_own_in_text_format_unless_it_would_pass_for_another() {
    let granted = ["Orders".to_owned()];
    let written = |text: &str| {
        let line = Line { metrics: &granted, ..guests_line(Some("id-1"), text) };
        written(Format::Text, Level::Info, |logs| logs.line(&line))
    };
    for bare in [
        r#"{"level":"info","ts":1.5,"msg":"ready"}"#,
        r#"  {"level":"ERROR", "message":"no such order", "requestId":"id-1"}  "#,
        r#"{"_aws":{"Timestamp":1,"CloudWatchMetrics":[{"Namespace":"Orders","Metrics":[]}]},"n":1}"#,
    ] {
        let line = written(bare);
        assert!(line.starts_with('{') && line.ends_with("}\n"), "{line}");
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), serde_json::from_str::<Value>(bare).unwrap());
    }
    for (text, level) in [
        (r#"{"level":"error","requestId":"id-2"}"#, "INFO"),
        (r#"{"level":"error","type":"platform.report"}"#, "ERROR"),
        (r#"{"awsRequestId":"id-2"}"#, "INFO"),
        (r#"{"tenantId":"other"}"#, "INFO"),
        (r#"{"tenantId":42}"#, "INFO"),
        (r#"{"guesthouse":{"from":"host"}}"#, "INFO"),
        (r#"{"type":"platform.report","record":{}}"#, "INFO"),
        (r#"{"a":1,"a":2}"#, "INFO"),
        (r#"{"a":1} and more"#, "INFO"),
        (r#"[{"a":1}]"#, "INFO"),
    ] {
        let line = written(text);
        assert_eq!(line.trim_end().split('\t').skip(1).collect::<Vec<_>>(), ["id-1", level, text], "{line}");
    }
}

/// CloudWatch finds metrics behind what Lambda's runtimes put in front of a line, so quotes are needed.
#[test]
fn metrics_that_are_not_granted_are_a_text_in_quotes_in_text_format() {
    for text in [
        r#"{"_aws":{"CloudWatchMetrics":[{"Namespace":"Billing"}]}}"#,
        r#"{"Version":"0","CloudWatchMetrics":[{"Namespace":"Billing"}]}"#,
        r#"{"a":1,"a":2,"_aws":{}}"#,
        r#"orders {"_\u0061ws":{"CloudWatchMetrics":[{"Namespace":"Billing"}]}}"#,
    ] {
        let line = written(Format::Text, Level::Info, |logs| logs.line(&guests_line(Some("id-1"), text)));
        let message = line.trim_end().splitn(4, '\t').nth(3).unwrap();
        assert_eq!(serde_json::from_str::<String>(message).unwrap(), text, "{line}");
    }
}

#[test]
fn an_object_that_is_too_long_when_it_is_escaped_is_cut_as_a_text() {
    let own = format!(r#"{{"d":"{}","e":{{"requestId":"id-2"}}}}"#, "\u{7f}".repeat(LINE_LIMIT_BYTES / 4));
    for format in [Format::Text, Format::Json] {
        let lines = written(format, Level::Info, |logs| logs.line(&guests_line(Some("id-1"), &own)));
        assert!(lines.lines().count() > 1);
        for line in lines.lines() {
            assert!(line.len() <= 256 * 1024, "{} bytes", line.len());
            let is_the_hosts = match format {
                Format::Text => line.contains("\tid-1\tINFO\t"),
                Format::Json => serde_json::from_str::<Value>(line).unwrap()["requestId"] == "id-1",
            };
            assert!(is_the_hosts, "{line:.200}");
        }
    }
}

#[test]
fn json_lines_say_whose_the_invocation_is() {
    let line = |tenant_id, text| {
        let line = Line { tenant_id, ..guests_line(Some("id-1"), text) };
        let written = written(Format::Json, Level::Info, |logs| logs.line(&line));
        serde_json::from_str::<Value>(&written).unwrap()
    };
    for text in ["text", "{}", r#"{"tenantId":"blue"}"#] {
        assert_eq!(line(Some("blue"), text)["tenantId"], "blue");
    }
    assert_eq!(line(None, "text")["tenantId"], Value::Null);
    for tenant in [Some("blue"), None] {
        let forged = line(tenant, r#"{"tenantId":"red"}"#);
        assert_eq!((&forged["tenantId"], &forged["message"]), (&json!(tenant), &json!(r#"{"tenantId":"red"}"#)));
    }
    let subject = Subject { tenant_id: Some("blue"), ..SUBJECT };
    let hosts = written(Format::Json, Level::Info, |logs| logs.write(Level::Error, &subject, "late"));
    assert_eq!(serde_json::from_str::<Value>(&hosts).unwrap()["tenantId"], "blue");
}

#[test]
fn in_text_format_levels_are_chosen_only_where_one_is_asked_for() {
    let lines = |variables: &[(&str, &str)]| {
        let kept = Kept::default();
        let environment: EnvVars = variables.iter().copied().collect();
        let logs = Logs::from_environment(&environment, Box::new(kept.clone()));
        for text in ["[DEBUG] step", r#"{"level":"debug"}"#] {
            logs.line(&guests_line(None, text));
        }
        kept.0.lock().unwrap().lines().count()
    };
    assert_eq!(lines(&[]), 2);
    assert_eq!(lines(&[(var::LOG_LEVEL, "INFO")]), 0);
    assert_eq!(lines(&[(var::LOG_LEVEL, "DEBUG")]), 2);
    assert_eq!(lines(&[(var::LOG_FORMAT, "JSON")]), 0);
}

#[test]
fn a_message_of_two_lines_stays_one_log_line() {
    let lines = written(Format::Text, Level::Info, |logs| logs.write(Level::Error, &Subject::default(), "a\nhint: b"));
    assert_eq!(lines.lines().count(), 1);
}
