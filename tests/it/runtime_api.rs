//! How the host gets on with the Runtime API itself.

use std::time::{Duration, Instant};

use crate::support::{
    Behaviour, Event, Framing, Host, NextFault, Reply, RuntimeClient, comes_out_once, fake::SILENCE, wait_for,
};

#[test]
fn one_connection_is_kept_and_used_for_everything() {
    let host = Host::of("echo").start();
    for _ in 0..100 {
        host.response("{}");
        host.response("x".repeat(100_000));
    }
    assert_eq!(host.fake.connections(), 1);
}

#[test]
fn the_invocation_id_is_sent_back_where_it_came_and_left_out_where_it_did_not() {
    for client in RuntimeClient::BOTH {
        let host = Host::of("misbehave").runtime_client(client).start();
        for behaviour in [Behaviour::Count, Behaviour::Fail, Behaviour::Trap] {
            let event = Event::new(behaviour.clone()).header("Lambda-Runtime-Invocation-Id", "nonce-1");
            let post = host.fake.invoke(event);
            assert_eq!(post.header("lambda-runtime-invocation-id"), Some("nonce-1"), "{client:?}: {behaviour}");
            let post = host.invoke(behaviour.clone());
            assert_eq!(post.header("lambda-runtime-invocation-id"), None, "{client:?}: {behaviour}");
        }
    }
}

#[test]
fn a_response_that_lambda_does_not_take_costs_only_that_invocation() {
    for client in RuntimeClient::BOTH {
        for status in
            ["400 Bad Request", "403 Forbidden", "410 Gone", "413 Payload Too Large", "500 Internal Server Error"]
        {
            let host = Host::of("count").runtime_client(client).start();
            host.fake.answer_next_post(status);
            assert_eq!(host.response("{}"), "1", "{status}");
            assert_eq!(host.response("{}"), "2", "{status}");
        }
    }
}

#[test]
fn a_response_is_posted_again_when_its_connection_breaks() {
    for client in RuntimeClient::BOTH {
        let host = Host::of("count").runtime_client(client).start();
        host.fake.answer_next_post("");
        assert_eq!(host.response("{}"), "1");
        assert_eq!(host.fake.post().response(), "1");
        assert_eq!(host.response("{}"), "2");
    }
}

#[test]
fn a_request_id_that_is_no_path_is_escaped_in_it() {
    let host = Host::of("count").start();
    host.fake.send(Event::new("{}").header("Lambda-Runtime-Aws-Request-Id", "a b/../?x=1#é"));
    let path = host.fake.post().subject().to_owned();
    assert_eq!(path, "/2018-06-01/runtime/invocation/a%20b%2F..%2F%3Fx%3D1%23%C3%A9/response");
    host.fake.send(Event::new("{}").header("Lambda-Runtime-Aws-Request-Id", b"\xff".to_vec()));
    assert_eq!(host.fake.post().subject(), "/2018-06-01/runtime/invocation/%FF/response");
    assert_eq!(host.response("{}"), "3");
}

/// Under the emulator an event whose response is refused is redelivered at once.
#[test]
fn an_event_that_comes_again_after_its_response_was_refused_is_not_run_again() {
    let host = Host::of("count").start();
    let event = Event::new("{}").header("Lambda-Runtime-Deadline-Ms", "4102444800000");
    host.fake.answer_next_post("400 Bad Request");
    assert_eq!(host.fake.invoke(event.clone()).response(), "1");
    host.fake.send(event.clone());
    // A retry of the same event has another deadline.
    let retry = Event { headers: Vec::new(), ..event };
    assert_eq!(host.fake.invoke(retry).response(), "2");
}

#[test]
fn a_request_for_an_event_that_fails_is_made_again() {
    for status in ["", "400 Bad Request", "503 Service Unavailable"] {
        let host = Host::of("count").start();
        host.fake.disturb_next(NextFault::Status(status));
        host.fake.disturb_next(NextFault::Status(status));
        assert_eq!(host.response("{}"), "1", "{status}");
    }
}

/// Until an event has a response, it is redelivered, within a second. On a busy machine it may take longer, but not
/// every time.
fn comes_again_in_time(fault: NextFault, framing: Framing) -> bool {
    let host = Host::of("count").start();
    host.fake.disturb_next(fault);
    let post = host.fake.invoke(Event::new("[1, 2, 3]").framing(framing));
    if post.is_error() {
        post.error("Host.InvalidEvent");
        return false;
    }
    assert_eq!(post.response(), "1");
    assert_eq!(host.response("{}"), "2");
    true
}

