//! This module uploads guests from a developer's machine to S3 and to OCI registries.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use oci_client::{
    Client, Reference,
    client::{ClientConfig, ClientProtocol, Config, ImageLayer},
    manifest::OciImageManifest,
    secrets::RegistryAuth,
};
use serde_json::json;

use super::{
    fetch::Remote,
    oci::{OciArtifact, SIGNATURE_ANNOTATION, WASM_LAYER},
    s3,
};
use crate::{
    digest::Digest,
    failure::{ErrorType, Failure, chain},
    source::{access::RemoteAccess, errors::unusable, file_names::SIGNATURE_SUFFIX},
};

/// The media type of a layer that contains the output of `guesthouse compile`.
const MACHINE_CODE_LAYER: &str = "application/vnd.guesthouse.cwasm.v0";

/// The media type of a Wasm artifact's configuration. Source: the CNCF's "Wasm OCI Artifact layout".
const CONFIG_TYPE: &str = "application/vnd.wasm.config.v0+json";

/// `Login` is the name and the password for a registry. `None` means anonymous.
pub type Login = Option<(String, String)>;

/// An `Upload` is a guest to upload.
pub struct Upload {
    /// The content of the guest's file.
    pub bytes: Vec<u8>,
    /// Whether the file is machine code from `guesthouse compile`, and not wasm.
    pub is_machine_code: bool,
    /// The text of a `.minisig` file.
    pub signature: Option<String>,
}

/// Uploads a guest to an `s3://` or `oci://` reference. `login` returns the login for a registry that is not in ECR,
/// AWS's registry.
///
/// # Errors
/// [`ErrorType::Config`] for any other reference; [`ErrorType::SourceUnavailable`] with the reason why the upload
/// failed.
pub async fn push(
    reference: &str,
    access: &RemoteAccess,
    upload: Upload,
    login: impl FnOnce(&str) -> Login,
) -> Result<(), Failure> {
    // A server sends nothing while it receives an upload.
    let access = &access.clone().with_upload_timeout();
    let scheme = reference.split_once("://").map(|(scheme, _)| scheme).unwrap_or_default();
    let failed = |reason: String| {
        let hint = match scheme {
            "s3" => "check the bucket, and `AWS_REGION` and the credentials in the environment variables `AWS_…`",
            _ => "check the registry's name, and log in with `docker login`, or set `AWS_…` for AWS's registry",
        };
        Failure::new(ErrorType::SourceUnavailable, format!("can't upload the guest to `{reference}`: {reason}"))
            .hint(hint)
    };
    match scheme {
        "s3" | "oci" => match Remote::parse(scheme, reference, access)? {
            Remote::S3(object) => to_bucket(&object, upload).await.map_err(failed),
            Remote::Oci(artifact) => to_registry(&artifact, upload, login).await.map_err(failed),
            Remote::Https(_) => unreachable!("the scheme is `s3` or `oci`"),
        },
        _ => Err(unusable(reference, "there is no way to upload to it").hint("write `s3://…` or `oci://…`")),
    }
}

/// Uploads the signature first, and then the guest: until the guest has changed, a host that serves the previous one
/// ignores the new signature. If the new guest is not signed, the previous guest's signature is removed last, when it
/// is of no use any more. If that is not allowed, it stays unused.
async fn to_bucket(object: &s3::Object, upload: Upload) -> Result<(), String> {
    let is_signed = upload.signature.is_some();
    if let Some(signature) = upload.signature {
        object.put(SIGNATURE_SUFFIX, signature.into_bytes()).await?;
    }
    object.put("", upload.bytes).await?;
    if !is_signed {
        drop(object.remove(SIGNATURE_SUFFIX).await);
    }
    Ok(())
}

async fn to_registry(artifact: &OciArtifact, upload: Upload, login: impl FnOnce(&str) -> Login) -> Result<(), String> {
    let text = artifact.to_string();
    let reference: Reference = text.trim_start_matches("oci://").parse().map_err(|error| format!("{error}"))?;
    let login = artifact.ecr_login().await?.or_else(|| login(reference.registry()));
    let auth = login.map_or(RegistryAuth::Anonymous, |(name, password)| RegistryAuth::Basic(name, password));
    let protocol = if artifact.is_plain_http() { ClientProtocol::Http } else { ClientProtocol::Https };
    let client = Client::try_from(ClientConfig { protocol, ..ClientConfig::default() });
    let client = client.map_err(|error| chain(&error))?;
    let layer = if upload.is_machine_code { MACHINE_CODE_LAYER } else { WASM_LAYER };
    let digest = Digest::of(&upload.bytes).to_string();
    let config = json!({"architecture": "wasm", "os": "wasip2", "layerDigests": [digest]}).to_string();
    let config = Config::new(config.into_bytes(), CONFIG_TYPE.to_owned(), None);
    let layers = [ImageLayer::new(upload.bytes, layer.to_owned(), None)];
    let annotations =
        upload.signature.map(|text| BTreeMap::from([(SIGNATURE_ANNOTATION.to_owned(), BASE64_STANDARD.encode(text))]));
    let manifest = OciImageManifest::build(&layers, &config, annotations);
    let pushed = client.push(&reference, &layers, config, &auth, Some(manifest)).await;
    pushed.map(drop).map_err(|error| chain(&error))
}
