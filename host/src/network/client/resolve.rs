//! This module finds the addresses of a host, and judges each of them.

use std::{io, net::SocketAddr};

use futures_util::future::BoxFuture;

use crate::network::{Error, host::Host, rules::Grant, runtime_api::RuntimeApi};

/// Looks up the addresses of a host name. Tests look names up in a table.
pub type Lookup = fn(String, u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>>;

/// Looks up a name as this machine's programs do, with `getaddrinfo`.
pub fn system_lookup(name: String, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
    Box::pin(async move { Ok(tokio::net::lookup_host((name, port)).await?.collect()) })
}

/// Returns the addresses of the host that a connection may go to. The name is looked up once, and the connection is
/// made to one of the addresses that are returned, so that a second lookup can't have another result.
///
/// # Errors
/// Returns [`Error::Lookup`] if the name has no address, and [`Error::ProhibitedAddress`] if it has only addresses that
/// can't be reached from a guest.
pub async fn addresses(grant: &Grant, runtime_api: &RuntimeApi, lookup: Lookup) -> Result<Vec<SocketAddr>, Error> {
    let all = match &grant.host {
        Host::Address(address) => vec![SocketAddr::new(*address, grant.port)],
        Host::Name(name) => lookup(name.clone(), grant.port).await.map_err(Error::Lookup)?,
    };
    let (mut allowed, mut reason) = (Vec::new(), None);
    for address in all {
        match grant.allows(address.ip(), runtime_api) {
            Ok(()) => allowed.push(address),
            Err(problem) => reason = reason.or(Some(problem)),
        }
    }
    match (allowed.is_empty(), reason) {
        (false, _) => Ok(allowed),
        (true, Some(reason)) => Err(Error::ProhibitedAddress(reason)),
        (true, None) => Err(Error::Lookup(io::Error::new(io::ErrorKind::NotFound, "the name has no address"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::rules::{Rules, Scheme};

    /// Has a name for each kind of result.
    #[expect(clippy::needless_pass_by_value, reason = "it stands in the place of the real one")]
    fn table(name: String, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let addresses: &[&str] = match name.as_str() {
            "public.example" => &["1.1.1.1", "2606:4700::1111"],
            "metadata.example" => &["169.254.169.254"],
            "mapped.example" => &["::ffff:169.254.169.254"],
            "loopback.example" => &["127.0.0.1"],
            "first.example" => &["169.254.169.254", "1.1.1.1"],
            "last.example" => &["1.1.1.1", "127.0.0.1"],
            "none.example" => &[],
            _ => return Box::pin(async { Err(io::Error::other("no such name")) }),
        };
        let found = addresses.iter().map(|address| SocketAddr::new(address.parse().unwrap(), port)).collect();
        Box::pin(async { Ok(found) })
    }

    async fn found(host: &str) -> Result<Vec<String>, String> {
        let rules = Rules::parse(["*://*:*", &format!("https://{host}")]).unwrap();
        let grant = rules.check(Scheme::Https, &Host::parse(host).unwrap(), 443).unwrap();
        let found = addresses(&grant, &RuntimeApi::default(), table).await;
        found.map(|found| found.iter().map(ToString::to_string).collect()).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn of_several_addresses_only_those_that_may_be_reached_are_returned() {
        assert_eq!(found("public.example").await.unwrap(), ["1.1.1.1:443", "[2606:4700::1111]:443"]);
        assert_eq!(found("first.example").await.unwrap(), ["1.1.1.1:443"]);
        assert_eq!(found("last.example").await.unwrap(), ["1.1.1.1:443"]);
        assert_eq!(found("1.1.1.1").await.unwrap(), ["1.1.1.1:443"]);
    }

    #[tokio::test]
    async fn a_granted_name_with_a_prohibited_address_is_refused_with_the_reason() {
        for host in ["metadata.example", "mapped.example", "169.254.169.254"] {
            assert!(found(host).await.unwrap_err().contains("metadata"), "{host}");
        }
        assert!(found("loopback.example").await.unwrap_err().contains("spells `loopback.example` and its port out"));
        assert!(found("none.example").await.unwrap_err().contains("no address"));
        assert!(found("unknown.example").await.unwrap_err().contains("no such name"));
    }
}
