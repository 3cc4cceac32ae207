//! This module describes where the Runtime API is. No rule can grant it: a guest that reached it could take events and
//! answer them in the host's place.

use std::net::IpAddr;

use super::{
    address,
    host::{Host, parse_authority},
};

/// The host and the port of the Runtime API. The default is none.
#[derive(Debug, Clone, Default)]
pub struct RuntimeApi(Option<(Host, u16)>);

impl RuntimeApi {
    /// Reads the value of `AWS_LAMBDA_RUNTIME_API`. Its port is 80 if it has none.
    pub fn parse(text: &str) -> Self {
        Self(parse_authority(text, Some(80)).ok())
    }

    /// Returns whether a connection to this port of the host, at this address, would reach the Runtime API. On the
    /// loopback interface only the port counts, because each of its addresses may reach the same server.
    pub fn is_at(&self, host: &Host, address: IpAddr, port: u16) -> bool {
        let Some((own_host, own_port)) = &self.0 else { return false };
        let destination = address::destination(address);
        *own_port == port && (own_host == host || *own_host == Host::Address(destination) || destination.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_at(api: &str, host: &str, address: &str, port: u16) -> bool {
        RuntimeApi::parse(api).is_at(&Host::parse(host).unwrap(), address.parse().unwrap(), port)
    }

    #[test]
    fn the_runtime_api_is_at_its_port_on_each_spelling_of_loopback() {
        for address in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"] {
            assert!(is_at("127.0.0.1:9001", "localhost", address, 9001), "{address}");
            assert!(!is_at("127.0.0.1:9001", "localhost", address, 2773), "{address}");
        }
    }

    #[test]
    fn the_runtime_api_is_at_its_own_address_and_name_elsewhere() {
        assert!(is_at("10.0.0.5:9001", "db.internal", "10.0.0.5", 9001));
        assert!(is_at("10.0.0.5:9001", "db.internal", "::ffff:10.0.0.5", 9001));
        assert!(!is_at("10.0.0.5:9001", "db.internal", "10.0.0.6", 9001));
        assert!(is_at("api.internal", "api.internal", "10.0.0.6", 80));
        assert!(!is_at("", "localhost", "127.0.0.1", 9001));
    }
}
