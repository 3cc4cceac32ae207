//! This module reads and matches the rules by which a guest reaches the network.
//!
//! A rule is `SCHEME://HOST:PORT`, such as `https://api.example.com` or `tcp://db.internal:5432`. Rules of `http` and
//! `https` grant requests, rules of `tcp` grant sockets, and neither grants the other. What no rule grants is denied.
//!
//! A name is matched here, before it is resolved. Its addresses are judged afterwards, with [`Grant::allows`].

use std::{fmt, net::IpAddr, str::FromStr};

use super::{
    address::Kind,
    host::{Host, parse_port},
    runtime_api::RuntimeApi,
    subnet::Subnet,
};

/// The rules of one handler. Without any, nothing is granted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules(Vec<Rule>);

/// One rule, as it is written in the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    scheme: SchemePattern,
    host: HostPattern,
    port: PortPattern,
}

/// What a guest wants to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// A request over TLS.
    Https,
    /// A request without TLS.
    Http,
    /// A socket.
    Tcp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SchemePattern {
    One(Scheme),
    Any,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum HostPattern {
    /// This name, or this address.
    One(Host),
    /// All names with one label or more before this one.
    Below(String),
    Subnet(Subnet),
    Any,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PortPattern {
    /// The port of the scheme, which the rule leaves out.
    OfScheme(u16),
    /// A port that the rule spells out.
    One(u16),
    Any,
}

/// A host and a port that a rule grants. The addresses of the host are still to be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The host, in its canonical form.
    pub host: Host,
    /// The port.
    pub port: u16,
    /// Whether a rule spells the host out, and not only with a wildcard.
    is_spelled_out: bool,
    /// Whether a rule spells the port out, too.
    has_own_port: bool,
}

impl Scheme {
    /// Returns the name, as it stands before the `://` of an address.
    pub fn name(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
            Self::Tcp => "tcp",
        }
    }

    /// Returns the port that an address without one has.
    pub fn default_port(self) -> Option<u16> {
        match self {
            Self::Https => Some(443),
            Self::Http => Some(80),
            Self::Tcp => None,
        }
    }
}

impl Rules {
    /// Returns rules, with the text of each.
    ///
    /// # Errors
    /// Returns the first text that is not a rule, and why.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, (String, String)> {
        let rule = |text: &str| text.parse().map_err(|error| (text.to_owned(), error));
        texts.into_iter().map(rule).collect::<Result<_, _>>().map(Self)
    }

    /// Adds the other rules.
    pub fn extend(&mut self, other: &Self) {
        self.0.extend(other.0.iter().cloned());
    }

    /// Returns whether there are no rules.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the rules as they stand in the settings.
    pub fn texts(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(ToString::to_string)
    }

    /// Returns whether a rule is for this scheme.
    pub fn are_for(&self, scheme: Scheme) -> bool {
        self.0.iter().any(|rule| rule.is_for(scheme))
    }

    /// Returns whether a rule grants everything.
    pub fn grant_everything(&self) -> bool {
        self.0.iter().any(|rule| rule.host == HostPattern::Any)
    }

    /// Returns what is granted of a request to this host and port, or of a connection.
    ///
    /// # Errors
    /// Returns the rule that would grant it.
    pub fn check(&self, scheme: Scheme, host: &Host, port: u16) -> Result<Grant, Rule> {
        let rules: Vec<&Rule> = self.0.iter().filter(|rule| rule.matches(scheme, host, port)).collect();
        if rules.is_empty() {
            return Err(Rule::for_one(scheme, host.clone(), port));
        }
        let spelled_out = || rules.iter().filter(|rule| rule.host.is_spelled_out());
        let has_own_port = spelled_out().any(|rule| matches!(rule.port, PortPattern::One(_)));
        Ok(Grant { is_spelled_out: spelled_out().next().is_some(), has_own_port, host: host.clone(), port })
    }

    /// Returns whether a rule grants sockets to this name at some port, so that a guest may look it up.
    pub fn name_a_socket(&self, name: &Host) -> bool {
        self.0.iter().any(|rule| rule.is_for(Scheme::Tcp) && rule.host.matches(name))
    }
}

impl Rule {
    /// Returns the rule that grants one host and port, and nothing else.
    pub fn for_one(scheme: Scheme, host: Host, port: u16) -> Self {
        let is_default = scheme.default_port() == Some(port);
        let port = if is_default { PortPattern::OfScheme(port) } else { PortPattern::One(port) };
        Self { scheme: SchemePattern::One(scheme), host: HostPattern::One(host), port }
    }

    fn is_for(&self, scheme: Scheme) -> bool {
        match self.scheme {
            SchemePattern::One(own) => own == scheme,
            SchemePattern::Any => true,
        }
    }

