//! Ten thousand invocations in one process, fewer of those that cost more, and a hundred thousand of which half are
//! faults.

use std::{io::Write as _, path::PathBuf, time::Duration};

use crate::support::{
    Behaviour, Event, Host, RuntimeClient, Setup,
    environments::AMPLE,
    faults::{self, Fault, FaultyGuest},
    resources::{Resources, Room, wait_until_within},
};

/// What it holds after a fifth of the invocations it holds after all of them, but for a little and for what the
/// allocator keeps of one event and its response.
fn memory_stays_flat(setup: Setup, count: usize, event_bytes: u64, invoke: impl Fn(&Host, usize)) {
    let mut host = setup.start();
    let mut early = None;
    for number in 1..=count {
        invoke(&host, number);
        if number == count / 5 {
            early = Some(Resources::of(&host.program));
        }
    }
    let room = Room { memory_percent: 5, memory_kib: 1024 + 2 * event_bytes / 1024, ..Room::USUAL };
    wait_until_within(&host.program, early.unwrap().and(room), &format!("{count} invocations"));
    assert!(host.program.is_running());
}

#[test]
fn memory_does_not_grow_between_the_2000th_and_the_10000th_invocation() {
    for client in RuntimeClient::BOTH {
        memory_stays_flat(Host::of("count").runtime_client(client), 10_000, 0, |host, number| {
            assert_eq!(host.response("{}"), number.to_string());
        });
    }
}

#[test]
fn memory_does_not_grow_with_a_new_instance_for_each_invocation() {
    memory_stays_flat(Host::of("count").fresh(), 2_500, 0, |host, _| {
        assert_eq!(host.response("{}"), "1");
    });
}

#[test]
fn memory_does_not_grow_with_large_events() {
    let event = "x".repeat(1_000_000);
    memory_stays_flat(Host::of("echo"), 500, 1_000_000, |host, _| {
        assert!(host.response(event.clone()).len() == event.len());
    });
}

/// Faults of every kind, each followed by a good response.
#[test]
#[ignore = "takes one core for minutes, and others measure time: cargo xtask test runs it"]
fn files_threads_and_memory_stay_flat_over_100_000_invocations_with_faults() {
    const INVOCATIONS: usize = 100_000;
    // Those that no compiler would make have a shorter run below.
    let sentinel = tempfile::NamedTempFile::new_in("/tmp").unwrap();
    let path = sentinel.path().to_str().unwrap();
    let start_file = PathBuf::from(format!("{path}.start"));
    let mut host = Host::of("misbehave")
        .memory("32MiB")
        .log_level("FATAL")
        .env("SENTINEL", path)
        .env("START_FILE", start_file.to_str().unwrap())
        .start();
    let all: Vec<Behaviour> = faults::all().into_iter().filter_map(Fault::first_behaviour).collect();
    // The others take the host ten times as long, so each of these comes more often.
    let quick = [Behaviour::Fail, Behaviour::Abort, Behaviour::Trap, Behaviour::Exit(0), Behaviour::ExitWithAnOpenFile];
    let fault = |number: usize| match number % 10 {
        0 => &all[number / 10 % all.len()],
        _ => &quick[number % quick.len()],
    };
    let timeout = |fault: &Behaviour| {
        // Stopped after 9 ms.
        let endless = [Behaviour::Loop, Behaviour::Sleep].contains(fault);
        if endless { Duration::from_millis(10) } else { Duration::from_secs(30) }
    };
    let (mut early, mut abandoned) = (None, false);
    for number in 1..=INVOCATIONS / 2 {
        let fault = fault(number);
        let failed = host.fake.invoke(Event::new(fault.clone()).timeout(timeout(fault)));
        abandoned |= failed.about(fault).any_error().to_string().contains("was abandoned");
        // That one ended the instance, and this one is for the start-up of the next, which may be stopped before it
        // takes up what it is to do.
        while matches!(fault, Behaviour::StartBadly(_)) && start_file.exists() {
            let failed = host.fake.invoke(Event::new(Behaviour::Count).timeout(Duration::from_millis(100)));
            abandoned |= failed.about(fault).any_error().to_string().contains("was abandoned");
        }
        assert!(host.response(Behaviour::Count).parse::<u64>().unwrap() >= 1);
        if number == 500 {
            early = Some(Resources::of(&host.program));
        }
    }
    let early = early.unwrap();
    // Where the machine held everything up for longer than the watchdog waits, the worker on the main thread was
    // replaced by one that has a thread, and the allocator keeps something for that. However often it happens, this
    // comes once.
    let memory_kib = if abandoned { 8 * 1024 } else { Room::USUAL.memory_kib };
    let late = wait_until_within(&host.program, early.and(Room { memory_kib, ..Room::USUAL }), "100,000 invocations");
    assert!(host.program.is_running());
    let line = format!("\n{INVOCATIONS} invocations: {early:?} became {late:?}\n");
    std::io::stdout().write_all(line.as_bytes()).unwrap();
}

const SHORT: Duration = Duration::from_secs(1);

/// The others, each in an environment of its own.
#[test]
fn files_threads_and_memory_stay_flat_with_every_fault_that_is_written_as_text() {
    for fault in faults::all() {
        let FaultyGuest::Text(text) = &fault.guest else { continue };
        let host = Host::with(&text.build()).log_level("FATAL").start();
        // What runs until it is stopped is stopped soon, and not as often.
        let (timeout, times) = if fault.is_timeout() { (SHORT, [3, 12]) } else { (AMPLE, [10, 40]) };
        let run = |times: usize| {
            for _ in 0..times {
                host.fake.invoke(Event::new(fault.event()).timeout(timeout)).about(fault.name).any_error();
                host.invoke(Behaviour::Rest).about(fault.name).response();
            }
        };
        run(times[0]);
        let early = Resources::of(&host.program);
        run(times[1]);
        wait_until_within(&host.program, early.and(Room { files: 4, mappings: 30, ..Room::USUAL }), fault.name);
    }
}
