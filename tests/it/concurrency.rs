//! Many invocations at once.

use std::{
    collections::HashSet,
    fs,
    time::{Duration, Instant},
};

use crate::support::{Behaviour, Event, Host, RuntimeClient, wait_for};

#[test]
fn with_a_concurrency_of_eight_no_instance_is_ever_used_twice_at_once() {
    for client in RuntimeClient::BOTH {
        let host = Host::of("overlap").runtime_client(client).concurrency(8).start();
        host.fake.wait_for_workers(8);
        let events = 400;
        (0..events).for_each(|_| host.fake.send(Event::new("{}")));
        let responses: Vec<_> = (0..events).map(|_| host.fake.post().response_json()).collect();
        assert!(responses.iter().all(|response| response["overlaps"] == 0), "{client:?}");
        let instances: HashSet<&str> = responses.iter().filter_map(|response| response["instance"].as_str()).collect();
        assert!((2..=8).contains(&instances.len()), "{client:?}: {} instances", instances.len());
        if client == RuntimeClient::Direct {
            assert_eq!(host.fake.connections(), 8);
        }
    }
}

#[test]
fn one_faulting_guest_does_not_disturb_the_others() {
    let host = Host::of("misbehave").concurrency(8).start();
    host.fake.wait_for_workers(8);
    let looping = Event::new(Behaviour::Loop);
    host.fake.send(looping);
    // It goes on until the test is over.
    (0..100).for_each(|_| host.fake.send(Event::new(Behaviour::Count)));
    for _ in 0..100 {
        host.fake.post().response();
    }
}

/// They are more than there are cores, and take turns. Still each is stopped before Lambda would do it.
#[test]
fn eight_looping_guests_are_all_stopped_before_their_deadline() {
    // The machine may have much else to do, so there is more room than the default.
    let setup = Host::of("misbehave").concurrency(8).margin("3s");
    let host = setup.start();
    host.fake.wait_for_workers(8);
    let timeout = Duration::from_secs(30);
    let begun = Instant::now();
    (0..8).for_each(|_| host.fake.send(Event::new(Behaviour::Loop).timeout(timeout)));
    for _ in 0..8 {
        host.fake.post().error("Guest.Timeout");
    }
    let took = begun.elapsed();
    assert!(took < timeout, "the last was stopped after {took:?}");
}

#[test]
fn all_eight_invocations_are_in_flight_together() {
    let host = Host::of("misbehave").concurrency(8).start();
    host.fake.wait_for_workers(8);
    let directory = tempfile::tempdir_in("/tmp").unwrap();
    let wait = Behaviour::WaitIn(directory.path().display().to_string());
    (0..8).for_each(|_| host.fake.send(Event::new(wait.clone())));
    // None of them ends before the last has begun.
    wait_for("eight guests at work", || (fs::read_dir(directory.path()).unwrap().count() == 8).then_some(()));
    fs::write(directory.path().join("go"), "").unwrap();
    (0..8).for_each(|_| drop(host.fake.post().response_json()));
    host.fake.wait_for_workers(8);
}
