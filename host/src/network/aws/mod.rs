//! This module signs guests' requests to AWS again, with the function's own credentials.
//!
//! A guest's SDK signs with a key that is a placeholder. The scope of that signature says for which service and region
//! it is, the headers that it names are signed again, and the digest of the body is kept where the SDK sent it. A
//! request with any other key is passed on unchanged: a guest may have got such a key from AWS, in a request of its
//! own.
//!
//! See docs/decisions/50-signatures.md.

#[cfg(feature = "network")]
pub mod authorization;
#[cfg(feature = "network")]
pub mod credentials;
#[cfg(feature = "network")]
pub mod payload;
pub mod services;
#[cfg(feature = "network")]
pub mod sign;
#[cfg(feature = "network")]
mod signer;

#[cfg(feature = "network")]
pub use self::signer::Signer;
