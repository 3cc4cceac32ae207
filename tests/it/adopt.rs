//! `guesthouse new --from`: what it writes into a folder that somebody wrote, and what it leaves alone.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Output},
};

use crate::support::{program, sources::files};

fn adopt(folder: &Path, more: &[&str]) -> Output {
    Command::new(program("guesthouse")).arg("new").arg("--from").arg(folder).args(more).output().unwrap()
}

#[track_caller]
fn done(folder: &Path, more: &[&str]) -> String {
    let output = adopt(folder, more);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn refused(folder: &Path, more: &[&str]) -> String {
    let output = adopt(folder, more);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

fn folder(directory: &Path, name: &str, with: &[(&str, &str)]) -> std::path::PathBuf {
    let folder = directory.join(name);
    for (path, text) in with {
        fs::create_dir_all(folder.join(path).parent().unwrap()).unwrap();
        fs::write(folder.join(path), text).unwrap();
    }
    folder
}

fn all(folder: &Path) -> BTreeMap<String, String> {
    let name = |file: &Path| file.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
    files(folder).into_iter().map(|file| (name(&file), fs::read_to_string(file).unwrap())).collect()
}

#[test]
fn what_is_missing_is_written_and_said_in_each_language() {
    let directory = tempfile::tempdir().unwrap();
    let rust = "[package]\nname = \"r\"\n[dependencies]\nlambda_runtime = \"1\"\n";
    for (name, file, text, function) in [
        (
            "usual",
            "lambda_function.py",
            "def lambda_handler(event, context):\n    return 1\n",
            "lambda_function.lambda_handler",
        ),
        (
            "own",
            "main.py",
            "def help(x):\n    pass\n\nasync def greet(event: dict, _context=None):\n    return 1\n",
            "main.greet",
        ),
        ("made", "app.py", "import web\n\nhandler = web.adapter()\n", "app.handler"),
        ("node", "src/index.mjs", "export const handler = async () => 1;\n", ""),
        ("typed", "app.ts", "export const lambdaHandler = async () => 1;\n", ""),
        ("go-1", "main.go", "package main\n", ""),
        ("rust_1", "Cargo.toml", rust, ""),
    ] {
        let folder = folder(directory.path(), name, &[(file, text)]);
        let said = done(&folder, &[]);
        let written = all(&folder);
        assert_eq!(
            written.keys().map(String::as_str).filter(|path| *path != file).collect::<Vec<_>>(),
            [".gitignore", "events/event.json", "guesthouse.toml"]
        );
        assert_eq!(written[file], text);
        let line = if function.is_empty() { String::new() } else { format!("function = \"{function}\"\n") };
        assert!(written["guesthouse.toml"].ends_with(&format!("[handlers.{name}]\n{line}")), "{written:?}");
        assert!(said.contains(function) && said.contains("wrote `guesthouse.toml`"), "{said}");
        let place = folder.display();
        assert!(said.ends_with(&format!("run {place}/{name}.wasm -e @{place}/events/event.json\n")), "{said}");
        assert_eq!(said.contains("which lines to write"), name == "rust_1", "{said}");
        // A second time nothing is left to do.
        let again = done(&folder, &[]);
        assert!(!again.contains("wrote ") && !again.contains("add "), "{again}");
        assert_eq!(all(&folder), written);
    }
}

#[test]
fn files_that_are_there_stay_and_what_they_lack_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let with = [
        ("app.py", "def one(event, context):\n    pass\n\ndef two(event, context):\n    pass\n"),
        (".gitignore", "*.pyc\n"),
        ("guesthouse.toml", "[handlers.other]\n"),
        ("events/b.json", "{}"),
        ("events/a.json", "{}"),
    ];
    let folder = folder(directory.path(), "mine", &with);
    let before = all(&folder);
    let unknown = refused(&folder, &[]);
    assert!(unknown.contains("no file looks like the function's") && unknown.contains("--handler"), "{unknown}");
    let said = done(&folder, &["--handler", "app.two"]);
    for part in ["add `*.wasm`", "[handlers.mine]\nfunction = \"app.two\"", "keeping `events/a.json`", "@"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(all(&folder), before);
}

#[test]
fn a_folder_of_no_use_and_links_that_lead_elsewhere_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let python = [("app.py", "def handler(event, context):\n    pass\n")];
    let linked = folder(at, "linked", &python);
    fs::create_dir(at.join("outside")).unwrap();
    symlink(at.join("outside"), linked.join("events")).unwrap();
    for (folder, more, wrong) in [
        (at.join("nowhere"), &[][..], "name the function's directory"),
        (folder(at, "file", &python).join("app.py"), &[], "is a file"),
        (folder(at, "empty", &[("README", "")]), &[], "no function in a known language"),
        (folder(at, "it's mine", &python), &[], "rename the directory"),
        (folder(at, "quoted", &python), &["--handler", "a\"b.c"], "is not a handler"),
        (folder(at, "in-go", &[("main.go", "package main\n")]), &["--handler", "main.x"], "leave `--handler` out"),
        (linked, &[], "is a link"),
    ] {
        let said = refused(&folder, more);
        assert!(said.contains(wrong), "{wrong}: {said}");
    }
    assert_eq!(fs::read_dir(at.join("outside")).unwrap().count(), 0);
    let both = Command::new(program("guesthouse")).args(["new", "x", "--from", "y"]).output().unwrap();
    assert_eq!(both.status.code(), Some(64));
    let neither = Command::new(program("guesthouse")).args(["new", "x"]).output().unwrap();
    assert_eq!(neither.status.code(), Some(64));
}
