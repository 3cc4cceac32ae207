//! Describes why a message was not sent or received.

use std::io;

use thiserror::Error;

use super::{MESSAGE_TIMEOUT, READ_TIMEOUT};

/// Describes why a message was not sent or received, or not whole. The connection can't be used afterwards.
#[derive(Debug, Error)]
pub enum HttpError {
    /// The connection broke.
    #[error("the connection broke")]
    Broken(#[from] io::Error),
    /// The server closed the connection in the middle of a message.
    #[error("the connection was closed in the middle of a message")]
    Closed,
    /// The server sent something that is not HTTP.
    #[error("the response is not valid HTTP: {0}")]
    Malformed(&'static str),
    /// The server neither sent nor accepted a byte for a whole [`READ_TIMEOUT`].
    #[error("no data was sent or received for {READ_TIMEOUT:?}")]
    ReadTimeout,
    /// A head or a body was not complete after [`MESSAGE_TIMEOUT`].
    #[error("a message was not complete after {MESSAGE_TIMEOUT:?}")]
    MessageTimeout,
    /// The body is larger than the limit, in bytes.
    #[error("the body has more than {0} bytes")]
    TooLarge(usize),
}
