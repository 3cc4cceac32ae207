//! Guests that come from elsewhere when the host starts, and what is said where they don't.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use guesthouse::digest::Digest;
use serde_json::json;

use crate::support::{
    Host, Mode, Origin,
    elsewhere::{Key, from, said_by},
    guests::answering,
    origin::proxy_to,
    servers::{Registry, S3},
    wait_for,
};

#[test]
fn a_guest_comes_from_an_https_server_with_a_trusted_certificate_and_no_other() {
    let origin = Origin::with_tls();
    origin.put("/guest.wasm", answering("v1"));
    let reference = origin.url("/guest.wasm");
    let host = from(&reference, "0s").certificates(origin.authority()).start();
    assert_eq!(host.response("{}"), "\"v1\"");
    origin.put("/guest.wasm", answering("v2"));
    host.becomes("\"v2\"");
    from(&reference, "0s").init_error("Host.SourceUnavailable").explains(&["certificate"]);
}

#[test]
fn a_guest_comes_through_a_proxy_where_the_environment_names_one() {
    let origin = Origin::with_tls_for(&["guests.example"]);
    origin.put("/guest.wasm", answering("v1"));
    let proxy = format!("http://{}", proxy_to(&origin.address));
    let setup = from("https://guests.example/guest.wasm", "off");
    let host = setup.certificates(origin.authority()).proxy(&proxy).start();
    assert_eq!(host.response("{}"), "\"v1\"");
}

#[test]
fn a_source_that_is_not_there_is_tried_until_the_init_phase_is_almost_over() {
    let begun = Instant::now();
    let error = from("http://127.0.0.1:9/guest.wasm", "off")
        .margin("1s")
        .init_error("Host.SourceUnavailable")
        .explains(&["`http://127.0.0.1:9/guest.wasm`", " times in "]);
    let seconds = error.message().split(" times in ").nth(1).unwrap().split(' ').next().unwrap();
    assert!((5.0..20.0).contains(&seconds.parse().unwrap()), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[test]
fn a_source_that_recovers_in_time_is_not_missed() {
    let origin = Origin::start();
    origin.put("/guest.wasm", answering("v1"));
    origin.set(Mode::Status("503 Service Unavailable"));
    let host = from(&origin.url("/guest.wasm"), "off").spawn();
    wait_for("some tries", || (origin.asked().len() > 2).then_some(()));
    origin.set(Mode::Serve);
    assert_eq!(host.response("{}"), "\"v1\"");
}

#[test]
fn what_is_not_there_or_not_allowed_or_no_guest_is_reported_at_once() {
    let origin = Origin::start();
    origin.put("/guest.wasm", answering("v1"));
    for (mode, error_type, part) in [
        (Mode::Status("404 Not Found"), "Host.GuestNotFound", "no such guest"),
        (Mode::Status("403 Forbidden"), "Host.SourceUnavailable", "403 Forbidden"),
        (Mode::Redirect("/guest.wasm".to_owned()), "Host.SourceUnavailable", "more than 5 redirects"),
        (Mode::Huge { announced: true }, "Host.InvalidGuest", "larger than 67108864 bytes"),
        (Mode::Html, "Host.InvalidGuest", "a web page"),
    ] {
        origin.set(mode);
        from(&origin.url("/guest.wasm"), "off").init_error(error_type).explains(&[part]);
    }
}

#[test]
fn a_query_is_sent_and_never_shown() {
    let origin = Origin::start();
    let reference = format!("{}?signature=secret", origin.url("/guest.wasm"));
    let error = from(&reference, "off").any_init_error();
    assert!(!error.to_string().contains("secret"), "{error}");
    origin.put("/guest.wasm", answering("v1"));
    let host = from(&reference, "0s").start();
    origin.put("/guest.wasm", answering("v2"));
    host.becomes("\"v2\"");
    origin.put("/guest.wasm", "broken");
    assert_eq!(host.response("{}"), "\"v2\"");
    said_by(&host, 2);
    assert!(host.program.lines().iter().all(|line| !line.contains("secret")), "{:#?}", host.program.lines());
}

#[test]
fn an_artifact_at_the_limit_is_taken_and_one_over_it_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("guest.wasm");
    let bytes = answering("v1");
    fs::write(&file, &bytes).unwrap();
    let reference = format!("file://{}", file.display());
    let limited = |limit: usize| from(&reference, "off").artifact_limit(&format!("{limit}B"));
    assert_eq!(limited(bytes.len()).start().response("{}"), "\"v1\"");
    limited(bytes.len() - 1).init_error("Host.InvalidGuest").explains(&["larger than"]);
}

#[test]
fn what_does_not_come_from_the_task_root_needs_a_signature_where_keys_are_trusted() {
    let (key, other) = (Key::new(), Key::new());
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("guest.wasm");
    let bytes = answering("v1");
    fs::write(&file, &bytes).unwrap();
    let reference = format!("file://{}", file.display());
    let start = || from(&reference, "off").trusted_key(&key.public());
    start().init_error("Host.Untrusted").explains(&["no signature"]);
    fs::write(directory.path().join("guest.wasm.minisig"), other.sign(&bytes)).unwrap();
    start().init_error("Host.Untrusted").explains(&["none of the trusted keys"]);
    fs::write(directory.path().join("guest.wasm.minisig"), key.sign(&bytes)).unwrap();
    assert_eq!(start().start().response("{}"), "\"v1\"");
    // The task root is trusted as it is.
    let host = Host::in_directory(directory.path()).handler("guest").trusted_key(&other.public());
    assert_eq!(host.start().response("{}"), "\"v1\"");
}

#[test]
fn s3_tells_what_is_missing_or_not_allowed() {
    let s3 = S3::start();
    let start = |reference: &str, secret: &str| {
        let setup = from(reference, "off").envs(&s3.env());
        setup.env("AWS_SECRET_ACCESS_KEY", secret).any_init_error()
    };
    start("s3://guests/none.wasm", &s3.secret).has_type("Host.GuestNotFound").explains(&["s3://guests/none.wasm"]);
    start("s3://guests/none.wasm", "wrong").has_type("Host.SourceUnavailable").explains(&["403 Forbidden"]);
}

#[test]
fn an_artifact_in_a_registry_is_recognized_by_its_layers() {
    let registry = Registry::start();
    let bytes = answering("v1");
    let layer = registry.push_blob("guests/hello", &bytes);
    let config = registry.push_blob("guests/hello", b"{}");
    let other = registry.push_blob("guests/hello", b"readme");
    let manifest = |layers: &[(&str, &str, usize)]| {
        let layers: Vec<_> = layers
            .iter()
            .map(|(kind, digest, size)| json!({"mediaType": kind, "digest": digest, "size": size}))
            .collect();
        json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": layers,
            "config": {"mediaType": "application/vnd.wasm.config.v0+json", "digest": config, "size": 2},
        })
    };
    let wasm = ("application/wasm", layer.as_str(), bytes.len());
    let plain = ("application/octet-stream", layer.as_str(), bytes.len());
    let text = ("text/markdown", other.as_str(), 6);
    registry.push_manifest("guests/hello", "wasm", &manifest(&[wasm]));
    registry.push_manifest("guests/hello", "plain", &manifest(&[plain]));
    registry.push_manifest("guests/hello", "with-text", &manifest(&[text, wasm]));
    registry.push_manifest("guests/hello", "neither", &manifest(&[text, plain]));
    let reference = |tag: &str| format!("oci://{}/guests/hello:{tag}", registry.address);
    for tag in ["wasm", "plain", "with-text"] {
        assert_eq!(from(&reference(tag), "off").start().response("{}"), "\"v1\"", "{tag}");
    }
    from(&reference("neither"), "off").init_error("Host.InvalidGuest").explains(&["not exactly one is the guest"]);
    from(&reference("none"), "off").init_error("Host.GuestNotFound").explains(&["guests/hello:none"]);
    let wrong = format!("oci://{}/guests/hello@sha256:{}", registry.address, "0".repeat(64));
    from(&wrong, "off").init_error("Host.GuestNotFound").explains(&["@sha256:000"]);
}

