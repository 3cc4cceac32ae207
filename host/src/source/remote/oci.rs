//! Guests in OCI registries.
//!
//! Sources: the OCI Distribution and Image specifications, and the CNCF's "Wasm OCI Artifact layout". A client of our own reads, because
//! the field's takes manifests of any size into memory, and follows redirects to any scheme.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::{
    Method, Response, StatusCode, Url,
    header::{ACCEPT, AUTHORIZATION},
};
use serde::Deserialize;

use super::{
    Fetched, Mark, RemoteAccess,
    http::{is_loopback, read},
    login, too_large,
    trouble::Trouble,
    unusable,
};
use crate::{
    digest::Digest,
    failure::{ErrorType, Failure},
};

/// The annotation of a manifest that holds the signature of its layer: a `.minisig` file in base64, for not every tool writes JSON with
/// line ends in it as it should.
pub(super) const SIGNATURE_ANNOTATION: &str = "dev.guesthouse.minisig";

/// The layer that holds a component.
pub(super) const WASM_LAYER: &str = "application/wasm";

/// The kinds of manifest that are understood.
const MANIFESTS: &str =
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";

/// No manifest is longer, in bytes. Source: the Distribution specification, "Pushing Manifests".
const MANIFEST_LIMIT_BYTES: u64 = 4 * 1024 * 1024;

/// An artifact in a registry.
#[derive(Debug, Clone)]
pub struct Image {
    registry: String,
    repository: String,
    /// A tag or a digest.
    tag: String,
    base: Url,
    access: RemoteAccess,
    /// The last value of `Authorization` that was good.
    let_in: Arc<Mutex<Option<String>>>,
}

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    layers: Vec<Layer>,
    /// Of a list of manifests.
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

