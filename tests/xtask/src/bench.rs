//! Builds what the benchmark compares, below `target/bench`, and runs it.

use std::{fs, path::Path, process::Command};

use crate::{Result, cargo, root, run as execute, say, tools};

/// The guests by their names in the benchmark, and the fixtures that they are.
const GUESTS: &[(&str, &str)] = &[("hello", "greet"), ("orders", "orders"), ("echo", "echo"), ("compute", "compute")];

pub fn run() -> Result<()> {
    tools::wasm_target()?;
    tools::peers()?;
    let path = tools::go()?;
    tools::c()?;
    let built = root().join("target/bench");
    fs::create_dir_all(&built)?;
    programs(&built, &path)?;
    guests(&built)?;
    say("running the benchmark (4 minutes)");
    execute(&mut Command::new(root().join("target/release/bench")))
}

/// `path` is where Go is found.
fn programs(built: &Path, path: &str) -> Result<()> {
    say(
        "building `bootstrap`, as it is and without a compiler, and the native functions (15 minutes when it is the first time)",
    );
    let release = root().join("target/release");
    let bootstrap = |features: &[&str], name: &str| -> Result<()> {
        let mut cargo = cargo(&root());
        cargo.args([
            "build",
            "--locked",
            "--release",
            "--package",
            "guesthouse",
            "--bin",
            "bootstrap",
            "--no-default-features",
        ]);
        execute(cargo.args(features))?;
        // Written next to its place and moved there: the one before may still run.
        fs::copy(release.join("bootstrap"), built.join("partial"))?;
        Ok(fs::rename(built.join("partial"), built.join(name))?)
    };
    bootstrap(&[], "bootstrap-lean")?;
    bootstrap(&["--features", "compiler,lambda-runtime,oci"], "bootstrap")?;
    execute(cargo(&root()).args([
        "build",
        "--locked",
        "--release",
        "--package",
        "bench",
        "--package",
        "native-bench",
    ]))?;
    fs::copy(release.join("native-bench"), built.join("native"))?;
    let go = Command::new("go")
        .current_dir(root().join("tests/bench/go"))
        .args(["build", "-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o"])
        .arg(built.join("go"))
        .arg(".")
        .env("CGO_ENABLED", "0")
        .env("PATH", path)
        .status();
    if !go?.success() {
        return Err("the Go function does not build".into());
    }
    let version = Command::new("go").arg("version").env("PATH", path).output()?;
    fs::write(built.join("go.version"), version.stdout)?;
    for (folder, file) in [("python", "app.py"), ("node", "app.mjs")] {
        fs::create_dir_all(built.join(folder))?;
        fs::copy(root().join("tests/bench").join(folder).join(file), built.join(folder).join(file))?;
    }
    Ok(())
}

fn guests(built: &Path) -> Result<()> {
    for folder in ["rust", "c", "js"] {
        fs::create_dir_all(built.join(folder))?;
    }
    say("building the guests");
    let folder = root().join("guests");
    let mut cargo_guests = cargo(&folder);
    cargo_guests.args(["build", "--locked", "--release", "--package", "fixtures"]);
    for (_, fixture) in GUESTS {
        cargo_guests.args(["--example", fixture]);
    }
    execute(&mut cargo_guests)?;
    for (name, fixture) in GUESTS {
        let from = folder.join(format!("target/wasm32-wasip2/release/examples/{fixture}.wasm"));
        fs::copy(from, built.join(format!("rust/{name}.wasm")))?;
    }
    c(built)?;
    javascript(built)?;
    say("building the tool, and compiling the guests ahead of time (10 minutes when it is the first time)");
    execute(cargo(&root()).args(["build", "--locked", "--package", "guesthouse", "--bin", "guesthouse"]))?;
    for folder in ["rust", "c", "js"] {
        let ahead = built.join(format!("{folder}-ahead"));
        fs::create_dir_all(&ahead)?;
        for guest in fs::read_dir(built.join(folder))?.flatten().map(|entry| entry.path()) {
            let Some(name) = guest.file_stem().filter(|_| guest.extension().is_some_and(|ending| ending == "wasm"))
            else {
                continue;
            };
            let mut compile = Command::new(root().join("target/debug/guesthouse"));
            execute(compile.arg("compile").arg(&guest).arg("-o").arg(ahead.join(name).with_extension("cwasm")))?;
        }
    }
    Ok(())
}

fn c(built: &Path) -> Result<()> {
    execute(cargo(&root()).args(["build", "--locked", "--package", "componentize"]))?;
    let componentize = || Command::new(root().join("target/debug/componentize"));
    let bindings = built.join("c-bindings");
    execute(componentize().arg("bindings").arg(root().join("wit")).arg("function").arg(&bindings))?;
    let core = bindings.join("core.wasm");
    let mut clang = Command::new(tools::CLANG);
    clang.args(["--target=wasm32-wasi", "-Wno-deprecated", "-mexec-model=reactor", "-fuse-ld=lld", "-O2", "-s", "-I"]);
    clang.arg(&bindings).arg("-o").arg(&core).arg(root().join("tests/bench/c/hello.c"));
    execute(clang.args(["function.c", "function_component_type.o"].map(|file| bindings.join(file))))?;
    execute(componentize().arg("component").arg(&core).arg(built.join("c/hello.wasm")))
}

fn javascript(built: &Path) -> Result<()> {
    let (componentize, node) = tools::javascript()?;
    let sources = root().join("tests/bench/js");
    for name in ["hello", "orders", "echo"] {
        let mut command = Command::new(&componentize);
        command.env("PATH", format!("{}:{}", node.display(), tools::path()));
        command.args(["--world", "function", "--sync", "--opt-size", "--minify", "--wit"]).arg(root().join("wit"));
        command.arg("--module-root").arg(&sources).arg("--js").arg(sources.join(format!("{name}.js")));
        execute(command.arg("--output").arg(built.join(format!("js/{name}.wasm"))))?;
    }
    Ok(())
}
