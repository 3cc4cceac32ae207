//! This module judges addresses. It is asked after a name was resolved, for each address, on every request and connect.
//!
//! What it refuses stays refused whatever the rules say: addresses at which only the environment's own services are,
//! and addresses of no use to a function. An address that contains another one is judged by that one.
//!
//! Sources: the IANA registries of special-purpose addresses for IPv4 and IPv6 (RFC 6890), RFC 6052 (NAT64), RFC 3056
//! (6to4), RFC 4380 (Teredo), and the AWS pages on instance metadata and container credentials.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::subnet::Subnet;

/// What kind of address it is, for the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An address on the Internet.
    Public,
    /// An address of a private network, such as a VPC.
    Private,
    /// An address of this environment.
    Loopback,
    /// An address that no rule can grant, with the reason.
    Refused(&'static str),
}

impl Kind {
    /// Returns the kind of an address.
    pub fn of(address: IpAddr) -> Self {
        match destination(address) {
            IpAddr::V4(address) => of_ipv4(address),
            IpAddr::V6(address) => of_ipv6(address),
        }
    }

    /// Checks that some rule could grant the address.
    ///
    /// # Errors
    /// Returns why none can.
    pub fn refused(address: IpAddr) -> Result<(), String> {
        match Self::of(address) {
            Self::Refused(reason) => Err(format!("`{address}` can't be reached from a guest: {reason}")),
            Self::Public | Self::Private | Self::Loopback => Ok(()),
        }
    }
}

/// Returns the address to which packets go in the end: the IPv4 address in an address of IPv6, or else the address
/// itself.
pub fn destination(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(outer) => inner(outer).map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

const METADATA: &str = "it belongs to services of the environment: metadata and credentials";
const RESERVED: &str = "it is reserved";

/// The special networks of IPv4, the first that contains an address counts.
const IPV4: &[(Subnet, Kind)] = &[
    (Subnet::v4([0, 0, 0, 0], 8), Kind::Refused("it means this host")),
    (Subnet::v4([127, 0, 0, 0], 8), Kind::Loopback),
    (Subnet::v4([169, 254, 0, 0], 16), Kind::Refused(METADATA)),
    (Subnet::v4([10, 0, 0, 0], 8), Kind::Private),
    (Subnet::v4([172, 16, 0, 0], 12), Kind::Private),
    (Subnet::v4([192, 168, 0, 0], 16), Kind::Private),
    (Subnet::v4([100, 64, 0, 0], 10), Kind::Private),
    (Subnet::v4([192, 0, 0, 0], 24), Kind::Refused(RESERVED)),
    (Subnet::v4([192, 0, 2, 0], 24), Kind::Refused("it is for documentation")),
    (Subnet::v4([192, 88, 99, 0], 24), Kind::Refused(RESERVED)),
    (Subnet::v4([198, 18, 0, 0], 15), Kind::Refused(RESERVED)),
    (Subnet::v4([198, 51, 100, 0], 24), Kind::Refused("it is for documentation")),
    (Subnet::v4([203, 0, 113, 0], 24), Kind::Refused("it is for documentation")),
    (Subnet::v4([224, 0, 0, 0], 4), Kind::Refused("it is a multicast address")),
    (Subnet::v4([240, 0, 0, 0], 4), Kind::Refused(RESERVED)),
];

/// The special networks of IPv6. What is in none of them is public in `2000::/3`, and reserved elsewhere.
const IPV6: &[(Subnet, Kind)] = &[
    (Subnet::v6([0, 0, 0, 0, 0, 0, 0, 0], 128), Kind::Refused("it means this host")),
    (Subnet::v6([0, 0, 0, 0, 0, 0, 0, 1], 128), Kind::Loopback),
    (Subnet::v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0], 32), Kind::Refused(METADATA)),
    (Subnet::v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), Kind::Private),
    (Subnet::v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), Kind::Refused("it is for documentation")),
    (Subnet::v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3), Kind::Public),
];

