//! Ordinary client code of each language: one handler in each, `guests/conformance/network`, asked the same.

use std::{sync::Once, time::Duration};

use serde_json::{Value, json};

use crate::support::{
    Api, Event, Host, Setup,
    compiled::{self, build_rust, directory},
    servers::{Redis, S3},
    wait_for,
};

/// A language, with its clients, and with what their errors say.
struct Language {
    name: &'static str,
    clients: &'static [Client],
    refused: &'static str,
    certificate: &'static str,
    prohibited: &'static str,
    /// Whether it has sockets.
    has_sockets: bool,
    /// Whether they speak TLS.
    has_secure_sockets: bool,
    /// Whether it can send a body in chunks, and have many requests under way.
    is_concurrent: bool,
    /// Whether the SDK of AWS is in the guest.
    has_aws: bool,
}

/// A client, and what it does by itself.
struct Client {
    name: &'static str,
    speaks_tls: bool,
    unpacks: bool,
    follows: bool,
}

const PYTHON: Language = Language {
    name: "python",
    clients: &[
        Client { name: "requests", speaks_tls: true, unpacks: true, follows: true },
        Client { name: "urllib", speaks_tls: true, unpacks: false, follows: true },
        Client { name: "httpx", speaks_tls: true, unpacks: true, follows: false },
    ],
    refused: "Connection refused",
    certificate: "certificate verify failed",
    prohibited: "no guest can reach this address",
    has_sockets: true,
    has_secure_sockets: true,
    is_concurrent: true,
    has_aws: true,
};

const LANGUAGES: &[Language] = &[
    PYTHON,
    Language {
        name: "go",
        clients: &[Client { name: "net/http", speaks_tls: true, unpacks: true, follows: true }],
        refused: "Connection refused",
        certificate: "failed to verify certificate",
        prohibited: "no guest can reach this address",
        has_sockets: true,
        has_secure_sockets: false,
        is_concurrent: true,
        has_aws: true,
    },
    Language {
        name: "rust",
        clients: &[
            Client { name: "wstd", speaks_tls: true, unpacks: false, follows: false },
            Client { name: "ureq", speaks_tls: false, unpacks: false, follows: true },
        ],
        refused: "ConnectionRefused",
        certificate: "TlsCertificateError",
        prohibited: "DestinationIpProhibited",
        has_sockets: true,
        has_secure_sockets: false,
        is_concurrent: true,
        has_aws: false,
    },
    Language {
        name: "c",
        clients: &[Client { name: "guesthouse_fetch", speaks_tls: true, unpacks: false, follows: false }],
        refused: "connection-refused",
        certificate: "TLS-certificate-error",
        prohibited: "destination-IP-prohibited",
        has_sockets: false,
        has_secure_sockets: false,
        is_concurrent: false,
        has_aws: false,
    },
    Language {
        name: "js",
        clients: &[
            Client { name: "fetch", speaks_tls: true, unpacks: true, follows: true },
            Client { name: "axios", speaks_tls: true, unpacks: true, follows: true },
        ],
        refused: "ECONNREFUSED",
        certificate: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
        prohibited: "EACCES",
        has_sockets: true,
        has_secure_sockets: true,
        is_concurrent: true,
        has_aws: true,
    },
];

fn javascript() -> &'static Language {
    LANGUAGES.last().unwrap()
}

impl Language {
    /// A host with the language's guest, in a function as large as its SDK of AWS wants it.
    fn guest(&self) -> Setup {
        static RUST: Once = Once::new();
        if self.name == "rust" {
            RUST.call_once(|| build_rust("network", &directory(self.name)));
        }
        compiled::host(self.name, "network").function_memory(1024).env("AWS_DEFAULT_REGION", "us-east-1")
    }

    /// The same, where the guest may send requests to the server, and use sockets.
    fn host(&self, api: &Api) -> Setup {
        let setup = self.guest().allow(&[&api.url(""), &format!("tcp://{}", api.authority())]);
        if api.scheme() == "https" { setup.certificates(api.certificates()) } else { setup }
    }
}

/// Asks a guest, which may take its time on a busy machine.
fn ask(host: &Host, event: &Value) -> Value {
    let event = Event::new(event.to_string()).timeout(Duration::from_secs(120));
    host.fake.invoke(event).response_json()
}

