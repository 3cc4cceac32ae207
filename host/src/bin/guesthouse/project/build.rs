//! The subcommand `build` makes a `.wasm` file from a guest's source, with the language's own tools.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};
use guesthouse::{config::EnvVars, files, text::Escaped};
use serde_json::Value;

use super::{
    Language, SDK, go_build,
    tools::{failed, output, run_to_end, started},
};
use crate::Exit;

const TARGET: &str = "wasm32-wasip2";

/// The oldest version of Node.js that runs the SDK's build tools.
const NODE: u32 = 20;

/// Build a guest
///
/// Runs the tools of the project's language, and writes `NAME.wasm` into the project's directory, whose name is NAME.
/// The tools run code that the project names, outside of any sandbox: build only what you trust. Install scripts of
/// JavaScript packages do not run.
#[derive(clap::Args)]
pub struct Arguments {
    /// The project's directory, as `guesthouse new` wrote it, or that of a function in Go
    #[arg(default_value = ".")]
    directory: PathBuf,
}

pub fn run(arguments: Arguments) -> anyhow::Result<Exit> {
    let given = arguments.directory;
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
    check_name(language, &directory, &file)?;
    match language {
        Language::Rust => rust(&directory, &guest),
        Language::Go => go_build::build(&directory, &guest),
        Language::Js | Language::Ts => javascript(&directory),
        Language::Python => python(&directory, &guest),
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
        Language::Js | Language::Ts => "package.json",
        Language::C => "Makefile",
        Language::Rust | Language::Go | Language::Python => return Ok(()),
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
    let mut cargo = Command::new("cargo");
    cargo.current_dir(directory).args(["build", "--release", "--target", TARGET]);
    // Cargo's messages contain the path of what it built, wherever that is.
    let messages = output(cargo.arg("--message-format=json-render-diagnostics"), missing)?;
    let built =
        messages.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find_map(|message| {
            let files = message["filenames"].as_array()?;
            let file = files.iter().filter_map(Value::as_str).find(|file| file.ends_with(".wasm"))?;
            Some(file.to_owned())
        });
    let built = built.context("cargo built no `.wasm` file\nhint: a guest's crate has `crate-type = [\"cdylib\"]`")?;
    fs::copy(&built, guest).with_context(|| format!("can't copy `{built}`"))?;
    Ok(())
}

fn javascript(directory: &Path) -> anyhow::Result<()> {
    let missing = format!("install Node.js {NODE} or newer, with npm, <https://nodejs.org>");
    let version = output(Command::new("node").arg("--version"), &missing)?;
    let major = version.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse().ok());
    if major.is_none_or(|major: u32| major < NODE) {
        bail!("this is Node.js `{}`\nhint: {missing}", version.trim());
    }
    let installed = Installed::new(&directory.join("package-lock.json"), directory.join("node_modules/.guesthouse"))?;
    if !installed.is_current() {
        println!("installing the tools that build guests in JavaScript into `node_modules`");
        run_to_end(Command::new("npm").current_dir(directory).args(["ci", "--silent", "--ignore-scripts"]), &missing)?;
        installed.note()?;
    }
    run_to_end(Command::new("npm").current_dir(directory).args(["run", "--silent", "build"]), &missing)
}

fn python(directory: &Path, guest: &Path) -> anyhow::Result<()> {
    let missing = "install Python 3.10 or newer, with its module `venv` (on Debian `python3-venv`)";
    let (venv, requirements) = (directory.join(".venv"), directory.join(SDK).join("requirements.txt"));
    let python = venv.join("bin/python");
    let installed = Installed::new(&requirements, venv.join("guesthouse"))?;
    if !installed.is_current() {
        println!("installing the tools that build guests in Python into `.venv`");
        let mut create = Command::new("python3");
        run_to_end(create.args(["-m", "venv", "--clear"]).arg(&venv), missing)?;
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]);
        run_to_end(pip.arg(requirements), missing)?;
        installed.note()?;
    }
    let mut build = Command::new(&python);
    build.current_dir(directory).arg(directory.join(SDK).join("build.py")).arg("app.py").arg("-o").arg(guest);
    run_to_end(&mut build, missing)
}

/// Keeps track of what was installed by a file of requirements, to install it again only when the file has changed.
struct Installed {
    wanted: String,
    noted: PathBuf,
}

impl Installed {
    fn new(wanted: &Path, noted: PathBuf) -> anyhow::Result<Self> {
        let text = files::read_text(wanted).with_context(|| format!("can't read `{}`", wanted.display()))?;
        Ok(Self { wanted: text, noted })
    }

    fn is_current(&self) -> bool {
        files::read_text(&self.noted).is_ok_and(|noted| noted == self.wanted)
    }

    fn note(&self) -> anyhow::Result<()> {
        fs::write(&self.noted, &self.wanted).with_context(|| format!("can't write `{}`", self.noted.display()))
    }
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
