//! What guests of single languages have of their own, and programs as others published them.

use serde_json::{Value, json};

use crate::support::compiled::{build_rust, directory, host};

#[test]
fn lines_have_the_levels_of_their_languages_loggers() {
    let javascript = [("DEBUG", "debug"), ("INFO", "info"), ("WARN", "warn"), ("ERROR", "error")];
    let python = [("INFO", "info"), ("WARN", "warning"), ("ERROR", "error"), ("FATAL", "critical")];
    for (language, levels) in [("js", javascript), ("python", python)] {
        let host = host(language, "conformance").log_level("DEBUG").start();
        host.response(r#"{"do":"levels"}"#);
        for (level, said) in levels {
            let said = format!("said by {said}");
            let line = host.program.line(&said, |line| line.contains(&said).then(|| line.to_owned()));
            assert_eq!(line.split('\t').nth(2), Some(level), "{language}: {line}");
        }
        let more: Vec<_> = host.program.lines().into_iter().filter(|line| line.ends_with("\tand more")).collect();
        let levels: Vec<_> = more.iter().filter_map(|line| line.split('\t').nth(2)).collect();
        assert!(language == "python" || levels == ["DEBUG", "INFO", "WARN", "ERROR"], "{more:?}");
    }
}

/// The record of an error has no place for it.
#[test]
fn what_is_behind_an_error_in_javascript_is_logged_as_node_prints_it() {
    let host = host("js", "conformance").start();
    let error = host.invoke(r#"{"do":"fail with a cause"}"#).error("OrderNotFound");
    assert_eq!(error.message(), "no such order");
    for part in ["\tERROR\tOrderNotFound: no such order", "[cause]: RangeError: 7 is too much", "[cause]: 'a misprint'"]
    {
        host.program.line(part, |line| line.contains(part).then_some(()));
    }
}

#[test]
fn fetch_in_javascript_is_refused_where_no_rule_grants_it() {
    let host = host("js", "conformance").start();
    host.invoke(r#"{"do":"fetch"}"#).error("TypeError").says("no rule of network.allow grants it");
    assert_eq!(host.response(r#"{"do":"echo","value":1}"#), "1");
}

/// The functions of `guests/conformance/aws`, which are as they are for AWS but for an import in Python's and Rust's.
#[test]
fn functions_as_awss_documentation_has_them_run_as_guests() {
    for (language, event) in [("go", r#"{"name":"Ada L."}"#), ("python", r#"{"first_name":"Ada","last_name":"L."}"#)] {
        let hello = host(language, "hello").start().response_json(event);
        assert!(hello == "Hello Ada L.!" || hello["message"] == "Hello Ada L.!", "{language}: {hello}");
    }
    build_rust("proxy", &directory("rust"));
    for language in ["go", "python", "rust"] {
        answers_api_gateway(language);
    }
}

#[test]
fn a_function_in_go_for_a_queue_runs_with_its_options() {
    let host = host("go", "queue").env("AWS_REGION", "eu-central-1").start();
    let record = |id: &str, body: &str| json!({"messageId": id, "body": body, "eventSource": "aws:sqs"});
    // A number that no float64 has.
    let records = [record("1", r#"{"id":9007199254740993}"#), record("2", "no order"), record("3", "{}")];
    let response = host.response_json(json!({ "Records": records }).to_string());
    assert_eq!(response, json!({"batchItemFailures": [{"itemIdentifier": "2"}, {"itemIdentifier": "3"}]}));
    host.program.line("order", |line| line.contains("order 9007199254740993").then_some(()));
}

#[test]
fn a_web_server_in_go_answers_a_functions_url() {
    let host = host("go", "web").start();
    let request = |path: &str| {
        json!({
            "version": "2.0", "rawPath": path, "rawQueryString": "name=Ada", "headers": {"accept": "*/*"},
            "requestContext": {"domainName": "url.example", "http": {"method": "GET", "path": path}},
        })
    };
    // AWS's package streams: the status and the headers as JSON, eight zeros, and the body.
    let answer = |path: &str| {
        let response = host.response(request(path).to_string());
        let (head, body) = response.split_once("\0\0\0\0\0\0\0\0").expect("the response has a body");
        (serde_json::from_str::<Value>(head).unwrap()["statusCode"].clone(), body.to_owned())
    };
    assert_eq!(answer("/hello"), (json!(200), "Hello Ada from url.example".to_owned()));
    assert_eq!(answer("/none").0, 404);
}

fn answers_api_gateway(language: &str) {
    let host = host(language, "proxy").env("AWS_REGION", "eu-central-1").start();
    let request = |body: &str| {
        json!({
            "resource": "/orders", "path": "/orders", "httpMethod": "POST", "isBase64Encoded": false, "body": body,
            "headers": {"Accept": "*/*"}, "multiValueHeaders": {"Accept": ["*/*"]},
            "queryStringParameters": {"currency": "EUR"}, "pathParameters": null, "stageVariables": null,
            "requestContext": {
                "requestId": "c6af9ac6", "stage": "test", "httpMethod": "POST", "path": "/test/orders", "identity": {"sourceIp": "192.0.2.1"},
            },
        })
    };
    let response = |body: &str| host.response_json(request(body).to_string());
    let good = response(r#"{"id":"7","total":12.5}"#);
    assert_eq!(good["statusCode"], 200, "{language}: {good}");
    let body: Value = serde_json::from_str(good["body"].as_str().unwrap()).unwrap();
    assert_eq!(body, json!({"id": "7", "currency": "EUR", "total": 12.5}), "{language}");
    // A header's name is the same in any case.
    let header = |name: &str| {
        let headers = good["headers"].as_object().unwrap();
        let found = headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| value.as_str()).unwrap_or_default().to_owned()
    };
    assert_eq!(header("Content-Type"), "application/json", "{language}");
    assert!(!header("X-Request-Id").is_empty(), "{language}");
    host.program.line("the handler's line", |line| line.contains("POST /orders").then_some(()));
    assert_eq!(response("nonsense")["statusCode"], 400, "{language}");
}

#[test]
fn a_plain_program_is_a_handler() {
    build_rust("count-rust", &directory("commands"));
    for language in ["rust", "go", "c"] {
        let host = host("commands", &format!("count-{language}")).start();
        for (event, lines, words, bytes) in
            [("three little words", 1, 3, 18), ("Zoë\n\n  😀 \n", 3, 2, 14), (" ", 1, 0, 1)]
        {
            assert_eq!(
                host.response_json(event),
                json!({"lines": lines, "words": words, "bytes": bytes}),
                "{language}: {event:?}"
            );
        }
    }
}

/// zap, logrus, `log` and `slog`, which write everything to standard error: each line has the level that it gives
/// itself, and objects are bare.
#[test]
fn lines_of_gos_loggers_have_their_own_levels() {
    let host = host("commands", "logs-go").start();
    assert_eq!(host.response("hello"), "\"done\"\n");
    for (level, message) in [
        ("INFO", " log hello"),
        ("WARN", "\tzap for people hello"),
        ("INFO", "level=info msg=\"logrus hello\""),
        ("ERROR", "level=error msg=\"logrus hello\" order=7"),
        ("WARN", " WARN slog hello"),
        ("ERROR", "level=ERROR msg=\"slog as text hello\" order=7"),
    ] {
        let line = host.program.line(message, |line| line.contains(message).then(|| line.to_owned()));
        assert_eq!(line.split('\t').nth(2), Some(level), "{line}");
    }
    for (level, message) in [
        ("info", "zap hello"),
        ("error", "zap hello"),
        ("warning", "logrus as JSON hello"),
        ("INFO", "slog as JSON hello"),
    ] {
        host.program.line(message, |line| {
            let own: Value = serde_json::from_str(line).ok()?;
            (own["level"] == level && own["msg"] == message).then_some(())
        });
    }
}

/// Boolector, a solver, from a registry of Python packages.
#[test]
fn a_program_that_others_published_does_its_job_as_a_handler() {
    let host = host("commands", "boolector").args("--exit-codes=0").start();
    let ask = |asked: &str| {
        host.response(format!(
            "(set-logic QF_BV)(declare-fun x () (_ BitVec 8))(assert (= (bvmul x x) {asked}))(check-sat)"
        ))
    };
    // 7 times 7 is 49, and no number's square is 2, not even modulo 256.
    assert_eq!(ask("#x31"), "sat\n");
    assert_eq!(ask("#x02"), "unsat\n");
    host.invoke("no formula").error("Guest.Exit").says("boolector: ");
}

/// Of this year's, made from C++ with exceptions: they make what FPGAs are configured with.
#[test]
fn programs_that_throw_exceptions_do_their_jobs_as_handlers() {
    let random = host("commands", "icebram").args("-g -s 7 16 256").start();
    let words = random.response("{}");
    assert!(words.starts_with("bf36\n057a\n") && words.lines().count() == 256, "{words}");
    let error = host("commands", "icepack").start().invoke("hello").any_error();
    error.starts("Error: Unexpected data line: hello: exited with status 1\n");
}
