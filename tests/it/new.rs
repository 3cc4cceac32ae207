//! `guesthouse new` and `guesthouse build`: a guest in each language, by the two commands that are printed.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use crate::support::{guests::without_outer_cargo, root};

const LANGUAGES: [&str; 6] = ["rust", "go", "js", "ts", "python", "c"];

fn guesthouse(folder: &Path) -> Command {
    let mut guesthouse = Command::new(env!("CARGO_BIN_EXE_guesthouse"));
    guesthouse.current_dir(folder);
    without_outer_cargo(&mut guesthouse);
    guesthouse
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn new(folder: &Path, name: &str, language: &str) -> Output {
    guesthouse(folder).args(["new", name, "--lang", language]).output().unwrap()
}

/// Where what `cargo xtask test` installs is found first.
fn path() -> String {
    let tools = root().join("target/tools");
    // Folders that are not there harm nobody.
    let node = fs::read_dir(tools.join("node/node_modules"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|package| package.path().join("bin"));
    let node = node.map(|folder| format!("{}:", folder.display())).collect::<String>();
    format!("{node}{}:{}:/usr/local/go/bin", tools.join("go/bin").display(), std::env::var("PATH").unwrap())
}

#[test]
#[ignore = "takes all cores for minutes: cargo xtask test runs it"]
fn a_new_guest_of_each_language_builds_and_runs_by_the_two_commands_that_are_printed() {
    let folder = tempfile::tempdir().unwrap();
    for language in LANGUAGES {
        let name = format!("my-{language}-2");
        let written = new(folder.path(), &name, language);
        assert!(written.status.success(), "{language}: {}", said(&written));
        let said_to_run: Vec<String> =
            said(&written).lines().filter_map(|line| line.strip_prefix("    ").map(str::to_owned)).collect();
        assert_eq!(said_to_run.len(), 2, "{language}");
        let commands = said_to_run.join(" && ");
        let tool = Path::new(env!("CARGO_BIN_EXE_guesthouse")).parent().unwrap();
        let mut shell = Command::new("sh");
        shell.current_dir(folder.path()).args(["-ec", &commands]);
        let ran =
            without_outer_cargo(&mut shell).env("PATH", format!("{}:{}", tool.display(), path())).output().unwrap();
        assert!(ran.status.success(), "{language}: {}", said(&ran));
        let answer = r#"{"message":"Hello Ada!","count":1,"last":null}"#;
        let answered = String::from_utf8_lossy(&ran.stdout).replace(": ", ":").replace(", ", ",").contains(answer);
        assert!(answered, "{language}: {}", said(&ran));
    }
}

#[test]
fn a_new_guest_is_written_over_nothing_and_under_a_name_that_every_language_takes() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("there"), "").unwrap();
    for (name, remedy) in [
        ("there", "choose another name"),
        ("Hello", "lower-case"),
        ("../x_y", "lower-case"),
        ("7up", "begin with a letter"),
        ("serde", "no name"),
    ] {
        let output = new(folder.path(), name, "c");
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert!(said(&output).contains(remedy), "{name}: {}", said(&output));
    }
    assert_eq!(fs::read_to_string(folder.path().join("there")).unwrap(), "");
    assert!(new(folder.path(), "hello-2", "c").status.success());
}

#[test]
fn a_folder_without_a_project_can_not_be_built() {
    let folder = tempfile::tempdir().unwrap();
    let output = guesthouse(folder.path()).arg("build").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("has no project") && said(&output).contains("guesthouse new"), "{}", said(&output));
}

#[test]
fn a_toolchain_that_is_missing_is_named_with_the_way_to_install_it() {
    let folder = tempfile::tempdir().unwrap();
    let nothing = folder.path().join("nothing");
    fs::create_dir(&nothing).unwrap();
    for (language, remedy) in [
        ("rust", "rustup"),
        ("go", "install Go 1.24"),
        ("js", "install Node.js"),
        ("ts", "install Node.js"),
        ("python", "install Python"),
        ("c", "apt install make clang-22"),
    ] {
        assert!(new(folder.path(), language, language).status.success());
        let output = guesthouse(folder.path()).args(["build", language]).env("PATH", &nothing).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{language}");
        let said = said(&output);
        assert!(said.contains("is not installed\nhint: ") && said.contains(remedy), "{language}: {said}");
    }
}

/// What the tool carries is what there is: a file that is added to an SDK must come to its users.
#[test]
fn a_project_has_all_files_of_its_sdk() {
    let folder = tempfile::tempdir().unwrap();
    for language in LANGUAGES {
        assert!(new(folder.path(), language, language).status.success());
        let sdk = if language == "ts" { "js" } else { language };
        let listed = Command::new("git")
            .current_dir(root())
            .args(["ls-files", "--cached", "--others", "--exclude-standard", "--", &format!("guests/sdk/{sdk}")])
            .output()
            .unwrap();
        let files = String::from_utf8(listed.stdout).unwrap();
        assert!(!files.is_empty());
        for file in files.lines().filter(|file| !file.ends_with("_test.go") && !file.contains("/tests/")) {
            let path = file.strip_prefix(&format!("guests/sdk/{sdk}/")).unwrap();
            let copy = folder.path().join(language).join("guesthouse").join(path);
            let original = fs::read_to_string(root().join(file)).unwrap();
            assert_eq!(fs::read_to_string(&copy).ok(), Some(original), "{file} is not in {}", copy.display());
        }
    }
}
