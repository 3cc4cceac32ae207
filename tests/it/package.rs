//! What a function is deployed as: the zip file or directory that `guesthouse package` writes.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use guesthouse::engine::{CODE_VERSION, CompileLimits, Target, compile_ahead};

use crate::support::{Host, guests::answering, process, program, task_root};

fn package<A: AsRef<OsStr>>(arguments: &[A]) -> Output {
    process::output(Command::new(program("guesthouse")).arg("package").args(arguments))
}

#[track_caller]
fn packaged<A: AsRef<OsStr>>(arguments: &[A]) -> String {
    let output = package(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Fails unless it is refused with these words and a remedy.
#[track_caller]
fn refused<A: AsRef<OsStr>>(arguments: &[A], words: &[&str]) {
    let output = package(arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for word in words.iter().chain(&["hint: "]) {
        assert!(said.contains(word), "`{word}` is not in {said}");
    }
}

/// The processor of this machine and the other one, as Lambda names them.
fn processors() -> [&'static str; 2] {
    if Target::native() == Some(Target::X86_64) { ["x86_64", "arm64"] } else { ["arm64", "x86_64"] }
}

/// A small program that passes for a host, with so many bytes behind it.
fn stand_in(filling: &[u8]) -> Vec<u8> {
    [&fs::read("/bin/true").unwrap(), CODE_VERSION.as_bytes(), filling].concat()
}

/// A directory with a `hello.wasm`, a `second.cwasm`, settings, and the host without debug info.
struct Project(tempfile::TempDir);

impl Project {
    fn new() -> Self {
        let project = Self(task_root());
        project.write("hello.wasm", &answering("v1"));
        project.write("second.cwasm", &compiled("v2", Target::native().unwrap()));
        project.write("guesthouse.toml", b"[handlers.hello]\nmemory = \"32MiB\"\n");
        project
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        fs::write(self.at(name), bytes).unwrap();
        self.at(name)
    }

    fn host(&self) -> PathBuf {
        let stripped = self.at("stripped");
        let strip = process::output(Command::new("strip").arg("-o").arg(&stripped).arg(program("bootstrap")));
        assert!(strip.status.success(), "{}", String::from_utf8_lossy(&strip.stderr));
        stripped
    }
}

fn compiled(version: &str, target: Target) -> Vec<u8> {
    compile_ahead(&answering(version), target, CompileLimits::default()).unwrap()
}

/// The same machine code, as another version of the compiler would have written it: with its name and a checksum.
fn older(mut code: Vec<u8>) -> Vec<u8> {
    let (version, older) = (CODE_VERSION.as_bytes(), CODE_VERSION.replace("0.1.0", "0.0.9"));
    let at = code.windows(version.len()).position(|window| window == version).unwrap();
    code[at..at + version.len()].copy_from_slice(older.as_bytes());
    let end = code.len() - 12;
    let checksum = crc32fast::hash(&code[..end]);
    code[end..end + 4].copy_from_slice(&checksum.to_le_bytes());
    code
}

/// Unpacks a zip file as the mode of each entry says, with another reader than the writer's. Returns a line for each.
fn unpacked(zip: &Path, to: &Path) -> Vec<String> {
    const SCRIPT: &str = "
import os, sys, zipfile
for entry in (archive := zipfile.ZipFile(sys.argv[1])).infolist():
    mode = entry.external_attr >> 16
    os.chmod(archive.extract(entry, sys.argv[2]), mode & 0o7777)
    print(entry.filename, oct(mode), *entry.date_time, entry.compress_type, entry.create_system)
assert archive.testzip() is None";
    let output = process::output(Command::new("python3").arg("-c").arg(SCRIPT).arg(zip).arg(to));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// The files of a directory, each with its mode.
fn files(directory: &Path) -> BTreeMap<String, (Vec<u8>, u32)> {
    let file = |entry: fs::DirEntry| {
        let mode = entry.metadata().unwrap().permissions().mode() & 0o7777;
        (entry.file_name().into_string().unwrap(), (fs::read(entry.path()).unwrap(), mode))
    };
    fs::read_dir(directory).unwrap().map(|entry| file(entry.unwrap())).collect()
}

#[test]
fn a_package_runs_where_it_is_unpacked_and_is_made_to_the_same_bytes() {
    let project = Project::new();
    let (hello, second, host) = (project.at("hello.wasm"), project.at("second.cwasm"), project.host());
    let make = |guests: [&Path; 2], output: &str| {
        let output = project.at(output);
        let option = |name: &'static str| Path::new(name);
        packaged(&[guests[0], guests[1], option("--bootstrap"), &host, option("-o"), &output]);
        output
    };
    let (zip, again) = (make([&hello, &second], "a.zip"), make([&second, &hello], "b.zip"));
    assert!(fs::read(&zip).unwrap() == fs::read(again).unwrap(), "the bytes differ");

    let task_root = task_root();
    let regular = |name: &str, mode: u32| format!("{name} 0o100{mode:o} 1980 1 1 0 0 0 8 3");
    assert_eq!(
        unpacked(&zip, task_root.path()),
        [
            regular("bootstrap", 0o755),
            regular("guesthouse.toml", 0o644),
            regular("hello.cwasm", 0o644),
            regular("second.cwasm", 0o644)
        ]
    );
    for (handler, response) in [("hello", "\"v1\""), ("second", "\"v2\"")] {
        let bootstrap = task_root.path().join("bootstrap");
        let host = Host::in_directory(task_root.path()).program(&bootstrap).env("_HANDLER", handler).start();
        assert_eq!(host.response("{}"), response);
    }

    // A directory has the same files, and is written a second time.
    let directory = make([&hello, &second], "directory");
    assert!(files(&directory) == files(task_root.path()), "the files differ");
    assert!(make([&hello, &second], "directory").join("bootstrap").metadata().unwrap().mtime() == 315_532_800);
    project.write("directory/left.cwasm", b"");
    let (hello, directory) = (hello.to_str().unwrap(), directory.to_str().unwrap());
    refused(&[hello, "--layer", "-o", directory], &["is not of this package"]);
}

#[test]
fn a_package_for_the_other_processor_takes_its_machine_code_and_no_other() {
    let project = Project::new();
    let [own, other] = processors();
    let (hello, second) = (project.at("hello.wasm"), project.at("second.cwasm"));
    let (hello, second) = (hello.to_str().unwrap(), second.to_str().unwrap());
    let directory = project.at("other");
    let said = packaged(&[hello, "--layer", "--arch", other, "-o", directory.to_str().unwrap()]);
    assert!(said.contains(&format!("guesthouse-layer-{}-{other}.zip", env!("CARGO_PKG_VERSION"))), "{said}");
    let target = Target::ALL.into_iter().find(|target| Some(*target) != Target::native()).unwrap();
    let written = files(&directory);
    assert_eq!(written.keys().collect::<Vec<_>>(), ["guesthouse.toml", "hello.cwasm"]);
    assert!(written["hello.cwasm"].0 == compiled("v1", target), "the code differs from that of `guesthouse compile`");

    let foreign = directory.join("hello.cwasm");
    let (foreign, zip) = (foreign.to_str().unwrap(), project.at("x.zip"));
    let zip = zip.to_str().unwrap();
    packaged(&[foreign, "--layer", "--arch", other, "-o", zip]);
    packaged(&[second, "--layer", "--arch", own, "-o", zip]);
    let words = |is: &str, wanted: &str| [format!("is for {is}, and the package for {wanted}"), "--arch".to_owned()];
    for (guest, is, wanted) in [(foreign, other, own), (second, own, other)] {
        let words = words(is, wanted);
        refused(&[guest, "--layer", "--arch", wanted, "-o", zip], &words.each_ref().map(String::as_str));
    }
}

#[test]
fn guests_that_no_package_can_have_are_refused() {
    let project = Project::new();
    let code = fs::read(project.at("second.cwasm")).unwrap();
    let mut damaged = code.clone();
    damaged[code.len() / 2] ^= 1;
    let older = older(code.clone());
    fs::create_dir(project.at("sub")).unwrap();
    for (name, bytes) in [
        ("damaged.cwasm", &damaged[..]),
        ("older.cwasm", &older),
        ("cut.cwasm", &code[..code.len() - 1]),
        ("text.wasm", b"text"),
        ("two words.wasm", &answering("v1")),
        ("sub/hello.wasm", &answering("v3")),
        ("sub/other.wasm", &answering("v4")),
    ] {
        project.write(name, bytes);
    }
    let zip = project.at("x.zip");
    let arguments = |guests: &[&str]| -> Vec<PathBuf> {
        let guests = guests.iter().map(|guest| project.at(guest));
        guests.chain(["--layer".into(), "-o".into(), zip.clone()]).collect()
    };
    for (guests, words) in [
        (&["damaged.cwasm"][..], "it is damaged"),
        (&["cut.cwasm"], "cut off"),
        (&["older.cwasm"], "not made by this version"),
        (&["text.wasm"], "not a wasm file"),
        (&["none.wasm"], "can't read"),
        (&["two words.wasm"], "no handler can have"),
        (&["hello.wasm", "sub/hello.wasm"], "two guests would be `hello.cwasm`"),
    ] {
        refused(&arguments(guests), &[words]);
        assert!(!zip.exists());
    }
    packaged(&arguments(&["hello.wasm", "sub/other.wasm"]));
}

#[test]
fn settings_that_do_not_fit_the_package_are_refused() {
    let project = Project::new();
    fs::create_dir(project.at("sub")).unwrap();
    project.write("sub/other.wasm", &answering("v4"));
    let (hello, other, zip) = (project.at("hello.wasm"), project.at("sub/other.wasm"), project.at("x.zip"));
    let arguments = [hello.as_path(), &other, Path::new("--layer"), Path::new("-o"), &zip];
    for (here, below, words) in [
        ("[handlers.hello]\nmemry = \"32MiB\"", "", &["memry", "memory"][..]),
        ("[handlers.x]\nsource = \"hello.wasm\"", "", &["`hello.wasm`", "source = \"hello.cwasm\""]),
        ("[handlers.x]\nmargin = \"1s\"", "[handlers.x]\nmargin = \"2s\"", &["differ", "one directory"]),
    ] {
        project.write("guesthouse.toml", here.as_bytes());
        // Without settings of its own, a guest has those of the others.
        let _ = fs::remove_file(project.at("sub/guesthouse.toml"));
        if !below.is_empty() {
            project.write("sub/guesthouse.toml", below.as_bytes());
        }
        refused(&arguments, words);
    }
    for text in ["[handlers.x]\nsource = \"hello.cwasm\"", "[handlers.x]\nsource = \"s3://bucket/hello.wasm\""] {
        project.write("guesthouse.toml", text.as_bytes());
        project.write("sub/guesthouse.toml", text.as_bytes());
        packaged(&arguments);
    }
}

#[test]
fn settings_of_the_current_directory_go_with_guests_and_not_with_the_host_alone() {
    let (project, elsewhere) = (Project::new(), task_root());
    let guest = elsewhere.path().join("hello.wasm");
    fs::write(&guest, answering("v1")).unwrap();
    project.write("bootstrap", &stand_in(&[]));
    let names = |what: &[&str]| -> Vec<String> {
        let mut command = Command::new(program("guesthouse"));
        command.current_dir(project.0.path()).arg("package").args(what).args(["-o", "x.zip"]);
        let output = process::output(&mut command);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let lines = unpacked(&project.at("x.zip"), elsewhere.path());
        lines.iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&[guest.to_str().unwrap(), "--layer"]), ["guesthouse.toml", "hello.cwasm"]);
    assert_eq!(names(&["--host", "--bootstrap", "bootstrap"]), ["bootstrap"]);
}

#[test]
fn the_host_is_found_where_it_is_installed_in_the_documented_order() {
    let [own, other] = processors();
    // Beside the program, so that a link to it is possible.
    let prefix = tempfile::tempdir_in(program("guesthouse").parent().unwrap()).unwrap();
    let (bin, lib) = (prefix.path().join("bin"), prefix.path().join("lib/guesthouse"));
    fs::create_dir_all(&bin).unwrap();
    fs::create_dir_all(&lib).unwrap();
    let (tool, zip) = (bin.join("guesthouse"), prefix.path().join("x.zip"));
    fs::hard_link(program("guesthouse"), &tool).unwrap();
    let run = |arguments: &[&str]| {
        let output = process::output(Command::new(&tool).args(["package", "--host", "-o"]).arg(&zip).args(arguments));
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    let (done, said) = run(&[]);
    assert!(!done && said.contains("there is no host") && said.contains("--bootstrap"), "{said}");
    let places = [bin.join("bootstrap"), lib.join(format!("bootstrap-{own}")), bin.join(format!("bootstrap-{own}"))];
    for place in &places {
        // Each goes before those that were there, and is read.
        fs::write(place, "text").unwrap();
        let (done, said) = run(&[]);
        let name = place.file_name().unwrap().to_str().unwrap();
        assert!(!done && said.contains(&format!("{name}` is not a host")), "{said}");
        fs::write(place, stand_in(&[])).unwrap();
        assert_eq!(run(&[]), (true, String::new()));
    }
    let (done, said) = run(&["--arch", other]);
    assert!(!done && said.contains(&format!("is for {own}, and the package for {other}")), "{said}");
    let named = prefix.path().join("named");
    fs::write(&named, fs::read("/bin/true").unwrap()).unwrap();
    let (done, said) = run(&["--bootstrap", named.to_str().unwrap()]);
    assert!(!done && said.contains("is not a host of this tool's version"), "{said}");
}

#[test]
fn a_package_that_lambda_would_refuse_for_its_size_is_not_written() {
    let directory = task_root();
    let (host, zip) = (directory.path().join("bootstrap"), directory.path().join("x.zip"));
    let arguments = |more: &'static str| {
        let options = ["--host", "--bootstrap"].map(PathBuf::from).into_iter();
        let options = options.chain([host.clone(), "-o".into(), zip.clone()]);
        options.chain((!more.is_empty()).then(|| more.into())).collect::<Vec<PathBuf>>()
    };
    // What is random is not compressed.
    let mut random = vec![0; 50 << 20];
    fastrand::Rng::with_seed(1).fill(&mut random);
    fs::write(&host, stand_in(&random)).unwrap();
    refused(&arguments(""), &["52428800", "--s3"]);
    assert!(!zip.exists());
    packaged(&arguments("--s3"));
    assert!(zip.metadata().unwrap().len() > 50 << 20);
    fs::remove_file(&zip).unwrap();
    fs::write(&host, stand_in(&random[..49 << 20])).unwrap();
    packaged(&arguments(""));
    fs::remove_file(&zip).unwrap();
    // The bytes that are not written are zeros.
    fs::write(&host, stand_in(&[])).unwrap();
    fs::File::options().write(true).open(&host).unwrap().set_len(250 << 20).unwrap();
    refused(&arguments("--s3"), &["262144000", "image"]);
    assert!(!zip.exists());
}
