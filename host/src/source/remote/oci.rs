//! This module fetches guests from OCI registries.
//!
//! Sources: the OCI Distribution and Image specifications, and the CNCF's "Wasm OCI Artifact layout". The client that
//! reads is our own, because `oci-client` reads manifests of any size into memory, and follows redirects to any scheme.
//!
//! See docs/decisions/20-three-remote-clients.md.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::{
    Method, Response, StatusCode, Url,
    header::{ACCEPT, AUTHORIZATION},
};
use serde::Deserialize;

use super::{
    download::{Download, read},
    fetch_error::FetchError,
    http_client::{client, is_loopback},
    login,
};
use crate::{
    digest::Digest,
    failure::{ErrorType, Failure},
    lock::lock,
    source::{
        access::RemoteAccess,
        artifact::Validator,
        errors::{too_large, unusable},
    },
};

/// The annotation of a manifest that contains the signature of its layer: a `.minisig` file in base64, because not
/// every tool escapes line ends in JSON.
pub(super) const SIGNATURE_ANNOTATION: &str = "dev.guesthouse.minisig";

/// The media type of a layer that contains a component.
pub(super) const WASM_LAYER: &str = "application/wasm";

/// The media types of the manifests that this module reads.
const MANIFEST_TYPES: &str =
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";

/// Limits the size of a manifest, in bytes. Source: the Distribution specification, "Pushing Manifests".
const MANIFEST_LIMIT_BYTES: u64 = 4 * 1024 * 1024;

/// The maximum number of layers that an error message lists.
const LISTED_LAYERS: usize = 10;

/// An `OciArtifact` is an artifact in a registry.
#[derive(Debug, Clone)]
pub struct OciArtifact {
    registry: String,
    repository: String,
    /// A tag or a digest.
    tag: String,
    /// The address of the repository.
    base_url: Url,
    access: RemoteAccess,
    /// The last value of `Authorization` that the registry accepted.
    authorization: Arc<Mutex<Option<String>>>,
}

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    layers: Vec<Layer>,
    /// The entries of a list of manifests. Another manifest has none.
    #[serde(default)]
    manifests: Vec<serde::de::IgnoredAny>,
    #[serde(default)]
    annotations: std::collections::BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    media_type: String,
    digest: String,
    size: u64,
}

