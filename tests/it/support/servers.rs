//! A real server that speaks like S3, and a real OCI registry, both on the loopback interface.

use std::process::Command;

use tempfile::TempDir;

use super::{Program, http, tools};

/// Moto's server, which speaks like S3 and other services of AWS. It checks signatures from the fifth request on: those
/// before make the user who signs.
pub struct S3 {
    pub address: String,
    pub key_id: String,
    pub secret: String,
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
