//! This module provides `wasi:tls`, with which guests speak TLS over their sockets. It is a draft, which only
//! wasmtime-wasi-tls implements so far; the SDKs for Python and JavaScript use it for databases.

use wasmtime::{
    Result, StoreContextMut, bail,
    component::{Linker, Resource},
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream};
use wasmtime_wasi_tls::{
    WasiTlsView,
    p2::{
        HostClientConnection, HostClientHandshake, HostFutureClientStreams, LinkOptions,
        bindings::types::HostClientHandshake as _,
    },
};

use super::super::store_state::StoreState;

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
