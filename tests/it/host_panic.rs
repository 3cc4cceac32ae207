//! A panic of the host itself fails the invocation in which it happens, and no other.

use std::thread;

use guesthouse::observer::{Line, Observer};
use serde_json::json;

use crate::support::{Event, Fake, in_process::serve};

/// A host with a fault in the part that takes over what guests print.
struct Faulty;

impl Observer for Faulty {
    fn line(&self, line: &Line<'_>) {
        assert!(line.text != "boom", "a secret of the host");
    }
}

#[test]
fn a_panic_of_the_host_in_a_call_of_the_guests_fails_that_invocation_only() {
    for concurrency in [1, 4] {
        let fake = Fake::start();
        let authority = fake.address.clone();
        let host = thread::spawn(move || serve(&authority, Faulty, concurrency));
        let invoke = |line: &str| fake.invoke(Event::new(json!(["out", format!("{line}\n")]).to_string()));
        for _ in 0..3 {
            assert_eq!(invoke("fine").response(), "null");
            let error = invoke("boom").error("Host.Internal");
            assert!(!error.to_string().contains("secret") && !error.to_string().contains(".rs"), "{error}");
        }
        assert_eq!(invoke("fine").response(), "null");
        fake.stop();
        host.join().unwrap();
    }
}
