//! SIGTERM in each phase of the process. What is in flight is in `runtime_api`.

use std::time::{Duration, Instant};

use crate::support::{
    Host, Mode, Origin, RuntimeClient,
    elsewhere::from,
    guests::{answering, loops_and_locals},
    wait_for,
};

/// Lambda gives 500 ms, or 2 s. A busy machine needs more.
const IN_TIME: Duration = Duration::from_secs(4);

/// Ends it, and returns what it ended with.
fn ends(host: &mut Host) -> Option<i32> {
    host.program.terminate();
    let terminated = Instant::now();
    let status = host.program.wait();
    assert!(terminated.elapsed() < IN_TIME, "it took {:?}", terminated.elapsed());
    assert!(host.fake.try_post().is_none(), "nothing went wrong");
    status.code()
}

#[test]
fn while_the_guest_is_fetched() {
    for mode in [Mode::Hang, Mode::HangMidBody, Mode::Status("503 Service Unavailable")] {
        let origin = Origin::start();
        origin.put("/guest.wasm", answering("v1"));
        origin.set(mode.clone());
        let mut host = from(&origin.url("/guest.wasm"), "off").spawn();
        wait_for("the request", || (!origin.asked().is_empty()).then_some(()));
        assert_eq!(ends(&mut host), Some(0), "{mode:?}");
    }
}

/// The compiler's own process ends with it.
#[test]
fn while_the_guest_is_compiled() {
    for client in RuntimeClient::BOTH {
        let mut host = Host::with(&loops_and_locals(1_000, 200)).runtime_client(client).spawn();
        let compilers =
            wait_for("a compiler", || Some(host.program.children()).filter(|children| !children.is_empty()));
        assert_eq!(ends(&mut host), before_the_first_event(client));
        wait_for("its compiler's end", || {
            let is_gone = |pid: &u32| !std::path::Path::new(&format!("/proc/{pid}/exe")).exists();
            compilers.iter().all(is_gone).then_some(())
        });
    }
}

#[test]
fn while_the_guest_prepares_itself() {
    let directory = tempfile::NamedTempFile::new_in("/tmp").unwrap();
    for client in RuntimeClient::BOTH {
        let mut host =
            Host::of("init_loops").env("LOOP_FILE", directory.path().to_str().unwrap()).runtime_client(client).spawn();
        host.program.line("the guest to begin", |line| line.ends_with("preparing without end").then_some(()));
        assert_eq!(ends(&mut host), before_the_first_event(client), "{client:?}");
    }
}

#[test]
fn while_a_newer_guest_is_fetched() {
    let origin = Origin::start();
    origin.put("/guest.wasm", answering("v1"));
    let mut host = from(&origin.url("/guest.wasm"), "0s").start();
    assert_eq!(host.response("{}"), "\"v1\"");
    let before = origin.asked().len();
    origin.set(Mode::Hang);
    // The response waits for the refresh for two seconds at most.
    assert_eq!(host.response("{}"), "\"v1\"");
    assert!(origin.asked().len() > before);
    assert_eq!(ends(&mut host), Some(0));
}

/// It may come before the process listens for it: then it ends as any other does.
#[test]
fn at_any_moment_of_the_start() {
    for after in (0..20).map(|step| Duration::from_millis(step * 10)) {
        let mut host = Host::of("echo").spawn();
        let begun = Instant::now();
        wait_for("the moment", || (begun.elapsed() >= after).then_some(()));
        let code = ends(&mut host);
        assert!(code == Some(0) || code.is_none(), "{code:?} after {after:?}");
    }
}

/// AWS's crate listens for signals from its first event on. Until then one ends the process as it would any other.
fn before_the_first_event(client: RuntimeClient) -> Option<i32> {
    match client {
        RuntimeClient::Direct => Some(0),
        RuntimeClient::LambdaRuntime => None,
    }
}
