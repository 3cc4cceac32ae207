//! The subcommand `new` writes the project of a new guest.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};

use super::{Language, SDK, adopt, templates};
use crate::Exit;

/// Create a new guest
///
/// Makes the directory NAME with a handler that builds and runs, and with the SDK of its language in `NAME/guesthouse`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The guest's name: lower-case letters, digits and `-`; may have directories in front
    #[arg(required_unless_present = "from")]
    name: Option<PathBuf>,
    /// The language to write it in
    #[arg(short, long, required_unless_present = "from")]
    lang: Option<Language>,
    /// A function's directory that somebody wrote: writes what is missing there, and changes no file
    #[arg(long, value_name = "DIRECTORY", conflicts_with_all = ["name", "lang"])]
    from: Option<PathBuf>,
    /// The handler of that function as on Lambda, for JavaScript, TypeScript and Python: `src/index.handler`
    #[arg(long, value_name = "FILE.NAME", requires = "from")]
    handler: Option<String>,
}

pub fn run(arguments: Arguments) -> anyhow::Result<Exit> {
    let (directory, lang) = match arguments {
        Arguments { from: Some(from), handler, .. } => return adopt::run(&from, handler),
        Arguments { name: Some(directory), lang: Some(lang), .. } => (directory, lang),
        _ => bail!("a new guest needs a name and a language\nhint: `guesthouse new NAME --lang LANG`"),
    };
    let name = directory.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    if !is_name(&name) {
        bail!(
            "`{}` can't be a guest's name in every language\n\
             hint: use lower-case letters, digits and `-`, and begin with a letter",
            directory.display()
        );
    }
    if TAKEN.contains(&&*name) {
        bail!("`{name}` is a name that the project needs for something else\nhint: choose another one");
    }
    if directory.exists() {
        bail!("`{}` exists\nhint: choose another name, or remove it", directory.display());
    }
    write_project(lang, &directory, &name)?;
    let event = r#"'{"name":"Ada"}'"#;
    println!("wrote a guest in {lang}; build it, and run it:\n");
    println!("    guesthouse build {}", quoted(&directory));
    println!("    guesthouse run {} -e {event}", quoted(&directory.join(&name).with_extension("wasm")));
    Ok(Exit::Done)
}

/// Writes the project of a guest with this name, and the SDK in it.
pub fn write_project(language: Language, directory: &Path, name: &str) -> anyhow::Result<()> {
    for (path, text) in templates::project(language) {
        write(&directory.join(path), &text.replace(templates::NAME, name))?;
    }
    write_sdk(language, directory)
}

/// Writes the SDK into a project.
pub fn write_sdk(language: Language, project: &Path) -> anyhow::Result<()> {
    templates::sdk(language).iter().try_for_each(|(path, text)| write(&project.join(SDK).join(path), text))
}

/// Returns the path as a word for a shell, in quotes if it needs them.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |letter: char| letter.is_alphanumeric() || "/._-".contains(letter);
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// The names that the project needs for something else.
const TAKEN: [&str; 3] = [SDK, "guesthouse-guest", "serde"];

/// Returns whether every language accepts this as the name of a package or module.
fn is_name(name: &str) -> bool {
    let allowed = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    name.starts_with(|first: char| first.is_ascii_lowercase()) && name.chars().all(allowed)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, text));
    written.with_context(|| format!("can't write `{}`", path.display()))
}
