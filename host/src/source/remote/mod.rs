//! Guests beyond this machine. Each kind of source answers one question, whether there is something newer than what is known; what they
//! have in common is here: limits, retries, signatures beside the artifact.

mod http;
#[cfg(feature = "oci")]
mod login;
#[cfg(feature = "oci")]
mod oci;
#[cfg(feature = "s3")]
mod s3;
mod trouble;
#[cfg(feature = "cli")]
pub mod upload;

use std::{fmt, path::Path, time::Duration, time::Instant};

use tokio::time::{sleep, timeout_at};

pub(super) use self::http::{SILENCE, client};
use self::trouble::Trouble;
use super::{
    CWASM, RemoteAccess, Wanted,
    artifact::{Artifact, Content, Look, Mark, Version},
    local::{SIGNATURE, SIGNATURE_LIMIT_BYTES, has_ending},
    not_built, too_large, untrusted_without_key, unusable,
};
use crate::failure::Failure;

/// The first wait before something is tried again; each further one is twice as long, up to the longest. All vary by half.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A guest beyond this machine.
#[derive(Debug, Clone)]
pub enum Remote {
    /// On an HTTPS server, or an HTTP server on the loopback interface.
    Https(http::Resource),
    /// In S3, or something that speaks like it.
    #[cfg(feature = "s3")]
    S3(s3::Object),
    /// In an OCI registry.
    #[cfg(feature = "oci")]
    Oci(oci::Image),
}

/// What came of one request.
enum Fetched {
    Unchanged,
    Found { bytes: Vec<u8>, mark: Mark, signature: Option<String> },
}

impl Remote {
    pub(super) fn parse(scheme: &str, reference: &str, access: &RemoteAccess) -> Result<Self, Failure> {
        match scheme {
            "https" | "http" => http::Resource::parse(reference, access).map(Self::Https),
            #[cfg(feature = "s3")]
            "s3" => s3::Object::parse(reference, access).map(Self::S3),
            #[cfg(feature = "oci")]
            "oci" => oci::Image::parse(reference, access).map(Self::Oci),
            _ => Err(not_built(scheme, reference)),
        }
    }

    pub(super) async fn look(&self, known: Option<&Version>, wanted: &Wanted) -> Result<Look, Failure> {
        if has_ending(Path::new(self.name()), CWASM) && !wanted.signature {
            return Err(untrusted_without_key(&self.to_string()));
        }
        let (begun, mut wait, mut tried) = (Instant::now(), FIRST_PAUSE, 0);
        loop {
            tried += 1;
            let fetched = timeout_at(wanted.stop.into(), self.fetch(known, wanted)).await;
            let trouble = match fetched {
                Ok(Ok(look)) => return Ok(look),
                Ok(Err(Trouble::Lasting(failure))) => return Err(failure),
                Ok(Err(Trouble::Refused(artifact, failure))) => {
                    let version = Version { artifact, companion: None, awaited: None };
                    return Ok(Look::Refused(Box::new(version), Box::new(failure)));
                }
                Ok(Err(Trouble::Passing(reason))) => reason,
                Err(_) => "there was no whole answer in time".to_owned(),
            };
            let pause = wait.mul_f64(0.5 + fastrand::f64());
            if tried >= wanted.attempts || Instant::now() + pause >= wanted.stop {
                return Err(trouble::unavailable(self, &trouble, tried, begun.elapsed()));
            }
            sleep(pause).await;
            wait = (wait * 2).min(LONGEST_PAUSE);
        }
    }

    async fn fetch(&self, known: Option<&Version>, wanted: &Wanted) -> Result<Look, Trouble> {
        let fetched = self.get(known.map(|known| &known.artifact), wanted.limit_bytes).await?;
        let awaited = known.and_then(|known| known.awaited.as_ref());
        let (bytes, mark, own_signature) = match (fetched, awaited) {
            (Fetched::Found { bytes, mark, signature }, _) => (bytes, mark, signature),
            (Fetched::Unchanged, None) if known.is_none() => {
                return Err(Trouble::Passing("it is unchanged, but nothing was known of it".to_owned()));
            }
            (Fetched::Unchanged, None) => return Ok(Look::Unchanged),
            // It waits for its signature.
            (Fetched::Unchanged, Some(known)) => match self.signature(Some(known)).await? {
                (Mark::Missing, _) if *known == Mark::Missing => return Ok(Look::Unchanged),
                (now, None) if now == *known => return Ok(Look::Unchanged),
                _ => match self.get(None, wanted.limit_bytes).await? {
                    Fetched::Found { bytes, mark, signature } => (bytes, mark, signature),
                    Fetched::Unchanged => return Ok(Look::Unchanged),
                },
            },
        };
        let (awaited, signature) = match wanted.signature {
            true if own_signature.is_none() => {
                let (mark, signature) = self.signature(None).await?;
                (Some(mark), signature)
            }
            true => (None, own_signature),
            false => (None, None),
        };
        let version = Version { artifact: mark, companion: None, awaited };
        Ok(Look::Found(Box::new(Artifact { content: Content::fetched(bytes), version, signature })))
    }

    async fn get(&self, known: Option<&Mark>, limit_bytes: u64) -> Result<Fetched, Trouble> {
        match self {
            Self::Https(resource) => resource.get("", known, limit_bytes).await,
            #[cfg(feature = "s3")]
            Self::S3(object) => object.get("", known, limit_bytes).await,
            #[cfg(feature = "oci")]
            Self::Oci(image) => image.get(known, limit_bytes).await,
        }
    }

    /// What is beside the artifact, and its text unless it is the one that is `known`.
    async fn signature(&self, known: Option<&Mark>) -> Result<(Mark, Option<String>), Trouble> {
        let known = known.filter(|known| **known != Mark::Missing);
        let got = match self {
            Self::Https(resource) => resource.get(SIGNATURE, known, SIGNATURE_LIMIT_BYTES).await,
            #[cfg(feature = "s3")]
            Self::S3(object) => object.get(SIGNATURE, known, SIGNATURE_LIMIT_BYTES).await,
            // It is in the manifest.
            #[cfg(feature = "oci")]
            Self::Oci(_) => return Ok((Mark::Missing, None)),
        };
        match got {
            Ok(Fetched::Found { bytes, mark, .. }) => Ok((mark, String::from_utf8(bytes).ok())),
            Ok(Fetched::Unchanged) => Ok((known.cloned().unwrap_or(Mark::Missing), None)),
            // S3 says of what is not there that it is not allowed, where it may not be told.
            Err(Trouble::Lasting(_) | Trouble::Refused(..)) => Ok((Mark::Missing, None)),
            Err(passing) => Err(passing),
        }
    }

    /// The part of the reference that names the guest.
    fn name(&self) -> &str {
        match self {
            Self::Https(resource) => resource.path(),
            #[cfg(feature = "s3")]
            Self::S3(object) => object.key(),
            #[cfg(feature = "oci")]
            Self::Oci(_) => "",
        }
    }
}

/// As it is shown: without what may be a secret.
impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Https(resource) => resource.fmt(f),
            #[cfg(feature = "s3")]
            Self::S3(object) => object.fmt(f),
            #[cfg(feature = "oci")]
            Self::Oci(image) => image.fmt(f),
        }
    }
}
