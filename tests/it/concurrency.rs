//! Many invocations at once.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use crate::support::{Edge, Event, Host, wait_for};

#[test]
fn with_a_concurrency_of_eight_no_instance_is_ever_used_twice_at_once() {
    for edge in Edge::BOTH {
        let host = Host::of("overlap").edge(edge).env("AWS_LAMBDA_MAX_CONCURRENCY", "8").start();
        wait_for("eight workers", || (host.fake.waiting() == 8).then_some(()));
        let events = 400;
        (0..events).for_each(|_| host.fake.send(Event::new("{}")));
        let answers: Vec<_> = (0..events).map(|_| host.fake.post().json()).collect();
        assert!(answers.iter().all(|answer| answer["overlaps"] == 0), "{edge:?}");
        let instances: HashSet<&str> = answers.iter().filter_map(|answer| answer["instance"].as_str()).collect();
        assert!((2..=8).contains(&instances.len()), "{edge:?}: {} instances", instances.len());
        if edge == Edge::Direct {
            assert_eq!(host.fake.connections(), 8);
        }
    }
}

#[test]
fn one_faulting_guest_does_not_disturb_the_others() {
    let host = Host::of("misbehave").env("AWS_LAMBDA_MAX_CONCURRENCY", "8").start();
    wait_for("eight workers", || (host.fake.waiting() == 8).then_some(()));
    let looping = Event::new("\"loop\"").timeout(Duration::from_secs(3));
    let looping_id = looping.id.clone();
    host.fake.send(looping);
    (0..100).for_each(|_| host.fake.send(Event::new("\"\"")));
    let posts: Vec<_> = (0..101).map(|_| host.fake.post()).collect();
    let (late, others): (Vec<_>, Vec<_>) = posts.iter().partition(|post| post.subject().contains(&looping_id));
    assert_eq!(late[0].json()["errorType"], "Guest.Timeout");
    assert!(posts.last().unwrap().subject().contains(&looping_id), "the others waited for the looping one");
    assert!(others.iter().all(|post| post.subject().ends_with("/response")));
}

/// The host has two cores here: four guests on each take turns, and still each is stopped before Lambda would do it.
#[test]
fn eight_looping_guests_are_all_stopped_before_their_deadline() {
    // Other tests run beside this one, so it has more room than the default.
    let setup = Host::of("misbehave").env("AWS_LAMBDA_MAX_CONCURRENCY", "8").env("GUESTHOUSE_MARGIN", "300ms");
    let host = setup.start();
    wait_for("eight workers", || (host.fake.waiting() == 8).then_some(()));
    let timeout = Duration::from_secs(3);
    let begun = Instant::now();
    (0..8).for_each(|_| host.fake.send(Event::new("\"loop\"").timeout(timeout)));
    for _ in 0..8 {
        assert_eq!(host.fake.post().json()["errorType"], "Guest.Timeout");
    }
    let took = begun.elapsed();
    assert!(took < timeout, "the last was stopped after {took:?}");
}

#[test]
fn all_eight_invocations_are_in_flight_together() {
    let host = Host::of("misbehave").env("AWS_LAMBDA_MAX_CONCURRENCY", "8").start();
    wait_for("eight workers", || (host.fake.waiting() == 8).then_some(()));
    (0..8).for_each(|_| host.fake.send(Event::new("\"sleep\"").timeout(Duration::from_secs(2))));
    wait_for("eight invocations in flight", || (host.fake.waiting() == 0).then_some(()));
    (0..8).for_each(|_| drop(host.fake.post()));
    wait_for("eight workers again", || (host.fake.waiting() == 8).then_some(()));
}
