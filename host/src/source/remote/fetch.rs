//! This module fetches an artifact and its signature, with retries.
//!
//! # One attempt
//!
//! An attempt requests the artifact, on the condition that it no longer has the known validator. If the response is
//! "not modified", the next step depends on the known revision:
//!
//! | known revision | the signature beside the artifact | next step |
//! | --- | --- | --- |
//! | none | not requested | fail with a transient error: the request had no condition |
//! | without a pending signature | not requested | report that the artifact is not modified |
//! | the pending signature is missing | is still missing | report that the artifact is not modified |
//! | the pending signature is missing | exists now | fetch the artifact again |
//! | the pending signature has a validator | is not modified | report that the artifact is not modified |
//! | the pending signature has a validator | was sent again, with the same validator, and is not UTF-8 | report that the artifact is not modified |
//! | the pending signature has a validator | was sent again, with the same validator, and is UTF-8 | fetch the artifact again |
//! | the pending signature has a validator | has another validator | fetch the artifact again |
//! | the pending signature has a validator | is missing now | fetch the artifact again |
//!
//! The artifact is fetched again without a condition. If the response is "not modified" nevertheless, so is the
//! outcome.
//!
//! If an artifact was fetched, its signature depends on whether signatures are required:
//!
//! | signatures required | the source has it in the artifact's metadata | signature | pending signature |
//! | --- | --- | --- | --- |
//! | no | either | none | none |
//! | yes | yes | that one | none |
//! | yes | no | the text of the file beside the artifact, if there is one | the validator of that file, or `Missing` |

use std::{
    fmt,
    path::Path,
    time::{Duration, Instant},
};

use tokio::time::{sleep, timeout_at};

#[cfg(feature = "oci")]
use super::oci;
#[cfg(feature = "s3")]
use super::s3;
use super::{
    download::Download,
    fetch_error::{self, FetchError},
    http,
};
use crate::{
    backoff::Backoff,
    failure::Failure,
    source::{
        access::RemoteAccess,
        artifact::{Content, FetchOutcome, Revision, Validator},
        errors::{not_built, untrusted_without_key},
        file_names::{CWASM, SIGNATURE_LIMIT_BYTES, SIGNATURE_SUFFIX, has_extension},
        options::FetchOptions,
    },
};

/// The pause before the second attempt. Each further pause is twice as long. All vary by half.
const INITIAL_BACKOFF: Duration = Duration::from_millis(100);

/// The maximum pause between two attempts, before it varies.
const MAX_BACKOFF: Duration = Duration::from_secs(2);

/// `Remote` is a guest on another machine.
#[derive(Debug, Clone)]
pub enum Remote {
    /// A guest on an HTTPS server, or on an HTTP server on the loopback interface.
    Https(http::Resource),
    /// A guest in S3, or in a service with the same interface.
    #[cfg(feature = "s3")]
    S3(s3::Object),
    /// A guest in an OCI registry.
    #[cfg(feature = "oci")]
    Oci(oci::OciArtifact),
}

/// A `SignatureFile` is the response to a request for the signature beside an artifact.
struct SignatureFile {
    validator: Validator,
    /// The text, if the response contains it and it is UTF-8. Without a file there is none.
    text: Option<String>,
}

/// A `NextStep` is the next step of an attempt whose artifact is not modified.
#[derive(Debug, PartialEq, Eq)]
enum NextStep {
    /// Fail: the request had no condition, so the response is invalid.
    Fail,
    /// Report that the source still has the known revision.
    ReportNotModified,
    /// Fetch the artifact again, for its new signature.
    FetchAgain,
}

/// Returns the next step of an attempt whose artifact is not modified. `signature` is what is beside the artifact now;
/// it is only requested if a signature is pending. The first table in this module's documentation lists the cases.
fn after_not_modified(known: Option<&Revision>, signature: Option<&SignatureFile>) -> NextStep {
    let Some(known) = known else { return NextStep::Fail };
    let is_same = match (&known.pending_signature, signature) {
        (Some(pending), Some(now)) => now.validator == *pending && now.text.is_none(),
        _ => true,
    };
    if is_same { NextStep::ReportNotModified } else { NextStep::FetchAgain }
}

