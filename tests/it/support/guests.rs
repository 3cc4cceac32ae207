//! The guests, built once for a run of the tests.

use std::{fs, path::PathBuf, process::Command, sync::LazyLock};

use super::{root, text::Text};

/// A task root with `hello` and all fixtures.
pub static ALL: LazyLock<PathBuf> = LazyLock::new(build);

/// One guest's file.
pub fn path(name: &str) -> PathBuf {
    ALL.join(format!("{name}.wasm"))
}

/// A component written as text.
pub fn from_text(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("a component in the text format")
}

/// A guest that returns `"{version}"`, any number of times.
pub fn answering(version: &str) -> Vec<u8> {
    let length = version.len() + 2;
    let data = format!("(data (i32.const 512) \"\\\"{version}\\\"\")");
    let handle = format!(
        "(i32.store (i32.const 16) (i32.const 0)) (i32.store (i32.const 20) (i32.const 512))
         (i32.store (i32.const 24) (i32.const {length})) (i32.const 16)"
    );
    // What came for one event is forgotten before the next.
    let post_return = "(global.set $free (i32.const 1024))";
    Text { handle: handle.leak(), module: data.leak(), post_return, ..Text::default() }.build()
}

/// The names of the fixtures, from their sources.
pub fn fixtures() -> Vec<String> {
    let files = fs::read_dir(root().join("guests/fixtures/examples")).expect("fixtures").flatten();
    files.filter_map(|file| Some(file.path().file_stem()?.to_str()?.to_owned())).collect()
}

/// A component type in a component type, and so on: each level takes three bytes, and some of the stack of whoever
/// reads it.
pub fn nested_types(levels: usize) -> Vec<u8> {
    let types = [&[1][..], &[0x41, 0x01, 0x01].repeat(levels), &[0x41, 0x00]].concat();
    // A section's length in five bytes, as LEB128.
    let length = [0, 1, 2, 3, 4].map(|at| (types.len() >> (7 * at)) as u8 & 0x7f | if at < 4 { 0x80 } else { 0 });
    [b"\0asm\x0d\0\x01\0\x07", &length[..], &types].concat()
}

/// Components that each instantiate the one before twice: what is written once is there 2 to the power of `levels`
/// times.
pub fn nested_instances(levels: usize) -> Vec<u8> {
    let nested: String = (1..=levels)
        .map(|level| {
            format!(
                "(component $c{level} (alias outer 1 $c{} (component $x)) (instance (instantiate $x)) (instance (instantiate $x)))",
                level - 1
            )
        })
        .collect();
    from_text(&format!(
        r#"(component (component $c0) {nested} (instance (instantiate $c{levels}))
          (core module $m (func (export "run") (result i32) (i32.const 0)))
          (core instance $c (instantiate $m))
          (func $run (result (result)) (canon lift (core func $c "run")))
          (instance $e (export "run" (func $run)))
          (export "wasi:cli/run@0.2.0" (instance $e)))"#
    ))
}

/// A module with a function that has so many locals, and loops in each other which all change all of them.
pub fn loops_and_locals(locals: usize, loops: usize) -> Vec<u8> {
    let change: String =
        (1..=locals).map(|local| format!("(local.set {local} (i32.add (local.get {local}) (local.get 0)))")).collect();
    let ends: String = (0..loops).map(|label| format!("(br_if {label} (local.get {}))", 1 + label % locals)).collect();
    from_text(&format!(
        "(module (memory (export \"memory\") 1) (func (export \"_start\"))
           (func (export \"f\") (param i32) (result i32) (local {}) (block $out {}{change}{ends}{}) (local.get 1)))",
        "i32 ".repeat(locals),
        "(loop ".repeat(loops),
        ")".repeat(loops)
    ))
}

/// A guest whose table has so many elements, for each of which the compiler takes some 260 bytes.
pub fn many_elements(count: usize) -> Vec<u8> {
    let elements: &'static str = format!("(elem funcref {})", "(ref.null func)".repeat(count)).leak();
    Text { module: elements, ..Text::default() }.build()
}

/// What the outer cargo says about its own build is not meant for one that this command may start.
pub fn without_outer_cargo(command: &mut Command) -> &mut Command {
    for name in ["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"] {
        command.env_remove(name);
    }
    command
}

/// Returns one of the guests that export `wasi:http`: `raw`, `kept` or `axum`.
pub fn http(name: &str) -> PathBuf {
    static BUILT: LazyLock<PathBuf> =
        LazyLock::new(|| cargo_build(&["-p", "conformance-http", "--examples"]).join("examples"));
    BUILT.join(name).with_extension("wasm")
}

/// The samples of `wasi:http` that packages of the registry have, each with its package.
const PUBLISHED: [(&str, &str); 3] =
    [("wasip2@2.0.1", "http-proxy"), ("wstd@0.6.8", "http_server"), ("wstd-axum@0.6.8", "hello_world")];

/// The file of such a sample. They are built as they are published, and need only what the guests' workspace has.
pub fn published(sample: &str) -> PathBuf {
    static BUILT: LazyLock<PathBuf> = LazyLock::new(|| {
        let what = PUBLISHED.iter().flat_map(|&(package, sample)| ["-p", package, "--example", sample]);
        cargo_build(&what.collect::<Vec<_>>()).join("examples")
    });
    BUILT.join(sample.replace('-', "_")).with_extension("wasm")
}

/// Builds packages of the guests' workspace. Returns the directory with what came of it.
pub fn cargo_build(what: &[&str]) -> PathBuf {
    // Cargo takes the guests' target from a file in their directory, so it is run there.
    let guests = root().join("guests");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(&guests).args(["build", "--quiet", "--locked", "--release"]).args(what);
    let built = without_outer_cargo(&mut cargo).status().expect("cargo runs");
    let hint = "rustup target add wasm32-wasip1 wasm32-wasip2, or cargo xtask test";
    assert!(built.success(), "the guests do not build\nhint: {hint}");
    guests.join("target/wasm32-wasip2/release")
}

/// The same command as a component, and as a core module of WASI 0.1.
pub const PROGRAMS: [&str; 2] = ["command", "command-module"];

/// One that asks WASI 0.2, too, in the same two forms.
pub const MIXED: [&str; 2] = ["mixed", "mixed-module"];

fn build() -> PathBuf {
    let release = cargo_build(&["-p", "hello", "-p", "fixtures", "--lib", "--examples"]);
    let directory = root().join("target/tmp/guests");
    fs::create_dir_all(&directory).expect("a directory");
    let place = |from: PathBuf, name: &str| {
        // Written next to its place and moved there: another run of the tests may be reading it.
        let partial = directory.join(format!("{name}.{}", std::process::id()));
        fs::copy(&from, &partial).unwrap_or_else(|error| panic!("can't copy {}: {error}", from.display()));
        fs::rename(&partial, directory.join(format!("{name}.wasm"))).expect("a file is moved");
    };
    place(release.join("hello.wasm"), "hello");
    for name in fixtures() {
        place(release.join(format!("examples/{name}.wasm")), &name);
    }
    for [component, module] in [PROGRAMS, MIXED] {
        cargo_build(&["-p", "fixtures", "--example", component, "--target", "wasm32-wasip1"]);
        let modules = root().join("guests/target/wasm32-wasip1/release/examples");
        place(modules.join(format!("{component}.wasm")), module);
    }
    directory
}
