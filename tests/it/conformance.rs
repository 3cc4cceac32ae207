//! The same behaviour from the guests of every language: one handler in each, `guests/conformance`, asked the same.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Once,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};

use crate::support::{
    Event, Host,
    fake::TRACE_ID,
    guests,
    host::Setup,
    program,
    resources::{Resources, Room, wait_until_within},
    root, wait_for,
};

/// A language, and what is its own.
struct Language {
    name: &'static str,
    /// The type of its plainest error.
    plainest_error: &'static str,
    /// What a stack trace of its errors names, where they have one.
    frame: Option<&'static str>,
    numbers: Numbers,
}

/// What a language makes of JSON's numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Numbers {
    /// Integers of 64 bits come back as they went.
    Whole,
    /// All are floating-point numbers, as on AWS.
    Double,
}

const LANGUAGES: &[Language] = &[
    Language { name: "rust", plainest_error: "Error", frame: None, numbers: Numbers::Whole },
    Language { name: "go", plainest_error: "errorString", frame: None, numbers: Numbers::Whole },
    Language { name: "c", plainest_error: "Error", frame: None, numbers: Numbers::Whole },
    Language { name: "js", plainest_error: "Error", frame: Some("handler.js"), numbers: Numbers::Double },
    Language { name: "python", plainest_error: "Exception", frame: Some("app.py"), numbers: Numbers::Whole },
];

impl Language {
    fn host(&self) -> Setup {
        static RUST: Once = Once::new();
        if self.name == "rust" {
            RUST.call_once(|| build_rust("conformance", &directory(self.name)));
        }
        host(self.name, "conformance")
    }
}

/// Where a language's guests are, compiled ahead of time as on Lambda: some take the compiler half a minute.
fn directory(language: &str) -> PathBuf {
    root().join("target/guests").join(language)
}

fn host(language: &str, guest: &str) -> Setup {
    let compiled = directory(language).join(guest).with_extension("cwasm");
    assert!(compiled.exists(), "there is no {}\nhint: cargo xtask test", compiled.display());
    Host::with_file(&compiled)
}

/// One in Rust needs nothing that the other tests do not need.
fn build_rust(package: &str, directory: &Path) {
    let built = guests::cargo_build(&["-p", package]);
    fs::create_dir_all(directory).unwrap();
    let compiled = Command::new(program("guesthouse"))
        .arg("compile")
        .arg(built.join(package).with_extension("wasm"))
        .arg("-o")
        .arg(directory.join(package).with_extension("cwasm"))
        .output()
        .unwrap();
    assert!(compiled.status.success(), "{compiled:?}");
}

fn ask(host: &Host, event: &Value) -> Value {
    let response = host.response(event.to_string());
    serde_json::from_str(&response).unwrap_or_else(|error| panic!("{error}: {response}"))
}

fn count(host: &Host) -> u64 {
    ask(host, &json!({"do": "count"})).as_u64().unwrap()
}

fn error(host: &Host, event: &str) -> Value {
    let post = host.invoke(event);
    assert!(post.subject().ends_with("/error"), "{event}: {}", post.text());
    post.json()
}

#[test]
fn text_of_all_scripts_comes_back_as_it_went() {
    let texts = ["", "Zoë", "日本語", "👩‍👩‍👧‍👦", "\u{0}\u{1f}\"\\/\u{7f}", "\u{2028}\u{feff}\u{fffd}", "\u{10ffff}"];
    for language in LANGUAGES {
        let host = language.host().start();
        let value = json!({"texts": texts, "ключ": {"nested": [null, true, false, [], {}]}});
        assert_eq!(ask(&host, &json!({"do": "echo", "value": value})), value, "{}", language.name);
        // Escapes are another spelling of the same text.
        let escaped = r#"{"do":"echo","value":"\u00e9\ud83d\ude00\u0000"}"#;
        assert_eq!(serde_json::from_str::<Value>(&host.response(escaped)).unwrap(), "é😀\0", "{}", language.name);
    }
}

