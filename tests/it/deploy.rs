//! A deploy is one small upload, which a running environment takes.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use crate::support::{
    elsewhere::{from, said_by},
    guests::{self, answering},
    process, program,
    servers::{Registry, S3},
    wait_for,
};

fn push(guest: &Path, reference: &str, env: &[(String, String)], arguments: &[&str]) -> Output {
    let mut tool = Command::new(program("guesthouse"));
    let tool = tool.arg("push").arg(guest).arg(reference).args(arguments).envs(env.iter().cloned());
    process::output(tool.env("DOCKER_CONFIG", "/nowhere"))
}

/// Made for these tests by `minisign -G -W`, version 0.11.
const SECRET_KEY: &str = "untrusted comment: minisign encrypted secret key
RWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABsYRqEa0me3NrPDAldBr+AyPnZCjsKyDLsS9KKHH3H6k+pSWBU+79aEc463GO/c+/ZnJbT0iJP1oN1iVq8yj4QmBSqJSSD8QAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
";
const PUBLIC_KEY: &str = "RWQGxhGoRrSZ7aEc463GO/c+/ZnJbT0iJP1oN1iVq8yj4QmBSqJSSD8Q";

/// Pushes and serves one version after the other, by the same process.
fn deploys(reference: &str, env: &[(String, String)], unchanged: impl Fn() -> usize) {
    let directory = tempfile::tempdir().unwrap();
    let (guest, secret) = (directory.path().join("guest.wasm"), directory.path().join("secret.key"));
    fs::write(&secret, SECRET_KEY).unwrap();
    let write = |version: &str| fs::write(&guest, answering(version)).unwrap();
    let pushed = |arguments: &[&str]| {
        let output = push(&guest, reference, env, arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let signed = ["--key", secret.to_str().unwrap()];
    write("v1");
    pushed(&[]);
    let setup = |key: Option<&str>| {
        let setup = from(reference, "0s").envs(env);
        match key {
            Some(key) => setup.trusted_key(key),
            None => setup,
        }
    };
    let host = setup(None).start();
    assert_eq!(host.response("{}"), "\"v1\"");
    write("v2");
    pushed(&[]);
    host.becomes("\"v2\"");
    let before = unchanged();
    assert_eq!((host.response("{}"), host.response("{}")), ("\"v2\"".to_owned(), "\"v2\"".to_owned()));
    wait_for("two requests that cost nothing", || {
        host.response("{}");
        (unchanged() >= before + 2).then_some(())
    });
    said_by(&host, 1);
    // What is not signed is not taken where keys are trusted.
    setup(Some(PUBLIC_KEY)).init_error("Host.Untrusted");
    write("v3");
    pushed(&signed);
    let strict = setup(Some(PUBLIC_KEY)).start();
    strict.becomes("\"v3\"");
    host.becomes("\"v3\"");
    // Machine code, which is compiled by nobody there.
    write("v4");
    let compiled = Command::new(program("guesthouse")).arg("compile").arg(&guest).output().unwrap();
    assert!(compiled.status.success());
    fs::rename(guest.with_extension("cwasm"), &guest).unwrap();
    let unsigned = push(&guest, reference, env, &[]);
    assert!(!unsigned.status.success() && String::from_utf8_lossy(&unsigned.stderr).contains("--key"));
    pushed(&signed);
    strict.becomes("\"v4\"");
    assert_eq!(host.response("{}"), "\"v3\"");
    assert!(said_by(&host, 3)[2].contains("Host.Untrusted"));
    // What was refused for want of a signature is taken when it has one.
    fs::write(&guest, answering("v5")).unwrap();
    pushed(&[]);
    host.becomes("\"v5\"");
    assert_eq!(strict.response("{}"), "\"v4\"");
    pushed(&signed);
    strict.becomes("\"v5\"");
}

#[test]
fn an_upload_to_s3_is_served_by_the_running_environment() {
    let s3 = S3::start();
    deploys("s3://guests/teams/one/guest.wasm", &s3.env(), || s3.unchanged());
}

#[test]
fn an_upload_to_an_oci_registry_is_served_by_the_running_environment() {
    let registry = Registry::start();
    deploys(&format!("oci://{}/teams/one/guest:live", registry.address), &[], || registry.unchanged());
}

#[test]
fn an_upload_that_is_refused_says_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let guest = directory.path().join("guest.wasm");
    fs::write(&guest, answering("v1")).unwrap();
    fs::write(directory.path().join("text"), "text").unwrap();
    fs::write(directory.path().join("cut.wasm"), &answering("v1")[..500]).unwrap();
    for (guest, reference, part) in [
        (guest.clone(), "https://example.com/x.wasm", "no way to upload"),
        (guest.clone(), "s3://bucket", "it names no bucket, or no key"),
        (guest.clone(), "oci://127.0.0.1:9/hello:1", "can't upload the guest"),
        (directory.path().join("text"), "s3://bucket/key.wasm", "is not a guest"),
        (directory.path().join("cut.wasm"), "s3://bucket/key.wasm", "the file is cut off: it has 500 bytes"),
        (directory.path().join("none.wasm"), "s3://bucket/key.wasm", "can't read"),
    ] {
        let output = push(&guest, reference, &[], &[]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && said.contains(part) && said.contains("hint: "), "{said}");
    }
}

/// The variables with which a source is reached are not the guest's.
#[test]
fn a_guest_does_not_see_with_what_it_was_fetched() {
    let s3 = S3::start();
    let guest = guests::path("environment");
    assert!(push(&guest, "s3://guests/guest.wasm", &s3.env(), &[]).status.success());
    let seen = from("s3://guests/guest.wasm", "off").envs(&s3.env()).start().response("{}");
    assert!(!seen.contains(&s3.secret), "{seen}");
}
