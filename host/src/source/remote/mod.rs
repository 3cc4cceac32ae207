//! This module fetches guests from other machines: HTTPS servers, S3 and OCI registries.
//!
//! A client for each kind of source sends one conditional request: for the artifact, unless it still has the known
//! validator. `fetch` has what they share: limits, retries, and signatures beside the artifact.
//!
//! See docs/decisions/20-three-remote-clients.md.

#[cfg(feature = "cli")]
pub mod aws_api;
mod download;
mod fetch;
mod fetch_error;
mod http;
mod http_client;
#[cfg(feature = "oci")]
mod login;
#[cfg(feature = "oci")]
mod oci;
#[cfg(feature = "s3")]
mod s3;
#[cfg(feature = "cli")]
pub mod upload;

pub use self::fetch::Remote;
