//! Guests' sockets: only to what a rule for sockets names.

use serde_json::{Value, json};

use crate::support::{Api, Fake, Host, Setup, wait_for};

fn reach_out(rules: &[&str]) -> Setup {
    Host::of("reach_out").allow(rules)
}

fn reaches(host: &Host, event: &Value) -> bool {
    host.invoke(event.to_string()).is_response()
}

#[test]
fn a_rule_lets_its_name_and_port_through_and_nothing_beside() {
    let (api, other) = (Api::start(), Api::start());
    let host = reach_out(&[&format!("tcp://localhost:{}", api.port())]).start();
    // An address is judged by the names that were looked up.
    assert!(!reaches(&host, &json!({"connect": api.address()})));
    assert!(reaches(&host, &json!({"connect": api.authority()})));
    for denied in [other.authority(), other.address().to_owned(), "127.0.0.1:1".to_owned(), "localhost:80".to_owned()] {
        assert!(!reaches(&host, &json!({"connect": denied})), "{denied}");
    }
    wait_for("a connection", || (api.connections() == 1).then_some(()));
    assert_eq!(other.connections(), 0);
}

#[test]
fn a_rule_for_an_address_needs_no_lookup() {
    let api = Api::start();
    let host = reach_out(&[&format!("tcp://{}", api.address())]).start();
    assert!(reaches(&host, &json!({"connect": api.address()})));
    assert!(!reaches(&host, &json!({"connect": api.authority()})), "the name is not granted");
    wait_for("a connection", || (api.connections() == 1).then_some(()));
}

#[test]
fn only_names_of_rules_for_sockets_are_looked_up() {
    let host = reach_out(&["tcp://localhost:5432", "https://example.com", "tcp://*.internal:5432"]).start();
    assert!(reaches(&host, &json!({"resolve": "localhost"})));
    for name in ["example.com", "secret-data.attacker.example", "internal", "localhost.attacker.example", "127.1"] {
        host.invoke(json!({"resolve": name}).to_string()).about(name).any_error();
    }
}

#[test]
fn a_rule_for_requests_grants_no_socket() {
    let api = Api::start();
    let host = reach_out(&[&api.url(""), &format!("http://{}", api.address()), "https://*.example.com"]).start();
    assert!(!reaches(&host, &json!({"connect": api.authority()})));
    assert!(!reaches(&host, &json!({"connect": api.address()})));
    assert_eq!(api.connections(), 0);
}

#[test]
fn no_guest_binds_listens_or_uses_udp_whatever_the_rules_say() {
    let api = Api::start();
    let host = reach_out(&["*://*:*", &format!("tcp://{}", api.address())]).start();
    assert!(reaches(&host, &json!({"connect": api.address()})));
    for event in [
        json!({"listen": "0.0.0.0:0"}),
        json!({"listen": "127.0.0.1:0"}),
        json!({"listen": "127.0.0.1:9001"}),
        json!({"send": api.address()}),
    ] {
        assert!(!reaches(&host, &event), "{event}");
    }
}

#[test]
fn sockets_reach_neither_the_runtime_api_nor_the_environments_services() {
    let fake = Fake::start();
    let rule = format!("tcp://{}", fake.address);
    let host = reach_out(&["*://*:*", &rule, "tcp://169.254.169.254:80", "tcp://0.0.0.0:80"]).runtime_api(fake).start();
    let connections = host.fake.connections();
    for to in [host.fake.address.as_str(), "169.254.169.254:80", "0.0.0.0:80", "[::]:80", "169.254.100.1:9001"] {
        assert!(!reaches(&host, &json!({"connect": to})), "{to}");
    }
    assert_eq!(host.fake.connections(), connections);
}

#[test]
fn a_guest_may_have_32_sockets_and_not_more() {
    let api = Api::start();
    let host = reach_out(&[&format!("tcp://{}", api.address())]).start();
    let (files, many) = (host.program.open_files(), json!({"connect_many": [api.address(), 1000]}));
    host.invoke(many.to_string()).any_error();
    wait_for("32 connections", || (api.connections() == 32).then_some(()));
    assert!(reaches(&host, &json!({"connect_many": [api.address(), 32]})));
    assert!(host.program.open_files() < files + 64);
}