/// The names lead to this machine by a proxy; the token comes from a real server.
#[test]
fn awss_registry_is_entered_with_a_token_and_again_when_that_is_refused() {
    const REGISTRY: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
    let (s3, origin) = (S3::start(), Origin::with_tls_for(&[REGISTRY]));
    let put = |version: &str| {
        let bytes = answering(version);
        let layer = Digest::of(&bytes).to_string();
        let layers = [json!({"mediaType": "application/wasm", "digest": layer, "size": bytes.len()})];
        origin.put(&format!("/v2/hello/blobs/{layer}"), bytes);
        origin.put("/v2/hello/manifests/live", json!({"schemaVersion": 2, "layers": layers}).to_string());
    };
    put("v1");
    // What moto gives out.
    origin.set(Mode::Login("Basic QVdTOjEyMzQ1Njc4OTAxMi1hdXRoLXRva2Vu".to_owned()));
    let reference = format!("oci://{REGISTRY}/hello:live");
    let setup = from(&reference, "0s").envs(&s3.env());
    let setup = setup.env("AWS_ENDPOINT_URL_ECR", &format!("http://{}/", s3.address));
    let setup = setup.proxy(&format!("http://{}", proxy_to(&origin.address)));
    let host = setup.certificates(origin.authority()).start();
    assert_eq!(host.response("{}"), "\"v1\"");
    put("v2");
    host.becomes("\"v2\"");
    let asked = |status: &str| origin.asked().iter().filter(|asked| asked.status.starts_with(status)).count();
    assert_eq!((asked("401"), asked("403")), (1, 0), "the token is kept");
    // One that is too old is refused; with the next one it goes on.
    origin.set(Mode::Login("Basic another".to_owned()));
    put("v3");
    wait_for("a refusal", || {
        assert_eq!(host.response("{}"), "\"v2\"");
        (asked("403") > 0).then_some(())
    });
    origin.set(Mode::Login("Basic QVdTOjEyMzQ1Njc4OTAxMi1hdXRoLXRva2Vu".to_owned()));
    host.becomes("\"v3\"");
}

#[test]
fn a_byte_that_is_flipped_in_a_registry_is_noticed() {
    let registry = Registry::start();
    let bytes = answering("v1");
    let layer = registry.push_blob("hello", &bytes);
    let manifest = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "layers": [{"mediaType": "application/wasm", "digest": layer, "size": bytes.len()}],
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": registry.push_blob("hello", b"{}"), "size": 2},
    });
    registry.push_manifest("hello", "1", &manifest);
    let mut flipped = bytes.clone();
    flipped[100] ^= 1;
    fs::write(registry.blob(&layer), flipped).unwrap();
    from(&format!("oci://{}/hello:1", registry.address), "off")
        .init_error("Host.SourceUnavailable")
        .explains(&[&layer]);
}

#[test]
fn a_reference_that_is_none_is_refused_with_how_to_write_it() {
    for reference in
        ["s3://bucket", "oci://hello", "http://example.com/x.wasm", "ftp://example.com/x.wasm", "file://x.wasm"]
    {
        Host::in_directory(Path::new("/")).handler(reference).init_error("Host.Config").explains(&[]);
    }
}
