//! The subcommand `build` makes a `.wasm` file from a guest's source, with the language's own tools.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};
use guesthouse::{
    config::{EnvVars, function_in},
    files,
    text::Escaped,
};
use serde_json::Value;

use super::{
    Function, Language, SDK, go_build, javascript, moved_rust, new, python,
    tools::{failed, output, started},
};
use crate::Exit;

const TARGET: &str = "wasm32-wasip2";

/// Build a guest
///
/// Runs the tools of the project's language, and writes `NAME.wasm` into the project's directory, whose name is NAME.
/// The tools run code that the project names, outside of any sandbox: build only what you trust. Install scripts of
/// JavaScript packages do not run.
#[derive(clap::Args)]
pub struct Arguments {
    /// The project's directory: one that `guesthouse new` wrote, or that of a function in Go, JavaScript, TypeScript or
    /// Python for Lambda's own runtimes
    #[arg(default_value = ".")]
    directory: PathBuf,
    /// The handler as on Lambda, for JavaScript, TypeScript and Python: `src/index.handler` is the function `handler`
    /// of the file `src/index`. In Python it may be an app of WSGI or ASGI, `app:app`
    #[arg(long, value_name = "FILE.NAME")]
    handler: Option<String>,
}

pub fn run(arguments: Arguments) -> anyhow::Result<Exit> {
    let Arguments { directory: given, handler } = arguments;
    let unusable = || format!("can't open `{}`\nhint: name a project's directory", given.display());
    let directory = given.canonicalize().with_context(unusable)?;
    if directory.is_file() {
        bail!("`{}` is a file\nhint: name the project's directory", given.display());
    }
    let Some(language) = Language::of_project(&directory) else {
        let markers = Language::ALL.map(|language| format!("`{}`", language.marker())).join(", ");
        bail!(
            "`{}` has no project: none of {markers}\nhint: `guesthouse new NAME --lang LANG` makes one",
            given.display()
        );
    };
    let name = directory.file_name().and_then(|name| name.to_str()).context("the directory's name is not UTF-8")?;
    // `make` treats such a name as an option or a variable.
    if name.starts_with('-') || name.contains('=') {
        bail!(
            "`{name}` can't be a guest's name\nhint: rename the directory, without `=` and without `-` at the beginning"
        );
    }
    let file = format!("{name}.wasm");
    let guest = directory.join(&file);
    if guest.is_symlink() {
        bail!("`{file}` is a link, and its target would be overwritten\nhint: remove the link");
    }
    let named = || function_in(&files::read_text(&directory.join("guesthouse.toml")).ok()?, name);
    let handler = handler.or_else(named);
    let function = Function { directory: &directory, guest: &guest, handler: handler.as_deref() };
    if handler.is_some() && !matches!(language, Language::Js | Language::Ts | Language::Python) {
        bail!("a project in {language} has its handler in its source\nhint: leave `--handler` out");
    }
    check_name(language, &directory, &file)?;
    match language {
        Language::Rust => rust(&directory, &guest),
        Language::Go => go_build::build(&directory, &guest),
        Language::Js | Language::Ts => javascript::build(&function),
        Language::Python => python::build(&function),
        Language::C => c(&directory, &file),
    }?;
    let bytes = fs::metadata(&guest).with_context(|| format!("the build wrote no `{file}`"))?;
    println!("{}: {} bytes", Escaped(given.join(file).display()), bytes.len());
    Ok(Exit::Done)
}

/// Checks that the name of the project's output, if the project itself sets it, is the directory's name, which is also
/// the guest's.
fn check_name(language: Language, directory: &Path, file: &str) -> anyhow::Result<()> {
    let says = match language {
        Language::Js | Language::Ts if javascript::has_sdk(directory) => "package.json",
        Language::C => "Makefile",
        _ => return Ok(()),
    };
    let text = files::read_text(&directory.join(says)).with_context(|| format!("can't read `{says}`"))?;
    if !text.contains(file) {
        bail!("`{says}` does not build `{file}`\nhint: a guest has its directory's name; write it there, too");
    }
    Ok(())
}