#[test]
fn requests_are_sent_and_responses_read_by_each_client() {
    for language in LANGUAGES {
        for api in [Api::start(), Api::with_tls()] {
            let host = language.host(&api).start();
            let speaks = |client: &&Client| client.speaks_tls || api.scheme() == "http";
            for client in language.clients.iter().filter(speaks) {
                let get = |path: &str| {
                    let headers = json!({"user-agent": "a test"});
                    let event = json!({"op": "get", "url": api.url(path), "client": client.name, "headers": headers});
                    ask(&host, &event)
                };
                let got = get("/echo?a=%20b");
                let received: Value =
                    serde_json::from_str(got["body"].as_str().unwrap_or_default()).unwrap_or_default();
                assert_eq!((&got["status"], &received["path"]), (&json!(200), &json!("/echo?a=%20b")), "{got}");
                assert_eq!(received["headers"]["host"], api.authority(), "{}", client.name);
                assert_eq!(received["headers"]["user-agent"], "a test", "{}", client.name);
                assert_eq!(got["headers"]["content-type"], "application/json", "{}", client.name);
                // A handler in C can't return the packed bytes as text.
                if language.name != "c" {
                    let is_unpacked = get("/gzip")["body"] == "hello, gzip";
                    assert_eq!(is_unpacked, client.unpacks, "{}", client.name);
                }
                let moved = get("/redirect//there");
                let is_followed = moved["body"].as_str().unwrap().contains("\"/there\"");
                assert_eq!(is_followed, client.follows, "{}: {moved}", client.name);
            }
        }
    }
}

/// The digest of 20,000,000 times `x`.
const X_20_MB: &str = "bc01a03f3f505eaf5572211cc8a8c6dcda5f6bb93ecc6697f880a5d24a3ffac7";

#[test]
fn bodies_of_20_mb_pass_in_both_directions() {
    for language in LANGUAGES {
        let api = Api::with_tls();
        let host = language.host(&api).start();
        for chunked in [false, language.is_concurrent] {
            let sent = json!({"op": "post", "url": api.url("/echo"), "size": 20_000_000, "chunked": chunked});
            let sent = ask(&host, &sent);
            assert!(sent["body"].as_str().unwrap().contains("\"length\":20000000"), "{}: {sent}", language.name);
        }
        for path in ["/bytes/20000000", "/chunked/20000000"] {
            let got = ask(&host, &json!({"op": "download", "url": api.url(path)}));
            assert_eq!(got["length"], 20_000_000, "{}: {got}", language.name);
            assert!(got.get("sha256").is_none_or(|digest| digest == X_20_MB), "{}", language.name);
        }
    }
}

#[test]
fn a_connection_serves_hundreds_of_invocations() {
    for language in LANGUAGES {
        let api = Api::with_tls();
        let host = language.host(&api).start();
        for _ in 0..500 {
            assert_eq!(ask(&host, &json!({"op": "get", "url": api.url("/bytes/10")}))["length"], 10);
        }
        // One, if no pause was so long that the connection was given up.
        assert!(api.connections() < 5, "{}: {}", language.name, api.connections());
    }
}

#[test]
fn errors_are_those_that_the_client_has_for_them() {
    for language in LANGUAGES {
        let (api, other) = (Api::with_tls(), Api::with_tls());
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let refused = format!("http://localhost:{nobody}");
        let host =
            language.guest().allow(&[&api.url(""), &other.url(""), &refused]).certificates(api.certificates()).start();
        for (url, says) in [
            (refused.as_str(), language.refused),
            (&other.url("/"), language.certificate),
            ("https://example.com/", "no rule of network.allow grants it"),
            ("http://169.254.169.254/", language.prohibited),
        ] {
            let got = ask(&host, &json!({"op": "get", "url": url}));
            let message = got["error"]["message"].as_str().unwrap_or_default();
            assert!(message.contains(says), "{}: {url}: {got}", language.name);
        }
        assert_eq!(ask(&host, &json!({"op": "get", "url": api.url("/bytes/1")}))["length"], 1);
    }
}

