//! Ten thousand invocations in one process, and fewer of those that cost more.

use serde_json::json;

use crate::support::{Edge, Event, Host, host::Setup};

/// The memory after a fifth of the invocations and after all of them may differ by 5%.
fn memory_stays_flat(setup: Setup, count: usize, invoke: impl Fn(&Host, usize)) {
    let mut host = setup.start();
    let mut early = 0;
    for number in 1..=count {
        invoke(&host, number);
        if number == count / 5 {
            early = host.program.resident_kib();
        }
    }
    let late = host.program.resident_kib();
    assert!(late * 100 <= early * 105, "{early} KiB became {late} KiB");
    assert!(host.program.is_running());
}

#[test]
fn memory_does_not_grow_between_the_2000th_and_the_10000th_invocation() {
    for edge in Edge::BOTH {
        memory_stays_flat(Host::of("count").edge(edge), 10_000, |host, number| {
            assert_eq!(host.answer("{}"), number.to_string());
        });
    }
}

#[test]
fn memory_does_not_grow_with_a_new_instance_for_each_invocation() {
    memory_stays_flat(Host::of("count").env("GUESTHOUSE_INSTANCES", "fresh"), 2_500, |host, _| {
        assert_eq!(host.answer("{}"), "1");
    });
}

#[test]
fn memory_does_not_grow_with_faults() {
    memory_stays_flat(Host::of("misbehave"), 2_500, |host, number| {
        let fault = ["panic", "trap", "exit 1", "err"][number % 4];
        let post = host.fake.invoke(Event::new(json!(fault).to_string()));
        assert!(post.subject().ends_with("/error"));
    });
}

#[test]
fn memory_does_not_grow_with_large_events() {
    let event = "x".repeat(1_000_000);
    memory_stays_flat(Host::of("echo"), 500, |host, _| assert!(host.answer(event.clone()).len() == event.len()));
}
