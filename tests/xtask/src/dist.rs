//! This module makes what a release has: hosts, layers, the developer's tool in the packages that users install, the
//! list of parts, and checksums.
//!
//! See docs/decisions/63-release-artifacts.md.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{Result, cargo, debian, root, run, say, tools};

/// The script that makes the files from programs that were built.
const SCRIPT: &str = "tests/xtask/src/dist.py";

/// The processors as Lambda names them, each with the target of Rust.
const PROCESSORS: [(&str, &str); 2] = [("x86_64", "x86_64-unknown-linux-gnu"), ("arm64", "aarch64-unknown-linux-gnu")];

/// The programs of a release: its name, the program's, and the features that it is built with.
const PROGRAMS: [(&str, &str, &str); 3] = [
    ("bootstrap-lean", "bootstrap", "lambda-runtime,network,oci"),
    ("bootstrap-full", "bootstrap", "compiler,lambda-runtime,network,oci"),
    ("guesthouse", "guesthouse", "cli,cross,lambda-runtime,network"),
];

/// The glibc of Amazon Linux 2023, which `provided.al2023` is made of.
const GLIBC: &str = "2.34";

/// Makes a release in `target/dist`: for one processor, if `only` names it, and of programs in `from`, which has a
/// directory for each processor, if they are not to be built.
pub fn run_with(only: Option<&str>, from: Option<&Path>) -> Result<()> {
    let processors: Vec<_> = PROCESSORS.into_iter().filter(|(name, _)| only.is_none_or(|only| only == *name)).collect();
    if processors.is_empty() {
        return Err("there is no such processor\nhint: `--only x86_64` or `--only arm64`".into());
    }
    let here = crate::native()?;
    let native =
        PROCESSORS.iter().find(|(_, target)| *target == here).ok_or("releases are made on Lambda's processors")?;
    debian::install(&[("python3", "python3"), ("readelf", "binutils")], "what makes the packages")?;
    let binaries = match from {
        Some(from) => fs::canonicalize(from)?,
        None => {
            let built = root().join("target/dist-programs");
            if !processors.contains(native) && !built.join(native.0).join("guesthouse").exists() {
                let message = "this machine's tool makes the layers, and was not built";
                return Err(format!("{message}\nhint: cargo xtask dist --only {}", native.0).into());
            }
            for processor in &processors {
                build(*processor, processor == native, &built)?;
            }
            built
        }
    };
    // This machine's tool makes the layers, of whichever processor they are.
    let needed =
        processors.iter().flat_map(|(name, _)| PROGRAMS.map(|(program, ..)| binaries.join(name).join(program)));
    for program in needed.chain([binaries.join(native.0).join("guesthouse")]) {
        if !program.exists() {
            let shown = program.display();
            return Err(format!("`{shown}` is not there\nhint: cargo xtask dist, without `--from`, builds it").into());
        }
    }
    say("making the packages");
    let output = root().join("target/dist");
    if output.exists() {
        fs::remove_dir_all(&output)?;
    }
    fs::create_dir_all(&output)?;
    let metadata = root().join("target/dist-metadata.json");
    let listed = cargo(&root())
        .args(["metadata", "--locked", "--format-version", "1", "--manifest-path", "host/Cargo.toml"])
        .args(["--no-default-features", "--features", "cli,cross,lambda-runtime,network"])
        .args(processors.iter().flat_map(|(_, target)| ["--filter-platform", target]))
        .output()?;
    if !listed.status.success() {
        return Err(String::from_utf8_lossy(&listed.stderr).into());
    }
    fs::write(&metadata, listed.stdout)?;
    let mut python = Command::new("python3");
    python.arg(root().join(SCRIPT)).args([env!("CARGO_PKG_VERSION"), native.0]).args([
        &binaries,
        &output,
        &root(),
        &metadata,
    ]);
    run(python.args(processors.iter().map(|(name, _)| name)))?;
    if processors.contains(native) { check(native.0, &output) } else { Ok(()) }
}

/// Installs the tool from each of its packages into an empty directory. Each has to make the layer that is released: so
/// it runs, finds the host that it carries, and writes the same bytes.
fn check(native: &str, output: &Path) -> Result<()> {
    debian::install(&[tools::NPM, ("tar", "tar")], "what installs the packages")?;
    let file = |is_it: &dyn Fn(&str) -> bool| -> Result<PathBuf> {
        let mut files = fs::read_dir(output)?.flatten().map(|entry| entry.path());
        let found = files.find(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(is_it));
        Ok(found.ok_or("a file of the release is missing")?)
    };
    let python = if native == "arm64" { "aarch64" } else { native };
    let wheel = file(&|name| name.ends_with(&format!("{python}.whl")))?;
    let tarball = file(&|name| name.ends_with(&format!("-{native}.tar.gz")))?;
    let npm = file(&|name| name.ends_with("-npm.tgz"))?;
    let layer = fs::read(file(&|name| name.starts_with("guesthouse-layer-") && name.contains(native))?)?;

    say("installing the tool from each of its packages");
    let empty = root().join("target/dist-check");
    if empty.exists() {
        fs::remove_dir_all(&empty)?;
    }
    let (venv, node, unpacked) = (empty.join("venv"), empty.join("node"), empty.join("unpacked"));
    fs::create_dir_all(&node)?;
    fs::create_dir_all(&unpacked)?;
    tools::create_venv(&venv)?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"];
    run(Command::new(venv.join("bin/python")).args(pip).arg(wheel))?;
    run(Command::new("npm").current_dir(&node).args(["install", "--silent", "--offline"]).arg(npm))?;
    run(Command::new("tar").args(["--strip-components=1", "-xzf"]).arg(tarball).arg("-C").arg(&unpacked))?;
    for tool in [venv.join("bin"), node.join("node_modules/.bin"), unpacked.join("bin")] {
        let made = empty.join("layer.zip");
        run(Command::new(tool.join("guesthouse")).args(["package", "--host", "-o"]).arg(&made))?;
        if fs::read(&made)? != layer {
            return Err(format!("the tool in {} makes another layer", tool.display()).into());
        }
        fs::remove_file(made)?;
    }
    Ok(())
}

/// Builds the programs for a processor, to the same bytes wherever the source is.
fn build((processor, target): (&str, &str), is_native: bool, to: &Path) -> Result<()> {
    let to = to.join(processor);
    fs::create_dir_all(&to)?;
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo"))).ok_or("there is no home")?;
    let remapped = [(root(), "/guesthouse"), (home, "/cargo")]
        .map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()))
        .join("\u{1f}");
    // A linker for another processor, with an old glibc, comes with the compiler that is in this package.
    let (command, linked) = match is_native {
        true => ("build", target.to_owned()),
        false => ("zigbuild", format!("{target}.{GLIBC}")),
    };
    let path = if is_native { debian::path() } else { tools::zig(target)? };
    for (name, program, features) in PROGRAMS {
        say(&format!("building {name} for {processor} (10 minutes and more when it is the first time)"));
        run(cargo(&root())
            .args([command, "--locked", "--profile", "host", "--package", "guesthouse", "--no-default-features"])
            .args(["--features", features, "--bin", program, "--target", &linked])
            .env("CARGO_ENCODED_RUSTFLAGS", &remapped)
            .env("SOURCE_DATE_EPOCH", "315532800")
            .env("PATH", &path))?;
        fs::copy(root().join("target").join(target).join("host").join(program), to.join(name))?;
    }
    Ok(())
}
