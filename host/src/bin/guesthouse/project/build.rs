//! From a guest's source to its `.wasm` file, by the language's own tools.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail};
use guesthouse::{config::Environment, files, text::Escaped};
use serde_json::Value;

use super::{Language, SDK};
use crate::Exit;

const TARGET: &str = "wasm32-wasip2";

/// The oldest Node that runs what the SDK builds with.
const NODE: u32 = 20;

/// The oldest Go that has what the SDK needs.
const GO: (u32, u32) = (1, 24);

/// Build a guest
///
/// Runs the tools of the language that the folder's project is written in, and writes `NAME.wasm` into it, by the folder's name. They run
/// what the project tells them to: build what you trust. Only guests run in a sandbox. Of JavaScript's packages no install scripts run.
#[derive(clap::Args)]
pub struct Arguments {
    /// The project's folder, as `guesthouse new` wrote it
    #[arg(default_value = ".")]
    folder: PathBuf,
}

pub fn run(arguments: Arguments) -> anyhow::Result<Exit> {
    let given = arguments.folder;
    let unusable = || format!("can't look into `{}`\nhint: name a project's folder", given.display());
    let folder = given.canonicalize().with_context(unusable)?;
    if folder.is_file() {
        bail!("`{}` is a file\nhint: name the project's folder", given.display());
    }
    let Some(language) = Language::of_project(&folder) else {
        let markers = Language::ALL.map(|language| format!("`{}`", language.marker())).join(", ");
        bail!(
            "`{}` has no project: none of {markers}\nhint: `guesthouse new NAME --lang LANG` makes one",
            given.display()
        );
    };
    let name = folder.file_name().and_then(|name| name.to_str()).context("the folder's name is not UTF-8")?;
    // `make` takes such a name for an option, or for a variable.
    if name.starts_with('-') || name.contains('=') {
        bail!(
            "`{name}` is no name for a guest\nhint: give the folder one without `=`, and without `-` at the beginning"
        );
    }
    let file = format!("{name}.wasm");
    let guest = folder.join(&file);
    if guest.is_symlink() {
        bail!("`{file}` is a link, and what it leads to would be written over\nhint: remove the link");
    }
    check_name(language, &folder, &file)?;
    match language {
        Language::Rust => rust(&folder, &guest),
        Language::Go => go(&folder, &guest),
        Language::Js | Language::Ts => javascript(&folder),
        Language::Python => python(&folder, &guest),
        Language::C => c(&folder, &file),
    }?;
    let bytes = fs::metadata(&guest).with_context(|| format!("the build wrote no `{file}`"))?;
    println!("{}: {} bytes", Escaped(given.join(file).display()), bytes.len());
    Ok(Exit::Done)
}

/// Where the project itself says what it builds, that must be the folder's name: it is the guest's.
fn check_name(language: Language, folder: &Path, file: &str) -> anyhow::Result<()> {
    let says = match language {
        Language::Js | Language::Ts => "package.json",
        Language::C => "Makefile",
        Language::Rust | Language::Go | Language::Python => return Ok(()),
    };
    let text = files::read_text(&folder.join(says)).with_context(|| format!("can't read `{says}`"))?;
    if !text.contains(file) {
        bail!("`{says}` does not build `{file}`\nhint: a guest has its folder's name; write it there, too");
    }
    Ok(())
}

fn rust(folder: &Path, guest: &Path) -> anyhow::Result<()> {
    let missing = "install Rust with rustup, <https://rustup.rs>";
    let mut rustc = Command::new("rustc");
    rustc.current_dir(folder).args(["--print", "target-libdir", "--target", TARGET]);
    let libraries = output(&mut rustc, missing)?;
    if !Path::new(libraries.trim()).exists() {
        bail!("Rust has no target `{TARGET}`\nhint: rustup target add {TARGET}");
    }
    let mut cargo = Command::new("cargo");
    cargo.current_dir(folder).args(["build", "--release", "--target", TARGET]);
    // What it built is in its messages, wherever it is.
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

fn go(folder: &Path, guest: &Path) -> anyhow::Result<()> {
    let missing = format!("install Go {}.{} or newer, <https://go.dev/dl>", GO.0, GO.1);
    let mut version = Command::new("go");
    let version = output(version.current_dir(folder).args(["env", "GOVERSION"]), &missing)?;
    // `go1.27rc1` is as good as 1.27; of `devel …` nothing is known, and it may do.
    let digits = |part: &str| part.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok();
    let mut numbers = version.trim().trim_start_matches("go").split('.').map_while(digits);
    if numbers.next().zip(numbers.next()).is_some_and(|found| found < GO) {
        bail!("this is Go `{}`\nhint: {missing}", version.trim());
    }
    let module = files::read_text(&folder.join(Language::Go.marker())).context("can't read the module")?;
    // Without the SDK it is a program.
    let mode = if module.contains("guesthouse.dev/go") { "-buildmode=c-shared" } else { "-buildmode=exe" };
    let mut go = Command::new("go");
    go.current_dir(folder).env("GOOS", "wasip1").env("GOARCH", "wasm");
    run_to_end(go.args(["build", mode, "-trimpath", "-o"]).arg(guest).arg("."), &missing)
}

fn javascript(folder: &Path) -> anyhow::Result<()> {
    let missing = format!("install Node.js {NODE} or newer, with npm, <https://nodejs.org>");
    let version = output(Command::new("node").arg("--version"), &missing)?;
    let major = version.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse().ok());
    if major.is_none_or(|major: u32| major < NODE) {
        bail!("this is Node.js `{}`\nhint: {missing}", version.trim());
    }
    let installed = Installed::new(&folder.join("package-lock.json"), folder.join("node_modules/.guesthouse"))?;
    if !installed.is_current() {
        println!("installing what makes guests of JavaScript into `node_modules`");
        run_to_end(Command::new("npm").current_dir(folder).args(["ci", "--silent", "--ignore-scripts"]), &missing)?;
        installed.note()?;
    }
    run_to_end(Command::new("npm").current_dir(folder).args(["run", "--silent", "build"]), &missing)
}

