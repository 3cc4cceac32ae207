//! The subcommand `push` uploads a guest to a place from which a host fetches it.

use std::{
    fs,
    io::Cursor,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use docker_credential::DockerCredential;
use guesthouse::{
    config::{self, EnvVars},
    digest::Digest,
    engine, files,
    source::{
        is_machine_code,
        upload::{self, Login, Upload},
    },
    text::Escaped,
};
use minisign::{SecretKey, SecretKeyBox};

use crate::{Exit, lambda};

/// Upload a guest to S3 or to an OCI registry
///
/// Running environments whose handler names this place swap to the new guest with their next refresh. Credentials for
/// S3 and for AWS's registry come from the environment variables `AWS_…`, as
/// `aws configure export-credentials --format env` prints them. Credentials for other registries come from
/// `docker login`. A `.wasm` file is compiled first, to check it. Without `--key`, the signature beside an object in S3
/// is removed.
#[derive(clap::Args)]
pub struct Arguments {
    /// The guest's `.wasm` file, or the `.cwasm` file that `guesthouse compile` wrote, which needs a signature
    guest: PathBuf,
    /// `s3://BUCKET/KEY.wasm` or `oci://REGISTRY/REPOSITORY:TAG`
    reference: String,
    /// The secret key to sign the guest with, which `minisign -G` makes
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

pub fn run(arguments: Arguments) -> anyhow::Result<Exit> {
    let Arguments { guest, reference, key } = arguments;
    let bytes = files::read(&guest, files::GUEST_LIMIT_BYTES)
        .with_context(|| format!("can't read `{}`\nhint: name a `.wasm` file that a build wrote", guest.display()))?;
    let is_machine_code = is_machine_code(&bytes);
    if !is_machine_code && !bytes.starts_with(b"\0asm") {
        bail!("`{}` is not a guest\nhint: name a `.wasm` or a `.cwasm` file", guest.display());
    }
    if !is_machine_code {
        let name = guest.display().to_string();
        engine::check(&bytes, engine::CompileLimits::default()).map_err(|error| error.into_failure(&name))?;
    }
    if is_machine_code && key.is_none() {
        bail!(
            "`{}` is machine code, which no host accepts without a signature\nhint: sign it with `--key`",
            guest.display()
        );
    }
    let signature = key.map(|key| sign(&bytes, &key, &guest)).transpose()?;
    let (digest, length, signed) = (Digest::of(&bytes), bytes.len(), if signature.is_some() { ", signed" } else { "" });
    let upload = Upload { bytes, is_machine_code, signature };
    let access = config::remote_access(&EnvVars::of_process());
    lambda::runtime()?.block_on(upload::push(&reference, &access, upload, login))?;
    println!("{}: {digest}, {length} bytes{signed}", Escaped(reference));
    Ok(Exit::Done)
}

/// The bytes of a secret key that name the function by which a password encrypts it.
const KDF: std::ops::Range<usize> = 2..4;

/// The value of these bytes in a key that is not encrypted.
const NO_KDF: &[u8] = &[0, 0];

/// Signs the bytes, and returns the text of a `.minisig` file.
fn sign(bytes: &[u8], key: &Path, guest: &Path) -> anyhow::Result<String> {
    let unusable =
        || format!("can't use the key `{}`\nhint: name the secret key's file that `minisign -G` wrote", key.display());
    let text = fs::read_to_string(key).with_context(unusable)?;
    let encoded =
        text.lines().nth(1).and_then(|line| BASE64_STANDARD.decode(line.trim()).ok()).with_context(unusable)?;
    let secret = match encoded.get(KDF) {
        // A key that is not encrypted has no checksum, which the other function of the library checks.
        Some(NO_KDF) => SecretKey::from_bytes(&encoded).with_context(unusable)?,
        // This prompts for the password.
        _ => SecretKeyBox::from_string(&text).and_then(|secret| secret.into_secret_key(None)).with_context(unusable)?,
    };
    let name = guest.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let comment = format!("file:{name}");
    let signature = minisign::sign(None, &secret, Cursor::new(bytes), Some(&comment), None).with_context(unusable)?;
    Ok(signature.into_string())
}

/// Returns the credentials that `docker login` stored. Without any, the registry may accept anonymous uploads.
fn login(registry: &str) -> Login {
    match docker_credential::get_credential(registry) {
        Ok(DockerCredential::UsernamePassword(name, password)) => Some((name, password)),
        Ok(DockerCredential::IdentityToken(_)) | Err(_) => None,
    }
}
