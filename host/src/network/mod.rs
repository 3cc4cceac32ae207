//! This module connects guests to the network, where the settings allow it.
//!
//! ```text
//! a request ──host──▶ rules ──▶ secrets ──▶ aws ──▶ client: resolve ──address──▶ connect
//! a socket  ──host──▶ rules ──address──▶ (the engine connects it)
//! ```
//!
//! `host`, `rules`, `subnet`, `address`, `runtime_api`, `reach` and `aws/services` are plain data and pure functions.
//! The rest needs the feature `network`.

pub mod address;
pub mod aws;
#[cfg(feature = "network")]
mod client;
#[cfg(feature = "network")]
mod denials;
#[cfg(feature = "network")]
mod error;
pub mod host;
#[cfg(feature = "network")]
mod outgoing;
pub mod reach;
pub mod rules;
pub mod runtime_api;
#[cfg(feature = "network")]
mod secrets;
#[cfg(feature = "network")]
mod share;
#[cfg(feature = "network")]
mod stored_secrets;
pub mod subnet;
#[cfg(test)]
mod tests;

#[cfg(feature = "network")]
pub use self::{
    aws::credentials::PLACEHOLDER,
    client::{BodyError, RequestBody, ResponseBody, Stream, Timeouts, secure},
    error::Error,
    outgoing::{Network, NetworkGrants},
    secrets::{Secret, SecretValue},
    share::Share,
};
