//! Tests of the swap to a newer guest, between two invocations of a running environment.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use guesthouse::digest::Digest;

use crate::support::{
    Behaviour, Event, Host, Mode, Origin,
    elsewhere::{from, said},
    guests::{self, answering},
    wait_for,
};

#[test]
fn a_file_that_is_copied_over_is_served_by_the_same_process() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("guest.wasm");
    let (first, second) = (answering("v1"), answering("v2"));
    fs::write(&file, &first).unwrap();
    let host = from(&format!("file://{}", file.display()), "0s").start();
    let pid = host.program.pid();
    assert_eq!(host.response("{}"), "\"v1\"");
    fs::write(&file, &second).unwrap();
    // An invocation waits for its own refresh, but not for two seconds, which a busy machine may need.
    let begun = Instant::now();
    let response = host.response("{}");
    assert!(response == "\"v2\"" || begun.elapsed() > Duration::from_millis(1900), "{response}");
    host.becomes("\"v2\"");
    assert_eq!(host.program.pid(), pid);
    let line = host.program.line("the swap", |line| line.contains("swapped from").then(|| line.to_owned()));
    for part in [
        &format!("from {} to {}, {} bytes", Digest::of(&first), Digest::of(&second), second.len()),
        "in milliseconds: fetch ",
        ", code ",
        ", link ",
        ", instance ",
        " ms together",
    ] {
        assert!(line.contains(part), "{part:?} is not in {line}");
    }
}

#[test]
fn a_guest_in_the_task_root_is_swapped_only_where_the_settings_say_so() {
    for (refresh, expected) in [("0s", "\"v2\""), ("off", "\"v1\"")] {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("guest.wasm"), answering("v1")).unwrap();
        let host = Host::in_directory(directory.path()).refresh(refresh).start();
        assert_eq!(host.response("{}"), "\"v1\"");
        // As most tools write: another file takes the place.
        fs::write(directory.path().join("new"), answering("v2")).unwrap();
        fs::rename(directory.path().join("new"), directory.path().join("guest.wasm")).unwrap();
        host.becomes(expected);
    }
}

#[test]
fn what_is_unchanged_costs_a_conditional_request_and_no_body() {
    let origin = Origin::start();
    origin.put("/guest.wasm", answering("v1"));
    let host = from(&origin.url("/guest.wasm"), "0s").start();
    for _ in 0..10 {
        assert_eq!(host.response("{}"), "\"v1\"");
    }
    let asked = origin.asked();
    // One for each invocation, but for those that a busy machine took longer for than an invocation waits.
    assert!((2..=11).contains(&asked.len()), "{asked:?}");
    assert_eq!((asked[0].is_conditional, asked[0].status), (false, "200 OK"));
    assert!(
        asked[1..]
            .iter()
            .all(|asked| asked.is_conditional && asked.status == "304 Not Modified" && asked.body_bytes == 0)
    );
    assert_eq!(said(&host), [""; 0]);
}

#[test]
fn a_newer_guest_is_fetched_in_the_background_while_the_current_one_serves() {
    let origin = Origin::start();
    origin.put("/guest.wasm", answering("v1"));
    let host = from(&origin.url("/guest.wasm"), "1ms").start();
    origin.set(Mode::Hang);
    origin.put("/guest.wasm", answering("v2"));
    for _ in 0..20 {
        assert_eq!(host.response("{}"), "\"v1\"");
    }
    wait_for("a refresh", || (origin.asked().len() > 1).then_some(()));
    // One refresh at a time, which sends three requests at most.
    assert!(origin.asked().len() <= 4, "{:?}", origin.asked());
    origin.set(Mode::Serve);
    host.becomes("\"v2\"");
}

#[test]
fn a_refresh_that_is_not_due_does_not_run() {
    let origin = Origin::start();
    origin.put("/guest.wasm", answering("v1"));
    let host = from(&origin.url("/guest.wasm"), "1h").start();
    origin.put("/guest.wasm", answering("v2"));
    for _ in 0..5 {
        assert_eq!(host.response("{}"), "\"v1\"");
    }
    assert_eq!(origin.asked().len(), 1);
}

#[test]
fn an_invocation_waits_for_its_refresh_only_so_long() {
    let origin = Origin::start();
    origin.put("/guest.wasm", answering("v1"));
    let host = from(&origin.url("/guest.wasm"), "0s").start();
    origin.set(Mode::Hang);
    for (timeout, longest) in [(Duration::from_secs(60), 2.0), (Duration::from_secs(6), 1.5)] {
        let begun = Instant::now();
        let post = host.fake.invoke(Event::new("{}").timeout(timeout));
        assert_eq!(post.response(), "\"v1\"");
        let took = begun.elapsed().as_secs_f64();
        assert!(took > longest * 0.8 && took < longest + 15.0, "{took} s of {timeout:?}");
    }
    origin.set(Mode::Serve);
}

