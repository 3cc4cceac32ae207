//! This module reads the host and the port of an authority, in one canonical form.
//!
//! Everything here is strict: what two programs could read in two ways is refused. Sources: RFC 3986, section 3.2, and
//! the URL Standard, section 3.5, for numbers that some programs take for an IPv4 address.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// A host as rules compare it: a name in lower case without a final dot, or an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name of ASCII letters, digits, hyphens and underscores. A name in another script is written in its ASCII form
    /// (`xn--…`).
    Name(String),
    /// An address that was written out.
    Address(IpAddr),
}

/// The maximum length of a name, and of one of its labels, in bytes. Source: RFC 1035, section 2.3.4.
const NAME_LIMIT_BYTES: usize = 253;
const LABEL_LIMIT_BYTES: usize = 63;

impl Host {
    /// Reads a host as it stands in a URL.
    ///
    /// # Errors
    /// Returns what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(address) = text.strip_prefix('[') {
            let address = address.strip_suffix(']').and_then(|address| address.parse::<Ipv6Addr>().ok());
            return address.map(|address| Self::Address(address.into())).ok_or_else(|| {
                format!("`{}` is not an IPv6 address: write one without a zone, in brackets", text.escape_default())
            });
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Ok(Self::Address(address.into()));
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        match problem_of_name(&name) {
            None => Ok(Self::Name(name)),
            Some(problem) => Err(format!("`{}` is not a host name: {problem}", text.escape_default())),
        }
    }
}

fn problem_of_name(name: &str) -> Option<&'static str> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let last = name.rsplit('.').next().unwrap_or_default();
    if name.is_empty() {
        Some("it is empty")
    } else if name.len() > NAME_LIMIT_BYTES || name.split('.').any(|label| label.len() > LABEL_LIMIT_BYTES) {
        Some("it is too long")
    } else if name.split('.').any(str::is_empty) {
        Some("a label of it is empty")
    } else if !name.split('.').all(|label| label.bytes().all(is_allowed)) {
        Some("only ASCII letters, digits, `-` and `_` are allowed; write other letters as `xn--…`")
    } else if is_number(last) {
        // `127.1` and `0x7f000001` are addresses to some programs, and names to others.
        Some("it ends in a number, and is not an IPv4 address of four decimal numbers")
    } else {
        None
    }
}

/// Returns whether some programs take the label for a part of an IPv4 address.
fn is_number(label: &str) -> bool {
    let is_hexadecimal =
        label.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    is_hexadecimal || label.bytes().all(|byte| byte.is_ascii_digit())
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// Splits an authority into its host and its port. The port is `None` if there is none, or an empty one.
///
/// # Errors
/// Returns what is wrong with it. An authority with a user is refused: the text before the `@` only serves to deceive.
pub fn split_authority(text: &str) -> Result<(&str, Option<u16>), String> {
    if text.contains('@') {
        return Err("a user in an address is not allowed: send credentials in a header".to_owned());
    }
    // The colons of an IPv6 address are in brackets.
    let host_end = text.rfind(']').map_or(0, |at| at + 1);
    let (host, port) = match text[host_end..].find(':') {
        Some(colon) => (&text[..host_end + colon], &text[host_end + colon + 1..]),
        None => (text, ""),
    };
    Ok((host, if port.is_empty() { None } else { Some(parse_port(port)?) }))
}

/// Reads an authority as it stands in a URL: its host, and its port, or else this one.
///
/// # Errors
/// Returns what is wrong with it.
pub fn parse_authority(text: &str, default_port: Option<u16>) -> Result<(Host, u16), String> {
    let (host, port) = split_authority(text)?;
    let port = port.or(default_port).ok_or_else(|| "there is no port".to_owned())?;
    Ok((Host::parse(host)?, port))
}

/// Reads a port: decimal digits, from 1 to 65535.
///
/// # Errors
/// Returns what is wrong with it.
pub fn parse_port(text: &str) -> Result<u16, String> {
    let is_decimal = text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|port| is_decimal && *port > 0);
    port.ok_or_else(|| format!("`{}` is not a port: expected a number from 1 to 65535", text.escape_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_host_has_one_form() {
        for (text, host) in [
            ("api.example.com", "api.example.com"),
            ("API.Example.COM", "api.example.com"),
            ("api.example.com.", "api.example.com"),
            ("localhost", "localhost"),
            ("a_b-c.example", "a_b-c.example"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("10.0.0.1", "10.0.0.1"),
            ("[2001:DB8::1]", "[2001:db8::1]"),
            ("[::ffff:127.0.0.1]", "[::ffff:127.0.0.1]"),
        ] {
            assert_eq!(Host::parse(text).unwrap().to_string(), host);
        }
    }

    #[test]
    fn what_two_programs_could_read_in_two_ways_is_refused() {
        for text in [
            "",
            ".",
            "..",
            "api..example.com",
            "api.example.com..",
            ".example.com",
            "api%2eexample.com",
            "a\0b",
            "a b",
            "a\tb",
            "a\\b",
            "a/b",
            "a?b",
            "a#b",
            "a:b",
            "*",
            "*.example.com",
            "\u{ff41}pi.example.com",
            "\u{24d0}pi.example.com",
            "\u{430}pi.example.com",
            "api\u{3002}example\u{3002}com",
            "127.1",
            "0x7f000001",
            "2130706433",
            "017700000001",
            "0177.0.0.1",
            "127.0.0.1.",
            "127.0.0.01",
            "256.0.0.1",
            "1.2.3.4.5",
            "0",
            "example.0x",
            "[",
            "[]",
            "[::1",
            "::1",
            "[fe80::1%25eth0]",
            "[fe80::1%eth0]",
            "[127.0.0.1]",
            "[::1]x",
        ] {
            assert!(Host::parse(text).is_err(), "{text:?}");
        }
        assert!(Host::parse(&"a".repeat(63)).is_ok() && Host::parse(&"a".repeat(64)).is_err());
        let long = ["a"; 127].join(".");
        assert!(Host::parse(&long).is_ok() && Host::parse(&format!("{long}.a")).is_err());
    }

    #[test]
    fn an_authority_has_a_host_and_at_most_a_port() {
        for (text, expected) in [
            ("a.example", ("a.example", None)),
            ("a.example:8080", ("a.example", Some(8080))),
            ("a.example:", ("a.example", None)),
            ("[::1]:80", ("[::1]", Some(80))),
            ("[::1]", ("[::1]", None)),
        ] {
            assert_eq!(split_authority(text), Ok(expected), "{text}");
        }
        for text in ["u@a.example", "u:p@a.example", "a.example@b.example", "a:0", "a:65536", "a:443x", "a:+1", "a:1:2"]
        {
            assert!(split_authority(text).is_err(), "{text}");
        }
    }
}