#[test]
fn an_event_that_is_truncated_is_handled_when_it_comes_again_whole() {
    for framing in [Framing::Sized, Framing::Chunked] {
        assert!(comes_out_once(|| comes_again_in_time(NextFault::CutOff, framing)));
    }
}

#[test]
fn an_event_that_is_truncated_and_does_not_come_again_fails() {
    for other_event_follows in [false, true] {
        let host = Host::of("count").start();
        host.fake.disturb_next(NextFault::CutOffAndForgotten);
        let (cut_off, other) = (Event::new("[1, 2, 3]"), Event::new("{}"));
        host.fake.send(cut_off.clone());
        if other_event_follows {
            host.fake.send(other.clone());
        }
        let post = host.fake.post();
        assert!(post.subject().ends_with(&format!("{}/error", cut_off.id)), "{}", post.subject());
        post.error("Host.InvalidEvent").starts("the event did not arrive whole: ");
        let next = if other_event_follows { host.fake.post() } else { host.fake.invoke(other) };
        assert_eq!(next.response(), "1");
    }
}

#[test]
fn an_event_that_is_truncated_again_and_again_fails() {
    let host = Host::of("count").start();
    for fault in [NextFault::CutOff, NextFault::CutOffAndForgotten] {
        host.fake.disturb_next(fault);
    }
    let event = Event::new("[1, 2, 3]");
    host.fake.invoke(event.clone()).error("Host.InvalidEvent");
    // Where it came again too late, it is failed a second time.
    let next = Event::new("{}");
    host.fake.send(next.clone());
    let post = wait_for("the next response", || {
        let post = host.fake.post();
        assert!(post.subject().contains(&event.id) || post.subject().contains(&next.id), "{}", post.subject());
        post.subject().contains(&next.id).then_some(post)
    });
    assert_eq!(post.response(), "1");
}

#[test]
fn an_event_that_stops_in_the_middle_is_not_waited_for_without_end() {
    assert!(comes_out_once(|| comes_again_in_time(NextFault::Stalled, Framing::Sized)));
}

#[test]
fn an_event_is_the_same_however_it_comes() {
    for client in RuntimeClient::BOTH {
        for concurrency in [1, 8] {
            let host = Host::of("echo").runtime_client(client).concurrency(concurrency).start();
            for framing in [Framing::ByteByByte, Framing::OddlyChunked, Framing::Chunked, Framing::Sized] {
                for bytes in [0, 1, 5_000] {
                    let body = "x".repeat(bytes);
                    let post = host.fake.invoke(Event::new(body.clone()).framing(framing));
                    assert_eq!(post.about(client.name()).response(), body, "{client:?}");
                }
            }
        }
    }
}

/// What came unasked is taken for nobody's response: neither for that to the response, nor for the next event.
#[test]
fn an_event_that_comes_twice_is_run_once() {
    for concurrency in [1, 8] {
        let host = Host::of("count").concurrency(concurrency).start();
        host.fake.disturb_next(NextFault::Twice);
        assert_eq!(host.response("{}"), "1");
        let next = host.response("{}");
        // With several workers another one may have the next event, and its own instance.
        assert!(next == "2" || concurrency == 8 && next == "1", "{next}");
        assert!(host.fake.try_post().is_none());
    }
}

#[test]
fn what_is_no_response_costs_only_its_connection() {
    let sized = "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: x\r\n";
    for said in [
        "".to_owned(),
        "\r\n".repeat(100),
        "HTTP/9.9 200 OK\r\n\r\n".to_owned(),
        "SSH-2.0-OpenSSH\r\n\r\n".to_owned(),
        "HTTP/1.1 200".to_owned(),
        format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(100_000)),
        format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "x".repeat(10_000_000)),
        "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1000),
        format!("{sized}Content-Length: -1\r\n\r\nx"),
        format!("{sized}Content-Length: 1, 2\r\n\r\nxy"),
        format!("{sized}Content-Length: 1\r\nContent-Length: 2\r\n\r\nxy"),
        format!("{sized}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n"),
        format!("{sized}Transfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n0\r\n\r\n"),
        format!("{sized}Transfer-Encoding: chunked\r\n\r\n{}", "0".repeat(10_000_000)),
        format!("{sized}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n{}", "A: b\r\n".repeat(100_000)),
    ] {
        let host = Host::of("echo").start();
        host.fake.disturb_next(NextFault::Says(said.clone().leak()));
        let event = Event::new("{}");
        host.fake.send(event.clone());
        let post = wait_for("the response", || {
            let post = host.fake.post();
            // A response that named an event is failed if the event was truncated.
            assert!(post.subject().contains("/x/error") || post.subject().contains(&event.id), "{}", post.subject());
            post.subject().contains(&event.id).then_some(post)
        });
        assert_eq!(post.response(), "{}", "{}", &said[..said.len().min(200)]);
    }
}