#[test]
fn a_timeout_of_the_clients_and_a_deadline_of_the_functions_end_a_request() {
    for language in LANGUAGES {
        let api = Api::start();
        let host = language.host(&api).start();
        for path in ["/hang", "/drip"] {
            let late = ask(&host, &json!({"op": "timeout", "url": api.url(path), "timeout_ms": 100}));
            let says = late["error"].to_string().to_lowercase();
            assert!(says.contains("timed out") || says.contains("timeout"), "{}: {path}: {late}", language.name);
        }
        let hangs = json!({"op": "get", "url": api.url("/hang")}).to_string();
        host.fake.invoke(Event::new(hangs).timeout(Duration::from_secs(1))).error("Guest.Timeout");
        let dies = ask(&host, &json!({"op": "get", "url": api.url("/die")}));
        assert!(dies["error"].is_object(), "{dies}");
        assert_eq!(ask(&host, &json!({"op": "get", "url": api.url("/bytes/1")}))["length"], 1);
    }
}

#[test]
fn sockets_go_where_a_rule_for_sockets_leads() {
    for language in LANGUAGES.iter().filter(|language| language.has_sockets) {
        let api = Api::start();
        let host = language.guest().allow(&[&format!("tcp://{}", api.authority())]).start();
        let port: u16 = api.port().parse().unwrap();
        let line = json!({"op": "tcp", "host": "localhost", "port": port, "send": "HELLO\r\n\r\n"});
        assert_eq!(ask(&host, &line)["received"], "HTTP/1.1 200 OK\r\n", "{}", language.name);
        let denied = json!({"op": "tcp", "host": "example.com", "port": 80, "send": "HELLO\r\n\r\n"});
        assert!(ask(&host, &denied)["error"].is_object(), "{}", language.name);
    }
}

#[test]
fn sockets_speak_tls_and_check_the_certificate() {
    for language in LANGUAGES.iter().filter(|language| language.has_secure_sockets) {
        let (api, other) = (Api::with_tls(), Api::with_tls());
        let rule = |api: &Api| format!("tcp://{}", api.authority());
        let host = language.guest().allow(&[&rule(&api), &rule(&other)]).certificates(api.certificates()).start();
        let hello = |api: &Api| {
            let port: u16 = api.port().parse().unwrap();
            ask(&host, &json!({"op": "tcp", "tls": true, "host": "localhost", "port": port, "send": "HELLO\r\n\r\n"}))
        };
        assert_eq!(hello(&api)["received"], "HTTP/1.1 200 OK\r\n", "{}", language.name);
        let refused = hello(&other)["error"].to_string();
        assert!(refused.contains(language.certificate), "{refused}");
    }
}

/// As in Node: what a socket says, and in which order.
#[test]
fn a_socket_of_javascript_ends_after_all_that_was_written() {
    let api = Api::start();
    let host = javascript().host(&api).start();
    let port: u16 = api.port().parse().unwrap();
    let request = "GET /bytes/300000 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let ended = ask(&host, &json!({"op": "ended", "host": "localhost", "port": port, "send": request}));
    let events = json!(["connect", "ready", "finish", "end", "close"]);
    assert_eq!(ended, json!({"events": events, "written": request.len(), "state": "closed"}));
    let refused = ask(&host, &json!({"op": "ended", "host": "localhost", "port": 1, "send": "x"}));
    assert_eq!(refused["events"], json!(["error EACCES", "close"]));
}

#[test]
fn names_are_looked_up_in_javascript_where_a_rule_for_sockets_has_them() {
    let host = javascript().guest().allow(&["tcp://localhost:5432"]).start();
    let found = ask(&host, &json!({"op": "lookup", "name": "localhost"}));
    let right = json!({
        "address": "127.0.0.1", "family": 4, "isAmongAll": true, "resolved": ["127.0.0.1"], "mail": "ENOTIMP",
    });
    assert_eq!(found, right);
    let denied = ask(&host, &json!({"op": "lookup", "name": "example.com"}));
    assert!(denied["error"]["message"].as_str().unwrap().contains("getaddrinfo EACCES example.com"), "{denied}");
}

/// A client from npm, and a real server.
#[test]
fn a_connection_of_javascript_to_redis_serves_many_invocations() {
    for server in [Redis::start(), Redis::with_tls()] {
        let host = javascript().guest().allow(&[&format!("tcp://localhost:{}", server.port)]);
        let host = host.certificates(server.certificates()).start();
        for round in 0..3 {
            let used = ask(&host, &json!({"op": "redis", "url": server.url(), "n": 20}));
            let counts: Vec<u32> = (round * 20 + 1..=round * 20 + 20).collect();
            let right = json!({"greeting": "grüße", "counts": counts, "id": "1", "length": 300_000, "connections": 1});
            assert_eq!(used, right);
        }
    }
}