#[test]
fn numbers_at_the_edges_come_back_as_they_went() {
    let numbers = [
        json!(0),
        json!(-1),
        json!(9_007_199_254_740_991_i64),
        json!(9_007_199_254_740_993_i64),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(f64::MAX),
        json!(f64::MIN),
        json!(f64::MIN_POSITIVE),
        json!(5e-324),
        json!(0.1),
        json!(1e21),
    ];
    for language in LANGUAGES {
        let host = language.host().start();
        for number in &numbers {
            let back = ask(&host, &json!({"do": "echo", "value": number}));
            let alike = if number.is_f64() || language.numbers == Numbers::Double {
                back.as_f64() == number.as_f64()
            } else {
                back == *number
            };
            assert!(alike, "{}: {number} became {back}", language.name);
        }
    }
}

#[test]
fn an_event_and_a_response_may_have_6_mb() {
    let event = json!({"do": "echo", "value": "é".repeat(3_000_000)});
    for language in LANGUAGES {
        let host = language.host().start();
        for _ in 0..3 {
            assert!(ask(&host, &event) == event["value"], "{}", language.name);
        }
    }
}

#[test]
fn an_event_that_is_no_json_is_refused_before_the_handler_is_called() {
    for language in LANGUAGES {
        let host = language.host().start();
        assert_eq!(count(&host), 1);
        for event in ["", "{", "nonsense", "{\"do\":\"count\"} {}"] {
            let error = error(&host, event);
            assert_eq!(error["errorType"], "InvalidEvent", "{}: {event:?}: {error}", language.name);
            let message = error["errorMessage"].as_str().unwrap();
            assert!(message.starts_with("the event is not "), "{}: {event:?}: {message}", language.name);
        }
        assert_eq!(count(&host), 2, "{}", language.name);
    }
}

#[test]
fn errors_have_the_handlers_type_and_message_and_the_instance_goes_on() {
    for language in LANGUAGES {
        let host = language.host().start();
        assert_eq!(count(&host), 1);
        for (what, error_type, message) in [
            ("fail typed", "OrderNotFound", "no such order"),
            ("fail untyped", language.plainest_error, "something went wrong"),
        ] {
            let error = error(&host, &json!({"do": what}).to_string());
            assert_eq!(
                (&error["errorType"], &error["errorMessage"]),
                (&json!(error_type), &json!(message)),
                "{}",
                language.name
            );
            let frames = error["stackTrace"].to_string();
            assert!(language.frame.is_none_or(|frame| frames.contains(frame)), "{}: {frames}", language.name);
        }
        assert_eq!(count(&host), 2, "{}", language.name);
    }
}

#[test]
fn what_is_printed_to_both_streams_is_logged_in_order() {
    const LINES: usize = 20;
    for language in LANGUAGES {
        let host = language.host().start();
        let event = Event::new(json!({"do": "log", "lines": LINES}).to_string());
        let id = event.id.clone();
        assert_eq!(host.fake.invoke(event).text(), "null");
        let said = || -> Vec<String> {
            let lines = host.program.lines().into_iter().filter(|line| line.contains(&id));
            lines.filter_map(|line| Some(line.rsplit('\t').next()?.to_owned())).collect()
        };
        wait_for("the last line", || said().contains(&format!("err {LINES}")).then_some(()));
        let expected: Vec<String> =
            (1..=LINES).flat_map(|line| [format!("out {line}"), format!("err {line}")]).collect();
        assert_eq!(said(), expected, "{}", language.name);
    }
}

#[test]
fn memory_stays_from_one_invocation_of_an_instance_to_the_next_and_is_not_shared() {
    for language in LANGUAGES {
        let host = language.host().start();
        assert_eq!([count(&host), count(&host), count(&host)], [1, 2, 3], "{}", language.name);
        let host = language.host().env("GUESTHOUSE_INSTANCES", "fresh").start();
        assert_eq!([count(&host), count(&host)], [1, 1], "{}", language.name);
    }
}

#[test]
fn files_in_tmp_are_shared_by_all_instances() {
    for language in LANGUAGES {
        let host = language.host().env("GUESTHOUSE_INSTANCES", "fresh").start();
        let name = format!("guesthouse-conformance-{}-{}", language.name, std::process::id());
        let read = json!({"do": "read", "name": name});
        assert_eq!(ask(&host, &read), Value::Null, "{}", language.name);
        ask(&host, &json!({"do": "write", "name": name, "text": "ünder /tmp\n"}));
        assert_eq!(ask(&host, &read), "ünder /tmp\n", "{}", language.name);
        assert_eq!(fs::read_to_string(format!("/tmp/{name}")).unwrap(), "ünder /tmp\n");
        fs::remove_file(format!("/tmp/{name}")).unwrap();
    }
}

