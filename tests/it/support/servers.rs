//! A real server that speaks like S3, a real OCI registry, and a real Redis, all on the loopback interface.

use std::{net::TcpListener, path::Path, process::Command};

use tempfile::TempDir;

use super::{Program, http, tls::Tls, tools};

/// Moto's server, which speaks like S3 and other services of AWS. It checks signatures from the fifth request on: those
/// before make the user who signs.
pub struct S3 {
    pub address: String,
    pub key_id: String,
    pub secret: String,
    program: Program,
}

/// Debian's `redis-server`, which may speak TLS.
pub struct Redis {
    pub port: u16,
    tls: Tls,
    is_secured: bool,
    #[expect(dead_code, reason = "it ends with this")]
    program: Program,
}

/// Debian's `docker-registry`.
pub struct Registry {
    pub address: String,
    program: Program,
    directory: TempDir,
}

impl S3 {
    /// With the bucket `guests`.
    pub fn start() -> Self {
        let mut command = tools::moto();
        command.args(["-H", "127.0.0.1", "-p", "0"]).env("INITIAL_NO_AUTH_ACTION_COUNT", "4");
        let program = Program::start(&mut command);
        let address =
            program.line("moto's address", |line| Some(line.split("Running on http://").nth(1)?.trim().to_owned()));
        let script = "
import boto3, json, sys
iam = boto3.client('iam', endpoint_url=sys.argv[1])
iam.create_user(UserName='deployer')
allow = {'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': '*', 'Resource': '*'}]}
iam.put_user_policy(UserName='deployer', PolicyName='all', PolicyDocument=json.dumps(allow))
key = iam.create_access_key(UserName='deployer')['AccessKey']
boto3.client('s3', endpoint_url=sys.argv[1]).create_bucket(Bucket='guests')
print(key['AccessKeyId'], key['SecretAccessKey'])
";
        let mut python = tools::python();
        let output = python.args(["-c", script, &format!("http://{address}")]).output().expect("python runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).expect("text");
        let (key_id, secret) = text.trim().split_once(' ').expect("a key");
        Self { address, key_id: key_id.to_owned(), secret: secret.to_owned(), program }
    }

    /// How often it said that an object is unchanged.
    pub fn unchanged(&self) -> usize {
        self.program.lines().iter().filter(|line| line.contains("\"GET /guests/") && line.contains("\" 304 ")).count()
    }

    /// The variables with which it is reached, as Lambda has them.
    pub fn env(&self) -> Vec<(String, String)> {
        let endpoint = format!("http://{}", self.address);
        [
            ("AWS_ENDPOINT_URL_S3", endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", &self.key_id),
            ("AWS_SECRET_ACCESS_KEY", &self.secret),
            ("AWS_REGION", "us-east-1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }
}

impl Redis {
    pub fn start() -> Self {
        Self::new(false)
    }

    pub fn with_tls() -> Self {
        Self::new(true)
    }

    fn new(is_secured: bool) -> Self {
        let tls = Tls::new(&["localhost"]);
        // It can't choose a port, and another program may take a free one before it does.
        (0..10).find_map(|_| Self::at(free_port(), &tls, is_secured)).map_or_else(
            || panic!("redis-server does not start"),
            |(port, program)| Self { port, tls, is_secured, program },
        )
    }

    fn at(port: u16, tls: &Tls, is_secured: bool) -> Option<(u16, Program)> {
        let (port_text, directory) = (port.to_string(), tls.directory.path());
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--dir"]).arg(directory);
        if is_secured {
            command.args(["--port", "0", "--tls-auth-clients", "no", "--tls-port", &port_text]);
            command.arg("--tls-ca-cert-file").arg(&tls.authority);
            command.arg("--tls-cert-file").arg(directory.join("own.pem"));
            command.arg("--tls-key-file").arg(directory.join("own.key"));
        } else {
            command.args(["--port", &port_text]);
        }
        let program = Program::start(&mut command);
        let is_ready = program.line("whether redis-server is ready", |line| {
            let words = [("Ready to accept connections", true), ("Failed listening", false), ("ould not", false)];
            words.iter().find(|(word, _)| line.contains(word)).map(|(_, is_ready)| *is_ready)
        });
        is_ready.then_some((port, program))
    }

    pub fn url(&self) -> String {
        format!("{}://localhost:{}", if self.is_secured { "rediss" } else { "redis" }, self.port)
    }

    pub fn certificates(&self) -> &Path {
        &self.tls.authority
    }
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).expect("a port is free").port()
}

impl Registry {
    pub fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let storage = directory.path().join("storage");
        let config = format!(
            "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:0\n",
            storage.display()
        );
        std::fs::write(directory.path().join("config.yml"), config).expect("a file is written");
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(directory.path().join("config.yml"));
        let program = Program::start(&mut command);
        let address = program.line("the registry's address", |line| {
            let address = line.split("listening on ").nth(1)?;
            Some(address.trim_end_matches(|end: char| !end.is_ascii_digit()).split(['"', ' ']).next()?.to_owned())
        });
        Self { address, program, directory }
    }

    /// How often it was asked which manifest there is, and not for it.
    pub fn unchanged(&self) -> usize {
        self.program.lines().iter().filter(|line| line.contains("\"HEAD /v2/") && line.contains("/manifests/")).count()
    }

    /// Uploads a blob as any client does; returns its digest.
    pub fn push_blob(&self, repository: &str, bytes: &[u8]) -> String {
        let digest = guesthouse::digest::Digest::of(bytes).to_string();
        let begun = http::request(&self.address, &format!("POST /v2/{repository}/blobs/uploads/"), &[], b"");
        let location = begun.header("location").expect("a place to upload to").to_owned();
        let path = location.split(&self.address).nth(1).expect("a path").to_owned();
        let put = http::request(&self.address, &format!("PUT {path}&digest={digest}"), &[], bytes);
        assert_eq!(put.subject(), "201", "{}", put.text());
        digest
    }

    /// Uploads a manifest as any client does.
    pub fn push_manifest(&self, repository: &str, tag: &str, manifest: &serde_json::Value) {
        let kind = [("Content-Type", "application/vnd.oci.image.manifest.v1+json")];
        let path = format!("PUT /v2/{repository}/manifests/{tag}");
        let put = http::request(&self.address, &path, &kind, manifest.to_string().as_bytes());
        assert_eq!(put.subject(), "201", "{}", put.text());
    }

    /// The file that holds a blob.
    pub fn blob(&self, digest: &str) -> std::path::PathBuf {
        let hex = digest.trim_start_matches("sha256:");
        let blobs = self.directory.path().join("storage/docker/registry/v2/blobs/sha256");
        blobs.join(&hex[..2]).join(hex).join("data")
    }
}
