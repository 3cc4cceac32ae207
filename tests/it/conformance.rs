//! The same behaviour from the guests of every language: one handler in each, `guests/conformance`, asked the same.

use std::{
    fs,
    sync::Once,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};

use crate::support::{
    Event, Host, Setup,
    compiled::{self, build_rust, directory},
    fake::TRACE_ID,
    resources::{Resources, Room, wait_until_within},
    wait_for,
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
        compiled::host(self.name, "conformance")
    }
}

fn ask(host: &Host, event: &Value) -> Value {
    host.response_json(event.to_string())
}

fn count(host: &Host) -> u64 {
    ask(host, &json!({"do": "count"})).as_u64().unwrap()
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
        assert_eq!(host.response_json(escaped), "é😀\0", "{}", language.name);
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
            let refused = host.invoke(event).about(format!("{}: {event:?}", language.name));
            refused.error("InvalidEvent").starts("the event is not ");
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
            let error = host.invoke(json!({"do": what}).to_string()).about(language.name).error(error_type);
            assert_eq!(error.message(), message, "{}", language.name);
            let frames = error.stack_trace().join("\n");
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
        assert_eq!(host.fake.invoke(event).response(), "null");
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
        let host = language.host().fresh().start();
        assert_eq!([count(&host), count(&host)], [1, 1], "{}", language.name);
    }
}

#[test]
fn files_in_tmp_are_shared_by_all_instances() {
    for language in LANGUAGES {
        let host = language.host().fresh().start();
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
        let host = language.host().fresh().start();
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
            let left: u64 = host.fake.invoke(event).response().parse().unwrap();
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
        assert_eq!(host.fake.invoke(event).response_json(), expected, "{}", language.name);

        // In the same instance, nothing of it is left.
        let event =
            Event::new(json!({"do": "context"}).to_string()).header("Lambda-Runtime-Deadline-Ms", "4102444800123");
        expected["request_id"] = json!(event.id);
        for absent in ["trace_id", "tenant_id", "identity_id", "identity_pool_id", "custom"] {
            expected[absent] = Value::Null;
        }
        assert_eq!(host.fake.invoke(event).response_json(), expected, "{}", language.name);
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
                host.invoke("{\"do\":\"fail typed\"}").any_error();
            }
            if number == 300 {
                early = Some(Resources::of(&host.program));
            }
        }
        assert_eq!(count(&host), 1, "{}: it was another instance", language.name);
        wait_until_within(&host.program, early.unwrap().and(Room::USUAL), language.name);
    }
}
