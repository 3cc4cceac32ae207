//! Guests of all languages, compiled ahead of time: `cargo xtask test` builds them, but those in Rust are built here.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{Host, Setup, guests, program, root};

/// Where a language's guests are, compiled ahead of time as on Lambda: some take the compiler half a minute.
pub fn directory(language: &str) -> PathBuf {
    root().join("target/guests").join(language)
}

pub fn host(language: &str, guest: &str) -> Setup {
    let compiled = directory(language).join(guest).with_extension("cwasm");
    assert!(compiled.exists(), "there is no {}\nhint: cargo xtask test", compiled.display());
    Host::with_file(&compiled)
}

/// One in Rust needs nothing that the other tests do not need.
pub fn build_rust(package: &str, directory: &Path) {
    build_rust_programs(package, &[package], directory);
}

/// Builds a package of several.
pub fn build_rust_programs(package: &str, names: &[&str], directory: &Path) {
    let built = guests::cargo_build(&["-p", package]);
    fs::create_dir_all(directory).unwrap();
    for name in names {
        let compiled = Command::new(program("guesthouse"))
            .arg("compile")
            .arg(built.join(name).with_extension("wasm"))
            .arg("-o")
            .arg(directory.join(name).with_extension("cwasm"))
            .output()
            .unwrap();
        assert!(compiled.status.success(), "{compiled:?}");
    }
}