impl OciArtifact {
    /// Parses a reference.
    ///
    /// # Errors
    /// [`ErrorType::Config`] if it does not name an artifact.
    pub(super) fn parse(reference: &str, access: &RemoteAccess) -> Result<Self, Failure> {
        let invalid = |problem: &str| {
            unusable(reference, problem.to_owned())
                .hint("write `oci://REGISTRY/REPOSITORY:TAG` or `oci://REGISTRY/REPOSITORY@sha256:…`")
        };
        let rest = reference.strip_prefix("oci://").unwrap_or_default();
        let (registry, rest) = rest.split_once('/').ok_or_else(|| invalid("it names no repository"))?;
        let (repository, tag) = match (rest.split_once('@'), rest.rsplit_once(':')) {
            (Some((repository, digest)), _) => {
                digest
                    .parse::<Digest>()
                    .map_err(|_| invalid("its digest is not `sha256:` and 64 hexadecimal digits"))?;
                // A tag before the digest has no effect.
                (repository.split(':').next().unwrap_or_default(), digest)
            }
            (None, Some((repository, tag))) => (repository, tag),
            (None, None) => (rest, "latest"),
        };
        let is_tag = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte);
        let is_repository = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-/".contains(&byte);
        if repository.is_empty()
            || !repository.bytes().all(is_repository)
            || repository.split('/').any(|part| part.is_empty() || part.starts_with('.'))
        {
            return Err(invalid("its repository is not lower-case words between slashes"));
        }
        if tag.is_empty() || !tag.bytes().all(is_tag) || tag.starts_with('.') {
            return Err(invalid("its tag is not valid"));
        }
        let https = Url::parse(&format!("https://{registry}/v2/{repository}/"));
        let mut base_url = https.map_err(|_| invalid("its registry is not a host"))?;
        // Other tools also use plain HTTP for a registry on the loopback interface.
        if is_loopback(&base_url) {
            base_url = Url::parse(&format!("http://{registry}/v2/{repository}/"))
                .map_err(|_| invalid("its registry is not a host"))?;
        }
        Ok(Self {
            registry: registry.to_owned(),
            repository: repository.to_owned(),
            tag: tag.to_owned(),
            base_url,
            access: access.clone(),
            authorization: Arc::default(),
        })
    }

    /// Returns whether the registry is reached without TLS.
    #[cfg(feature = "cli")]
    pub(super) fn is_plain_http(&self) -> bool {
        self.base_url.scheme() == "http"
    }

    /// Returns the name and the password for the registry if it is in ECR, AWS's registry.
    ///
    /// # Errors
    /// Why there are none, without a hint.
    #[cfg(feature = "cli")]
    pub(super) async fn ecr_login(&self) -> Result<Option<(String, String)>, String> {
        let client = client(&self.access).map_err(|error| crate::failure::chain(&error))?;
        let login = login::ecr_login(&self.to_string(), &self.registry, &client, &self.access).await;
        login.map_err(|error| match error {
            FetchError::Transient(error) => error,
            FetchError::Permanent(failure) => failure.reason().into_owned(),
            FetchError::Rejected(_, failure) => failure.reason().into_owned(),
        })
    }

    /// Fetches the artifact's layer and its signature, unless its manifest still has the validator that is `known`.
    pub(super) async fn get(&self, known: Option<&Validator>, limit_bytes: u64) -> Result<Download, FetchError> {
        let manifest = format!("manifests/{}", self.tag);
        if let Some(Validator::Manifest(known)) = known {
            // Registries that limit the number of downloads do not count a HEAD request.
            let response = self.send(Method::HEAD, &manifest).await?;
            let digest = response.headers().get("docker-content-digest").and_then(|digest| digest.to_str().ok());
            if digest == Some(known) {
                return Ok(Download::NotModified);
            }
        }
        let response = self.send(Method::GET, &manifest).await?;
        let text = read(response, self, MANIFEST_LIMIT_BYTES).await?;
        let digest = Digest::of(&text).to_string();
        if self.tag.starts_with("sha256:") && !self.tag.eq_ignore_ascii_case(&digest) {
            return Err(self.invalid(&format!("the registry's manifest is `{digest}`, which is not the requested one")));
        }
        if known == Some(&Validator::Manifest(digest.clone())) {
            return Ok(Download::NotModified);
        }
        let validator = Validator::Manifest(digest);
        let Ok(Manifest { layers, manifests, annotations }) = serde_json::from_slice(&text) else {
            return Err(self
                .invalid("the registry's manifest is not JSON of the expected form")
                .for_validator(&validator));
        };
        if !manifests.is_empty() {
            return Err(self.invalid("it is a list of manifests: name the digest of one").for_validator(&validator));
        }
        let layer = self.guest_layer(&layers).map_err(|error| error.for_validator(&validator))?;
        if layer.size > limit_bytes {
            return Err(FetchError::Rejected(validator, Box::new(too_large(&self.to_string(), limit_bytes))));
        }
        let response = self.send(Method::GET, &format!("blobs/{}", layer.digest)).await?;
        let bytes = read(response, self, limit_bytes).await?;
        if Digest::of(&bytes).to_string() != layer.digest {
            return Err(FetchError::Transient(format!("the received layer is not `{}`", layer.digest)));
        }
        if bytes.len() as u64 != layer.size {
            let problem = format!("its layer has {} bytes, and its manifest says {}", bytes.len(), layer.size);
            return Err(self.invalid(&problem).for_validator(&validator));
        }
        let signature = annotations.get(SIGNATURE_ANNOTATION).and_then(|text| BASE64_STANDARD.decode(text).ok());
        let signature = signature.and_then(|bytes| String::from_utf8(bytes).ok());
        Ok(Download::Complete { bytes, validator, signature })
    }

    /// Returns the layer that contains the guest: the only one with the media type of a component, or the only one at
    /// all.
    fn guest_layer<'a>(&self, layers: &'a [Layer]) -> Result<&'a Layer, FetchError> {
        let mut wasm = layers.iter().filter(|layer| layer.media_type == WASM_LAYER);
        let layer = match (wasm.next(), wasm.next(), layers) {
            (Some(layer), None, _) | (None, None, [layer]) => layer,
            _ => {
                let listed: Vec<&str> =
                    layers.iter().take(LISTED_LAYERS).map(|layer| layer.media_type.as_str()).collect();
                return Err(self.invalid(&format!(
                    "its layers are `{}`, of which not exactly one is the guest",
                    listed.join("`, `")
                )));
            }
        };
        match layer.digest.parse::<Digest>() {
            Ok(_) => Ok(layer),
            Err(_) => Err(self.invalid("its layer has no SHA-256 digest")),
        }
    }

    fn invalid(&self, reason: &str) -> FetchError {
        FetchError::Permanent(
            Failure::new(ErrorType::InvalidGuest, format!("the guest `{self}`: {reason}"))
                .hint("push it with `guesthouse push`, `wkg oci push` or `oras push`"),
        )
    }

    /// Sends a request. If the registry requires authentication, sends it again with a value of `Authorization`.
    async fn send(&self, method: Method, path: &str) -> Result<Response, FetchError> {
        let client = client(&self.access).map_err(|error| FetchError::of_request(self, error))?;
        let url = self.base_url.join(path);
        let url = url.map_err(|error| self.invalid(&format!("`{path}` is not a path: {error}")))?;
        let send = |authorization: Option<String>| {
            let accept = format!("{MANIFEST_TYPES}, */*");
            let mut request = client.request(method.clone(), url.clone()).header(ACCEPT, accept);
            if let Some(authorization) = authorization {
                request = request.header(AUTHORIZATION, authorization);
            }
            request.send()
        };
        let last = self.authorization().take();
        let mut response = send(last.clone()).await.map_err(|error| FetchError::of_request(self, error))?;
        // A token expires after some hours, and not every registry then responds with 401.
        if last.is_some() && [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&response.status()) {
            response = send(None).await.map_err(|error| FetchError::of_request(self, error))?;
        } else {
            *self.authorization() = last;
        }
        if response.status() == StatusCode::UNAUTHORIZED {
            let place = self.to_string();
            let authorization = login::authenticate(&place, &self.registry, &response, &client, &self.access).await?;
            *self.authorization() = Some(authorization.clone());
            response = send(Some(authorization)).await.map_err(|error| FetchError::of_request(self, error))?;
        }
        match response.status() {
            StatusCode::OK => Ok(response),
            status => Err(FetchError::of_status(self, status)),
        }
    }

    fn authorization(&self) -> MutexGuard<'_, Option<String>> {
        lock(&self.authorization)
    }
}

