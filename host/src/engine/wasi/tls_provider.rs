//! This module speaks TLS for `wasi:tls`, as for requests.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wasmtime_wasi_tls::{Error as TlsError, TlsProvider, TlsStream, TlsTransport};

use crate::network::{Stream, host::Host, secure};

/// Checks certificates as for requests: with those of this machine.
pub(in crate::engine) struct Provider;

impl TlsProvider for Provider {
    fn connect(
        &self,
        server_name: String,
        transport: Box<dyn TlsTransport>,
    ) -> Pin<Box<dyn Future<Output = Result<Box<dyn TlsStream>, TlsError>> + Send>> {
        Box::pin(async move {
            let host = Host::parse(&server_name).map_err(TlsError::msg)?;
            let stream = secure(&host, Box::new(transport)).await.map_err(TlsError::msg)?;
            Ok(Box::new(Secured(stream)) as Box<dyn TlsStream>)
        })
    }
}

/// A connection as wasmtime-wasi-tls takes it.
struct Secured(Box<dyn Stream>);

impl TlsStream for Secured {}

impl AsyncRead for Secured {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Secured {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
