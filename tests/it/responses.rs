//! Events and responses pass through byte for byte.

use crate::support::{Behaviour, Event, Framing, Host, RuntimeClient, behaviour::Size};

/// Lambda's limit for events and buffered responses.
const LIMIT_BYTES: usize = 6_291_556;

fn events() -> Vec<Vec<u8>> {
    let mut events: Vec<Vec<u8>> = Vec::new();
    for size in [0, 1, 2, 100, 2047, 2048, 65_535, 65_536, 1_000_000, 6 * 1024 * 1024, LIMIT_BYTES] {
        events.push("x".repeat(size).into_bytes());
    }
    for text in [
        "null",
        r#"{"name":"Ada"}"#,
        " { \"spaces\" :\t1.0e+2 , \"twice\": 1, \"twice\": 2 }\r\n",
        "not JSON at all",
        "\"\\ud800 \\u0000\"",
        "héllo wörld 你好 🏠 \u{200f}\u{0}\u{7f}\u{feff}",
        "9007199254740993.0000000000000001",
    ] {
        events.push(text.into());
    }
    for depth in [127, 128, 10_000, 1_000_000] {
        events.push(format!("{}{}", "[".repeat(depth), "]".repeat(depth)).into());
    }
    events
}

#[test]
fn an_echo_is_the_event_byte_for_byte_whatever_it_is() {
    for client in RuntimeClient::BOTH {
        let host = Host::of("echo").runtime_client(client).function_memory(1024).start();
        for event in events() {
            for framing in [Framing::Sized, Framing::Chunked] {
                let post = host.fake.invoke(Event::new(event.clone()).framing(framing));
                post.response();
                let shown = String::from_utf8_lossy(&event[..event.len().min(80)]);
                assert!(post.body == event, "{client:?}: {} bytes starting {shown:?} came back changed", event.len());
            }
        }
    }
}

#[test]
fn an_event_that_is_not_utf8_is_refused_and_the_instance_stays() {
    for client in RuntimeClient::BOTH {
        let host = Host::of("count").runtime_client(client).start();
        assert_eq!(host.response("0"), "1");
        host.invoke(b"\"\xff\"".to_vec()).error("Host.InvalidEvent");
        assert_eq!(host.response("0"), "2");
    }
}

#[test]
fn a_response_at_the_limit_is_sent_and_one_over_it_is_refused_with_both_sizes() {
    // The response's quotes count too.
    let of = |bytes: usize| Behaviour::ResponseOf(Size::Bytes(bytes - 2));
    for client in RuntimeClient::BOTH {
        let host = Host::of("misbehave").runtime_client(client).start();
        assert_eq!(host.response(of(LIMIT_BYTES)).len(), LIMIT_BYTES);
        let refused = host.invoke(of(LIMIT_BYTES + 1)).error("Function.ResponseSizeTooLarge");
        refused.says("6291557").says("6291556");
    }
}

#[test]
fn the_sample_handles_typed_events_and_reports_what_is_wrong_with_others() {
    let host = Host::of("hello").start();
    let response = host.response_json(r#"{"name":"Ada"}"#);
    assert_eq!((&response["message"], &response["count"]), (&"Hello Ada!".into(), &1.into()));
    host.invoke("[]").error("InvalidEvent");
}
