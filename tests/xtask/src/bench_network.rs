//! This module builds what the network's benchmark compares: guests below `ahead/network`, and the same clients without
//! a sandbox below `target/bench/network`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{Result, cargo, guests, root, run, say, tools};

/// Builds everything. `path` is the value of `PATH` by which Go is found.
pub fn build(built: &Path, ahead: &Path, path: &str) -> Result<()> {
    say("building what uses the network");
    let (native, wasm, ahead) = (built.join("network"), built.join("guests-network"), ahead.join("network"));
    for directory in ["node", "python"] {
        fs::create_dir_all(native.join(directory))?;
    }
    fs::copy(root().join("target/release/native-network"), native.join("rust"))?;
    for language in ["rust", "go", "js", "python"] {
        fs::create_dir_all(wasm.join(language))?;
        fs::create_dir_all(ahead.join(language))?;
    }
    rust(&wasm.join("rust/get.wasm"))?;
    guests::go_function(&sources("go"), path, &native.join("go"))?;
    guests::go_by_tool(&sources("go"), path, &wasm.join("go/get.wasm"))?;
    javascript(&native.join("node"), &wasm.join("js"))?;
    python(&native.join("python"), &wasm.join("python"))?;
    for (language, names) in [("rust", &["get"][..]), ("go", &["get"]), ("js", BOTH), ("python", BOTH)] {
        for name in names {
            let (from, to) = (wasm.join(language).join(name), ahead.join(language).join(name));
            guests::compile_to(&from.with_extension("wasm"), &to.with_extension("cwasm"))?;
        }
    }
    // The guest in Go has both handlers, and its file's name selects one.
    let link = ahead.join("go/item.cwasm");
    let _ = fs::remove_file(&link);
    Ok(fs::hard_link(ahead.join("go/get.cwasm"), link)?)
}

const BOTH: &[&str] = &["get", "item"];

fn sources(language: &str) -> PathBuf {
    root().join("tests/bench/network").join(language)
}

fn rust(output: &Path) -> Result<()> {
    let directory = root().join("guests");
    run(cargo(&directory).args(["build", "--locked", "--release", "--package", "network", "--example", "get"]))?;
    fs::copy(directory.join("target/wasm32-wasip2/release/examples/get.wasm"), output)?;
    Ok(())
}

/// Builds the guests, and the same files as one each, as functions for Node are deployed.
fn javascript(native: &Path, guest: &Path) -> Result<()> {
    let (project, path) = (guest.join("project"), tools::node()?);
    tools::npm_ci(&sources("node"), &project)?;
    let files = ["get", "item"].map(|name| project.join(name).with_extension("mjs"));
    for file in &files {
        fs::copy(sources("node").join(file.file_name().ok_or("a file has a name")?), file)?;
    }
    let handlers = [0, 1].map(|at| (files[at].as_path(), "handler", guest.join(BOTH[at]).with_extension("wasm")));
    guests::javascript_handlers(&handlers)?;
    for (file, name) in files.iter().zip(BOTH) {
        guests::bundle_for_node(&path, file, &native.join(name).with_extension("cjs"))?;
    }
    Ok(())
}

fn python(native: &Path, guest: &Path) -> Result<()> {
    let (source, python) = (sources("python"), tools::guest_python()?);
    for (name, package) in [("get", "requests"), ("item", "boto3")] {
        let (file, output) = (source.join(name).with_extension("py"), guest.join(name).with_extension("wasm"));
        let mut build = guests::python_build(&python, &file, &output);
        run(build.arg("--requirements").arg(source.join(package).with_extension("txt")))?;
        fs::copy(file, native.join(name).with_extension("py"))?;
    }
    Ok(())
}
