//! The command `guests` builds the guests in other languages than Rust that the conformance tests run, below
//! `target/guests`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{Result, cargo, functions, root, run, say, tools};

pub fn build() -> Result<()> {
    compiler()?;
    rust_with_aws()?;
    functions::rust()?;
    c()?;
    go()?;
    javascript()?;
    python()?;
    for (language, names) in [
        ("c", &["conformance", "network", "streaming"][..]),
        ("go", &["conformance", "hello", "http", "network", "proxy", "queue", "streaming", "web"]),
        ("js", &["conformance", "http", "network", "streaming"]),
        ("python", &["conformance", "hello", "http", "libraries", "network", "proxy"]),
        ("rust", &["network-aws"]),
        ("commands", &["boolector", "count-c", "count-go", "icebram", "icepack", "logs-go"]),
    ] {
        for name in names {
            let guest = directory(language)?.join(name).with_extension("wasm");
            compile_to(&guest, &guest.with_extension("cwasm"))?;
        }
    }
    Ok(())
}

/// Builds the tool that compiles guests.
pub fn compiler() -> Result<()> {
    say("building the tool that compiles guests (10 minutes when it is the first time)");
    run(cargo(&root()).args(["build", "--locked", "--package", "guesthouse", "--bin", "guesthouse"]))
}

/// Builds the function in Rust with AWS's SDK. The tests build the others in Rust themselves, and would wait for this
/// one for minutes.
fn rust_with_aws() -> Result<()> {
    say("building the function in Rust with AWS's SDK (2 minutes)");
    let source = root().join("guests/conformance/network/rust-aws");
    run(tool().arg("build").arg(&source))?;
    Ok(fs::rename(source.join("rust-aws.wasm"), directory("rust")?.join("network-aws.wasm"))?)
}

fn c() -> Result<()> {
    tools::c()?;
    say("building the guests in C, and fetching one that others published");
    for (source, name) in [
        ("guests/hello-c/hello.c", "hello-c"),
        ("guests/conformance/c/handler.c", "conformance"),
        ("guests/conformance/network/c/handler.c", "network"),
        ("guests/conformance/streaming/c/handler.c", "streaming"),
    ] {
        c_handler(source, &directory("c")?.join(name).with_extension("wasm"))?;
    }
    let mut clang = clang(&directory("commands")?.join("count-c.wasm"));
    run(clang.arg(root().join("guests/commands/c/count.c")))?;
    tools::published(&directory("commands")?)
}

/// Compiles the handler in C in this file of the repository.
pub fn c_handler(source: &str, output: &Path) -> Result<()> {
    let sdk = root().join("guests/sdk/c");
    let mut clang = clang(output);
    clang.args(["-mexec-model=reactor", "-Wl,--stack-first", "-Wl,-z,stack-size=1048576", "-I"]).arg(&sdk);
    let files = ["guesthouse.c", "json.c", "fetch.c", "stream.c"].map(|file| sdk.join(file));
    run(clang.arg(root().join(source)).args(files))
}

/// Returns the compiler with the options of `guests/hello-c/Makefile`, and with warnings as errors.
fn clang(output: &Path) -> Command {
    let mut clang = Command::new(tools::CLANG);
    clang.args(["--target=wasm32-wasi", "-fuse-ld=lld", "-O2", "-Wno-deprecated", "-Wall", "-Wextra", "-Werror", "-o"]);
    clang.arg(output);
    clang
}

fn go() -> Result<()> {
    let path = tools::go()?;
    say("testing the SDK for Go, and building the guests");
    for arguments in [["vet", "./..."], ["test", "./..."]] {
        run(go_in(&root().join("guests/sdk/go"), &path).args(arguments))?;
    }
    for (source, name) in [("guests/hello-go", "hello-go"), ("guests/conformance/go", "conformance")] {
        go_guest(
            &root().join(source),
            &path,
            "-buildmode=c-shared",
            &directory("go")?.join(name).with_extension("wasm"),
        )?;
    }
    run(go_in(&root().join("guests/hello-http-go"), &path).args(["test", "."]))?;
    for name in ["http", "network", "streaming"] {
        go_changed(name, &path)?;
    }
    run(go_in(&root().join("guests/conformance/aws/go"), &path).args(["vet", "./..."]))?;
    for name in ["hello", "proxy", "queue", "web"] {
        let source = root().join("guests/conformance/aws/go").join(name);
        go_by_tool(&source, &path, &directory("go")?.join(name).with_extension("wasm"))?;
    }
    for (source, name) in [("guests/commands/go", "count-go"), ("guests/commands/logs-go", "logs-go")] {
        go_guest(
            &root().join(source),
            &path,
            "-buildmode=exe",
            &directory("commands")?.join(name).with_extension("wasm"),
        )?;
    }
    functions::go(&path)
}

/// Builds a guest for which the tool changes or adds packages, as it does for the network and for streams.
fn go_changed(name: &str, path: &str) -> Result<()> {
    let source = root().join("guests/conformance").join(name).join("go");
    run(go_in(&source, path).args(["vet", "."]))?;
    go_by_tool(&source, path, &directory("go")?.join(name).with_extension("wasm"))
}

/// Builds the guest in a directory with the tool, which calls it by the directory's name. It may be a function for
/// AWS's own runtime.
pub fn go_by_tool(project: &Path, path: &str, output: &Path) -> Result<()> {
    run(tool().arg("build").arg(project).env("PATH", path).env("GOTOOLCHAIN", "local"))?;
    let name = project.file_name().ok_or("a directory has a name")?;
    Ok(fs::rename(project.join(name).with_extension("wasm"), output)?)
}

