//! Functions as people write them, with the packages that they use: their guests answer as the real runtime does.
//!
//! `cargo xtask guests` builds them. It asks Node.js itself; the other languages' own runtimes are asked here, where
//! the test plays the Runtime API.

use std::{fs, path::Path};

use serde::de::DeserializeOwned;
use serde_json::{Value, json, value::RawValue};

use crate::support::{
    Host, Reply, Setup,
    compiled::{self, build_rust_programs},
    root, tools,
};

fn list<T: DeserializeOwned>(file: &Path) -> Vec<T> {
    let text = fs::read(file).unwrap_or_else(|error| panic!("{}: {error}\nhint: cargo xtask test", file.display()));
    serde_json::from_slice(&text).unwrap()
}

/// What a guest answered, in the form of the real runtime's answers.
fn answer(reply: &Reply) -> Value {
    if reply.is_response() {
        return json!({ "answer": reply.response_json() });
    }
    let error = reply.any_error();
    json!({ "error": { "type": error.error_type(), "message": error.message() } })
}

#[test]
fn functions_in_javascript_answer_as_in_node() {
    let functions = root().join("tests/functions/js");
    let mut asked = 0;
    for entry in fs::read_dir(&functions).unwrap() {
        let events = entry.unwrap().path();
        let name = events.file_stem().unwrap().to_str().unwrap().to_owned();
        let is_events = events.extension().is_some_and(|ending| ending == "json") && !name.starts_with("package");
        if !is_events {
            continue;
        }
        let answers: Vec<Value> = list(&compiled::directory("functions-js").join(&name).with_extension("answers.json"));
        // As they are written: the order of names is part of some answers.
        let events: Vec<Box<RawValue>> = list(&events);
        assert_eq!(events.len(), answers.len(), "{name}");
        let host = compiled::host("functions-js", &name).function_memory(512).start();
        for (event, native) in events.iter().zip(answers) {
            let reply = host.invoke(event.get()).about(&name);
            assert_eq!(answer(&reply), native, "{name}: {event}");
            asked += 1;
        }
    }
    assert!(asked > 20, "{asked}");
}

/// Sends each event of a file of `tests/functions/events` to a guest, and to the same function on its language's own
/// runtime. Returns how many they were.
fn compare(events: &str, guest: &Host, native: &Host, of: impl Fn(Value) -> Value) -> usize {
    let list: Vec<Value> = list(&root().join("tests/functions/events").join(events).with_extension("json"));
    let mut different = Vec::new();
    for event in &list {
        let event = of(event.clone()).to_string();
        let expected = answer(&native.invoke(&*event).about(events));
        let found = answer(&guest.invoke(&*event).about(events));
        if found != expected && !is_invalid_event(&found, &expected) {
            different.push(format!("{event}\n   guest: {found}\n  native: {expected}"));
        }
    }
    assert!(different.is_empty(), "{events}:\n{}", different.join("\n"));
    list.len()
}

/// Returns whether a guest could not read an event, where the language's own runtime could not either: guests in all
/// languages have one name for that, and say why in the runtime's words.
fn is_invalid_event(found: &Value, expected: &Value) -> bool {
    let message = |answer: &Value| answer["error"]["message"].as_str().map(str::to_owned);
    let said = message(found).zip(message(expected)).is_some_and(|(found, expected)| found.ends_with(&expected));
    found["error"]["type"] == "InvalidEvent" && said
}

/// Returns how the function's own program is started.
fn natively(program: &Path) -> Setup {
    let hint = "cargo xtask test builds it";
    assert!(program.exists(), "{} is missing\nhint: {hint}", program.display());
    Setup::new(program.parent().unwrap()).program(program)
}

#[test]
fn functions_in_python_answer_as_on_awss_own_runtime() {
    let functions = root().join("tests/functions/python");
    let names =
        ["authorizer", "cognito", "documents", "importer", "newsletter", "notes", "orders", "queue_worker", "streams"];
    let python = tools::tool("functions-python/bin/python");
    let native =
        Setup::new(&functions).program(&python).argument("-m").argument("awslambdaric").argument("app.handler");
    let native = native.env("PYTHONPATH", functions.to_str().unwrap()).env("PYTHONDONTWRITEBYTECODE", "1");
    let zone = |setup: Setup| setup.env("TZ", "UTC").env("AWS_DEFAULT_REGION", "us-east-1").start();
    let (native, guest) = (zone(native), zone(compiled::host("functions-python", "app").function_memory(512)));
    let asked = names.map(|name| {
        compare(&format!("python/{name}"), &guest, &native, |event| json!({ "function": name, "event": event }))
    });
    assert!(asked.iter().sum::<usize>() > 80, "{asked:?}");
}

#[test]
fn functions_in_go_answer_as_the_programs_that_they_are() {
    let asked = ["authorizer", "crud", "router", "shop", "worker"].map(|name| {
        let native = natively(&compiled::directory("functions-go").join(name)).start();
        let guest = compiled::host("functions-go", name).function_memory(512).start();
        compare(&format!("go/{name}"), &guest, &native, |event| event)
    });
    assert!(asked.iter().sum::<usize>() > 70, "{asked:?}");
}

#[test]
fn functions_in_rust_answer_as_the_programs_that_they_are() {
    let names = ["notes", "orders", "readings"];
    let guests = names.map(|name| format!("function-{name}"));
    build_rust_programs("functions", &guests.each_ref().map(String::as_str), &compiled::directory("functions-rust"));
    let asked = names.map(|name| {
        let native = natively(&root().join("target/functions-rust/debug").join(name)).start();
        let guest = compiled::host("functions-rust", &format!("function-{name}")).start();
        compare(&format!("rust/{name}"), &guest, &native, |event| event)
    });
    assert!(asked.iter().sum::<usize>() > 35, "{asked:?}");
}