impl Remote {
    /// Parses a reference with this scheme.
    ///
    /// # Errors
    /// [`ErrorType::Config`](crate::failure::ErrorType::Config) if the reference can't be used, or this build does not
    /// support the scheme.
    pub(in crate::source) fn parse(scheme: &str, reference: &str, access: &RemoteAccess) -> Result<Self, Failure> {
        match scheme {
            "https" | "http" => http::Resource::parse(reference, access).map(Self::Https),
            #[cfg(feature = "s3")]
            "s3" => s3::Object::parse(reference, access).map(Self::S3),
            #[cfg(feature = "oci")]
            "oci" => oci::OciArtifact::parse(reference, access).map(Self::Oci),
            _ => Err(not_built(scheme, reference)),
        }
    }

    /// Fetches the artifact, unless the source still has the revision that is `known`. Repeats attempts with a
    /// transient error.
    ///
    /// # Errors
    /// Those of [`Source::fetch`](crate::source::Source::fetch).
    pub(in crate::source) async fn fetch(
        &self,
        known: Option<&Revision>,
        options: &FetchOptions,
    ) -> Result<FetchOutcome, Failure> {
        if has_extension(Path::new(self.name()), CWASM) && !options.signature {
            return Err(untrusted_without_key(&self.to_string()));
        }
        let (started, mut attempts) = (Instant::now(), 0);
        let mut backoff = Backoff::new(INITIAL_BACKOFF, MAX_BACKOFF);
        let mut previous = None;
        loop {
            attempts += 1;
            let error = match timeout_at(options.stop.into(), self.attempt(known, options)).await {
                Ok(Ok(outcome)) => return Ok(outcome),
                Ok(Err(FetchError::Permanent(failure))) => return Err(failure),
                Ok(Err(FetchError::Rejected(validator, failure))) => {
                    return Ok(FetchOutcome::rejected(Revision::of(validator), failure));
                }
                Ok(Err(FetchError::Transient(error))) => error,
                // The time was up. What an earlier attempt found out says more.
                Err(_) => previous.take().unwrap_or_else(|| "no complete response arrived in time".to_owned()),
            };
            let pause = backoff.wait().mul_f64(0.5 + fastrand::f64());
            if attempts >= options.attempts || Instant::now() + pause >= options.stop {
                return Err(fetch_error::unavailable(self, &error, attempts, started.elapsed()));
            }
            previous = Some(error);
            sleep(pause).await;
        }
    }

    /// Makes one attempt. The tables in this module's documentation list the cases.
    async fn attempt(&self, known: Option<&Revision>, options: &FetchOptions) -> Result<FetchOutcome, FetchError> {
        let mut download = self.get(known.map(|known| &known.artifact), options.limit_bytes).await?;
        if matches!(download, Download::NotModified) {
            let pending = known.and_then(|known| known.pending_signature.as_ref());
            let signature = match pending {
                Some(pending) => Some(self.get_signature(Some(pending)).await?),
                None => None,
            };
            download = match after_not_modified(known, signature.as_ref()) {
                NextStep::Fail => {
                    let error = "the response is \"not modified\", but the request had no condition";
                    return Err(FetchError::Transient(error.to_owned()));
                }
                NextStep::ReportNotModified => return Ok(FetchOutcome::NotModified),
                NextStep::FetchAgain => self.get(None, options.limit_bytes).await?,
            };
        }
        let Download::Complete { bytes, validator, signature } = download else {
            // The second response may be "not modified" although its request had no condition.
            return Ok(FetchOutcome::NotModified);
        };
        let (pending_signature, signature) = match (options.signature, signature) {
            (false, _) => (None, None),
            (true, Some(signature)) => (None, Some(signature)),
            (true, None) => {
                let file = self.get_signature(None).await?;
                (Some(file.validator), file.text)
            }
        };
        let revision = Revision { pending_signature, ..Revision::of(validator) };
        Ok(FetchOutcome::fetched(Content::from_bytes(bytes), revision, signature))
    }

