//! Builds the guests in other languages than Rust that the conformance tests run, below `target/guests`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{Result, cargo, root, run, say, tools};

pub fn build() -> Result<()> {
    say("building the tool that compiles guests (10 minutes when it is the first time)");
    run(cargo(&root()).args(["build", "--locked", "--package", "guesthouse", "--bin", "guesthouse"]))?;
    c()?;
    go()?;
    javascript()?;
    python()?;
    for language in ["c", "go", "js", "python"] {
        compile(&folder(language)?.join("conformance.wasm"))?;
    }
    for program in ["boolector", "count-c"] {
        compile(&folder("commands")?.join(program).with_extension("wasm"))?;
    }
    Ok(())
}

fn c() -> Result<()> {
    tools::c()?;
    say("building the guests in C, and fetching one that others published");
    let sdk = root().join("guests/sdk/c");
    for (source, name) in [("guests/hello-c/hello.c", "hello-c"), ("guests/conformance/c/handler.c", "conformance")] {
        let output = folder("c")?.join(name).with_extension("wasm");
        let mut clang = Command::new(tools::CLANG);
        // As in `guests/hello-c/Makefile`, and strict.
        clang.args(["--target=wasm32-wasi", "-mexec-model=reactor", "-fuse-ld=lld", "-O2", "-Wno-deprecated"]);
        clang.args(["-Wl,--stack-first", "-Wl,-z,stack-size=1048576"]);
        clang.args(["-Wall", "-Wextra", "-Werror", "-I"]).arg(&sdk).arg("-o").arg(&output);
        run(clang.arg(root().join(source)).args(["guesthouse.c", "json.c"].map(|file| sdk.join(file))))?;
    }
    let output = folder("commands")?.join("count-c.wasm");
    let mut clang = Command::new(tools::CLANG);
    clang.args(["--target=wasm32-wasi", "-fuse-ld=lld", "-O2", "-Wno-deprecated", "-Wall", "-Wextra", "-Werror", "-o"]);
    run(clang.arg(&output).arg(root().join("guests/commands/c/count.c")))?;
    tools::solver(&folder("commands")?.join("boolector.wasm"))
}

fn go() -> Result<()> {
    let path = tools::go()?;
    let go = |folder: &str| {
        let mut go = Command::new("go");
        go.current_dir(root().join(folder)).env("PATH", &path).env("GOTOOLCHAIN", "local");
        go
    };
    say("testing the SDK for Go, and building the guests");
    for arguments in [["vet", "./..."], ["test", "./..."]] {
        run(go("guests/sdk/go").args(arguments))?;
    }
    for (source, name) in [("guests/hello-go", "hello-go"), ("guests/conformance/go", "conformance")] {
        let output = folder("go")?.join(name).with_extension("wasm");
        let mut build = go(source);
        build.env("GOOS", "wasip1").env("GOARCH", "wasm");
        run(build.args(["build", "-buildmode=c-shared", "-trimpath", "-o"]).arg(&output).arg("."))?;
    }
    Ok(())
}

fn javascript() -> Result<()> {
    let path = tools::node()?;
    say("building the guests in JavaScript and TypeScript");
    for (source, name, built) in [
        ("guests/hello-js", "hello-js", "hello-js.wasm"),
        ("guests/hello-ts", "hello-ts", "hello-ts.wasm"),
        ("guests/conformance/js", "conformance", "conformance-js.wasm"),
    ] {
        let source = root().join(source);
        for arguments in [["ci", "--silent", "--ignore-scripts"], ["run", "--silent", "build"]] {
            run(Command::new("npm").current_dir(&source).args(arguments).env("PATH", &path))?;
        }
        let output = folder("js")?.join(name).with_extension("wasm");
        fs::rename(source.join(built), &output)?;
    }
    Ok(())
}

fn python() -> Result<()> {
    let python = tools::guest_python()?;
    say("building the guests in Python (1 minute)");
    for (source, name) in [("guests/hello-python", "hello-python"), ("guests/conformance/python", "conformance")] {
        let output = folder("python")?.join(name).with_extension("wasm");
        let mut build = Command::new(&python);
        build.arg(root().join("guests/sdk/python/build.py")).arg(root().join(source).join("app.py"));
        run(build.arg("-o").arg(&output))?;
    }
    Ok(())
}

fn folder(language: &str) -> Result<PathBuf> {
    let folder = root().join("target/guests").join(language);
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn compile(guest: &Path) -> Result<()> {
    run(Command::new(root().join("target/debug/guesthouse")).arg("compile").arg(guest))
}
