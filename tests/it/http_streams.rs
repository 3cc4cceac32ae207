//! Responses that are sent while the guest makes them.

use std::{
    sync::{
        Mutex,
        mpsc::{Receiver, channel},
    },
    time::Duration,
};

use guesthouse::{
    capabilities::Capabilities,
    gateway::Gateway,
    observer::{Line, Observer},
};
use serde_json::Value;

use crate::support::{
    Fake, Host, Reply, RuntimeClient, Setup, guests, in_process,
    request::{by_load_balancer, get},
    wait_for,
};

const SHORT: Duration = Duration::from_secs(2);

fn streaming() -> Setup {
    Host::with_file(&guests::http("raw")).env("GUESTHOUSE_HTTP_RESPOND", "stream")
}

/// Divides a streamed response into its prelude and its body.
#[track_caller]
fn parts(reply: &Reply) -> (Value, &[u8]) {
    assert_eq!(reply.header("lambda-runtime-function-response-mode"), Some("streaming"));
    assert_eq!(reply.header("content-type"), Some("application/vnd.awslambda.http-integration-response"));
    assert_eq!(reply.header("transfer-encoding"), Some("chunked"));
    let end = reply.body.windows(8).position(|bytes| bytes == [0; 8]).expect("8 NULs behind the prelude");
    (serde_json::from_slice(&reply.body[..end]).expect("JSON"), &reply.body[end + 8..])
}

#[test]
fn a_response_is_streamed_where_the_front_takes_it() {
    for client in RuntimeClient::BOTH {
        let host = streaming().runtime_client(client).start();
        let reply = host.fake.invoke(get("/pieces?count=3&size=10&status=201"));
        let (prelude, body) = parts(&reply);
        assert_eq!(prelude["statusCode"], 201);
        assert_eq!(body, b"0:xxxxxxxxxx1:xxxxxxxxxx2:xxxxxxxxxx");
        assert!(reply.trailers.is_empty());
        // The same function behind a load balancer, which takes no streams.
        let reply = host.fake.invoke(by_load_balancer("/log"));
        assert_eq!(reply.response_json()["body"], "logged");
        assert_eq!(reply.header("lambda-runtime-function-response-mode"), None);
    }
}

#[test]
fn a_response_without_a_body_is_sent_at_once() {
    let host = streaming().start();
    for target in ["/no-body", "/echo?status=204"] {
        let reply = host.fake.invoke(get(target));
        assert_eq!(parts(&reply).1, b"", "{target}");
    }
}

/// The guest never ends by itself. What it wrote before has come nevertheless.
#[test]
fn a_piece_is_sent_when_it_is_written_and_not_when_the_guest_has_ended() {
    for client in RuntimeClient::BOTH {
        let host = streaming().runtime_client(client).start();
        host.fake.send(get("/loop?after=10").timeout(SHORT));
        let mut came = host.fake.chunk();
        while !came.ends_with(b"xxxxxxxxxx") {
            came.extend(host.fake.chunk());
        }
        assert!(host.fake.try_post().is_none(), "the response has not ended");
        let reply = host.fake.post();
        reply.error_at_end("Guest.Timeout");
        assert_eq!(parts(&reply).1, b"xxxxxxxxxx");
        assert_eq!(parts(&host.fake.invoke(get("/log"))).1, b"logged");
    }
}

#[test]
fn a_fault_before_the_head_is_an_error_and_after_it_ends_the_stream_with_one() {
    let host = streaming().memory("32MiB").start();
    for (fault, error_type) in [
        ("/trap", "Guest.Trap.Unreachable"),
        ("/overflow", "Guest.Trap.MemoryOutOfBounds"),
        ("/allocate", "Guest.OutOfMemory"),
        ("/exit", "Guest.Exit"),
        ("/loop", "Guest.Timeout"),
    ] {
        host.fake.invoke(get(fault).timeout(SHORT)).about(fault).error(error_type);
        let reply = host.fake.invoke(get(&format!("{fault}?after=5")).timeout(SHORT)).about(fault);
        reply.error_at_end(error_type);
        assert_eq!(parts(&reply).1, b"xxxxx", "{fault}");
        assert_eq!(parts(&host.fake.invoke(get("/log"))).1, b"logged", "after {fault}");
    }
    host.fake.invoke(get("/refuse?text=no")).error("InternalError");
    host.fake.invoke(get("/nothing")).error("Guest.InvalidResponse");
}

