//! How the host gets on with the Runtime API itself.

use std::time::{Duration, Instant};

use crate::support::{Edge, Event, Host, wait_for};

#[test]
fn one_connection_is_kept_and_used_for_everything() {
    let host = Host::of("echo").start();
    for _ in 0..100 {
        host.answer("{}");
        let post = host.invoke("x".repeat(100_000));
        assert!(post.subject().ends_with("/response"));
    }
    assert_eq!(host.fake.connections(), 1);
}

#[test]
fn the_invocation_id_is_sent_back_where_it_came_and_left_out_where_it_did_not() {
    for edge in Edge::BOTH {
        let host = Host::of("misbehave").edge(edge).start();
        for event in ["\"\"", "\"err\"", "\"trap\""] {
            let post = host.fake.invoke(Event::new(event).header("Lambda-Runtime-Invocation-Id", "nonce-1"));
            assert_eq!(post.header("lambda-runtime-invocation-id"), Some("nonce-1"), "{edge:?}: {event}");
            assert_eq!(host.invoke(event).header("lambda-runtime-invocation-id"), None, "{edge:?}: {event}");
        }
    }
}

#[test]
fn an_answer_that_lambda_does_not_take_costs_only_that_invocation() {
    for edge in Edge::BOTH {
        for status in
            ["400 Bad Request", "403 Forbidden", "410 Gone", "413 Payload Too Large", "500 Internal Server Error"]
        {
            let host = Host::of("count").edge(edge).start();
            host.fake.answer_next_post(status);
            assert_eq!(host.answer("{}"), "1", "{status}");
            assert_eq!(host.answer("{}"), "2", "{status}");
        }
    }
}

#[test]
fn an_answer_is_posted_again_when_its_connection_breaks() {
    for edge in Edge::BOTH {
        let host = Host::of("count").edge(edge).start();
        host.fake.answer_next_post("");
        assert_eq!(host.answer("{}"), "1");
        let again = host.fake.post();
        assert_eq!(again.text(), "1");
        assert_eq!(host.answer("{}"), "2");
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
    assert_eq!(host.answer("{}"), "3");
}

/// Under the emulator an event whose answer is not taken comes again at once.
#[test]
fn an_event_that_comes_again_after_its_answer_was_refused_is_not_run_again() {
    let host = Host::of("count").start();
    let event = Event::new("{}").header("Lambda-Runtime-Deadline-Ms", "4102444800000");
    host.fake.answer_next_post("400 Bad Request");
    assert_eq!(host.fake.invoke(event.clone()).text(), "1");
    host.fake.send(event.clone());
    // A retry of the same event has another deadline.
    let retry = Event { headers: Vec::new(), ..event };
    assert_eq!(host.fake.invoke(retry).text(), "2");
}

#[test]
fn a_request_for_an_event_that_fails_is_made_again() {
    for status in ["", "400 Bad Request", "503 Service Unavailable"] {
        let host = Host::of("count").start();
        host.fake.answer_next_get(status);
        host.fake.answer_next_get(status);
        assert_eq!(host.answer("{}"), "1", "{status}");
    }
}

#[test]
fn a_runtime_api_that_is_broken_for_good_ends_the_process() {
    for status in ["500 Internal Server Error", "403 Forbidden"] {
        let mut host = Host::of("count").start();
        host.fake.answer_next_get(status);
        host.fake.send(Event::new("{}"));
        assert_eq!(host.program.wait().code(), Some(1), "{status}");
    }
}

#[test]
fn lambda_runtime_ends_the_process_when_a_request_for_an_event_fails_once() {
    let mut host = Host::of("count").edge(Edge::LambdaRuntime).start();
    host.fake.answer_next_get("");
    host.fake.send(Event::new("{}"));
    assert_ne!(host.program.wait().code(), Some(0));
}

#[test]
fn an_event_without_a_request_id_or_with_an_odd_deadline_does_not_end_the_process() {
    let host = Host::of("count").start();
    host.fake.send(Event::new("{}").header("Lambda-Runtime-Aws-Request-Id", ""));
    for deadline in ["", "soon", "-1", "18446744073709551615", "99999999999999999999999"] {
        let post = host.fake.invoke(Event::new("{}").header("Lambda-Runtime-Deadline-Ms", deadline));
        assert!(post.subject().ends_with("/response"), "{deadline}: {}", post.text());
    }
}

/// Clocks jump when an environment thaws. What can be answered at once is; what computes on is stopped.
#[test]
fn a_deadline_that_has_passed_stops_only_a_guest_that_does_not_answer_at_once() {
    let host = Host::of("misbehave").start();
    let late = |event: &str| Event::new(event).header("Lambda-Runtime-Deadline-Ms", "1000");
    assert_eq!(host.fake.invoke(late("\"\"")).text(), "1");
    assert_eq!(host.fake.invoke(late("\"loop\"")).json()["errorType"], "Guest.Timeout");
    assert_eq!(host.answer("\"\""), "1");
}

/// Lambda sends SIGTERM where there is an extension, and SIGKILL 300 ms later.
#[test]
fn sigterm_ends_the_process_in_time_after_finishing_or_failing_what_is_in_flight() {
    for (event, end) in [(None, ""), (Some("\"loop\""), "/error"), (Some("\"sleep\""), "/error")] {
        for concurrency in ["1", "4"] {
            let mut host = Host::of("misbehave").env("AWS_LAMBDA_MAX_CONCURRENCY", concurrency).start();
            let workers: usize = concurrency.parse().unwrap();
            wait_for("the workers", || (host.fake.waiting() == workers).then_some(()));
            if let Some(event) = event {
                host.fake.send(Event::new(event));
                wait_for("the event to be taken", || (host.fake.waiting() < workers).then_some(()));
            }
            host.program.terminate();
            let begun = Instant::now();
            if event.is_some() {
                let post = host.fake.post();
                assert!(post.subject().ends_with(end), "{}", post.subject());
                assert_eq!(post.json()["errorType"], "Host.Internal");
            }
            assert_eq!(host.program.wait().code(), Some(0));
            assert!(begun.elapsed() < Duration::from_millis(300), "it took {:?}", begun.elapsed());
        }
    }
}

#[test]
fn when_the_runtime_api_is_gone_the_process_ends() {
    let mut host = Host::of("count").start();
    host.fake.stop();
    assert_eq!(host.program.wait().code(), Some(1));
}