#[test]
fn an_event_at_lambdas_limit_is_served_and_a_larger_one_is_refused() {
    for framing in [Framing::Sized, Framing::Chunked] {
        let host = Host::of("echo").start();
        assert_eq!(host.response("x".repeat(6_291_556)).len(), 6_291_556);
        let refused = host.fake.invoke(Event::new("x".repeat(6_291_557)).framing(framing));
        refused.error("Host.InvalidEvent").says("more than 6291556 bytes");
        assert_eq!(host.response("{}"), "{}");
    }
}

#[test]
fn of_headers_that_come_twice_the_first_counts_and_unknown_ones_do_not() {
    let host = Host::of("context").start();
    let event = Event::new("{}")
        .header("Lambda-Runtime-Aws-Request-Id", "first")
        .header("Lambda-Runtime-Aws-Request-Id", "second")
        .header("Lambda-Runtime-Deadline-Ms", "4102444800000")
        .header("Lambda-Runtime-Deadline-Ms", "1")
        .header("Lambda-Runtime-Never-Heard-Of", "3");
    host.fake.send(event);
    let post = host.fake.post();
    assert_eq!(post.subject(), "/2018-06-01/runtime/invocation/first/response");
    assert_eq!(post.response_json()["deadline_ms"], 4_102_444_800_000_u64);
}

#[test]
fn a_response_that_is_not_acknowledged_is_abandoned_and_the_next_event_served() {
    let host = Host::of("count").start();
    host.fake.answer_next_post(SILENCE);
    assert_eq!(host.response("{}"), "1");
    assert_eq!(host.response("{}"), "2");
}

#[test]
fn sigterm_ends_the_process_in_time_although_nothing_is_said_to_its_response() {
    let mut host = Host::of("count").start();
    host.fake.answer_next_post(SILENCE);
    assert_eq!(host.response("{}"), "1");
    host.program.terminate();
    let begun = Instant::now();
    assert_eq!(host.program.wait().code(), Some(0));
    assert!(begun.elapsed() < IN_TIME, "it took {:?}", begun.elapsed());
}

#[test]
fn sigterm_does_not_forget_an_event_that_was_truncated() {
    let mut host = Host::of("count").start();
    host.fake.disturb_next(NextFault::CutOffAndForgotten);
    host.fake.send(Event::new("[1, 2, 3]"));
    host.program.line("the event to be truncated", |line| line.contains("an event was truncated").then_some(()));
    host.program.terminate();
    host.fake.post().error("Host.InvalidEvent");
    assert_eq!(host.program.wait().code(), Some(0));
}

/// The least time that it takes to wait ever longer shows that it does not spin.
#[test]
fn events_that_can_not_be_completed_are_waited_out() {
    let host = Host::of("count").start();
    let begun = Instant::now();
    for deadline in 1..=5 {
        let event = Event::new("{}").header("Lambda-Runtime-Aws-Request-Id", "");
        host.fake.send(event.header("Lambda-Runtime-Deadline-Ms", deadline.to_string()));
    }
    host.response("{}");
    assert!(begun.elapsed() >= Duration::from_millis(10 + 20 + 40 + 80 + 160));
}

/// What is in flight has a little time then. A busy machine may need more, but not every time.
#[test]
fn a_worker_that_fails_lets_the_others_finish_what_they_have_in_flight() {
    let is_finished = || {
        let mut host = Host::of("misbehave").concurrency(2).start();
        host.fake.wait_for_workers(2);
        let rest = Event::new(Behaviour::Rest.aloud());
        host.fake.send(rest.clone());
        begun(&host, &Behaviour::Rest);
        host.fake.disturb_next(NextFault::Status("403 Forbidden"));
        host.fake.send(Event::new("{}"));
        let post = host.post_or_end();
        assert_eq!(host.program.wait().code(), Some(1));
        post.is_some_and(|post| post.subject().ends_with(&format!("{}/response", rest.id)))
    };
    assert!(comes_out_once(is_finished));
}