#[test]
fn variables_are_those_of_the_function() {
    for language in LANGUAGES {
        let host = language.host().env("GREETING", "grüß Gott").start();
        let variable = |name: &str| ask(&host, &json!({"do": "env", "name": name}));
        assert_eq!(variable("GREETING"), "grüß Gott", "{}", language.name);
        assert_eq!(variable("NOT_THERE"), Value::Null, "{}", language.name);
        assert_eq!(variable("AWS_LAMBDA_RUNTIME_API"), Value::Null, "{}", language.name);
        // Those of the machine that built it are gone.
        assert_eq!(variable("PATH"), Value::Null, "{}", language.name);
    }
}

#[test]
fn the_clock_goes() {
    let here = || u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    for language in LANGUAGES {
        let host = language.host().start();
        let before = here();
        let there = ask(&host, &json!({"do": "now"})).as_u64().unwrap();
        assert!((before..=here()).contains(&there), "{}: {there}", language.name);
        let slept = ask(&host, &json!({"do": "sleep", "ms": 30})).as_u64().unwrap();
        assert!((29..60_000).contains(&slept), "{}: {slept}", language.name);
    }
}

#[test]
fn no_two_instances_draw_the_same_random_numbers() {
    for language in LANGUAGES {
        let host = language.host().env("GUESTHOUSE_INSTANCES", "fresh").start();
        let mut drawn: Vec<Value> = (0..4).map(|_| ask(&host, &json!({"do": "random"}))).collect();
        // What is frozen at build time would be the same in another process, too.
        drawn.push(ask(&language.host().start(), &json!({"do": "random"})));
        for kind in ["default", "secure"] {
            let mut texts: Vec<&str> = drawn.iter().map(|numbers| numbers[kind].as_str().unwrap()).collect();
            texts.sort_unstable();
            texts.dedup();
            assert_eq!(texts.len(), drawn.len(), "{}: {kind}: {drawn:?}", language.name);
        }
    }
}

#[test]
fn the_remaining_time_is_that_until_the_deadline() {
    for language in LANGUAGES {
        let host = language.host().start();
        for seconds in [60, 120] {
            let event = Event::new(json!({"do": "remaining"}).to_string()).timeout(Duration::from_secs(seconds));
            let left: u64 = host.fake.invoke(event).text().parse().unwrap();
            assert!((seconds - 50) * 1000 < left && left <= seconds * 1000, "{}: {left} of {seconds} s", language.name);
        }
    }
}

#[test]
fn the_whole_context_reaches_the_handler() {
    for language in LANGUAGES {
        let host = language.host().start();
        let client_context = r#"{"custom":{"key":"value"},"client":{},"env":{}}"#;
        let event = Event::new(json!({"do": "context"}).to_string()).with_whole_context(client_context);
        let id = event.id.clone();
        let mut expected = json!({
            "request_id": id,
            "function_name": "the-function",
            "function_version": "7",
            "invoked_function_arn": "arn:aws:lambda:eu-central-1:1:function:f",
            "memory_limit_mib": 512,
            "log_group_name": "/aws/lambda/the-function",
            "log_stream_name": "2026/11/23/[7]abc",
            "deadline_ms": 4_102_444_800_123_u64,
            "trace_id": TRACE_ID,
            "tenant_id": "tenant-A",
            "identity_id": "id1",
            "identity_pool_id": "pool1",
            "custom": {"key": "value"},
        });
        assert_eq!(host.fake.invoke(event).json(), expected, "{}", language.name);

        // In the same instance, nothing of it is left.
        let event =
            Event::new(json!({"do": "context"}).to_string()).header("Lambda-Runtime-Deadline-Ms", "4102444800123");
        expected["request_id"] = json!(event.id);
        for absent in ["trace_id", "tenant_id", "identity_id", "identity_pool_id", "custom"] {
            expected[absent] = Value::Null;
        }
        assert_eq!(host.fake.invoke(event).json(), expected, "{}", language.name);
    }
}

