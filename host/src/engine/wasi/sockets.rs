//! This module limits `wasi:sockets`: a guest may look up the names that rules for sockets have, and connect to their
//! addresses. It can't bind, listen, or use UDP.
//!
//! The rules are about names, and sockets about addresses. So the instance remembers which name each address was found
//! for, and a connection to the address is judged by that name.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use wasmtime::{
    Result, StoreContextMut,
    component::{Linker, Resource},
};
use wasmtime_wasi::{
    WasiCtxBuilder,
    p2::{
        SocketError,
        bindings::sockets::{
            ip_name_lookup::{Host as _, HostResolveAddressStream as _, ResolveAddressStream},
            network::{ErrorCode, Host as _, IpAddress, IpAddressFamily, Network as NetworkHandle},
            tcp_create_socket::Host as _,
        },
    },
    sockets::{SocketAddrUse, WasiSocketsView as _},
};

use super::{super::store_state::StoreState, VERSION};
use crate::{
    lock::lock,
    network::{Network, host::Host},
};

/// The maximum number of sockets that an instance may have open. Each is a file descriptor of the process.
const SOCKETS_LIMIT: usize = 32;

/// The maximum number of addresses whose names an instance remembers. The oldest is forgotten first.
const KNOWN_LIMIT: usize = 256;

/// The names that an instance looked up, with their addresses.
#[derive(Clone, Default)]
pub(in crate::engine) struct KnownAddresses(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    /// The names of lookups whose addresses the guest reads, by the lookup's index in the resource table.
    lookups: Vec<(u32, Host)>,
    addresses: Vec<(IpAddr, Host)>,
}

impl KnownAddresses {
    fn begin(&self, lookup: u32, name: Host) {
        let mut known = lock(&self.0);
        known.lookups.retain(|(own, _)| *own != lookup);
        keep(&mut known.lookups, (lookup, name));
    }

    fn name_of(&self, lookup: u32) -> Option<Host> {
        lock(&self.0).lookups.iter().find(|(own, _)| *own == lookup).map(|(_, name)| name.clone())
    }

    fn found(&self, address: IpAddr, name: Host) {
        let mut known = lock(&self.0);
        if !known.addresses.iter().any(|known| *known == (address, name.clone())) {
            keep(&mut known.addresses, (address, name));
        }
    }

    fn names_of(&self, address: IpAddr) -> Vec<Host> {
        let known = lock(&self.0);
        known.addresses.iter().filter(|(own, _)| *own == address).map(|(_, name)| name.clone()).collect()
    }
}

fn keep<T>(list: &mut Vec<T>, new: T) {
    if list.len() >= KNOWN_LIMIT {
        list.remove(0);
    }
    list.push(new);
}

/// Grants an instance the sockets that the handler's network allows.
pub(in crate::engine) fn grant(wasi: &mut WasiCtxBuilder, network: Arc<Network>, known: KnownAddresses) {
    wasi.allow_tcp(true).allow_udp(false).allow_ip_name_lookup(true);
    wasi.socket_addr_check(move |address: SocketAddr, usage: SocketAddrUse| {
        let is_allowed = match usage {
            // Connecting binds the socket to any address and port first.
            SocketAddrUse::TcpBind => address.ip().is_unspecified() && address.port() == 0,
            SocketAddrUse::TcpConnect => network.check_connect(&known.names_of(address.ip()), address).is_ok(),
            _ => false,
        };
        Box::pin(async move { is_allowed })
    });
}

type Store<'a> = StoreContextMut<'a, StoreState>;

/// Shadows the functions that look up names and make sockets.
pub(super) fn limit(linker: &mut Linker<StoreState>) -> Result<()> {
    let mut lookup = linker.instance(&format!("wasi:sockets/ip-name-lookup@{VERSION}"))?;
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
    linker.instance(&format!("wasi:sockets/tcp-create-socket@{VERSION}"))?.func_wrap(
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
