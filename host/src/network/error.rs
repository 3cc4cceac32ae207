//! This module describes why a request or a connection of a guest failed.

use std::{error::Error as StdError, io};

use super::rules::Rule;

/// An `Error` is the reason why a guest's request or connection failed. The guest sees its kind; the text is for the
/// log.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No rule grants it.
    #[error("a guest's request or connection was denied: no rule of `network.allow` grants `{0}`")]
    Denied(Rule),
    /// The host has only addresses that can't be reached from a guest.
    #[error("a guest's request or connection was denied: {0}")]
    ProhibitedAddress(String),
    /// The request is not one that the host sends: its authority or its method is wrong.
    #[error("{0}")]
    Malformed(String),
    /// The request can't be signed for AWS, or the guest must not make it.
    #[error("a guest's request to AWS was refused: {0}")]
    NotSigned(String),
    /// The body of a request that the host has to read before it sends it is larger than this many bytes.
    #[error("the body of a request that has to be signed is larger than {0} bytes")]
    BodyTooLarge(u64),
    /// The host name has no address.
    #[error("can't find the address: {0}")]
    Lookup(#[source] io::Error),
    /// No connection can be established.
    #[error("can't connect: {0}")]
    Connect(#[source] io::Error),
    /// The TLS handshake failed.
    #[error("the TLS handshake failed: {0}")]
    Tls(#[source] io::Error),
    /// The server's certificate is not trusted, or is for another name.
    #[error("the server's certificate is not accepted: {0}")]
    Certificate(#[source] io::Error),
    /// The connection was not established in the time that the guest allows.
    #[error("the connection took too long")]
    ConnectTimeout,
    /// The response did not begin in the time that the guest allows.
    #[error("the response took too long")]
    FirstByteTimeout,
    /// The response did not go on in the time that the guest allows.
    #[error("the response paused for too long")]
    BetweenBytesTimeout,
    /// The response's head is larger than the host takes.
    #[error("the response's head is too large")]
    HeadTooLarge,
    /// The connection ended in the middle, or what came is not HTTP.
    #[error("{}", with_causes(.0))]
    Http(#[source] hyper::Error),
    /// This machine's certificates can't be read.
    #[error("can't read this machine's certificates: {0}")]
    Roots(#[source] rustls::Error),
}

impl From<hyper::Error> for Error {
    fn from(error: hyper::Error) -> Self {
        if error.is_parse_too_large() { Self::HeadTooLarge } else { Self::Http(error) }
    }
}

/// Returns the error's text with those of its causes, which have what happened.
fn with_causes(error: &hyper::Error) -> String {
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
