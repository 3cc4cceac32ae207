//! Servers that lie about the guest they have. None may end the process, take long, or be believed.

use std::thread;

use guesthouse::digest::Digest;
use serde_json::{Value, json};

use crate::support::{
    Mode, Origin, Setup,
    elsewhere::{Key, from, said_by},
    guests::answering,
};

/// A registry that has what the test says, true or not.
struct Registry(Origin);

impl Registry {
    fn start() -> Self {
        Self(Origin::start())
    }

    /// Serves this manifest, and this as the blob of any digest in it.
    fn put(&self, manifest: &str, blobs: &[(&str, &[u8])]) -> Setup {
        self.0.put("/v2/hello/manifests/1", manifest);
        for (digest, bytes) in blobs {
            self.0.put(&format!("/v2/hello/blobs/{digest}"), *bytes);
        }
        from(&format!("oci://{}/hello:1", self.0.address), "off")
    }
}

fn layer(digest: &str, bytes: usize) -> Value {
    json!({"mediaType": "application/wasm", "digest": digest, "size": bytes})
}

#[test]
fn a_manifest_that_lies_is_refused_with_what_is_wrong() {
    let registry = Registry::start();
    let guest = answering("v1");
    let digest = Digest::of(&guest).to_string();
    let layers = |layers: Value| json!({"schemaVersion": 2, "layers": layers}).to_string();
    let own = || layer(&digest, guest.len());
    let many: Vec<Value> = (0..20_000).map(|_| json!({"mediaType": "a", "digest": digest, "size": 1})).collect();
    let sha512 = format!("sha512:{}", "0".repeat(128));
    for (manifest, error_type, words) in [
        (layers(json!([layer(&digest, guest.len() - 1)])), "Host.InvalidGuest", "its manifest says"),
        (layers(json!([layer(&digest, guest.len() + 1)])), "Host.InvalidGuest", "its manifest says"),
        (layers(json!([layer(&digest, usize::MAX)])), "Host.InvalidGuest", "larger than"),
        (layers(json!([own(), own()])), "Host.InvalidGuest", "not exactly one is the guest"),
        (layers(json!(many)), "Host.InvalidGuest", "not exactly one is the guest"),
        (layers(json!([])), "Host.InvalidGuest", "not exactly one is the guest"),
        (layers(json!([layer(&sha512, 1)])), "Host.InvalidGuest", "no SHA-256 digest"),
        (layers(json!([layer("sha256:../../../secret", 1)])), "Host.InvalidGuest", "no SHA-256 digest"),
        (
            layers(json!([{"mediaType": "application/wasm", "digest": digest, "size": -1}])),
            "Host.InvalidGuest",
            "not JSON",
        ),
        (layers(json!("none")), "Host.InvalidGuest", "not JSON"),
        (json!({"manifests": [{}]}).to_string(), "Host.InvalidGuest", "a list of manifests"),
        ("[".repeat(1_000_000), "Host.InvalidGuest", "not JSON"),
        ("{}".to_owned() + &" ".repeat(5_000_000), "Host.InvalidGuest", "larger than"),
        (String::new(), "Host.InvalidGuest", "not JSON"),
        ("\u{1b}]0;owned\u{7}".to_owned(), "Host.InvalidGuest", "not JSON"),
    ] {
        registry.put(&manifest, &[(&digest, &guest)]).init_error(error_type).explains(&[words]);
    }
    // What it says besides does not matter.
    let foreign = json!({"mediaType": "application/wasm", "digest": digest, "size": guest.len(), "urls": ["http://127.0.0.1:9/x"]});
    let manifest = json!({"schemaVersion": 99, "mediaType": 7, "config": null, "layers": [foreign], "subject": [[]]});
    assert_eq!(registry.put(&manifest.to_string(), &[(&digest, &guest)]).start().response("{}"), "\"v1\"");
}

#[test]
fn a_manifest_that_names_another_guests_digest_is_not_believed() {
    let registry = Registry::start();
    let (promised, sent) = (answering("v1"), answering("v2"));
    let digest = Digest::of(&promised).to_string();
    let manifest = json!({"schemaVersion": 2, "layers": [layer(&digest, sent.len())]}).to_string();
    let setup = registry.put(&manifest, &[(&digest, &sent)]).margin("5s");
    setup.init_error("Host.SourceUnavailable").explains(&["the received layer is not"]);
}

