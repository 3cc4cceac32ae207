//! This module provides `wasi:tls`, with which guests speak TLS over their sockets. It is a draft, which only
//! wasmtime-wasi-tls implements so far; the SDKs for Python and JavaScript use it for databases.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wasmtime::{
    Result, StoreContextMut, bail,
    component::{Linker, Resource},
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream};
use wasmtime_wasi_tls::{
    Error as TlsError, TlsProvider, TlsStream, TlsTransport, WasiTlsView,
    p2::{
        HostClientConnection, HostClientHandshake, HostFutureClientStreams, LinkOptions,
        bindings::types::HostClientHandshake as _,
    },
};

use super::super::store_state::StoreState;
use crate::network::{Stream, host::Host, secure};

/// The maximum number of TLS connections that an instance may have open. Each holds buffers in the host.
const OPEN_LIMIT: usize = 64;

/// Links `wasi:tls`.
///
/// # Errors
/// If wasmtime-wasi-tls defines an item twice, which it does not.
pub(in crate::engine) fn link(linker: &mut Linker<StoreState>) -> Result<()> {
    wasmtime_wasi_tls::p2::add_to_linker(linker, LinkOptions::default().tls(true))?;
    linker.allow_shadowing(true);
    linker.instance("wasi:tls/types@0.2.0-draft")?.func_wrap(
        "[constructor]client-handshake",
        |mut store: StoreContextMut<'_, StoreState>,
         (name, input, output): (String, Resource<DynInputStream>, Resource<DynOutputStream>)| {
            let open = store.data_mut().table().iter_mut().filter(|entry| {
                entry.is::<HostClientHandshake>()
                    || entry.is::<HostFutureClientStreams>()
                    || entry.is::<HostClientConnection>()
            });
            if open.count() >= OPEN_LIMIT {
                bail!("a guest may have at most {OPEN_LIMIT} TLS connections open");
            }
            Ok((store.data_mut().tls().new(name, input, output)?,))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Checks certificates as for requests: with those of this machine.
pub(in crate::engine) struct Provider;

impl TlsProvider for Provider {
    fn connect(
        &self,
        server_name: String,
        transport: Box<dyn TlsTransport>,
    ) -> Pin<Box<dyn Future<Output = core::result::Result<Box<dyn TlsStream>, TlsError>> + Send>> {
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
