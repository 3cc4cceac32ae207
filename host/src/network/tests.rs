//! The rows of attacks that are known, against the rules.

use super::{
    host::parse_authority,
    rules::{Grant, Rules, Scheme},
    runtime_api::RuntimeApi,
};

fn rules(texts: &[&str]) -> Rules {
    Rules::parse(texts.iter().copied()).unwrap()
}

/// Why a request is denied.
#[derive(Debug, PartialEq)]
enum Denied {
    Malformed(String),
    NoRule(String),
}

/// Splits a URL as a client does, without judging it.
fn check(rules: &Rules, url: &str) -> Result<(), Denied> {
    let (scheme, rest) = url.split_once("://").unwrap();
    let scheme = match scheme {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        _ => Scheme::Tcp,
    };
    granted(rules, scheme, rest.split('/').next().unwrap()).map(drop)
}

fn granted(rules: &Rules, scheme: Scheme, authority: &str) -> Result<Grant, Denied> {
    let (host, port) = parse_authority(authority, scheme.default_port()).map_err(Denied::Malformed)?;
    rules.check(scheme, &host, port).map_err(|rule| Denied::NoRule(rule.to_string()))
}

const USUAL: [&str; 2] = ["https://api.example.com", "https://*.example.org"];

#[test]
fn what_a_rule_names_is_granted_however_it_is_spelled() {
    for url in [
        "https://api.example.com/",
        "https://API.Example.COM/",
        "https://api.example.com./",
        "https://api.example.com:443/",
        "https://api.example.com:/",
        "https://a.example.org/",
        "https://a.b.example.org/",
    ] {
        assert_eq!(check(&rules(&USUAL), url), Ok(()), "{url}");
    }
}

#[test]
fn what_only_looks_like_it_is_denied() {
    for url in [
        "https://api.example.com.evil.com/",
        "https://evil-api.example.com/",
        "https://xapi.example.com/",
        "https://example.org/",
        "https://example.org./",
        "https://.example.org/",
        "https://evilexample.org/",
        "https://api.example.com@evil.com/",
        "https://evil.com@api.example.com/",
        "https://a:b@api.example.com/",
        "https://api.example.com../",
        "http://api.example.com/",
        "https://api.example.com:80/",
        "https://api.example.com:8443/",
        "https://api.example.com:0/",
        "https://api.example.com:65536/",
        "https://api.example.com:443x/",
        "https://api.example.com%2eevil.com/",
        "https://api%2eexample.com/",
        "https://api.example.com%00/",
        "https://api.example.com\\@evil.com/",
        "https://api.example.com\t.evil.com/",
        "https://\u{ff41}pi.example.com/",
        "https://\u{24d0}pi.example.com/",
        "https://\u{430}pi.example.com/",
        "https://api\u{3002}example\u{3002}com/",
        "https://xn--pi-7kc.example.com/",
        "https:///",
        "https://:443/",
        "https://@/",
        "tcp://api.example.com:443/",
        "tcp://a.example.org:443/",
    ] {
        assert!(check(&rules(&USUAL), url).is_err(), "{url}");
    }
}

#[test]
fn numbers_that_some_take_for_an_address_are_always_denied() {
    let everything = rules(&["*://*:*"]);
    assert!(everything.grant_everything() && !rules(&USUAL).grant_everything());
    for url in [
        "http://127.1/",
        "http://0x7f000001/",
        "http://2130706433/",
        "http://017700000001/",
        "http://0177.0.0.1/",
        "http://127.0.0.1./",
        "http://0/",
        "http://[fe80::1%25eth0]/",
    ] {
        assert!(matches!(check(&everything, url), Err(Denied::Malformed(_))), "{url}");
    }
}

/// What a request to this URL, whose host has this address, comes to.
fn reaches(texts: &[&str], scheme: Scheme, authority: &str, address: &str) -> bool {
    let granted = granted(&rules(texts), scheme, authority);
    granted.is_ok_and(|grant| grant.allows(address.parse().unwrap(), &RuntimeApi::parse("127.0.0.1:9001")).is_ok())
}