fn rust(directory: &Path, guest: &Path) -> anyhow::Result<()> {
    let missing = "install Rust with rustup, <https://rustup.rs>";
    let mut rustc = Command::new("rustc");
    rustc.current_dir(directory).args(["--print", "target-libdir", "--target", TARGET]);
    let libraries = output(&mut rustc, missing)?;
    if !Path::new(libraries.trim()).exists() {
        bail!("Rust has no target `{TARGET}`\nhint: rustup target add {TARGET}");
    }
    let cargo = || {
        let mut cargo = Command::new("cargo");
        cargo.current_dir(directory);
        cargo
    };
    let manifest = directory.join(Language::Rust.marker());
    let text = files::read_text(&manifest).context("can't read `Cargo.toml`")?;
    if moved_rust::wants_sdk(&text) && !directory.join(SDK).exists() {
        println!("writing the SDK into `{SDK}`, which `Cargo.toml` names");
        new::write_sdk(Language::Rust, directory)?;
    }
    let metadata = output(cargo().args(["metadata", "--no-deps", "--format-version", "1"]), missing)?;
    let metadata = serde_json::from_str(&metadata).context("can't read what cargo says about the project")?;
    if let Some(lines) = moved_rust::replacements(&metadata, &manifest, &text) {
        bail!(
            "`Cargo.toml` asks for what a guest does not have: threads, or sockets of its own\nhint: write instead, as \
             docs/rust.md says:\n\n{lines}\n"
        );
    }
    let mut cargo = cargo();
    cargo.args(["build", "--release", "--target", TARGET]);
    // Cargo's messages contain the path of what it built, wherever that is.
    let messages = output(cargo.arg("--message-format=json-render-diagnostics"), missing)?;
    let built =
        messages.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find_map(|message| {
            let files = message["filenames"].as_array()?;
            let file = files.iter().filter_map(Value::as_str).find(|file| file.ends_with(".wasm"))?;
            Some(file.to_owned())
        });
    let built = built
        .context("cargo built no `.wasm` file\nhint: a guest's crate has `crate-type = [\"cdylib\"]`, or a `main`")?;
    fs::copy(&built, guest).with_context(|| format!("can't copy `{built}`"))?;
    Ok(())
}

/// The tools for a project in C: a program by its name, or a file by its path, and the Debian package.
const C: [(&str, &str); 5] = [
    ("make", "make"),
    ("clang-22", "clang-22"),
    ("wasm-ld-22", "lld-22"),
    ("/usr/lib/llvm-22/lib/clang/22/lib/wasi/libclang_rt.builtins-wasm32.a", "libclang-rt-22-dev-wasm32"),
    ("/usr/lib/wasm32-wasi/libc.a", "wasi-libc"),
];

/// Builds a project in C. `make` gets the name of the file, because by default it might build another one.
fn c(directory: &Path, file: &str) -> anyhow::Result<()> {
    let mut make = Command::new("make");
    let missing = missing_for_c().unwrap_or_default();
    let status = started(make.current_dir(directory).arg(file).status(), &make, &missing)?;
    if status.success() {
        return Ok(());
    }
    // `make` does not report whether a tool is missing, and the project may use another compiler.
    match missing_for_c() {
        Some(remedy) => bail!("{}\nhint: if a tool is missing, {remedy}", failed(&make)),
        None => bail!("{}", failed(&make)),
    }
}

/// Returns how to install the tools that are missing, if any are.
fn missing_for_c() -> Option<String> {
    let environment = EnvVars::of_process();
    let path = environment.get("PATH").unwrap_or_default();
    let is_there = |file: &str| std::env::split_paths(path).any(|directory| directory.join(file).exists());
    let missing: Vec<&str> = C.iter().filter(|(file, _)| !is_there(file)).map(|(_, package)| *package).collect();
    (!missing.is_empty()).then(|| {
        let packages = missing.join(" ");
        format!("install {}: on Debian `apt install {packages}`", missing.join(", "))
    })
}
