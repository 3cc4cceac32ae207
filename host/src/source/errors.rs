//! This module makes the failures that several kinds of source have in common.

use std::fmt;

use crate::failure::{ErrorType, Failure};

/// The hint for a file that changed while it was read.
pub(super) const REPLACE_BY_RENAME: &str = "write it under another name in the same directory, then rename it";

/// The schemes that a build may support.
const SCHEMES: [&str; 4] = ["s3", "https", "http", "oci"];

/// The maximum length of a reference in an error message, in characters.
const SHOWN_LIMIT_CHARS: usize = 200;

/// Returns the failure of machine code that is not trusted. Machine code is only accepted from a place where nobody but
/// the function's owner can write, or with a signature of the owner's.
pub fn untrusted(place: &str, reason: &str) -> Failure {
    Failure::new(ErrorType::Untrusted, format!("the machine code `{place}` is not trusted: {reason}")).hint(
        "deploy it in the task root, where nobody can write, or sign it and set `GUESTHOUSE_TRUSTED_KEYS`, or name the \
         `.wasm` file, which is compiled",
    )
}

/// Returns the failure of machine code from outside the task root if no key is trusted: nothing proves who made it.
pub fn untrusted_without_key(place: &str) -> Failure {
    untrusted(place, "it is outside the task root, and no key is trusted")
}

/// Returns the failure of an artifact that is larger than its limit.
pub(super) fn too_large(place: &str, limit_bytes: u64) -> Failure {
    Failure::new(ErrorType::InvalidGuest, format!("the guest `{place}` is larger than {limit_bytes} bytes"))
        .hint("raise `artifact_limit` in the settings if it is to be that large")
}

/// Returns the failure of a handler's value that is neither the name of a guest nor a reference.
pub(super) fn unusable(reference: &str, problem: impl fmt::Display) -> Failure {
    // The query and the credentials of an address may be secret.
    let reference = reference.split('?').next().unwrap_or_default();
    let reference = match reference.split_once("://").zip(reference.rsplit_once('@')) {
        Some(((scheme, _), (_, rest))) if scheme.starts_with("http") => format!("{scheme}://{rest}"),
        _ => reference.to_owned(),
    };
    let shown: String = reference.chars().take(SHOWN_LIMIT_CHARS).flat_map(char::escape_default).collect();
    Failure::new(ErrorType::Config, format!("the handler `{shown}` can't be used: {problem}"))
}

/// Returns the failure of a reference with a scheme that no build supports, or that this build does not include.
pub(super) fn not_built(scheme: &str, reference: &str) -> Failure {
    match SCHEMES.contains(&scheme) {
        true => unusable(reference, format!("this host was built without `{scheme}://`")).hint(format!(
            "build it with the feature `{}`, as it is by default",
            if scheme == "http" { "https" } else { scheme }
        )),
        false => unusable(reference, format!("`{}` is not a known scheme", scheme.escape_default()))
            .hint("write `file://`, `s3://`, `https://` or `oci://`, or the name of a guest in the task root"),
    }
}
