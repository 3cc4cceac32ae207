//! This module writes what is missing for a guest in a directory that somebody wrote: `guesthouse new --from`.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::Path,
};

use anyhow::{Context as _, bail};
use guesthouse::{config::function_in, files, text::Escaped};

use super::{Language, entries, moved_rust};
use crate::Exit;

/// Writes the settings, an event and a list of ignored files into the directory, unless they are there. It changes no
/// file.
pub fn run(given: &Path, handler: Option<String>) -> anyhow::Result<Exit> {
    let unusable = || format!("can't open `{}`\nhint: name the function's directory", given.display());
    let directory = given.canonicalize().with_context(unusable)?;
    if !directory.is_dir() {
        bail!("`{}` is a file\nhint: name the function's directory", given.display());
    }
    let Some(language) = Language::of_project(&directory) else {
        bail!("`{}` has no function in a known language\nhint: `guesthouse new NAME --lang LANG`", given.display());
    };
    let name = directory.file_name().and_then(|name| name.to_str()).context("the directory's name is not UTF-8")?;
    // It is a word of the settings, and of the commands that are printed.
    if !is_word(name) {
        bail!("`{name}` can't be a guest's name\nhint: rename the directory to letters, digits, `-` and `_`");
    }
    println!("taking this for a function in {language}");
    let function = match language {
        Language::Js | Language::Ts | Language::Python => function_of(language, &directory, name, handler)?,
        _ if handler.is_some() => {
            bail!("a project in {language} has its handler in its source\nhint: leave `--handler` out")
        }
        _ => None,
    };
    settings(&directory, name, function.as_deref())?;
    let event = event(&directory)?;
    ignored(&directory)?;
    if let (Language::Rust, Ok(manifest)) = (language, files::read_text(&directory.join(Language::Rust.marker())))
        && !moved_rust::wants_sdk(&manifest)
        && !manifest.contains("guesthouse-guest")
    {
        println!("`Cargo.toml` is yours to change: `guesthouse build` says which lines to write");
    }
    let shown = given.display();
    println!("\nbuild it, and run it:\n");
    println!("    guesthouse build {}", Escaped(&shown));
    println!("    guesthouse run {}/{name}.wasm -e @{}/{event}", Escaped(&shown), Escaped(&shown));
    Ok(Exit::Done)
}

fn is_word(name: &str) -> bool {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    name.starts_with(|first: char| first.is_ascii_alphanumeric()) && name.chars().all(is_letter)
}

const SETTINGS: &str = "guesthouse.toml";

/// Returns the handler to name in the settings: what the user or the settings name, or the usual one in Python, which
/// is said. In JavaScript only the build finds what a file exports, so the usual file is said and not named.
fn function_of(
    language: Language,
    directory: &Path,
    name: &str,
    given: Option<String>,
) -> anyhow::Result<Option<String>> {
    let named = || function_in(&files::read_text(&directory.join(SETTINGS)).ok()?, name);
    if let Some(function) = given.or_else(named) {
        // It is written into a file in quotes.
        if function.chars().any(|letter| letter.is_control() || letter == '"' || letter == '\\') {
            bail!("`{}` is not a handler\nhint: write it as `src/index.handler`", Escaped(&function));
        }
        return Ok(Some(function));
    }
    if language == Language::Python {
        entries::python(directory).map(Some)
    } else {
        entries::javascript(directory).map(|_| None)
    }
}

/// Writes the settings, or says what to add to those that are there.
fn settings(directory: &Path, name: &str, function: Option<&str>) -> anyhow::Result<()> {
    let line = function.map_or(String::new(), |function| format!("function = \"{function}\"\n"));
    let table = format!("[handlers.{name}]\n{line}");
    let text = format!(
        "# Settings of the guest. What it may reach is named here: `aws = [\"dynamodb\"]`,\n\
         # `network.allow = [\"https://api.example.com\"]`.\n{table}"
    );
    if write(&directory.join(SETTINGS), &text)? {
        return Ok(());
    }
    let there = files::read_text(&directory.join(SETTINGS)).with_context(|| format!("can't read `{SETTINGS}`"))?;
    if function.is_some() && function_in(&there, name).as_deref() != function {
        println!("add to `{SETTINGS}`, which is yours:\n\n{table}");
    }
    Ok(())
}

/// Returns the path of an event, which is written if there is none: SAM has its events in this directory.
fn event(directory: &Path) -> anyhow::Result<String> {
    const EVENTS: &str = "events";
    let events = directory.join(EVENTS);
    let entries = fs::read_dir(&events).into_iter().flatten().flatten();
    let mut there: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    there.retain(|name| name.strip_suffix(".json").is_some_and(is_word));
    there.sort();
    let own = there.into_iter().next().map(|name| format!("{EVENTS}/{name}"));
    let own = own.or_else(|| directory.join("event.json").is_file().then(|| "event.json".to_owned()));
    if let Some(own) = own {
        println!("keeping `{own}`");
        return Ok(own);
    }
    // A link could lead elsewhere.
    if events.is_symlink() {
        bail!("`{EVENTS}` is a link without an event\nhint: put a file `event.json` into the directory");
    }
    fs::create_dir_all(&events).with_context(|| format!("can't make `{EVENTS}`"))?;
    write(&events.join("event.json"), "{}\n")?;
    Ok(format!("{EVENTS}/event.json"))
}

fn ignored(directory: &Path) -> anyhow::Result<()> {
    const LINE: &str = "*.wasm";
    let list = directory.join(".gitignore");
    if !write(&list, &format!("{LINE}\n*.cwasm\n"))? {
        let there = files::read_text(&list).unwrap_or_default();
        if !there.lines().any(|line| line.trim() == LINE) {
            println!("add `{LINE}` to `.gitignore`, which is yours");
        }
    }
    Ok(())
}

/// Writes a file unless something has its name, and says which. Returns whether it was written.
fn write(path: &Path, text: &str) -> anyhow::Result<bool> {
    let name = path.file_name().unwrap_or_default().display();
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            println!("keeping `{name}`");
            Ok(false)
        }
        opened => {
            let written = opened.and_then(|mut file| file.write_all(text.as_bytes()));
            written.with_context(|| format!("can't write `{}`", path.display()))?;
            println!("wrote `{name}`");
            Ok(true)
        }
    }
}
