//! This module holds what a store needs for the network of one instance.

use std::sync::Arc;

use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi_http::WasiHttpCtx;
use wasmtime_wasi_tls::{WasiTlsCtx, WasiTlsCtxBuilder};

use super::{
    http_hooks::{HEADERS_LIMIT_BYTES, HttpHooks},
    known_addresses::{KnownAddresses, grant},
    tls_provider::Provider,
};
use crate::{capabilities::Capabilities, network::Network};

/// The maximum number of requests that an instance has in flight. Each has a connection, which is a file descriptor.
const IN_FLIGHT_LIMIT: usize = 64;

/// Of how many open files one may be the connection of a request.
const HANDLES_FOR_ONE_REQUEST: usize = 8;

/// The state of one instance's network.
pub(in crate::engine) struct NetworkState {
    pub(in crate::engine) http: WasiHttpCtx,
    pub(in crate::engine) hooks: HttpHooks,
    pub(in crate::engine) tls: WasiTlsCtx,
    /// What the handler may reach. `None` if it may reach nothing.
    pub(super) network: Option<Arc<Network>>,
    pub(super) known_addresses: KnownAddresses,
}

impl NetworkState {
    /// Creates the state of a new instance, and grants it the sockets that the capabilities allow.
    pub(in crate::engine) fn new(capabilities: &Capabilities, wasi: &mut WasiCtxBuilder) -> Self {
        let network = capabilities.grants.network.clone();
        let known_addresses = KnownAddresses::default();
        if let Some(network) = &network {
            grant(wasi, network.clone(), known_addresses.clone());
        }
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(HEADERS_LIMIT_BYTES);
        let in_flight = (capabilities.limits.handles / HANDLES_FOR_ONE_REQUEST).clamp(4, IN_FLIGHT_LIMIT);
        let tls = WasiTlsCtxBuilder::new().provider(Box::new(Provider)).build();
        Self { http, hooks: HttpHooks::new(network.clone(), in_flight), tls, network, known_addresses }
    }
}
