//! This module builds the functions in `tests/functions`, which are written as people write them, and asks them for
//! their answers in the real runtimes. Only those in JavaScript are asked here: the tests play the Runtime API for the
//! others.

use std::{fs, path::Path, process::Command};

use crate::{
    Result, cargo,
    guests::{compile_to, directory, go_by_tool, go_function, npm_in, python_build},
    libraries::{self, Refused},
    root, run, say, tools,
};

/// The functions in JavaScript and TypeScript: the file, without its ending, and what it exports.
const JAVASCRIPT: &[(&str, &str, &str)] = &[
    ("authorizer", "cjs", "handler"),
    ("links", "js", "find"),
    ("pipeline", "mjs", "handler"),
    ("queue", "ts", "handler"),
    ("report", "js", "handler"),
    ("shop", "js", "handler"),
    ("signup", "mjs", "handler"),
    ("users", "cjs", "handler"),
];

/// Builds the functions in JavaScript below `target/guests/functions-js`, each with the answers of Node.js beside it.
pub fn javascript() -> Result<()> {
    let path = tools::node()?;
    let project = root().join("tests/functions/js");
    say("building functions in JavaScript with many packages (1 minute)");
    run(npm_in(&project, &path).args(["ci", "--silent", "--ignore-scripts"]))?;
    for (name, ending, function) in JAVASCRIPT {
        let guest = directory("functions-js")?.join(name).with_extension("wasm");
        let mut npm = npm_in(&project, &path);
        npm.args(["exec", "--no", "--", "guesthouse-js", "build", "--handler", &format!("{name}.{function}"), "-o"]);
        run(npm.arg(&guest))?;
        compile_to(&guest, &guest.with_extension("cwasm"))?;
        let mut node = Command::new("node");
        node.current_dir(&project).env("PATH", &path).env("TZ", "UTC").arg("../native.mjs");
        node.arg(format!("{name}.{ending}")).args([function, &&*format!("{name}.json")]);
        // What the functions log is of no interest.
        let log = fs::File::create(guest.with_extension("log"))?;
        run(node.arg(guest.with_extension("answers.json")).stdout(log.try_clone()?).stderr(log))?;
    }
    Ok(())
}

/// Builds one guest of all functions in Python, and installs what AWS's own runtime runs them with.
pub fn python(python: &Path) -> Result<()> {
    say("building functions in Python with many packages (1 minute)");
    let project = root().join("tests/functions/python");
    tools::function_python(&project.join("requirements.txt"))?;
    let guest = directory("functions-python")?.join("app.wasm");
    run(&mut python_build(python, &project, &guest))?;
    compile_to(&guest, &guest.with_extension("cwasm"))?;
    python_refuses(python)
}

/// Checks that packages which can't be a part of a guest are refused by their names.
fn python_refuses(python: &Path) -> Result<()> {
    let project = directory("functions-refused")?;
    for Refused { name, version, module, .. } in libraries::refused()? {
        fs::write(project.join("requirements.txt"), format!("{name}=={version}\n"))?;
        let source = format!("import {module}\n\n\ndef handler(event, context):\n    return {module}.__name__\n");
        fs::write(project.join("app.py"), source)?;
        let built = python_build(python, &project, &project.join("app.wasm")).output()?;
        let said = String::from_utf8_lossy(&built.stderr);
        let names = said.contains("can't run in a guest") && said.contains(&name) && said.contains("hint: ");
        if built.status.success() || !names {
            return Err(format!("the build does not refuse {name} {version}: {said}").into());
        }
    }
    Ok(())
}

/// The functions in Go: each is a directory.
const GO: &[&str] = &["authorizer", "crud", "router", "shop", "worker"];

/// Builds the functions in Go, as guests and as the programs that they are on Lambda.
pub fn go(path: &str) -> Result<()> {
    say("building functions in Go with many packages (1 minute)");
    for name in GO {
        let source = root().join("tests/functions/go").join(name);
        let program = directory("functions-go")?.join(name);
        go_function(&source, path, &program)?;
        let guest = program.with_extension("wasm");
        go_by_tool(&source, path, &guest)?;
        compile_to(&guest, &guest.with_extension("cwasm"))?;
    }
    Ok(())
}

/// Builds the functions in Rust as the programs that they are on Lambda. The tests build the guests.
pub fn rust() -> Result<()> {
    say("building functions in Rust with lambda_runtime (1 minute when it is the first time)");
    let mut build = cargo(&root().join("tests/functions/rust"));
    run(build.args(["build", "--locked"]).env("CARGO_TARGET_DIR", root().join("target/functions-rust")))
}