fn python(folder: &Path, guest: &Path) -> anyhow::Result<()> {
    let missing = "install Python 3.10 or newer, with its module `venv` (on Debian `python3-venv`)";
    let (venv, requirements) = (folder.join(".venv"), folder.join(SDK).join("requirements.txt"));
    let python = venv.join("bin/python");
    let installed = Installed::new(&requirements, venv.join("guesthouse"))?;
    if !installed.is_current() {
        println!("installing what makes guests of Python into `.venv`");
        let mut create = Command::new("python3");
        run_to_end(create.args(["-m", "venv", "--clear"]).arg(&venv), missing)?;
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]);
        run_to_end(pip.arg(requirements), missing)?;
        installed.note()?;
    }
    let mut build = Command::new(&python);
    build.current_dir(folder).arg(folder.join(SDK).join("build.py")).arg("app.py").arg("-o").arg(guest);
    run_to_end(&mut build, missing)
}

/// What a file asks for was installed, and what it asked for then.
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

/// What a project in C is built with: the program by its name, or the file by its path, and Debian's package.
const C: [(&str, &str); 5] = [
    ("make", "make"),
    ("clang-22", "clang-22"),
    ("wasm-ld-22", "lld-22"),
    ("/usr/lib/llvm-22/lib/clang/22/lib/wasi/libclang_rt.builtins-wasm32.a", "libclang-rt-22-dev-wasm32"),
    ("/usr/lib/wasm32-wasi/libc.a", "wasi-libc"),
];

/// `make` is asked for the file by its name, or it might build one of another.
fn c(folder: &Path, file: &str) -> anyhow::Result<()> {
    let mut make = Command::new("make");
    let missing = missing_for_c().unwrap_or_default();
    let status = started(make.current_dir(folder).arg(file).status(), &make, &missing)?;
    if status.success() {
        return Ok(());
    }
    // It does not tell whether it is a tool that it misses, and the project may have another compiler.
    match missing_for_c() {
        Some(remedy) => bail!("{}\nhint: where it is a tool that is missing, {remedy}", failed(&make)),
        None => bail!("{}", failed(&make)),
    }
}

/// How to install what is not there, if anything is not.
fn missing_for_c() -> Option<String> {
    let environment = Environment::of_process();
    let path = environment.get("PATH").unwrap_or_default();
    let is_there = |file: &str| std::env::split_paths(path).any(|folder| folder.join(file).exists());
    let missing: Vec<&str> = C.iter().filter(|(file, _)| !is_there(file)).map(|(_, package)| *package).collect();
    (!missing.is_empty()).then(|| {
        let packages = missing.join(" ");
        format!("install {}: on Debian `apt install {packages}`", missing.join(", "))
    })
}

/// What the command writes to its standard output. `missing` is what to do where it is not installed.
fn output(command: &mut Command, missing: &str) -> anyhow::Result<String> {
    let output = started(command.stderr(Stdio::inherit()).output(), command, missing)?;
    if !output.status.success() {
        bail!("{}", failed(command));
    }
    String::from_utf8(output.stdout).with_context(|| failed(command))
}

fn run_to_end(command: &mut Command, missing: &str) -> anyhow::Result<()> {
    let status = started(command.status(), command, missing)?;
    if status.success() {
        return Ok(());
    }
    // What a shell says of a tool that is missing.
    const NOT_FOUND: i32 = 127;
    match status.code() {
        Some(NOT_FOUND) => bail!("{}\nhint: {missing}", failed(command)),
        _ => bail!("{}", failed(command)),
    }
}

fn started<T>(result: io::Result<T>, command: &Command, missing: &str) -> anyhow::Result<T> {
    let program = command.get_program().display();
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => bail!("`{program}` is not installed\nhint: {missing}"),
        result => result.with_context(|| format!("can't run `{program}`")),
    }
}

fn failed(command: &Command) -> String {
    format!("`{}` failed", command.get_program().display())
}