#[test]
fn invocations_in_flight_finish_on_the_guest_that_they_began_with() {
    let (origin, directory) = (Origin::start(), tempfile::tempdir_in("/tmp").unwrap());
    origin.put("/guest.wasm", fs::read(guests::path("misbehave")).unwrap());
    let host = from(&origin.url("/guest.wasm"), "0s").concurrency(2).start();
    host.fake.wait_for_workers(2);
    let slow = Event::new(Behaviour::WaitIn(directory.path().display().to_string()));
    host.fake.send(slow.clone());
    wait_for("the guest to be at work", || (fs::read_dir(directory.path()).unwrap().count() == 1).then_some(()));
    origin.put("/guest.wasm", answering("v2"));
    wait_for("the newer guest", || (host.response(Behaviour::Count) == "\"v2\"").then_some(()));
    fs::write(directory.path().join("go"), "").unwrap();
    let post = host.fake.post();
    assert!(post.subject().contains(&slow.id) && post.response_json()["count"].is_u64(), "{}", post.text());
}

#[test]
fn the_newer_guest_may_have_an_init_of_its_own_and_what_the_older_one_kept_is_gone() {
    let origin = Origin::start();
    let read = |name: &str| fs::read(guests::path(name)).unwrap();
    origin.put("/guest.wasm", read("count"));
    let host = from(&origin.url("/guest.wasm"), "0s").start();
    assert_eq!((host.response("{}"), host.response("{}")), ("1".to_owned(), "2".to_owned()));
    origin.put("/guest.wasm", read("init_counts"));
    host.becomes("1");
    assert_eq!(host.response("{}"), "1");
    origin.put("/guest.wasm", read("count"));
    host.becomes("2");
    assert_eq!(host.response("{}"), "3");
}

#[test]
fn the_same_bytes_under_another_name_for_their_version_are_no_newer_guest() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("guest.wasm");
    fs::copy(guests::path("count"), &file).unwrap();
    let host = from(&format!("file://{}", file.display()), "0s").start();
    assert_eq!(host.response("{}"), "1");
    fs::copy(guests::path("count"), directory.path().join("again")).unwrap();
    fs::rename(directory.path().join("again"), &file).unwrap();
    assert_eq!(host.response("{}"), "2");
    assert_eq!(said(&host), [""; 0]);
}

#[test]
fn each_line_in_json_says_which_guest_it_is_about() {
    let origin = Origin::start();
    let read = |name: &str| fs::read(guests::path(name)).unwrap();
    origin.put("/guest.wasm", read("talk"));
    let host = from(&origin.url("/guest.wasm"), "0s").log_format("JSON").start();
    host.response(r#"["out","one\n"]"#);
    origin.put("/guest.wasm", answering("v2"));
    wait_for("the newer guest", || host.invoke("{}").is_response().then_some(()));
    let guest_of = |what: &str| {
        let line: serde_json::Value =
            host.program.line(what, |line| line.contains(what).then(|| serde_json::from_str(line).unwrap()));
        line["guest"].as_str().unwrap().to_owned()
    };
    assert_eq!(guest_of("one"), Digest::of(&read("talk")).short());
    assert_eq!(guest_of("swapped from"), Digest::of(&answering("v2")).short());
}

/// An environment with little to do is frozen in the middle of a refresh, over and over. Then it does not request the
/// next event before the refresh is over, while its caller has the response.
#[test]
fn a_refresh_that_was_frozen_is_finished_before_the_next_event() {
    let origin = Origin::start();
    origin.put("/guest.wasm", answering("v1"));
    let host = from(&origin.url("/guest.wasm"), "1ms").start();
    origin.set(Mode::Hang);
    origin.put("/guest.wasm", answering("v2"));
    assert_eq!(host.response("{}"), "\"v1\"");
    wait_for("the refresh's request", || (origin.asked().len() >= 2).then_some(()));
    wait_for("the next request for an event", || (host.fake.waiting() > 0).then_some(()));
    host.program.signal("STOP");
    thread::sleep(Duration::from_millis(1500));
    host.program.signal("CONT");
    // The caller need not wait.
    let begun = Instant::now();
    assert_eq!(host.response("{}"), "\"v1\"");
    assert!(begun.elapsed() < Duration::from_secs(5));
    thread::sleep(Duration::from_millis(200));
    assert_eq!(host.fake.waiting(), 0, "the next event was asked for");
    origin.set(Mode::Serve);
    wait_for("the next request for an event", || (host.fake.waiting() > 0).then_some(()));
    host.becomes("\"v2\"");
}
