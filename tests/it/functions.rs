//! Functions as people write them, with the packages that they use: their guests answer as the real runtime does.
//!
//! `cargo xtask guests` builds them, and asks the real runtime.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::support::{Reply, compiled, root};

fn list(file: &Path) -> Vec<Value> {
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
        let answers = list(&compiled::directory("functions-js").join(&name).with_extension("answers.json"));
        let events = list(&events);
        assert_eq!(events.len(), answers.len(), "{name}");
        let host = compiled::host("functions-js", &name).function_memory(512).start();
        for (event, native) in events.iter().zip(answers) {
            let reply = host.invoke(event.to_string()).about(&name);
            assert_eq!(answer(&reply), native, "{name}: {event}");
            asked += 1;
        }
    }
    assert!(asked > 20, "{asked}");
}
