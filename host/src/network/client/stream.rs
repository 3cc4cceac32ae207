//! This module names what connections have in common.
//!
//! All of them have one type, so that the code of HTTP and of TLS is in the host once.

use tokio::io::{AsyncRead, AsyncWrite};

/// A connection: over TCP, through a proxy, or with TLS.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + ?Sized> Stream for S {}