#[test]
fn private_addresses_need_a_rule_that_spells_the_host_out() {
    use Scheme::{Https, Tcp};
    assert!(reaches(&["https://db.internal"], Https, "db.internal", "10.0.0.7"));
    assert!(reaches(&["tcp://10.0.0.7:5432"], Tcp, "10.0.0.7:5432", "10.0.0.7"));
    assert!(reaches(&["tcp://10.0.0.0/8:5432"], Tcp, "10.0.0.7:5432", "10.0.0.7"));
    assert!(!reaches(&["https://*.internal"], Https, "db.internal", "10.0.0.7"));
    assert!(!reaches(&["*://*:*"], Https, "db.internal", "10.0.0.7"));
    assert!(reaches(&["https://*.internal"], Https, "db.internal", "1.1.1.1"));
}

#[test]
fn addresses_of_the_environment_need_a_rule_with_the_port() {
    use Scheme::Http;
    assert!(reaches(&["http://localhost:2773"], Http, "localhost:2773", "127.0.0.1"));
    assert!(reaches(&["http://127.0.0.1:2773"], Http, "127.0.0.1:2773", "127.0.0.1"));
    for (rule, authority) in [
        ("*://*:*", "localhost"),
        ("*://*:*", "127.0.0.1:2773"),
        ("http://localhost", "localhost"),
        ("http://localhost:*", "localhost:2773"),
        ("http://localhost:9001", "localhost:9001"),
        ("http://127.0.0.1:9001", "127.0.0.1:9001"),
        ("http://[::1]:9001", "[::1]:9001"),
    ] {
        assert!(!reaches(&[rule], Http, authority, "127.0.0.1"), "{rule} {authority}");
    }
}

#[test]
fn services_of_the_environment_are_out_of_reach_even_if_a_rule_names_them() {
    for address in ["169.254.169.254", "169.254.170.2", "169.254.100.1"] {
        let rule = format!("http://{address}");
        assert!(!reaches(&[&rule], Scheme::Http, address, address), "{address}");
    }
    assert!(!reaches(&["https://api.example.com"], Scheme::Https, "api.example.com", "::ffff:169.254.169.254"));
    assert!(!reaches(&["http://[fd00:ec2::254]"], Scheme::Http, "[fd00:ec2::254]", "fd00:ec2::254"));
}

#[test]
fn a_denial_names_the_rule_that_would_grant_it() {
    for (url, rule) in [
        ("https://other.example.com/", "https://other.example.com"),
        ("https://OTHER.example.com:8443/", "https://other.example.com:8443"),
        ("http://[2001:db8::1]/", "http://[2001:db8::1]"),
        ("tcp://db.internal:5432/", "tcp://db.internal:5432"),
    ] {
        let Err(Denied::NoRule(would)) = check(&rules(&USUAL), url) else { panic!("{url} has no such denial") };
        assert_eq!(would, rule);
        assert_eq!(check(&rules(&[&would]), url), Ok(()), "{url}");
    }
}

#[test]
fn what_is_not_a_rule_is_refused_with_what_is_expected() {
    for (text, part) in [
        ("", "expected `https://HOST`"),
        ("example.com", "expected `https://HOST`"),
        ("ftp://example.com", "not a known scheme"),
        ("HTTPS://example.com", "not a known scheme"),
        ("*://example.com", "only allowed in `*://*:*`"),
        ("https://*", "write `*://*:*`"),
        ("https://", "it is empty"),
        ("https://*com", "ASCII letters"),
        ("https://a.*.com", "ASCII letters"),
        ("https://a.com/path", "not a network"),
        ("https://a.com:", "the port is empty"),
        ("https://a.com:0", "not a port"),
        ("tcp://a.com", "needs a port"),
        ("https://b\u{fc}cher.example", "xn--"),
        ("https://10.0.0.1/8", "bits of"),
        ("https://*.10.0.0.1", "only allowed before a name"),
    ] {
        let (refused, error) = Rules::parse([text]).unwrap_err();
        assert_eq!(refused, text);
        assert!(error.contains(part), "{text}: {error}");
    }
}
