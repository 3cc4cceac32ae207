//! This module describes networks of addresses, such as `10.0.0.0/8`.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// All addresses of one family that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subnet {
    first: IpAddr,
    /// The number of bits that the addresses have in common.
    prefix: u32,
}

impl Subnet {
    /// Returns a network of IPv4 addresses.
    pub const fn v4([a, b, c, d]: [u8; 4], prefix: u32) -> Self {
        Self { first: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix }
    }

    /// Returns a network of IPv6 addresses.
    pub const fn v6([a, b, c, d, e, f, g, h]: [u16; 8], prefix: u32) -> Self {
        Self { first: IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h)), prefix }
    }

    /// Returns whether the address is in the network. An address of the other family never is.
    pub fn contains(&self, address: IpAddr) -> bool {
        let differing = match (self.first, address) {
            (IpAddr::V4(first), IpAddr::V4(address)) => u128::from(first.to_bits() ^ address.to_bits()) << 96,
            (IpAddr::V6(first), IpAddr::V6(address)) => first.to_bits() ^ address.to_bits(),
            _ => return false,
        };
        differing.leading_zeros() >= self.prefix
    }
}

/// Reads an address and the number of its first bits that count, such as `10.0.0.0/8`. The bits behind must be zero.
impl FromStr for Subnet {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (first, prefix) = text.split_once('/').ok_or("it has no `/`")?;
        let first: IpAddr = first.parse().map_err(|_| format!("`{first}` is not an address"))?;
        let bits = if first.is_ipv4() { 32 } else { 128 };
        let is_decimal = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix = prefix.parse().ok().filter(|prefix| is_decimal && *prefix <= bits);
        let prefix = prefix.ok_or_else(|| format!("the number of bits must be from 0 to {bits}"))?;
        let rest = match first {
            IpAddr::V4(first) => u128::from(first.to_bits()) << 96,
            IpAddr::V6(first) => first.to_bits(),
        };
        match rest.checked_shl(prefix).unwrap_or(0) {
            0 => Ok(Self { first, prefix }),
            _ => Err(format!("bits of `{first}` behind the first {prefix} are set")),
        }
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subnet_contains_the_addresses_that_begin_like_it() {
        for (text, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("10.1.2.3/32", "10.1.2.3", "10.1.2.2"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("fd00::/8", "fdff::1", "fc00::1"),
            ("::1/128", "::1", "::"),
        ] {
            let subnet: Subnet = text.parse().unwrap();
            assert!(subnet.contains(inside.parse().unwrap()), "{text}: {inside}");
            assert!(!subnet.contains(outside.parse().unwrap()), "{text}: {outside}");
        }
    }

    #[test]
    fn a_subnet_is_written_with_zeros_behind_its_prefix() {
        for text in
            ["10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/+8", "10.0.0.1/8", "::/129", "::1/64", "x/8", "10.0/8"]
        {
            assert!(text.parse::<Subnet>().is_err(), "{text}");
        }
        assert_eq!("192.168.0.0/16".parse::<Subnet>().unwrap().to_string(), "192.168.0.0/16");
    }
}