/// Builds the guest in a directory. The mode `-buildmode=c-shared` makes a handler, `-buildmode=exe` a command. `path`
/// is the value of `PATH` by which Go is found.
pub fn go_guest(directory: &Path, path: &str, mode: &str, output: &Path) -> Result<()> {
    let mut build = go_in(directory, path);
    build.env("GOOS", "wasip1").env("GOARCH", "wasm");
    run(build.args(["build", mode, "-trimpath", "-o"]).arg(output).arg("."))
}

/// Builds a function for AWS's own runtime as the program that it is.
pub fn go_function(source: &Path, path: &str, output: &Path) -> Result<()> {
    let mut build = go_in(source, path);
    build.args(["build", "-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o"]);
    run(build.arg(output).arg(".").env("CGO_ENABLED", "0"))
}

fn go_in(directory: &Path, path: &str) -> Command {
    let mut go = Command::new("go");
    go.current_dir(directory).env("PATH", path).env("GOTOOLCHAIN", "local");
    go
}

fn javascript() -> Result<()> {
    let path = tools::node()?;
    say("building the guests in JavaScript and TypeScript");
    for (source, guests) in [
        ("guests/hello-js", &[("hello-js", "hello-js.wasm")][..]),
        ("guests/hello-ts", &[("hello-ts", "hello-ts.wasm")]),
        (
            "guests/conformance/js",
            &[("conformance", "conformance-js.wasm"), ("http", "http.wasm"), ("streaming", "streaming.wasm")],
        ),
        ("guests/conformance/network/js", &[("network", "network.wasm")]),
    ] {
        for arguments in [["ci", "--silent", "--ignore-scripts"], ["run", "--silent", "build"]] {
            run(npm_in(&root().join(source), &path).args(arguments))?;
        }
        for (name, built) in guests {
            let output = directory("js")?.join(name).with_extension("wasm");
            fs::rename(root().join(source).join(built), &output)?;
        }
    }
    say("testing the SDK for JavaScript");
    run(npm_in(&root().join("guests/conformance/js"), &path).args(["test", "--silent"]))?;
    functions::javascript()
}

/// A function in JavaScript: its file, the name that the file exports, and the guest to write.
pub type JavascriptHandler<'a> = (&'a Path, &'a str, PathBuf);

/// Builds guests of functions in JavaScript.
pub fn javascript_handlers(handlers: &[JavascriptHandler<'_>]) -> Result<()> {
    let path = tools::node()?;
    // This project has the SDK.
    let project = root().join("guests/hello-js");
    run(npm_in(&project, &path).args(["ci", "--silent", "--ignore-scripts"]))?;
    for (source, name, output) in handlers {
        let mut npm = npm_in(&project, &path);
        npm.args(["exec", "--no", "--", "guesthouse-js", "build"]).arg(source);
        run(npm.args(["--handler", name, "-o"]).arg(output))?;
    }
    Ok(())
}

/// Makes one file of a function and its packages, for Node.
pub fn bundle_for_node(path: &str, source: &Path, output: &Path) -> Result<()> {
    let mut npm = npm_in(&root().join("guests/hello-js"), path);
    npm.args(["exec", "--no", "--", "esbuild", "--bundle", "--minify", "--platform=node", "--log-level=warning"]);
    run(npm.arg("--target=node22").arg(format!("--outfile={}", output.display())).arg(source))
}

pub fn npm_in(directory: &Path, path: &str) -> Command {
    let mut npm = Command::new("npm");
    npm.current_dir(directory).env("PATH", path);
    npm
}

fn python() -> Result<()> {
    let python = tools::guest_python()?;
    say("building the guests in Python (1 minute)");
    for (source, name) in [
        ("guests/hello-python/app.py", "hello-python"),
        ("guests/conformance/python/app.py", "conformance"),
        ("guests/conformance/http/python/app.py", "http"),
        ("guests/conformance/aws/python/hello.py", "hello"),
        ("guests/conformance/aws/python/proxy.py", "proxy"),
        ("guests/conformance/network/python/app.py", "network"),
    ] {
        python_handler(source, &python, &directory("python")?.join(name).with_extension("wasm"))?;
    }
    let libraries = root().join("guests/conformance/python-libraries");
    let mut build = python_build(&python, &libraries, &directory("python")?.join("libraries.wasm"));
    run(build.args(["--handler", "src/orders.receive"]))?;
    functions::python(&python)?;
    say("testing the SDK for Python");
    let tests = root().join("guests/sdk/python/tests");
    run(Command::new(&python).args(["-m", "unittest", "discover", "--quiet", "-s"]).arg(tests))
}

/// Builds the handler in this file of the repository, with this Python interpreter.
pub fn python_handler(source: &str, python: &Path, output: &Path) -> Result<()> {
    run(&mut python_build(python, &root().join(source), output))
}

/// Returns the command that does so.
pub fn python_build(python: &Path, source: &Path, output: &Path) -> Command {
    let mut build = Command::new(python);
    build.arg(root().join("guests/sdk/python/build.py")).arg(source).arg("-o").arg(output);
    build
}

/// Returns the directory with a language's guests.
pub fn directory(language: &str) -> Result<PathBuf> {
    let directory = root().join("target/guests").join(language);
    fs::create_dir_all(&directory)?;
    Ok(directory)
}

/// Compiles a guest ahead of time.
pub fn compile_to(guest: &Path, output: &Path) -> Result<()> {
    run(tool().arg("compile").arg(guest).arg("-o").arg(output))
}

/// Returns the tool `guesthouse`, which [`compiler`] builds.
pub fn tool() -> Command {
    Command::new(root().join("target/debug/guesthouse"))
}
