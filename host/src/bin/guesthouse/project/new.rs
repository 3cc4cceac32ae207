//! A new guest's project.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};

use super::{Language, SDK, templates};
use crate::Exit;

/// Write a new guest
///
/// Makes the folder NAME with a handler that builds and runs, and the SDK of its language in `NAME/guesthouse`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The guest's name: lower-case letters, digits and `-`; may have folders in front
    name: PathBuf,
    /// The language to write it in
    #[arg(short, long)]
    lang: Language,
}

pub fn run(arguments: Arguments) -> anyhow::Result<Exit> {
    let Arguments { name: folder, lang } = arguments;
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    if !is_name(&name) {
        bail!(
            "`{}` is no name for a guest in every language\nhint: take lower-case letters, digits and `-`, and begin with a letter",
            folder.display()
        );
    }
    if TAKEN.contains(&&*name) {
        bail!("`{name}` is a name that the project needs for something else\nhint: choose another one");
    }
    if folder.exists() {
        bail!("`{}` exists\nhint: choose another name, or remove it", folder.display());
    }
    for (path, text) in templates::project(lang) {
        write(&folder.join(path), &text.replace(templates::NAME, &name))?;
    }
    for (path, text) in templates::sdk(lang) {
        write(&folder.join(SDK).join(path), text)?;
    }
    let event = r#"'{"name":"Ada"}'"#;
    println!("wrote a guest in {lang}; build it, and run it:\n");
    println!("    guesthouse build {}", quoted(&folder));
    println!("    guesthouse run {} -e {event}", quoted(&folder.join(&name).with_extension("wasm")));
    Ok(Exit::Done)
}

/// As a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |letter: char| letter.is_alphanumeric() || "/._-".contains(letter);
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// Names that the project needs for something else.
const TAKEN: [&str; 3] = [SDK, "guesthouse-guest", "serde"];

/// What every language takes as a package's or module's name.
fn is_name(name: &str) -> bool {
    let allowed = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    name.starts_with(|first: char| first.is_ascii_lowercase()) && name.chars().all(allowed)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, text));
    written.with_context(|| format!("can't write `{}`", path.display()))
}