    fn matches(&self, scheme: Scheme, host: &Host, port: u16) -> bool {
        let is_port = match self.port {
            PortPattern::OfScheme(own) | PortPattern::One(own) => own == port,
            PortPattern::Any => true,
        };
        self.is_for(scheme) && is_port && self.host.matches(host)
    }
}

impl HostPattern {
    fn matches(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::One(own), host) => own == host,
            (Self::Below(own), Host::Name(name)) => {
                name.strip_suffix(own.as_str()).is_some_and(|labels| labels.len() > 1 && labels.ends_with('.'))
            }
            (Self::Subnet(network), Host::Address(address)) => network.contains(*address),
            (Self::Any, _) => true,
            (Self::Below(_) | Self::Subnet(_), _) => false,
        }
    }

    fn is_spelled_out(&self) -> bool {
        matches!(self, Self::One(_) | Self::Subnet(_))
    }
}

impl Grant {
    /// Returns the grant of a host that the environment names, and no guest. Its addresses may be of this environment.
    pub fn of_environment(host: Host, port: u16) -> Self {
        Self { host, port, is_spelled_out: true, has_own_port: true }
    }

    /// Returns the grant of a host that is known by its name, not by a rule, such as the endpoint of a service. Its
    /// addresses may be private ones.
    pub fn of_known_host(host: Host, port: u16) -> Self {
        Self { host, port, is_spelled_out: true, has_own_port: false }
    }

    /// Returns whether one of the host's addresses may be connected to.
    ///
    /// # Errors
    /// Returns why not.
    pub fn allows(&self, address: IpAddr, runtime_api: &RuntimeApi) -> Result<(), String> {
        if runtime_api.is_at(&self.host, address, self.port) {
            return Err(format!("`{address}` with the port {} is the Runtime API's", self.port));
        }
        match Kind::of(address) {
            Kind::Public => Ok(()),
            Kind::Private if self.is_spelled_out => Ok(()),
            Kind::Private => {
                Err(format!("`{address}` is a private address: it needs a rule that spells `{}` out", self.host))
            }
            Kind::Loopback if self.is_spelled_out && self.has_own_port => Ok(()),
            Kind::Loopback => Err(format!(
                "`{address}` is an address of this environment: it needs a rule that spells `{}` and its port out",
                self.host
            )),
            Kind::Refused(_) => Kind::refused(address),
        }
    }
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "expected `https://HOST`, `http://HOST` or `tcp://HOST:PORT`";
        let (scheme, rest) = text.split_once("://").ok_or(FORM)?;
        if (scheme, rest) == ("*", "*:*") {
            return Ok(Self { scheme: SchemePattern::Any, host: HostPattern::Any, port: PortPattern::Any });
        }
        let scheme = match scheme {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            "tcp" => Scheme::Tcp,
            "*" => return Err("`*` for the scheme is only allowed in `*://*:*`, which grants everything".to_owned()),
            other => return Err(format!("`{other}` is not a known scheme: {FORM}")),
        };
        let (host, port) = rest.rsplit_once(':').filter(|(_, port)| !port.contains(']')).unwrap_or((rest, ""));
        let port = match port {
            "" if rest.ends_with(':') => return Err("the port is empty".to_owned()),
            "" => scheme.default_port().map(PortPattern::OfScheme).ok_or("a rule for `tcp` needs a port")?,
            "*" => PortPattern::Any,
            port => PortPattern::One(parse_port(port)?),
        };
        Ok(Self { scheme: SchemePattern::One(scheme), host: host_pattern(host)?, port })
    }
}

fn host_pattern(text: &str) -> Result<HostPattern, String> {
    if text == "*" {
        return Err("`*` alone is not allowed: write `*://*:*` to grant everything".to_owned());
    }
    if let Some(name) = text.strip_prefix("*.") {
        return match Host::parse(name)? {
            Host::Name(name) => Ok(HostPattern::Below(name)),
            Host::Address(_) => Err("`*.` is only allowed before a name".to_owned()),
        };
    }
    if text.contains('/') {
        let bare = text.trim_start_matches('[').replace(']', "");
        let network = bare.parse::<Subnet>();
        return network.map(HostPattern::Subnet).map_err(|error| format!("`{text}` is not a network: {error}"));
    }
    Host::parse(text).map(HostPattern::One)
}

/// Writes the rule as it stands in the settings. The port is left out if it is the scheme's own.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            SchemePattern::One(scheme) => scheme.name(),
            SchemePattern::Any => "*",
        };
        write!(f, "{scheme}://")?;
        match &self.host {
            HostPattern::One(host) => host.fmt(f)?,
            HostPattern::Below(name) => write!(f, "*.{name}")?,
            HostPattern::Subnet(network) => network.fmt(f)?,
            HostPattern::Any => f.write_str("*")?,
        }
        match self.port {
            PortPattern::OfScheme(_) => Ok(()),
            PortPattern::One(port) => write!(f, ":{port}"),
            PortPattern::Any => f.write_str(":*"),
        }
    }
}
