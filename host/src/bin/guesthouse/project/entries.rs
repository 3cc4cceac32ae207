//! This module finds the handler of a function for which none was given.

use std::path::Path;

use anyhow::{Context as _, bail};
use guesthouse::files;
use serde_json::Value;

/// Returns the file of a function for which no handler was given: what `package.json` calls its main file first,
/// and then AWS's own names. The SDK finds the handler in
/// it.
pub fn javascript(directory: &Path) -> anyhow::Result<String> {
    let main = manifest(directory).and_then(|manifest| manifest["main"].as_str().map(str::to_owned));
    let main = main
        .map(|main| main.trim_start_matches("./").rsplit_once('.').map_or(main.clone(), |(stem, _)| stem.to_owned()));
    let usual =
        ["index", "src/index", "handler", "src/handler", "app", "src/app", "lambda", "src/lambda", "main", "src/main"];
    let found = main.into_iter().chain(usual.into_iter().map(str::to_owned)).find_map(|stem| {
        let files = ENDINGS.iter().map(|ending| format!("{stem}.{ending}"));
        files.into_iter().find(|file| directory.join(file).is_file())
    });
    let Some(file) = found else {
        bail!("no file looks like the function's\nhint: name its handler: `--handler src/index.handler`");
    };
    println!("taking `{file}` for the handler's file; `--handler` names another one");
    Ok(file)
}

const ENDINGS: [&str; 8] = ["mjs", "js", "cjs", "ts", "mts", "cts", "jsx", "tsx"];

/// Returns what `package.json` says, if there is one.
pub fn manifest(directory: &Path) -> Option<Value> {
    serde_json::from_str(&files::read_text(&directory.join("package.json")).ok()?).ok()
}

/// Returns the handler of a function in Python, as the SDK finds it.
pub fn python(directory: &Path) -> anyhow::Result<String> {
    let found = PYTHON.iter().find_map(|file| {
        let text = files::read_text(&directory.join(file).with_extension("py")).ok()?;
        Some(format!("{file}.{}", python_function(&text)?))
    });
    let hint = "no file looks like the function's\nhint: name its handler: `--handler src/app.handler`";
    let function = found.context(hint)?;
    println!("taking `{function}` for the handler; `--handler` names another one");
    Ok(function)
}

/// The files that the SDK for Python looks into, in this order.
const PYTHON: [&str; 7] = ["app", "lambda_function", "index", "main", "handler", "lambda_handler", "function"];

/// Returns the function of a file in Python that looks most like a handler.
fn python_function(text: &str) -> Option<&str> {
    // A name, and its arguments as they are written.
    let functions = || {
        let lines = text.lines().map(|line| line.strip_prefix("async ").unwrap_or(line));
        lines.filter_map(|line| line.strip_prefix("def ")?.split_once('('))
    };
    let is_assigned =
        |name: &str| text.lines().any(|line| line.split_once('=').is_some_and(|(left, _)| left.trim_end() == name));
    let usual = ["handler", "lambda_handler"];
    let usual = usual.into_iter().find(|usual| functions().any(|(name, _)| name == *usual) || is_assigned(usual));
    usual.or_else(|| {
        let mut found = functions().filter(|(_, arguments)| takes_event(arguments)).map(|(name, _)| name);
        found.next().filter(|_| found.next().is_none())
    })
}

/// Returns whether these arguments of a function in Python begin with an event and a context.
fn takes_event(arguments: &str) -> bool {
    let mut names = arguments.split([',', ')']).map(|argument| argument.split([':', '=']).next().unwrap_or_default());
    ["event", "context"]
        .iter()
        .all(|wanted| names.next().is_some_and(|name| name.trim().trim_start_matches('_') == *wanted))
}
