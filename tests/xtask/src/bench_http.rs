//! This module builds what the benchmark of HTTP compares: guests below `ahead/http`, and the same apps natively below
//! `target/bench/http`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{Result, bench, cargo, guests, root, run, say, tools};

/// Builds everything. `path` is the value of `PATH` by which Go is found.
pub fn build(built: &Path, ahead: &Path, path: &str) -> Result<()> {
    let adapter = tools::lambda_web_adapter()?;
    say("building `bootstrap` and the native apps (15 minutes when it is the first time)");
    bench::bootstrap(built, bench::ALL_FEATURES, "bootstrap")?;
    run(cargo(&root()).args(["build", "--locked", "--release", "--package", "bench", "--package", "native-http"]))?;
    bench::write_go_version(built, path)?;
    say("building the guests");
    let (native, wasm, ahead) = (built.join("http"), built.join("guests-http"), ahead.join("http"));
    for directory in ["node", "python"] {
        fs::create_dir_all(native.join(directory))?;
    }
    fs::copy(adapter, native.join("lambda-adapter"))?;
    fs::copy(root().join("target/release/native-http"), native.join("native"))?;
    fs::create_dir_all(&wasm)?;
    guests::compiler()?;
    rust(&wasm.join("rust.wasm"))?;
    guests::go_by_tool(&sources("go"), path, &wasm.join("go.wasm"))?;
    javascript(&native.join("node"), &wasm)?;
    python(&native.join("python"), &wasm)?;
    say("compiling the guests ahead of time (1 minute)");
    for name in ["rust", "go", "js", "flask", "starlette"] {
        let directory = ahead.join(name);
        fs::create_dir_all(&directory)?;
        guests::compile_to(&wasm.join(name).with_extension("wasm"), &directory.join("app.cwasm"))?;
    }
    Ok(())
}

fn sources(language: &str) -> PathBuf {
    root().join("tests/bench/http").join(language)
}

fn rust(output: &Path) -> Result<()> {
    let directory = root().join("guests");
    run(cargo(&directory).args([
        "build",
        "--locked",
        "--release",
        "--package",
        "conformance-http",
        "--example",
        "bench",
    ]))?;
    fs::copy(directory.join("target/wasm32-wasip2/release/examples/bench.wasm"), output)?;
    Ok(())
}

/// Builds the guest, and the same app as one file, as functions for Node are deployed.
fn javascript(native: &Path, wasm: &Path) -> Result<()> {
    let (project, path) = (wasm.join("project"), tools::node()?);
    tools::npm_ci(&sources("node"), &project)?;
    for file in ["app.mjs", "peer.mjs"] {
        fs::copy(sources("node").join(file), project.join(file))?;
    }
    guests::javascript_handlers(&[(&project.join("app.mjs"), "default.fetch", wasm.join("js.wasm"))])?;
    guests::bundle_for_node(&path, &project.join("peer.mjs"), &native.join("peer.cjs"))
}

/// Builds the guests, and puts the same apps beside what adapts them for Python.
fn python(native: &Path, wasm: &Path) -> Result<()> {
    let (sources, python) = (sources("python"), tools::guest_python()?);
    for name in ["flask", "starlette"] {
        let app = sources.join(name).join("app.py");
        run(&mut guests::python_build(&python, &app, &wasm.join(name).with_extension("wasm")))?;
        fs::copy(app, native.join(format!("{name}_app.py")))?;
        let peer = format!("{name}_peer.py");
        fs::copy(sources.join(&peer), native.join(peer))?;
    }
    Ok(())
}
