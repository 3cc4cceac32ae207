//! The subcommand `new` writes the project of a new guest.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::ValueEnum as _;

use super::{Language, SDK, Template, adopt, templates};
use crate::Exit;

/// Create a new guest
///
/// Makes the directory NAME with a handler that builds and runs, and with the SDK of its language in `NAME/guesthouse`,
/// where it needs one.
#[derive(clap::Args)]
pub struct Arguments {
    /// The guest's name: lower-case letters, digits and `-`; may have directories in front
    #[arg(required_unless_present = "from")]
    name: Option<PathBuf>,
    /// The language to write it in
    #[arg(short, long, required_unless_present = "from")]
    lang: Option<Language>,
    /// What the handler takes
    #[arg(short, long, default_value = "event")]
    template: Template,
    /// A function's directory that somebody wrote: writes what is missing there, and changes no file
    #[arg(long, value_name = "DIRECTORY", conflicts_with_all = ["name", "lang", "template"])]
    from: Option<PathBuf>,
    /// The handler of that function as on Lambda, for JavaScript, TypeScript and Python: `src/index.handler`
    #[arg(long, value_name = "FILE.NAME", requires = "from")]
    handler: Option<String>,
}

pub fn run(arguments: Arguments) -> anyhow::Result<Exit> {
    let (directory, lang, template) = match arguments {
        Arguments { from: Some(from), handler, .. } => return adopt::run(&from, handler),
        Arguments { name: Some(directory), lang: Some(lang), template, .. } => (directory, lang, template),
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
    write_project(lang, template, &directory, &name)?;
    let build = format!("guesthouse build {}", quoted(&directory));
    let guest = quoted(&directory.join(&name).with_extension("wasm"));
    match template {
        Template::Event => {
            let event = r#"'{"name":"Ada"}'"#;
            println!("wrote a guest in {lang}; build it, and run it:\n");
            println!("    {build}");
            println!("    guesthouse run {guest} -e {event}");
        }
        Template::Http => {
            println!("wrote a guest in {lang} that takes HTTP requests; build it, and serve it:\n");
            println!("    {build}");
            println!("    guesthouse serve {guest}\n");
            println!("and send it a request:\n");
            println!("    curl 'http://127.0.0.1:9000/lambda-url/{name}/?name=Ada'");
        }
    }
    Ok(Exit::Done)
}

/// Writes the project of a guest with this name, and the SDK in it where the project uses it.
pub fn write_project(language: Language, template: Template, directory: &Path, name: &str) -> anyhow::Result<()> {
    let Some(files) = templates::project(language, template) else {
        let others = Language::ALL.into_iter().filter(|&other| templates::project(other, template).is_some());
        let others = others.map(|other| other.to_string()).collect::<Vec<_>>().join(", ");
        let named = template.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        bail!("there is no template `{named}` for a guest in {language}\nhint: there is one for {others}");
    };
    for (path, text) in files {
        write(&directory.join(path), &text.replace(templates::NAME, name))?;
    }
    if templates::has_sdk(language, template) {
        write_sdk(language, directory)?;
    }
    Ok(())
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
