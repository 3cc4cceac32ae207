//! `guesthouse new` and `guesthouse build`: a guest in each language, by the two commands that are printed.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Output},
};

use crate::support::{guests::without_outer_cargo, program, root};

const LANGUAGES: [&str; 6] = ["rust", "go", "js", "ts", "python", "c"];

fn guesthouse(directory: &Path) -> Command {
    let mut guesthouse = Command::new(program("guesthouse"));
    guesthouse.current_dir(directory);
    without_outer_cargo(&mut guesthouse);
    guesthouse
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn new(directory: &Path, name: &str, language: &str) -> Output {
    guesthouse(directory).args(["new", name, "--lang", language]).output().unwrap()
}

/// Where what `cargo xtask test` installs is found first.
fn path() -> String {
    let tools = root().join("target/tools");
    // Directories that are not there harm nobody.
    let node = fs::read_dir(tools.join("node/node_modules"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|package| package.path().join("bin"));
    let node = node.map(|directory| format!("{}:", directory.display())).collect::<String>();
    format!("{node}{}:{}:/usr/local/go/bin", tools.join("go/bin").display(), std::env::var("PATH").unwrap())
}

#[test]
#[ignore = "takes all cores for minutes: cargo xtask test runs it"]
fn a_new_guest_of_each_language_builds_and_runs_by_the_printed_commands() {
    let directory = tempfile::tempdir().unwrap();
    for language in LANGUAGES {
        // A directory whose name a shell would take apart.
        let name = format!("it's mine/my-{language}-2");
        let written = new(directory.path(), &name, language);
        assert!(written.status.success(), "{language}: {}", said(&written));
        let said_to_run: Vec<String> =
            said(&written).lines().filter_map(|line| line.strip_prefix("    ").map(str::to_owned)).collect();
        assert_eq!(said_to_run.len(), 2, "{language}");
        let commands = said_to_run.join(" && ");
        let tool = program("guesthouse");
        let mut shell = Command::new("sh");
        shell.current_dir(directory.path()).args(["-ec", &commands]);
        let ran = without_outer_cargo(&mut shell)
            .env("PATH", format!("{}:{}", tool.parent().unwrap().display(), path()))
            .output()
            .unwrap();
        assert!(ran.status.success(), "{language}: {}", said(&ran));
        let response = r#"{"message":"Hello Ada!","count":1,"last":null}"#;
        let responded = String::from_utf8_lossy(&ran.stdout).replace(": ", ":").replace(", ", ",").contains(response);
        assert!(responded, "{language}: {}", said(&ran));
    }
}

/// A function that somebody wrote for Lambda's own runtime: its files, the handler if it must be named, and what it
/// answers.
struct Moved {
    name: &'static str,
    files: &'static [(&'static str, &'static str)],
    handler: Option<&'static str>,
    answer: &'static str,
}

const MOVED: &[Moved] = &[
    Moved {
        name: "callback",
        files: &[
            ("index.js", "exports.handler = (event, context, callback) => callback(null, `Hello ${event.name}!`);\n"),
            ("package.json", r#"{"name":"callback","type":"module"}"#),
        ],
        handler: None,
        answer: r#""Hello Ada!""#,
    },
    Moved {
        name: "typed",
        files: &[
            (
                "src/greet.ts",
                "import { text } from './text';\nexport const greet = async (event: { name: string }) => text(event.name);\n",
            ),
            ("src/text.ts", "export const text = (name: string): string => `Hello ${name}!`;\n"),
        ],
        handler: Some("src/greet.greet"),
        answer: r#""Hello Ada!""#,
    },
    Moved {
        name: "data",
        files: &[
            (
                "lambda_function.py",
                "import json\n\nwith open('words.json') as file:\n    WORDS = json.load(file)\n\n\n\
                 def lambda_handler(event, context):\n    return f\"{WORDS['hello']} {event['name']}!\"\n",
            ),
            ("words.json", r#"{"hello":"Hello"}"#),
        ],
        handler: None,
        answer: r#""Hello Ada!""#,
    },
];

#[test]
#[ignore = "takes all cores for minutes: cargo xtask test runs it"]
fn a_function_for_lambdas_own_runtime_builds_as_it_is_and_nothing_else_is_written() {
    let directory = tempfile::tempdir().unwrap();
    for Moved { name, files, handler, answer } in MOVED {
        let project = directory.path().join(name);
        for (path, text) in *files {
            let file = project.join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let mut build = guesthouse(directory.path());
        build.args(["build", name]).args(handler.iter().flat_map(|handler| ["--handler", handler]));
        let built = build.env("PATH", path()).env("XDG_CACHE_HOME", directory.path().join("cache")).output().unwrap();
        assert!(built.status.success(), "{name}: {}", said(&built));
        let guest = format!("{name}/{name}.wasm");
        let ran = guesthouse(directory.path()).args(["run", &guest, "-e", r#"{"name":"Ada"}"#]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&ran.stdout).trim_end(), *answer, "{}", said(&ran));
        let mut there: Vec<String> =
            fs::read_dir(&project).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        let mut wanted: Vec<String> =
            files.iter().map(|(path, _)| path.split('/').next().unwrap().to_owned()).collect();
        wanted.push(format!("{name}.wasm"));
        there.sort();
        wanted.sort();
        wanted.dedup();
        assert_eq!(there, wanted, "{name}");
    }
}

#[test]
fn only_languages_whose_source_does_not_name_the_handler_take_one() {
    let directory = tempfile::tempdir().unwrap();
    assert!(new(directory.path(), "greeter", "rust").status.success());
    let output = guesthouse(directory.path()).args(["build", "greeter", "--handler", "src/main.x"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("leave `--handler` out"), "{}", said(&output));
}

#[test]
fn a_new_guest_is_written_over_nothing_and_under_a_name_that_every_language_takes() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("there"), "").unwrap();
    for (name, remedy) in [
        ("there", "choose another name"),
        ("Hello", "lower-case"),
        ("../x_y", "lower-case"),
        ("7up", "begin with a letter"),
        ("serde", "needs for something else"),
        ("guesthouse", "needs for something else"),
    ] {
        let output = new(directory.path(), name, "c");
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert!(said(&output).contains(remedy), "{name}: {}", said(&output));
    }
    assert_eq!(fs::read_to_string(directory.path().join("there")).unwrap(), "");
    assert!(new(directory.path(), "hello-2", "c").status.success());
}

#[test]
fn what_is_no_project_can_not_be_built() {
    let directory = tempfile::tempdir().unwrap();
    assert!(new(directory.path(), "greeter", "c").status.success());
    fs::rename(directory.path().join("greeter"), directory.path().join("renamed")).unwrap();
    for (given, wrong, remedy) in [
        (".", "has no project", "guesthouse new"),
        ("renamed/hello.c", "is a file", "name the project's directory"),
        ("renamed", "`Makefile` does not build `renamed.wasm`", "write it there, too"),
    ] {
        let output = guesthouse(directory.path()).args(["build", given]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{given}");
        assert!(said(&output).contains(wrong) && said(&output).contains(remedy), "{given}: {}", said(&output));
    }
}

/// Of what is a project's own nothing is trusted before its tools run: neither its name, nor what is where the guest is
/// to be.
#[test]
fn a_project_can_not_have_its_name_or_its_links_do_anything() {
    let directory = tempfile::tempdir().unwrap();
    let outside = directory.path().join("outside");
    fs::write(&outside, "mine").unwrap();
    for name in ["-f", "--eval=$(shell touch owned)", "SHELL=sh"] {
        fs::create_dir(directory.path().join(name)).unwrap();
        let makefile = format!("{name}.wasm:\n\ttouch owned\n");
        fs::write(directory.path().join(name).join("Makefile"), makefile).unwrap();
        let output = guesthouse(directory.path()).args(["build", &format!("./{name}")]).output().unwrap();
        assert!(
            output.status.code() == Some(1) && said(&output).contains("can't be a guest's name"),
            "{}",
            said(&output)
        );
        assert!(!directory.path().join(name).join("owned").exists());
    }
    for language in LANGUAGES {
        assert!(new(directory.path(), language, language).status.success());
        symlink(&outside, directory.path().join(language).join(language).with_added_extension("wasm")).unwrap();
        let output = guesthouse(directory.path()).args(["build", language]).output().unwrap();
        assert!(
            output.status.code() == Some(1) && said(&output).contains("hint: remove the link"),
            "{}",
            said(&output)
        );
    }
    assert_eq!(fs::read_to_string(&outside).unwrap(), "mine");
}

/// A pipe would be waited for without end, and what has no end be read until there is no memory.
#[test]
fn what_is_no_file_is_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = |name: &str| {
        assert!(Command::new("mkfifo").arg(directory.path().join(name)).status().unwrap().success());
    };
    pipe("pipe.wasm");
    symlink("/dev/zero", directory.path().join("zero.wasm")).unwrap();
    for guest in ["pipe.wasm", "zero.wasm", "."] {
        for command in [&["run", guest, "-e", "{}"][..], &["compile", guest], &["push", guest, "s3://bucket/key.wasm"]]
        {
            let output = guesthouse(directory.path()).args(command).output().unwrap();
            assert_eq!(output.status.code(), Some(1), "{command:?}: {}", said(&output));
        }
    }
    for (marker, more) in
        [("Makefile", None), ("package.json", None), ("go.mod", None), ("app.py", Some("guesthouse/requirements.txt"))]
    {
        let project = directory.path().join(marker.to_lowercase().replace('.', "-"));
        fs::create_dir_all(project.join("guesthouse")).unwrap();
        let name = project.file_name().unwrap().to_str().unwrap();
        if more.is_some() {
            fs::write(project.join(marker), "").unwrap();
        }
        pipe(&format!("{name}/{}", more.unwrap_or(marker)));
        let output = guesthouse(directory.path()).args(["build", name]).env("PATH", path()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{name}: {}", said(&output));
    }
    pipe("guesthouse.toml");
    let output = guesthouse(directory.path()).args(["serve", "."]).output().unwrap();
    assert!(output.status.code() == Some(1) && said(&output).contains("it is not a file"), "{}", said(&output));
}

#[test]
fn a_plain_program_in_go_is_built_as_one() {
    let directory = tempfile::tempdir().unwrap();
    let sources = root().join("guests/commands/go");
    for file in ["go.mod", "main.go"] {
        fs::copy(sources.join(file), directory.path().join(file)).unwrap();
    }
    let built = guesthouse(directory.path()).args(["build", "."]).env("PATH", path()).output().unwrap();
    assert!(built.status.success(), "{}", said(&built));
    let name = directory.path().file_name().unwrap().to_str().unwrap();
    let module = fs::read(directory.path().join(name).with_added_extension("wasm")).unwrap();
    let exports = b"_start";
    assert!(module.windows(exports.len()).any(|part| part == exports));
}

/// A function is built as it is: with a module of its own or none, in a workspace, and from `vendor`. Nothing but the
/// guest is written.
#[test]
fn a_function_in_go_for_aws_is_built_from_wherever_its_modules_are() {
    let directory = tempfile::tempdir().unwrap();
    let sources = root().join("guests/conformance/aws/go");
    let function = |name: &str| {
        let project = directory.path().join(name);
        fs::create_dir_all(&project).unwrap();
        fs::copy(sources.join("queue/main.go"), project.join("main.go")).unwrap();
        project
    };
    let go = |project: &Path, arguments: &[&str]| {
        let mut go = Command::new("go");
        go.current_dir(project).args(arguments).env("PATH", path()).env("GOPROXY", "off");
        assert!(go.status().unwrap().success(), "{arguments:?}");
    };
    function("none");
    for name in ["own", "vendored", "space/one"] {
        let project = function(name);
        for file in ["go.mod", "go.sum"] {
            fs::copy(sources.join(file), project.join(file)).unwrap();
        }
    }
    go(&directory.path().join("space"), &["work", "init", "./one"]);
    go(&directory.path().join("vendored"), &["mod", "vendor"]);
    for name in ["none", "own", "vendored", "space/one"] {
        let project = directory.path().join(name);
        let files = || fs::read_dir(&project).unwrap().flatten().map(|entry| entry.file_name());
        let before: Vec<_> = files().collect();
        let mut build = guesthouse(directory.path());
        // Whatever is needed is there already, since the guests were built.
        build.args(["build", name]).env("PATH", path()).env("GOPROXY", "off").env("GONOSUMDB", "*");
        let built = build.output().unwrap();
        assert!(built.status.success(), "{name}: {}", said(&built));
        assert_eq!(said(&built).contains("this build takes github.com/aws/aws-lambda-go v1"), name == "none", "{name}");
        let guest = Path::new(name).with_added_extension("wasm");
        let written: Vec<_> = files().filter(|file| !before.contains(file)).collect();
        assert_eq!(written, [guest.file_name().unwrap()], "{name}");
        let module = fs::read(project.join(guest.file_name().unwrap())).unwrap();
        let exports = b"guesthouse:lambda/handler";
        assert!(module.windows(exports.len()).any(|part| part == exports), "{name}");
    }
}

#[test]
fn a_python_file_without_a_handler_is_refused_when_it_is_built() {
    let directory = tempfile::tempdir().unwrap();
    let source = "def create(event, context):\n    pass\n\n\ndef delete(event, context):\n    pass\n";
    fs::write(directory.path().join("app.py"), source).unwrap();
    let python = root().join("target/tools/guest-python/bin/python");
    assert!(python.exists(), "there is no Python that makes guests\nhint: cargo xtask test");
    let build = || {
        let mut build = Command::new(&python);
        build
            .current_dir(directory.path())
            .arg(root().join("guests/sdk/python/build.py"))
            .arg("app.py")
            .output()
            .unwrap()
    };
    let refused = said(&build());
    assert!(refused.contains("no function `handler`; it has"), "{refused}");
    assert!(refused.contains("\nhint: call it that, or `lambda_handler`, or say `--handler app."), "{refused}");
}

#[test]
fn a_toolchain_that_is_missing_is_named_with_the_way_to_install_it() {
    let directory = tempfile::tempdir().unwrap();
    let nothing = directory.path().join("nothing");
    fs::create_dir(&nothing).unwrap();
    for (language, remedy) in [
        ("rust", "rustup"),
        ("go", "install Go 1.24"),
        ("js", "install Node.js"),
        ("ts", "install Node.js"),
        ("python", "install Python"),
        ("c", "apt install make clang-22"),
    ] {
        assert!(new(directory.path(), language, language).status.success());
        let output = guesthouse(directory.path()).args(["build", language]).env("PATH", &nothing).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{language}");
        let said = said(&output);
        assert!(said.contains("is not installed\nhint: ") && said.contains(remedy), "{language}: {said}");
    }
}

/// What the tool carries is what there is: a file that is added to an SDK must come to its users.
#[test]
fn a_project_has_all_files_of_its_sdk() {
    let directory = tempfile::tempdir().unwrap();
    for language in LANGUAGES {
        assert!(new(directory.path(), language, language).status.success());
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
            let copy = directory.path().join(language).join("guesthouse").join(path);
            let original = fs::read_to_string(root().join(file)).unwrap();
            assert_eq!(fs::read_to_string(&copy).ok(), Some(original), "{file} is not in {}", copy.display());
        }
    }
}
