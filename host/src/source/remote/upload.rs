//! The other direction: a guest from the developer's machine to where a host finds it.

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
    Remote, SIGNATURE,
    oci::{Image, SIGNATURE_ANNOTATION, WASM_LAYER},
    s3,
};
use crate::{
    digest::Digest,
    failure::{ErrorType, Failure, chain},
    source::{RemoteAccess, unusable},
};

/// The layer that holds what `guesthouse compile` made.
const MACHINE_CODE_LAYER: &str = "application/vnd.guesthouse.cwasm.v0";

/// The configuration of a Wasm artifact. Source: the CNCF's "Wasm OCI Artifact layout".
const CONFIG: &str = "application/vnd.wasm.config.v0+json";

/// Name and password for a registry.
pub type Login = Option<(String, String)>;

/// What is uploaded.
pub struct Upload {
    /// The guest.
    pub bytes: Vec<u8>,
    /// What `guesthouse compile` made.
    pub is_machine_code: bool,
    /// The text of a `.minisig` file.
    pub signature: Option<String>,
}

/// Uploads to an `s3://` or `oci://` reference. `login` is asked for a registry that is not AWS's own.
///
/// # Errors
/// [`ErrorType::Config`] for another reference, [`ErrorType::SourceUnavailable`] with what the other side says.
pub async fn push(
    reference: &str,
    access: &RemoteAccess,
    upload: Upload,
    login: impl FnOnce(&str) -> Login,
) -> Result<(), Failure> {
    // While something is uploaded, the other side is silent.
    let access = &access.clone().patient();
    let scheme = reference.split_once("://").map(|(scheme, _)| scheme).unwrap_or_default();
    let refused = |reason: String| {
        let hint = match scheme {
            "s3" => "check the bucket, and `AWS_REGION` and the credentials in `AWS_ACCESS_KEY_ID` and its kin",
            _ => "check the registry's name, and log in with `docker login`, or for AWS's with the variables `AWS_…`",
        };
        Failure::new(ErrorType::SourceUnavailable, format!("`{reference}` did not take the guest: {reason}")).hint(hint)
    };
    match scheme {
        "s3" | "oci" => match Remote::parse(scheme, reference, access)? {
            Remote::S3(object) => to_bucket(&object, upload).await.map_err(refused),
            Remote::Oci(image) => to_registry(&image, upload, login).await.map_err(refused),
            Remote::Https(_) => unreachable!("the scheme is another"),
        },
        _ => Err(unusable(reference, "there is no way to upload to it").hint("write `s3://…` or `oci://…`")),
    }
}

/// The signature first: until the guest itself is there, a running host sees that nothing changed. That of the guest before is removed
/// last, when it is of no use to anybody any more; where that is not allowed it stays, as useless.
async fn to_bucket(object: &s3::Object, upload: Upload) -> Result<(), String> {
    let is_signed = upload.signature.is_some();
    if let Some(signature) = upload.signature {
        object.put(SIGNATURE, signature.into_bytes()).await?;
    }
    object.put("", upload.bytes).await?;
    if !is_signed {
        drop(object.remove(SIGNATURE).await);
    }
    Ok(())
}

async fn to_registry(image: &Image, upload: Upload, login: impl FnOnce(&str) -> Login) -> Result<(), String> {
    let text = image.to_string();
    let reference: Reference = text.trim_start_matches("oci://").parse().map_err(|error| format!("{error}"))?;
    let auth = match image.basic().await? {
        Some(own) => Some(own),
        None => login(reference.registry()),
    };
    let auth = auth.map_or(RegistryAuth::Anonymous, |(name, password)| RegistryAuth::Basic(name, password));
    let protocol = if image.is_plain() { ClientProtocol::Http } else { ClientProtocol::Https };
    let client = Client::try_from(ClientConfig { protocol, ..ClientConfig::default() });
    let client = client.map_err(|error| chain(&error))?;
    let layer = if upload.is_machine_code { MACHINE_CODE_LAYER } else { WASM_LAYER };
    let digest = Digest::of(&upload.bytes).to_string();
    let config = json!({"architecture": "wasm", "os": "wasip2", "layerDigests": [digest]}).to_string();
    let config = Config::new(config.into_bytes(), CONFIG.to_owned(), None);
    let layers = [ImageLayer::new(upload.bytes, layer.to_owned(), None)];
    let annotations =
        upload.signature.map(|text| BTreeMap::from([(SIGNATURE_ANNOTATION.to_owned(), BASE64_STANDARD.encode(text))]));
    let manifest = OciImageManifest::build(&layers, &config, annotations);
    let pushed = client.push(&reference, &layers, config, &auth, Some(manifest)).await;
    pushed.map(drop).map_err(|error| chain(&error))
}
