//! This module remembers which names an instance looked up, and judges its connections by them.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
};

use wasmtime_wasi::{WasiCtxBuilder, sockets::SocketAddrUse};

use crate::{
    lock::lock,
    network::{Network, host::Host},
};

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
    /// Notes for which name a lookup was begun.
    pub(super) fn begin(&self, lookup: u32, name: Host) {
        let mut known = lock(&self.0);
        known.lookups.retain(|(own, _)| *own != lookup);
        keep(&mut known.lookups, (lookup, name));
    }

    /// Returns the name of a lookup.
    pub(super) fn name_of(&self, lookup: u32) -> Option<Host> {
        lock(&self.0).lookups.iter().find(|(own, _)| *own == lookup).map(|(_, name)| name.clone())
    }

    /// Notes an address of a name.
    pub(super) fn found(&self, address: IpAddr, name: Host) {
        let mut known = lock(&self.0);
        if !known.addresses.iter().any(|known| *known == (address, name.clone())) {
            keep(&mut known.addresses, (address, name));
        }
    }

    /// Returns the names that have this address.
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