    /// Requests the artifact, unless it still has the validator that is `known`.
    async fn get(&self, known: Option<&Validator>, limit_bytes: u64) -> Result<Download, FetchError> {
        match self {
            Self::Https(resource) => resource.get("", known, limit_bytes).await,
            #[cfg(feature = "s3")]
            Self::S3(object) => object.get("", known, limit_bytes).await,
            #[cfg(feature = "oci")]
            Self::Oci(artifact) => artifact.get(known, limit_bytes).await,
        }
    }

    /// Requests the signature beside the artifact, unless it still has the validator that is `known`.
    async fn get_signature(&self, known: Option<&Validator>) -> Result<SignatureFile, FetchError> {
        const MISSING: SignatureFile = SignatureFile { validator: Validator::Missing, text: None };
        let known = known.filter(|known| **known != Validator::Missing);
        let download = match self {
            Self::Https(resource) => resource.get(SIGNATURE_SUFFIX, known, SIGNATURE_LIMIT_BYTES).await,
            #[cfg(feature = "s3")]
            Self::S3(object) => object.get(SIGNATURE_SUFFIX, known, SIGNATURE_LIMIT_BYTES).await,
            // The signature is in the manifest.
            #[cfg(feature = "oci")]
            Self::Oci(_) => return Ok(MISSING),
        };
        match download {
            Ok(Download::Complete { bytes, validator, .. }) => {
                Ok(SignatureFile { validator, text: String::from_utf8(bytes).ok() })
            }
            Ok(Download::NotModified) => {
                Ok(SignatureFile { validator: known.cloned().unwrap_or(Validator::Missing), text: None })
            }
            // For a missing object, S3 responds that access is denied if the role may not list the bucket.
            Err(FetchError::Permanent(_) | FetchError::Rejected(..)) => Ok(MISSING),
            Err(error @ FetchError::Transient(_)) => Err(error),
        }
    }

    /// Returns the part of the reference that may end with the extension of a guest's file.
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

/// Leaves out what may be secret.
impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Https(resource) => resource.fmt(f),
            #[cfg(feature = "s3")]
            Self::S3(object) => object.fmt(f),
            #[cfg(feature = "oci")]
            Self::Oci(artifact) => artifact.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn etag(etag: &str) -> Validator {
        Validator::Http { etag: Some(etag.to_owned()), version: None }
    }

    #[test]
    fn an_artifact_that_is_not_modified_is_fetched_again_when_its_pending_signature_changed() {
        use NextStep::{Fail, FetchAgain, ReportNotModified};
        use Validator::Missing;
        let pending = |validator: Validator| Some(Some(validator));
        let file = |validator: Validator, text: &str| {
            Some(SignatureFile { validator, text: (!text.is_empty()).then(|| text.to_owned()) })
        };
        let unknown = || Validator::Http { etag: None, version: None };
        for (case, known, signature, step) in [
            ("nothing is known", None, None, Fail),
            ("no signature is pending", Some(None), None, ReportNotModified),
            ("it is still missing", pending(Missing), file(Missing, ""), ReportNotModified),
            ("it exists now", pending(Missing), file(etag("1"), "signature"), FetchAgain),
            ("it exists now, and is not text", pending(Missing), file(etag("1"), ""), FetchAgain),
            ("it is not modified", pending(etag("1")), file(etag("1"), ""), ReportNotModified),
            ("it was sent once more", pending(etag("1")), file(etag("1"), "signature"), FetchAgain),
            ("it has another validator", pending(etag("1")), file(etag("2"), "signature"), FetchAgain),
            ("it has another validator, and is not text", pending(etag("1")), file(etag("2"), ""), FetchAgain),
            ("it is missing now", pending(etag("1")), file(Missing, ""), FetchAgain),
            ("the server sends no validators", pending(unknown()), file(unknown(), "signature"), FetchAgain),
        ] {
            let known: Option<Revision> =
                known.map(|pending_signature| Revision { pending_signature, ..Revision::of(etag("artifact")) });
            assert_eq!(after_not_modified(known.as_ref(), signature.as_ref()), step, "{case}");
        }
    }
}