/// The server responds only once all of them are there.
#[test]
fn twenty_requests_are_under_way_at_once() {
    for language in LANGUAGES.iter().filter(|language| language.is_concurrent) {
        let api = Api::start();
        let host = language.host(&api).start();
        let (path, port): (_, u16) = ("/together/20", api.port().parse().unwrap());
        let many = json!({
            "op": "many", "n": 20, "url": api.url(path), "host": "localhost", "port": port, "path": path,
        });
        let many = ask(&host, &many);
        assert_eq!(many["statuses"], Value::from(vec![200; 20]), "{}: {many}", language.name);
    }
}

/// An instance has 64 connections.
#[test]
fn responses_that_nobody_reads_do_not_hold_up_others() {
    for language in LANGUAGES.iter().filter(|language| language.is_concurrent) {
        let api = Api::start();
        let host = language.host(&api).start();
        for path in ["/bytes/10", "/bytes/1000000"] {
            let unread = ask(&host, &json!({"op": "unread", "n": 200, "url": api.url(path)}));
            assert_eq!(unread["statuses"], Value::from(vec![200; 200]), "{}: {unread}", language.name);
        }
    }
}

/// The server checks signatures, and the guest has no key.
#[test]
fn awss_sdk_works_with_the_hosts_signature() {
    let aws = S3::start();
    let keys =
        ["plain.txt", "with space.txt", "ü/日本.txt", "a//b", "x/../y", "p+q&r=s", "%2Fenc", "tilde~*'()!", "end/"];
    for language in LANGUAGES.iter().filter(|language| language.has_aws) {
        let endpoint = format!("http://localhost:{}", aws.address.rsplit(':').next().unwrap());
        let host = language
            .guest()
            .aws(&["dynamodb", "s3", "sqs", "sts"])
            .envs(&aws.env())
            .env("AWS_ENDPOINT_URL", &endpoint)
            .env("AWS_ENDPOINT_URL_S3", &endpoint)
            .start();
        let arn = ask(&host, &json!({"op": "sts"}));
        assert_eq!(arn["arn"], "arn:aws:iam::123456789012:user/deployer", "{arn}");
        let item = ask(&host, &json!({"op": "dynamodb", "table": format!("table-{}", language.name)}));
        assert_eq!(item, json!({"item": {"id": "Ada ü", "n": "42"}}), "{}", language.name);
        let bucket = format!("bucket-{}", language.name);
        let stored = ask(&host, &json!({"op": "s3", "bucket": bucket, "keys": keys}));
        for key in keys {
            assert_eq!(stored["keys"][key], "ok", "{key}: {stored}");
        }
        assert_eq!((&stored["big"], &stored["missing"]), (&json!(2_000_000), &json!("NoSuchKey")), "{stored}");
        // Python also stores an object in parts.
        assert!(stored.get("parts").is_none_or(|parts| *parts == 9_000_000), "{stored}");
        let count = keys.len() + 1 + usize::from(stored.get("parts").is_some());
        assert_eq!(stored["listed"], count, "{stored}");
        let body = ask(&host, &json!({"op": "sqs", "queue": format!("queue-{}", language.name)}));
        assert_eq!(body["body"], "hi & <ho>", "{body}");
    }
}

#[test]
fn an_address_that_is_signed_in_the_guest_is_refused_with_the_way_out() {
    let host = PYTHON.guest().aws(&["s3"]).start();
    let presigned = ask(&host, &json!({"op": "presign"}));
    let message = presigned["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("signed in the guest"), "{presigned}");
    wait_for("a line", || host.program.lines().iter().any(|line| line.contains("env.pass")).then_some(()));
}

/// Packages read their data as files.
#[test]
fn files_of_packages_are_there() {
    let host = PYTHON.guest().start();
    let files = ask(&host, &json!({"op": "files"}));
    assert_eq!(files, json!({"begin": "{", "is_there": true, "names": ["dynamodb"]}));
}
