//! This module limits `wasi:sockets`: a guest may look up the names that rules for sockets have, and connect to their
//! addresses. It can't bind, listen, or use UDP.
//!
//! The rules are about names, and sockets about addresses. So the instance remembers which name each address was found
//! for, and a connection to the address is judged by that name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use wasmtime::{
    Result, StoreContextMut,
    component::{Linker, Resource},
};
use wasmtime_wasi::{
    p2::{
        SocketError,
        bindings::sockets::{
            ip_name_lookup::{Host as _, HostResolveAddressStream as _, ResolveAddressStream},
            network::{ErrorCode, Host as _, IpAddress, IpAddressFamily, Network as NetworkHandle},
            tcp_create_socket::Host as _,
        },
    },
    sockets::WasiSocketsView as _,
};

use super::super::store_state::StoreState;
use crate::network::host::Host;

/// The maximum number of sockets that an instance may have open. Each is a file descriptor of the process.
const SOCKETS_LIMIT: usize = 32;

type Store<'a> = StoreContextMut<'a, StoreState>;

/// Shadows the functions that look up names and make sockets.
pub(super) fn limit(linker: &mut Linker<StoreState>, version: &str) -> Result<()> {
    let mut lookup = linker.instance(&format!("wasi:sockets/ip-name-lookup@{version}"))?;
    lookup.func_wrap(
        "resolve-addresses",
        |mut store: Store<'_>, (handle, name): (Resource<NetworkHandle>, String)| {
            returned(&mut store, |state| resolve(state, handle, &name))
        },
    )?;
    lookup.func_wrap(
        "[method]resolve-address-stream.resolve-next-address",
        |mut store: Store<'_>, (lookup,): (Resource<ResolveAddressStream>,)| {
            returned(&mut store, |state| next_address(state, &lookup))
        },
    )?;
    linker.instance(&format!("wasi:sockets/tcp-create-socket@{version}"))?.func_wrap(
        "create-tcp-socket",
        |mut store: Store<'_>, (family,): (IpAddressFamily,)| {
            returned(&mut store, |state| {
                let sockets = state.table().iter_mut().filter(|entry| entry.is::<wasmtime_wasi::p2::TcpSocket>());
                if sockets.count() >= SOCKETS_LIMIT {
                    return Err(ErrorCode::NewSocketLimit.into());
                }
                state.sockets().create_tcp_socket(family)
            })
        },
    )
}

/// Returns what a function of WASI returns: an error of the guest's is a result, any other one a trap.
fn returned<T>(
    store: &mut Store<'_>,
    call: impl FnOnce(&mut StoreState) -> Result<T, SocketError>,
) -> Result<(core::result::Result<T, ErrorCode>,)> {
    match call(store.data_mut()) {
        Ok(value) => Ok((Ok(value),)),
        Err(error) => Ok((Err(store.data_mut().sockets().convert_error_code(error)?),)),
    }
}

fn resolve(
    state: &mut StoreState,
    handle: Resource<NetworkHandle>,
    name: &str,
) -> Result<Resource<ResolveAddressStream>, SocketError> {
    let Some(network) = state.network.network.clone() else { return Err(ErrorCode::AccessDenied.into()) };
    // An address that is written out needs no lookup, and is judged when the guest connects to it.
    let host = match name.parse::<IpAddr>() {
        Ok(address) => Host::Address(address),
        Err(_) => network.check_lookup(name).map_err(|error| match error {
            crate::network::Error::Malformed(_) => ErrorCode::InvalidArgument,
            _ => ErrorCode::AccessDenied,
        })?,
    };
    let asked = match &host {
        Host::Name(name) => name.clone(),
        Host::Address(address) => address.to_string(),
    };
    let lookup = state.sockets().resolve_addresses(handle, asked)?;
    state.network.known_addresses.begin(lookup.rep(), host);
    Ok(lookup)
}

fn next_address(
    state: &mut StoreState,
    lookup: &Resource<ResolveAddressStream>,
) -> Result<Option<IpAddress>, SocketError> {
    let own = Resource::new_borrow(lookup.rep());
    let found = state.sockets().resolve_next_address(own)?;
    if let (Some(found), Some(name)) = (found, state.network.known_addresses.name_of(lookup.rep())) {
        state.network.known_addresses.found(address(found), name);
    }
    Ok(found)
}

fn address(address: IpAddress) -> IpAddr {
    match address {
        IpAddress::Ipv4((a, b, c, d)) => Ipv4Addr::new(a, b, c, d).into(),
        IpAddress::Ipv6((a, b, c, d, e, f, g, h)) => Ipv6Addr::new(a, b, c, d, e, f, g, h).into(),
    }
}