#[test]
fn a_runtime_api_that_is_broken_for_good_ends_the_process() {
    for status in ["500 Internal Server Error", "403 Forbidden"] {
        let mut host = Host::of("count").start();
        host.fake.disturb_next(NextFault::Status(status));
        host.fake.send(Event::new("{}"));
        assert_eq!(host.program.wait().code(), Some(1), "{status}");
    }
}

#[test]
fn lambda_runtime_ends_the_process_when_a_request_for_an_event_fails_once() {
    let mut host = Host::of("count").runtime_client(RuntimeClient::LambdaRuntime).start();
    host.fake.disturb_next(NextFault::Status(""));
    host.fake.send(Event::new("{}"));
    assert_ne!(host.program.wait().code(), Some(0));
}

#[test]
fn an_event_without_a_request_id_or_with_an_odd_deadline_does_not_end_the_process() {
    let host = Host::of("count").start();
    host.fake.send(Event::new("{}").header("Lambda-Runtime-Aws-Request-Id", ""));
    for deadline in ["", "soon", "-1", "18446744073709551615", "99999999999999999999999"] {
        let event = Event::new("{}").header("Lambda-Runtime-Deadline-Ms", deadline);
        host.fake.invoke(event).about(deadline).response();
    }
}

/// Clocks jump when an environment thaws. A guest that responds at once does so; one that computes on is stopped.
#[test]
fn a_deadline_that_has_passed_stops_only_a_guest_that_does_not_respond_at_once() {
    let host = Host::of("misbehave").start();
    let late = |behaviour: Behaviour| Event::new(behaviour).header("Lambda-Runtime-Deadline-Ms", "1000");
    assert_eq!(host.fake.invoke(late(Behaviour::Count)).response(), "1");
    host.fake.invoke(late(Behaviour::Loop)).error("Guest.Timeout");
    assert_eq!(host.response(Behaviour::Count), "1");
}

/// The end takes some 200 ms, which the benchmark measures; whatever was waited for without end would take longer than
/// this.
const IN_TIME: Duration = Duration::from_secs(4);

/// Waits until the guest is at what it was told to do `aloud`.
fn begun(host: &Host, what: &Behaviour) {
    host.program.line("the guest to begin", |line| line.ends_with(&format!("\tINFO\t{what}")).then_some(()));
}

/// Ends an environment that has this in flight, and returns what is posted for it, and how long the end took.
fn terminated_during(behaviour: Option<&Behaviour>, concurrency: usize) -> (Option<Reply>, Duration) {
    let mut host = Host::of("misbehave").concurrency(concurrency).start();
    host.fake.wait_for_workers(concurrency);
    if let Some(behaviour) = behaviour {
        host.fake.send(Event::new(behaviour.clone().aloud()));
        begun(&host, behaviour);
    }
    host.program.terminate();
    let terminated = Instant::now();
    let post = host.post_or_end();
    assert_eq!(host.program.wait().code(), Some(0));
    let took = terminated.elapsed();
    assert!(took < IN_TIME, "it took {took:?}");
    (post, took)
}

/// What Lambda gives, less what may be gone before the signal comes.
const USUAL: Duration = Duration::from_millis(400);

/// Lambda sends SIGTERM where there is an extension. What it waits then is not all for this process. On a busy machine
/// the little time that there is may pass before anything is posted, but not every time.
#[test]
fn sigterm_ends_the_process_in_time_and_fails_what_is_in_flight_without_end() {
    for concurrency in [1, 4] {
        for behaviour in [Behaviour::Loop, Behaviour::Sleep] {
            let is_failed = || {
                let (post, took) = terminated_during(Some(&behaviour), concurrency);
                took < USUAL && post.is_some_and(|post| post.any_error().error_type() == "Host.Internal")
            };
            assert!(comes_out_once(is_failed), "{behaviour}, {concurrency} workers");
        }
        assert!(comes_out_once(|| {
            let (post, took) = terminated_during(None, concurrency);
            assert!(post.is_none());
            took < USUAL
        }));
    }
}

/// What takes 50 ms is finished, unless the machine has much else to do.
#[test]
fn sigterm_lets_what_is_almost_over_come_to_its_end() {
    for concurrency in [1, 4] {
        let is_finished = || {
            let (post, _) = terminated_during(Some(&Behaviour::Rest), concurrency);
            post.is_some_and(|post| post.is_response())
        };
        assert!(comes_out_once(is_finished), "with {concurrency} workers nothing was finished");
    }
}

#[test]
fn when_the_runtime_api_is_gone_the_process_ends() {
    let mut host = Host::of("count").start();
    host.fake.stop();
    assert_eq!(host.program.wait().code(), Some(1));
}