impl fmt::Display for OciArtifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.tag.starts_with("sha256:") { '@' } else { ':' };
        write!(f, "oci://{}/{}{separator}{}", self.registry, self.repository, self.tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_registry_repository_and_tag_or_digest() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let parse = |reference: &str| OciArtifact::parse(reference, &RemoteAccess::default());
        for (reference, base, tag) in [
            ("oci://ghcr.io/acme/hello:1.0", "https://ghcr.io/v2/acme/hello/", "1.0"),
            ("oci://localhost:5000/hello", "http://localhost:5000/v2/hello/", "latest"),
            (&format!("oci://127.0.0.1:5000/a/b:1@{digest}"), "http://127.0.0.1:5000/v2/a/b/", digest.as_str()),
        ] {
            let artifact = parse(reference).unwrap();
            assert_eq!((artifact.base_url.as_str(), artifact.tag.as_str()), (base, tag));
        }
        for reference in [
            "oci://hello",
            "oci://ghcr.io/",
            "oci://ghcr.io/Acme:1",
            "oci://ghcr.io/a/../b:1",
            "oci://ghcr.io/a:",
            "oci://ghcr.io/a@sha256:12",
            "oci://ghcr.io/a:b/c",
        ] {
            assert!(parse(reference).is_err(), "{reference}");
        }
    }
}