impl Image {
    /// # Errors
    /// [`ErrorType::Config`] for what names no artifact.
    pub(super) fn parse(reference: &str, access: &RemoteAccess) -> Result<Self, Failure> {
        let wrong = |problem: &str| {
            unusable(reference, problem.to_owned())
                .hint("write `oci://REGISTRY/REPOSITORY:TAG` or `oci://REGISTRY/REPOSITORY@sha256:…`")
        };
        let rest = reference.strip_prefix("oci://").unwrap_or_default();
        let (registry, rest) = rest.split_once('/').ok_or_else(|| wrong("it names no repository"))?;
        let (repository, tag) = match (rest.split_once('@'), rest.rsplit_once(':')) {
            (Some((repository, digest)), _) => {
                digest.parse::<Digest>().map_err(|_| wrong("its digest is not `sha256:` and 64 hexadecimal digits"))?;
                // A tag in front of a digest says nothing more.
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
            return Err(wrong("its repository is not lower-case words between slashes"));
        }
        if tag.is_empty() || !tag.bytes().all(is_tag) || tag.starts_with('.') {
            return Err(wrong("its tag is none"));
        }
        let https = Url::parse(&format!("https://{registry}/v2/{repository}/"));
        let mut base = https.map_err(|_| wrong("its registry is no host"))?;
        // As other tools do, for a registry beside them.
        if is_loopback(&base) {
            base = Url::parse(&format!("http://{registry}/v2/{repository}/"))
                .map_err(|_| wrong("its registry is no host"))?;
        }
        Ok(Self {
            registry: registry.to_owned(),
            repository: repository.to_owned(),
            tag: tag.to_owned(),
            base,
            access: access.clone(),
            let_in: Arc::default(),
        })
    }

    /// Whether it is reached without TLS.
    #[cfg(feature = "cli")]
    pub(super) fn is_plain(&self) -> bool {
        self.base.scheme() == "http"
    }

    /// Name and password for a registry of AWS's.
    #[cfg(feature = "cli")]
    pub(super) async fn basic(&self) -> Result<Option<(String, String)>, String> {
        let client = self.access.client().map_err(|error| crate::failure::chain(&error))?;
        login::ecr_login(&self.to_string(), &self.registry, &client, &self.access).await.map_err(
            |trouble| match trouble {
                Trouble::Passing(reason) => reason,
                Trouble::Lasting(failure) | Trouble::Refused(_, failure) => {
                    failure.message.lines().next().unwrap_or_default().to_owned()
                }
            },
        )
    }

    pub(super) async fn get(&self, known: Option<&Mark>, limit_bytes: u64) -> Result<Fetched, Trouble> {
        let manifest = format!("manifests/{}", self.tag);
        if let Some(Mark::Manifest(known)) = known {
            // A manifest that is only asked for is not counted where those that are read are.
            let answer = self.send(Method::HEAD, &manifest).await?;
            let digest = answer.headers().get("docker-content-digest").and_then(|digest| digest.to_str().ok());
            if digest == Some(known) {
                return Ok(Fetched::Unchanged);
            }
        }
        let answer = self.send(Method::GET, &manifest).await?;
        let text = read(answer, self, MANIFEST_LIMIT_BYTES).await?;
        let digest = Digest::of(&text).to_string();
        if self.tag.starts_with("sha256:") && !self.tag.eq_ignore_ascii_case(&digest) {
            return Err(
                self.invalid(&format!("the registry's manifest is `{digest}`, which is not what was asked for"))
            );
        }
        if known == Some(&Mark::Manifest(digest.clone())) {
            return Ok(Fetched::Unchanged);
        }
        let mark = Mark::Manifest(digest);
        let Ok(Manifest { layers, manifests, annotations }) = serde_json::from_slice(&text) else {
            return Err(self.invalid("the registry's manifest is not JSON as it should be").about(&mark));
        };
        if !manifests.is_empty() {
            return Err(self.invalid("it is a list of manifests: name the digest of one").about(&mark));
        }
        let layer = self.choose(&layers).map_err(|trouble| trouble.about(&mark))?;
        if layer.size > limit_bytes {
            return Err(Trouble::Refused(mark, too_large(&self.to_string(), limit_bytes)));
        }
        let answer = self.send(Method::GET, &format!("blobs/{}", layer.digest)).await?;
        let bytes = read(answer, self, limit_bytes).await?;
        if Digest::of(&bytes).to_string() != layer.digest {
            return Err(Trouble::Passing(format!("the layer that came is not `{}`", layer.digest)));
        }
        if bytes.len() as u64 != layer.size {
            let lie = format!("its layer has {} bytes, and its manifest says {}", bytes.len(), layer.size);
            return Err(self.invalid(&lie).about(&mark));
        }
        let signature = annotations.get(SIGNATURE_ANNOTATION).and_then(|text| BASE64_STANDARD.decode(text).ok());
        let signature = signature.and_then(|bytes| String::from_utf8(bytes).ok());
        Ok(Fetched::Found { bytes, mark, signature })
    }

    /// The layer with the guest: the only one that says so, or the only one at all.
    fn choose<'a>(&self, layers: &'a [Layer]) -> Result<&'a Layer, Trouble> {
        let mut wasm = layers.iter().filter(|layer| layer.media_type == WASM_LAYER);
        let layer = match (wasm.next(), wasm.next(), layers) {
            (Some(layer), None, _) | (None, None, [layer]) => layer,
            _ => {
                let kinds: Vec<&str> = layers.iter().take(10).map(|layer| layer.media_type.as_str()).collect();
                return Err(self.invalid(&format!(
                    "its layers are `{}`, of which not exactly one is the guest",
                    kinds.join("`, `")
                )));
            }
        };
        match layer.digest.parse::<Digest>() {
            Ok(_) => Ok(layer),
            Err(_) => Err(self.invalid("its layer has no SHA-256 digest")),
        }
    }

    fn invalid(&self, reason: &str) -> Trouble {
        Trouble::Lasting(
            Failure::new(ErrorType::InvalidGuest, format!("the guest `{self}`: {reason}"))
                .hint("push it with `guesthouse push`, `wkg oci push` or `oras push`"),
        )
    }

    /// Sends a request, a second time with what lets the host in where that is asked for.
    async fn send(&self, method: Method, path: &str) -> Result<Response, Trouble> {
        let client = self.access.client().map_err(|error| Trouble::of_request(self, error))?;
        let url = self.base.join(path).map_err(|error| self.invalid(&format!("`{path}` is no path: {error}")))?;
        let send = |let_in: Option<String>| {
            let mut request = client.request(method.clone(), url.clone()).header(ACCEPT, format!("{MANIFESTS}, */*"));
            if let Some(let_in) = let_in {
                request = request.header(AUTHORIZATION, let_in);
            }
            request.send()
        };
        let last = self.let_in().take();
        let mut answer = send(last.clone()).await.map_err(|error| Trouble::of_request(self, error))?;
        // What let the host in does so for hours only, and not every registry then says 401.
        if last.is_some() && [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&answer.status()) {
            answer = send(None).await.map_err(|error| Trouble::of_request(self, error))?;
        } else {
            *self.let_in() = last;
        }
        if answer.status() == StatusCode::UNAUTHORIZED {
            let place = self.to_string();
            let let_in = login::answer(&place, &self.registry, &answer, &client, &self.access).await?;
            *self.let_in() = Some(let_in.clone());
            answer = send(Some(let_in)).await.map_err(|error| Trouble::of_request(self, error))?;
        }
        match answer.status() {
            StatusCode::OK => Ok(answer),
            status => Err(Trouble::of_status(self, status)),
        }
    }

    fn let_in(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.let_in.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Image {
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
        let parse = |reference: &str| Image::parse(reference, &RemoteAccess::default());
        for (reference, base, tag) in [
            ("oci://ghcr.io/acme/hello:1.0", "https://ghcr.io/v2/acme/hello/", "1.0"),
            ("oci://localhost:5000/hello", "http://localhost:5000/v2/hello/", "latest"),
            (&format!("oci://127.0.0.1:5000/a/b:1@{digest}"), "http://127.0.0.1:5000/v2/a/b/", digest.as_str()),
        ] {
            let image = parse(reference).unwrap();
            assert_eq!((image.base.as_str(), image.tag.as_str()), (base, tag));
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
