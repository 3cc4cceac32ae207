//! This module builds the functions in `tests/functions`, which are written as people write them, and asks them for
//! their answers in the real runtimes.

use std::{fs, process::Command};

use crate::{
    Result,
    guests::{compile_to, directory, npm_in},
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
