//! A real server that speaks like S3, and a real OCI registry, both on the loopback interface.

use std::{net::TcpListener, process::Command};

use tempfile::TempDir;

use super::{Program, http, tools, wait_for};

/// Moto's server, which checks signatures from the fifth request on: those before make the user who signs.
pub struct S3 {
    pub address: String,
    pub key_id: String,
    pub secret: String,
    _program: Program,
}

/// Debian's `docker-registry`.
pub struct Registry {
    pub address: String,
    _program: Program,
    folder: TempDir,
}

/// A free port. Whoever takes it between now and its use makes the test fail with a clear reason, and that is nobody here.
fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("an address").port()
}

impl S3 {
    /// With the bucket `guests`.
    pub fn start() -> Self {
        let port = port();
        let address = format!("127.0.0.1:{port}");
        let mut command = Command::new(tools::tool("venv/bin/moto_server"));
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).env("INITIAL_NO_AUTH_ACTION_COUNT", "4");
        let program = Program::start(&mut command);
        wait_for("moto's server", || std::net::TcpStream::connect(&address).ok());
        let script = "
import boto3, json, sys
iam = boto3.client('iam', endpoint_url=sys.argv[1])
iam.create_user(UserName='deployer')
allow = {'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': ['s3:*', 'ecr:*'], 'Resource': '*'}]}
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
        Self { address, key_id: key_id.to_owned(), secret: secret.to_owned(), _program: program }
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

impl Registry {
    pub fn start() -> Self {
        let (port, folder) = (port(), tempfile::tempdir().expect("a folder"));
        let address = format!("127.0.0.1:{port}");
        let storage = folder.path().join("storage");
        let config = format!(
            "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: {address}\n",
            storage.display()
        );
        std::fs::write(folder.path().join("config.yml"), config).expect("a file is written");
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(folder.path().join("config.yml"));
        let program = Program::start(&mut command);
        wait_for("the registry", || std::net::TcpStream::connect(&address).ok());
        Self { address, _program: program, folder }
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
        let blobs = self.folder.path().join("storage/docker/registry/v2/blobs/sha256");
        blobs.join(&hex[..2]).join(hex).join("data")
    }
}