/// Where it sends a token is its own business; that it wants it without TLS is refused.
#[test]
fn a_registry_that_asks_for_more_than_a_token_is_refused() {
    let origin = Origin::start();
    origin.set(Mode::Login("nobody's".to_owned()));
    from(&format!("oci://{}/hello:1", origin.address), "off")
        .init_error("Host.SourceUnavailable")
        .explains(&["requires a name and a password"]);
}

/// An endpoint that is none of S3's, and some of what it may say. What may pass is tried again for as long as there is
/// time.
#[test]
fn an_s3_that_lies_is_refused_with_what_is_wrong() {
    let xml = "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code></Error>";
    let cases = [
        (Mode::Serve, xml, "Host.InvalidGuest", "not a wasm file"),
        (Mode::Serve, "", "Host.InvalidGuest", "empty"),
        (Mode::Html, "", "Host.InvalidGuest", "not a wasm file"),
        (Mode::Huge { announced: true }, "", "Host.InvalidGuest", "larger than"),
        (Mode::Huge { announced: false }, "", "Host.SourceUnavailable", "Content-Length"),
        (Mode::DieMidBody, "\0asm and so on", "Host.SourceUnavailable", "times in"),
        (Mode::Redirect("http://169.254.169.254/secret".to_owned()), "", "Host.SourceUnavailable", ""),
        (Mode::Redirect("file:///etc/passwd".to_owned()), "", "Host.SourceUnavailable", ""),
        (Mode::Status("500 \u{1b}[2J"), "", "Host.SourceUnavailable", "times in"),
    ];
    thread::scope(|scope| {
        for (mode, file, error_type, words) in cases {
            scope.spawn(move || {
                let origin = s3_with(file);
                origin.set(mode.clone());
                let error = of_s3(&origin).margin("5s").any_init_error();
                assert_eq!(error.error_type(), error_type, "{mode:?}: {error}");
                let message = error.message();
                assert!(message.contains(words) && !message.contains('\u{1b}'), "{mode:?}: {message}");
            });
        }
    });
    let honest = s3_with(answering("v1"));
    assert_eq!(of_s3(&honest).start().response("{}"), "\"v1\"");
}

fn s3_with(file: impl Into<Vec<u8>>) -> Origin {
    let origin = Origin::start();
    origin.put("/guests/hello.wasm", file);
    origin
}

fn of_s3(origin: &Origin) -> Setup {
    let endpoint = format!("http://{}", origin.address);
    from("s3://guests/hello.wasm", "off").env("AWS_ENDPOINT_URL_S3", &endpoint).env("AWS_REGION", "us-east-1")
}

#[test]
fn a_server_that_is_not_who_it_says_is_refused() {
    let origin = Origin::with_tls_for(&["other.example"]);
    origin.put("/guest.wasm", answering("v1"));
    let authority = origin.authority();
    let start = |reference: &str| from(reference, "off").certificates(authority).margin("5s").any_init_error();
    start(&origin.url("/guest.wasm")).has_type("Host.SourceUnavailable").explains(&["certificate"]);
    // One that speaks without TLS where it should not.
    let plain = Origin::start();
    plain.put("/guest.wasm", answering("v1"));
    start(&plain.url("/guest.wasm").replace("http:", "https:"))
        .has_type("Host.SourceUnavailable")
        .explains(&["times in"]);
    // And a name for it that is none of this machine's.
    start("http://other.example/guest.wasm").has_type("Host.Config").explains(&["https"]);
}

/// The signature that is beside a guest may be that of the one before it, or of the one after.
#[test]
fn a_guest_is_never_taken_with_another_ones_signature() {
    let (key, origin) = (Key::new(), Origin::start());
    let (first, second, third) = (answering("v1"), answering("v2"), answering("v3"));
    let put = |guest: &[u8], signed: &[u8]| {
        origin.put("/guest.wasm.minisig", key.sign(signed));
        origin.put("/guest.wasm", guest);
    };
    put(&first, &first);
    let host = from(&origin.url("/guest.wasm"), "0s").trusted_key(&key.public()).start();
    assert_eq!(host.response("{}"), "\"v1\"");
    for (count, (guest, signed)) in [(&second, &first), (&second, &third), (&third, &second)].into_iter().enumerate() {
        put(guest, signed);
        let lines = said_by(&host, count + 1);
        assert!(lines[count].contains("Host.Untrusted"), "{lines:#?}");
        assert_eq!(host.response("{}"), "\"v1\"");
    }
    put(&third, &third);
    host.becomes("\"v3\"");
}
