//! The guests, built once for a run of the tests.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use super::root;

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

/// A guest written as text, whose function `handle` has this body: its parameter points to the event and the context, and
/// its result to a `result<string, handler-error>`. Memory is 128 KiB; its first KiB is zeros.
pub fn handling(body: &str) -> Vec<u8> {
    handling_with(body, "", "")
}

/// The same, with what `realloc` does first and what the clean-up after an answer does.
pub fn handling_with(body: &str, realloc: &str, post_return: &str) -> Vec<u8> {
    from_text(&HANDLING.replace("BODY", body).replace("REALLOC", realloc).replace("POST_RETURN", post_return))
}

const HANDLING: &str = r#"(component
  (import "guesthouse:lambda/types@0.1.0" (instance $types
    (type $identity (record (field "identity-id" string) (field "identity-pool-id" string)))
    (export "cognito-identity" (type $cognito-identity (eq $identity)))
    (type $the-context (record
      (field "request-id" string) (field "function-name" string) (field "function-version" string)
      (field "invoked-function-arn" string) (field "memory-limit-mib" u32) (field "log-group-name" string)
      (field "log-stream-name" string) (field "deadline-ms" u64) (field "trace-id" (option string))
      (field "client-context" (option string)) (field "identity" (option $cognito-identity))
      (field "tenant-id" (option string))))
    (export "context" (type (eq $the-context)))
    (type $error (record
      (field "error-type" string) (field "error-message" string) (field "stack-trace" (list string))))
    (export "handler-error" (type (eq $error)))))
  (core module $code
    (memory (export "memory") 2)
    (table $table 2 2 funcref)
    (elem (i32.const 0) $takes-nothing)
    (type $to-number (func (result i32)))
    (global $free (mut i32) (i32.const 1024))
    (func $takes-nothing)
    (func $deeper (param i32) (result i32)
      (i32.add (call $deeper (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $at i32)
      REALLOC
      (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
      (global.set $free (i32.add (local.get $at) (local.get 3)))
      (local.get $at))
    (func (export "clean-up") (param i32) POST_RETURN)
    (func (export "handle") (param $arguments i32) (result i32) BODY))
  (core instance $code (instantiate $code))
  (alias export $types "context" (type $context))
  (alias export $types "handler-error" (type $handler-error))
  (func $handle (param "event" string) (param "context" $context) (result (result string (error $handler-error)))
    (canon lift (core func $code "handle")
      (memory (core memory $code "memory")) (realloc (core func $code "realloc")) (post-return (core func $code "clean-up"))))
  (instance $handler (export "handle" (func $handle)))
  (export "guesthouse:lambda/handler@0.1.0" (instance $handler)))"#;

/// The names of the fixtures, from their sources.
pub fn fixtures() -> Vec<String> {
    let files = fs::read_dir(root().join("guests/fixtures/examples")).expect("fixtures").flatten();
    files.filter_map(|file| Some(file.path().file_stem()?.to_str()?.to_owned())).collect()
}

fn build() -> PathBuf {
    // Cargo takes the guests' target from a file in their folder, so it is run there.
    let guests = root().join("guests");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(&guests).args([
        "build",
        "--quiet",
        "--locked",
        "--release",
        "-p",
        "hello",
        "-p",
        "fixtures",
        "--lib",
        "--examples",
    ]);
    // What the outer cargo says about its own build is not meant for this one.
    for name in ["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"] {
        cargo.env_remove(name);
    }
    let built = cargo.status().expect("cargo runs");
    assert!(built.success(), "the guests do not build\nhint: rustup target add wasm32-wasip2, or cargo xtask test");

    let release = guests.join("target/wasm32-wasip2/release");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guests");
    fs::create_dir_all(&folder).expect("a folder");
    let place = |from: PathBuf, name: &str| {
        // Written next to its place and moved there: another run of the tests may be reading it.
        let partial = folder.join(format!("{name}.{}", std::process::id()));
        fs::copy(&from, &partial).unwrap_or_else(|error| panic!("can't copy {}: {error}", from.display()));
        fs::rename(&partial, folder.join(format!("{name}.wasm"))).expect("a file is moved");
    };
    place(release.join("hello.wasm"), "hello");
    for name in fixtures() {
        place(release.join(format!("examples/{name}.wasm")), &name);
    }
    folder
}
