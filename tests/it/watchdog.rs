//! What nothing can interrupt, on the guest's own thread, costs neither the response nor the environment.

use std::{
    num::NonZeroUsize,
    sync::{
        Mutex,
        mpsc::{Receiver, channel},
    },
    thread,
    time::Duration,
};

use guesthouse::{
    capabilities::Capabilities,
    failure::ErrorType,
    observer::{Line, Observer},
    runtime_client,
};
use serde_json::json;
use tokio::runtime::Builder;

use crate::support::{
    Behaviour, Event, Fake, Host, guests,
    in_process::{load, serve},
    text::{FAULT, Text},
};

/// A host whose log is read by nobody from a certain line on, until the test says so.
struct Stalled(&'static str, Mutex<Receiver<()>>);

impl Observer for Stalled {
    fn line(&self, line: &Line<'_>) {
        if line.text == self.0 {
            // The test may be over.
            let _ = self.1.lock().unwrap().recv();
        }
    }
}

#[test]
fn a_stuck_worker_is_replaced_in_time_and_what_it_brings_later_is_dropped() {
    for concurrency in [1, 2] {
        let fake = Fake::start();
        let authority = fake.address.clone();
        let (go_on, stalled) = channel();
        let host = thread::spawn(move || serve(&authority, Stalled("stall", Mutex::new(stalled)), concurrency));
        let line = |line: &str| Event::new(json!(["out", format!("{line}\n")]).to_string());
        for _ in 0..2 {
            let stalled = fake.invoke(line("stall").timeout(Duration::from_secs(5)));
            stalled.error("Guest.Timeout").starts("the guest could not be stopped");
            // The first one is still in there.
            assert_eq!(fake.invoke(line("fine")).response(), "null");
            go_on.send(()).unwrap();
            // Were its response posted after all, it would be taken for the response to this one.
            assert_eq!(fake.invoke(line("fine")).response(), "null");
        }
        fake.stop();
        host.join().unwrap();
    }
}

/// Each of them holds a thread and an instance. Lambda makes another environment.
#[test]
fn with_too_many_stuck_workers_the_environment_ends_after_it_has_responded() {
    let fake = Fake::start();
    let authority = fake.address.clone();
    let (go_on, stalled) = channel();
    let host = thread::spawn(move || serve(&authority, Stalled("stall", Mutex::new(stalled)), 1));
    let stall = || Event::new(json!(["out", "stall\n"]).to_string()).timeout(Duration::from_secs(2));
    // One worker, and three that took its place and may be lost, too.
    for _ in 0..5 {
        assert!(!host.is_finished());
        fake.invoke(stall()).error("Guest.Timeout");
    }
    host.join().unwrap();
    drop(go_on);
}

/// As with an invocation, it is left behind.
#[test]
fn a_start_that_can_not_be_stopped_fails_in_time() {
    let (go_on, stalled) = channel();
    let observer = Stalled("preparing", Mutex::new(stalled));
    let load = load(&guests::path("init_counts"), Capabilities::default(), observer);
    let started = runtime_client::start("127.0.0.1:1", NonZeroUsize::MIN, Duration::from_secs(2), load, |_| ());
    let failure = Builder::new_current_thread().build().unwrap().block_on(started).err().unwrap();
    assert_eq!(failure.error_type, ErrorType::Timeout, "{failure}");
    assert!(failure.message.starts_with("the guest's start-up could not be stopped"), "{failure}");
    drop(go_on);
}

/// One `memory.fill` of 2 GiB takes longer than the margin, and it is made again and again. The function has room for
/// two such instances, because the first may still be at it when the second is made.
#[test]
fn a_guest_that_fills_memory_without_end_is_stopped_before_the_emulator_acts() {
    let guest = Text {
        handle: "(drop (memory.grow (i32.const 32768)))
                 (loop $again
                   (memory.fill (i32.const 65536) (i32.const 1) (i32.const 0x7fff0000))
                   (br $again))
                 unreachable",
        ..Text::default()
    };
    // A busy machine may hold up whoever watches, for a part of the margin.
    let emulator = Host::with(&guest.build()).function_memory(10_240).margin("3s").under_the_emulator(30);
    emulator.invoke(Behaviour::Rest);
    let pid = emulator.bootstrap();
    for _ in 0..2 {
        emulator.invoke(FAULT).error("Guest.Timeout");
        assert_eq!(emulator.invoke(Behaviour::Rest).response_json()["count"], 1);
        assert_eq!(emulator.bootstrap(), pid);
    }
}
