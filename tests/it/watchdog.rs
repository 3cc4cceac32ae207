//! What nothing can interrupt, on the guest's own thread, costs neither the response nor the environment.

use std::{
    fs,
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

use crate::{
    rie,
    support::{
        Event, Fake, guests,
        in_process::{load, serve},
        text::{FAULT, Text},
    },
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
fn a_worker_that_can_not_be_stopped_is_replaced_in_time_and_what_it_brings_later_is_dropped() {
    for concurrency in [1, 2] {
        let fake = Fake::start();
        let authority = fake.address.clone();
        let (go_on, stalled) = channel();
        let host = thread::spawn(move || serve(&authority, Stalled("stall", Mutex::new(stalled)), concurrency));
        let line = |line: &str| Event::new(json!(["out", format!("{line}\n")]).to_string());
        for _ in 0..2 {
            let error = fake.invoke(line("stall").timeout(Duration::from_secs(5))).json();
            assert_eq!(error["errorType"], "Guest.Timeout");
            assert!(error["errorMessage"].as_str().unwrap().starts_with("the guest could not be stopped"), "{error}");
            // The first one is still in there.
            assert_eq!(fake.invoke(line("fine")).text(), "null");
            go_on.send(()).unwrap();
            // Were its response posted after all, it would be taken for the response to this one.
            assert_eq!(fake.invoke(line("fine")).text(), "null");
        }
        fake.stop();
        host.join().unwrap();
    }
}

/// Each of them holds a thread and an instance. Lambda makes another environment.
#[test]
fn when_too_many_workers_can_not_be_stopped_the_environment_ends_after_it_has_answered() {
    let fake = Fake::start();
    let authority = fake.address.clone();
    let (go_on, stalled) = channel();
    let host = thread::spawn(move || serve(&authority, Stalled("stall", Mutex::new(stalled)), 1));
    let stall = || Event::new(json!(["out", "stall\n"]).to_string()).timeout(Duration::from_secs(2));
    // One worker, and three that took its place and may be lost, too.
    for _ in 0..5 {
        assert!(!host.is_finished());
        assert_eq!(fake.invoke(stall()).json()["errorType"], "Guest.Timeout");
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
fn a_guest_that_fills_memory_without_end_is_given_up_before_the_emulator_would_stop_the_environment() {
    let guest = Text {
        handle: "(drop (memory.grow (i32.const 32768)))
                 (loop $again
                   (memory.fill (i32.const 65536) (i32.const 1) (i32.const 0x7fff0000))
                   (br $again))
                 unreachable",
        ..Text::default()
    };
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("guest.wasm"), guest.build()).unwrap();
    // A busy machine may hold up whoever watches, for a part of the margin.
    let settings = [("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "10240".to_owned()), ("GUESTHOUSE_MARGIN", "3s".to_owned())];
    let rie = rie::in_directory(directory.path(), "guest", &settings, 30);
    rie.invoke(&[], b"\"rest\"");
    let pid = rie.bootstrap();
    for _ in 0..2 {
        let error = rie.invoke(&[], FAULT.as_bytes()).json();
        assert_eq!(error["errorType"], "Guest.Timeout", "{error}");
        assert_eq!(rie.invoke(&[], b"\"rest\"").json()["count"], 1);
        assert_eq!(rie.bootstrap(), pid);
    }
}