/// The stream has its limit, and the host does not hold what it passes on.
#[test]
fn the_largest_stream_takes_little_memory_and_a_larger_one_fails() {
    let host = streaming().function_memory(128).start();
    let before = host.program.peak_kib();
    let reply = host.fake.invoke(get("/large?mib=199"));
    assert_eq!(parts(&reply).1.len(), 199 << 20);
    assert!(reply.trailers.is_empty());
    let more_mib = (host.program.peak_kib() - before) / 1024;
    assert!(more_mib < 24, "the stream took {more_mib} MiB of memory");
    let reply = host.fake.invoke(get("/large?mib=201"));
    reply.error_at_end("Function.ResponseSizeTooLarge");
    assert!(reply.body.len() <= 200 << 20);
    assert_eq!(parts(&host.fake.invoke(get("/log"))).1, b"logged");
}

#[test]
fn the_end_of_the_environment_ends_a_stream_with_an_error() {
    let mut host = streaming().start();
    host.fake.send(get("/loop?after=10"));
    host.fake.chunk();
    host.program.terminate();
    host.fake.post().error_at_end("Host.Internal").says("shutting down");
    host.program.wait();
}

#[test]
fn work_after_a_streamed_response_delays_no_caller() {
    let host = streaming().instances("reuse").start();
    let reply = host.fake.invoke(get("/background?loop").timeout(SHORT));
    assert_eq!(parts(&reply).1, b"the response");
    assert!(reply.trailers.is_empty(), "the response was complete");
    assert_eq!(parts(&host.fake.invoke(get("/log"))).1, b"logged");
}

/// A host whose log nobody reads from a certain line on, until the test says so.
struct Stalled(Mutex<Receiver<()>>);

impl Observer for Stalled {
    fn line(&self, line: &Line<'_>) {
        if line.text == "stall" {
            // The test may be over.
            let _ = self.0.lock().unwrap().recv();
        }
    }
}

/// The thread that sends the stream is held up together with the guest.
#[test]
fn a_stream_of_a_guest_that_can_not_be_stopped_ends_in_time_with_an_error() {
    let fake = Fake::start();
    let (go_on, stalled) = channel();
    let capabilities =
        Capabilities { gateway: Gateway { is_streamed: true, ..Gateway::default() }, ..Capabilities::default() };
    let load = in_process::load(&guests::http("raw"), capabilities, Stalled(Mutex::new(stalled)));
    let (end, ended) = channel();
    let _serving = in_process::start(&fake, 1, load, move || end.send(()).unwrap());
    let reply = fake.invoke(get("/log?text=stall&after=5").timeout(SHORT));
    reply.error_at_end("Guest.Timeout").starts("the guest could not be stopped");
    assert_eq!(parts(&reply).1, b"xxxxx");
    assert_eq!(parts(&fake.invoke(get("/log?text=fine"))).1, b"logged");
    go_on.send(()).unwrap();
    // Were anything sent by the worker that was held up, it would be taken for a part of this.
    assert_eq!(parts(&fake.invoke(get("/log?text=fine"))).1, b"logged");
    fake.stop();
    ended.recv().unwrap();
}

/// The connection breaks, so the guest learns that nobody receives the rest.
#[test]
fn a_stream_that_nobody_receives_stops_the_guest_and_not_the_environment() {
    let host = streaming().start();
    host.fake.send(get("/large?mib=150").timeout(Duration::from_secs(60)));
    host.fake.chunk();
    host.fake.break_connections();
    wait_for("a worker", || (host.fake.waiting() == 1).then_some(()));
    assert_eq!(parts(&host.fake.invoke(get("/log"))).1, b"logged");
}
