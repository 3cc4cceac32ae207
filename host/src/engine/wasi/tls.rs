//! This module provides `wasi:tls`, with which guests speak TLS over their sockets. It is a draft, which only
//! wasmtime-wasi-tls implements so far; the SDKs for Python and JavaScript use it for databases.

use wasmtime::{
    Result, StoreContextMut, bail,
    component::{Linker, Resource, ResourceTable},
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
            check_open(store.data_mut().table())?;
            Ok((store.data_mut().tls().new(name, input, output)?,))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Checks that the instance may have one more TLS connection.
fn check_open(table: &mut ResourceTable) -> Result<()> {
    let open = table.iter_mut().filter(|entry| {
        entry.is::<HostClientHandshake>() || entry.is::<HostFutureClientStreams>() || entry.is::<HostClientConnection>()
    });
    if open.count() >= OPEN_LIMIT {
        bail!("a guest may have at most {OPEN_LIMIT} TLS connections open");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use wasmtime_wasi::p2::pipe::{ClosedInputStream, ClosedOutputStream};
    use wasmtime_wasi_tls::{WasiTlsCtxBuilder, WasiTlsCtxView};

    use super::{super::tls_provider::Provider, *};

    #[test]
    fn an_instance_may_begin_tls_connections_up_to_the_limit() {
        let mut table = ResourceTable::new();
        for _ in 0..OPEN_LIMIT {
            check_open(&mut table).unwrap();
            begin(&mut table);
        }
    }

    #[test]
    fn one_tls_connection_more_than_the_limit_is_refused_until_one_is_closed() {
        let mut table = ResourceTable::new();
        let mut begun: Vec<_> = (0..OPEN_LIMIT).map(|_| begin(&mut table)).collect();
        let refused = check_open(&mut table).unwrap_err();
        assert_eq!(refused.to_string(), "a guest may have at most 64 TLS connections open");
        table.delete(begun.pop().unwrap()).unwrap();
        check_open(&mut table).unwrap();
    }

    /// Begins a connection as a guest does that has streams of a socket.
    fn begin(table: &mut ResourceTable) -> Resource<HostClientHandshake> {
        let input = table.push(Box::new(ClosedInputStream) as DynInputStream).unwrap();
        let output = table.push(Box::new(ClosedOutputStream) as DynOutputStream).unwrap();
        let mut ctx = WasiTlsCtxBuilder::new().provider(Box::new(Provider)).build();
        WasiTlsCtxView { ctx: &mut ctx, table }.new("db.example".to_owned(), input, output).unwrap()
    }
}