/// The networks whose addresses contain an IPv4 address in their last 32 bits.
const WITH_IPV4_AT_THE_END: &[Subnet] = &[
    // IPv4-compatible: `::` and `::1` are not among them.
    Subnet::v6([0, 0, 0, 0, 0, 0, 0, 0], 96),
    // IPv4-mapped.
    Subnet::v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96),
    // IPv4-translated.
    Subnet::v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96),
    // NAT64, with the well-known prefix and with a local one.
    Subnet::v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96),
    Subnet::v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48),
];

fn of_ipv4(address: Ipv4Addr) -> Kind {
    kind_in(IPV4, address.into()).unwrap_or(Kind::Public)
}

fn of_ipv6(address: Ipv6Addr) -> Kind {
    kind_in(IPV6, address.into()).unwrap_or(Kind::Refused(RESERVED))
}

fn kind_in(networks: &[(Subnet, Kind)], address: IpAddr) -> Option<Kind> {
    networks.iter().find(|(network, _)| network.contains(address)).map(|(_, kind)| *kind)
}

/// Returns the IPv4 address to which packets for this address go in the end, if there is one in it.
fn inner(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let bits = address.to_bits();
    let [.., first, second] = address.segments();
    let ipv4 = |bits: u128| Some(Ipv4Addr::from_bits(bits as u32));
    let (sixtofour, teredo) =
        (Subnet::v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), Subnet::v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32));
    if bits <= 1 {
        None
    } else if WITH_IPV4_AT_THE_END.iter().any(|network| network.contains(address.into())) {
        ipv4(u128::from(first) << 16 | u128::from(second))
    } else if sixtofour.contains(address.into()) {
        ipv4(bits >> 80)
    } else if teredo.contains(address.into()) {
        // The client's address is inverted.
        ipv4(!bits)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(address: &str) -> Kind {
        Kind::of(address.parse().unwrap())
    }

    #[test]
    fn addresses_of_the_internet_and_of_private_networks_can_be_granted() {
        for public in ["1.1.1.1", "52.94.5.1", "172.15.255.255", "172.32.0.0", "100.128.0.0", "2606:4700::1111"] {
            assert_eq!(kind(public), Kind::Public, "{public}");
        }
        for private in
            ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "fd12:3456::1", "fc00::1"]
        {
            assert_eq!(kind(private), Kind::Private, "{private}");
        }
        for loopback in ["127.0.0.1", "127.255.255.254", "::1"] {
            assert_eq!(kind(loopback), Kind::Loopback, "{loopback}");
        }
    }

    #[test]
    fn addresses_of_the_environments_services_and_reserved_ones_are_refused() {
        for refused in [
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "169.254.170.2",
            "169.254.100.1",
            "169.254.0.1",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001:db8::1",
            "100::1",
            "4000::1",
            "e000::1",
        ] {
            assert!(matches!(kind(refused), Kind::Refused(_)), "{refused}");
        }
    }

    #[test]
    fn an_address_in_another_one_is_the_one_that_counts() {
        for (address, expected) in [
            ("::ffff:127.0.0.1", Kind::Loopback),
            ("::ffff:7f00:1", Kind::Loopback),
            ("::127.0.0.1", Kind::Loopback),
            ("::ffff:0:127.0.0.1", Kind::Loopback),
            ("::ffff:10.0.0.1", Kind::Private),
            ("::ffff:1.1.1.1", Kind::Public),
            ("64:ff9b::a9fe:a9fe", Kind::Refused(METADATA)),
            ("64:ff9b:1::a9fe:a9fe", Kind::Refused(METADATA)),
            ("2002:a9fe:a9fe::1", Kind::Refused(METADATA)),
            ("2002:7f00:1::", Kind::Loopback),
            // Teredo with 169.254.169.254.
            ("2001::5601:5601", Kind::Refused(METADATA)),
            ("::ffff:169.254.169.254", Kind::Refused(METADATA)),
        ] {
            assert_eq!(kind(address), expected, "{address}");
        }
    }
}