#[test]
fn a_thousand_invocations_leave_nothing_behind() {
    for language in LANGUAGES {
        let host = language.host().start();
        let event = json!({"do": "echo", "value": {"text": "x".repeat(10_000), "numbers": [1, 2, 3]}});
        let mut early = None;
        for number in 1..=1000 {
            assert!(ask(&host, &event) == event["value"], "{}", language.name);
            if number % 10 == 0 {
                error(&host, "{\"do\":\"fail typed\"}");
            }
            if number == 300 {
                early = Some(Resources::of(&host.program));
            }
        }
        assert_eq!(count(&host), 1, "{}: it was another instance", language.name);
        wait_until_within(&host.program, early.unwrap().and(Room::USUAL), language.name);
    }
}

#[test]
fn lines_have_the_levels_of_their_languages_loggers() {
    let javascript = [("DEBUG", "debug"), ("INFO", "info"), ("WARN", "warn"), ("ERROR", "error")];
    let python = [("INFO", "info"), ("WARN", "warning"), ("ERROR", "error"), ("FATAL", "critical")];
    for (language, levels) in [("js", javascript), ("python", python)] {
        let host = host(language, "conformance").env("AWS_LAMBDA_LOG_LEVEL", "DEBUG").start();
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
    let error = error(&host, r#"{"do":"fail with a cause"}"#);
    assert_eq!((&error["errorType"], &error["errorMessage"]), (&json!("OrderNotFound"), &json!("no such order")));
    for part in ["\tERROR\tOrderNotFound: no such order", "[cause]: RangeError: 7 is too much", "[cause]: 'a misprint'"]
    {
        host.program.line(part, |line| line.contains(part).then_some(()));
    }
}

#[test]
fn fetch_in_javascript_is_refused_until_the_network_is_granted() {
    let host = host("js", "conformance").start();
    let refused = error(&host, r#"{"do":"fetch"}"#);
    assert_eq!(refused["errorType"], "TypeError");
    assert!(refused["errorMessage"].as_str().unwrap().contains("the network is not granted"), "{refused}");
    assert_eq!(host.response(r#"{"do":"echo","value":1}"#), "1");
}

/// The functions of `guests/conformance/aws`, of which only the import changed.
#[test]
fn functions_as_awss_documentation_has_them_run_as_guests() {
    for (language, event) in [("go", r#"{"name":"Ada L."}"#), ("python", r#"{"first_name":"Ada","last_name":"L."}"#)] {
        let hello: Value = serde_json::from_str(&host(language, "hello").start().response(event)).unwrap();
        assert!(hello == "Hello Ada L.!" || hello["message"] == "Hello Ada L.!", "{language}: {hello}");
    }
    build_rust("proxy", &directory("rust"));
    for language in ["go", "python", "rust"] {
        answers_api_gateway(language);
    }
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
    let response = |body: &str| -> Value { serde_json::from_str(&host.response(request(body).to_string())).unwrap() };
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
            let response: Value = serde_json::from_str(&host.response(event)).unwrap();
            assert_eq!(response, json!({"lines": lines, "words": words, "bytes": bytes}), "{language}: {event:?}");
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
    let host = host("commands", "boolector").env("GUESTHOUSE_ARGS", "--exit-codes=0").start();
    let ask = |asked: &str| {
        host.response(format!(
            "(set-logic QF_BV)(declare-fun x () (_ BitVec 8))(assert (= (bvmul x x) {asked}))(check-sat)"
        ))
    };
    // 7 times 7 is 49, and no number's square is 2, not even modulo 256.
    assert_eq!(ask("#x31"), "sat\n");
    assert_eq!(ask("#x02"), "unsat\n");
    let error = error(&host, "no formula");
    assert_eq!(error["errorType"], "Guest.Exit");
    assert!(error["errorMessage"].as_str().unwrap().contains("boolector: "), "{error}");
}

/// Of this year's, made from C++ with exceptions: they make what FPGAs are configured with.
#[test]
fn programs_that_throw_exceptions_do_their_jobs_as_handlers() {
    let random = host("commands", "icebram").env("GUESTHOUSE_ARGS", "-g -s 7 16 256").start();
    let words = random.response("{}");
    assert!(words.starts_with("bf36\n057a\n") && words.lines().count() == 256, "{words}");
    let error = error(&host("commands", "icepack").start(), "hello");
    let message = error["errorMessage"].as_str().unwrap();
    assert!(message.starts_with("Error: Unexpected data line: hello: exited with status 1\n"), "{message}");
}
