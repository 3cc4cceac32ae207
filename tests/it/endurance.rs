//! Ten thousand invocations in one process, fewer of those that cost more, and a hundred thousand of which half are faults.

use std::{io::Write as _, time::Duration};

use crate::support::{
    Edge, Event, Host,
    faults::{self, FaultyGuest},
    host::Setup,
    wait_for,
};

/// The memory after a fifth of the invocations and after all of them may differ by 5%, and by what the allocator keeps of one
/// event and its answer.
fn memory_stays_flat(setup: Setup, count: usize, event_bytes: u64, invoke: impl Fn(&Host, usize)) {
    let mut host = setup.start();
    let mut early = 0;
    for number in 1..=count {
        invoke(&host, number);
        if number == count / 5 {
            early = host.program.resident_kib();
        }
    }
    let late = host.program.resident_kib();
    assert!(late <= early * 105 / 100 + 2 * event_bytes / 1024, "{early} KiB became {late} KiB");
    assert!(host.program.is_running());
}

#[test]
fn memory_does_not_grow_between_the_2000th_and_the_10000th_invocation() {
    for edge in Edge::BOTH {
        memory_stays_flat(Host::of("count").edge(edge), 10_000, 0, |host, number| {
            assert_eq!(host.answer("{}"), number.to_string());
        });
    }
}

#[test]
fn memory_does_not_grow_with_a_new_instance_for_each_invocation() {
    memory_stays_flat(Host::of("count").env("GUESTHOUSE_INSTANCES", "fresh"), 2_500, 0, |host, _| {
        assert_eq!(host.answer("{}"), "1");
    });
}

#[test]
fn memory_does_not_grow_with_large_events() {
    let event = "x".repeat(1_000_000);
    memory_stays_flat(Host::of("echo"), 500, 1_000_000, |host, _| {
        assert!(host.answer(event.clone()).len() == event.len());
    });
}

/// Faults of every kind, each followed by a good answer.
#[test]
#[ignore = "takes one core for minutes, and others measure time: cargo xtask test runs it"]
fn files_threads_and_memory_stay_flat_over_100_000_invocations_with_faults() {
    const INVOCATIONS: usize = 100_000;
    // Those that no compiler would make have a shorter run below.
    let sentinel = tempfile::NamedTempFile::new_in("/tmp").unwrap();
    let path = sentinel.path().to_str().unwrap();
    let mut host = Host::of("misbehave")
        .env("GUESTHOUSE_MEMORY", "32MiB")
        .env("AWS_LAMBDA_LOG_LEVEL", "FATAL")
        .env("SENTINEL", path)
        .env("START_FILE", &format!("{path}.start"))
        .start();
    let all: Vec<&str> = faults::all()
        .iter()
        .filter(|fault| matches!(fault.guest, FaultyGuest::Misbehave))
        .map(|fault| fault.before.unwrap_or(fault.event))
        .collect();
    // The others take the host ten times as long, so each of these comes more often.
    let quick = ["\"err\"", "\"abort\"", "\"trap\"", "\"exit 0\"", "\"exit with an open file\""];
    let fault = |number: usize| match number % 10 {
        0 => all[number / 10 % all.len()],
        _ => quick[number % quick.len()],
    };
    let timeout = |event: &str| {
        // Stopped after 9 ms.
        let endless = ["\"loop\"", "\"sleep\""].contains(&event);
        if endless { Duration::from_millis(10) } else { Duration::from_secs(30) }
    };
    let (mut early, mut given_up) = (None, false);
    for number in 1..=INVOCATIONS / 2 {
        let fault = fault(number);
        let post = host.fake.invoke(Event::new(fault).timeout(timeout(fault)));
        assert!(post.subject().ends_with("/error"), "{fault}: {}", post.text());
        given_up |= post.text().contains("was given up");
        if fault.contains("start badly") {
            // That one ended the instance, and this one is for the start-up of the next.
            // That it takes up what it is to do must not be a matter of time.
            let post = host.fake.invoke(Event::new("\"\"").timeout(Duration::from_millis(100)));
            assert!(post.subject().ends_with("/error"), "{fault}: {}", post.text());
            given_up |= post.text().contains("was given up");
        }
        assert!(host.answer("\"\"").parse::<u64>().unwrap() >= 1);
        if number == 500 {
            early = Some((host.program.open_files(), host.program.threads(), host.program.resident_kib()));
        }
    }
    let (mut files, mut threads, mut kib) = early.unwrap();
    if given_up {
        // The machine held everything up for longer than the watch waits: the worker on the main thread was replaced by one that
        // has a thread, the four files of an executor, and what the allocator keeps for a thread. However often it happens, this
        // comes once.
        (files, threads, kib) = (files + 4, threads + 1, kib + 8 * 1024);
    }
    // Those that were given up end when they get the word again.
    wait_for(&format!("no more than {files} files and {threads} threads"), || {
        (host.program.open_files() <= files && host.program.threads() <= threads).then_some(())
    });
    let late = host.program.resident_kib();
    assert!(late * 100 <= kib * 110, "{kib} KiB became {late} KiB");
    assert!(host.program.is_running());
    let line = format!("\n{INVOCATIONS} invocations: {files} files, {threads} threads, {kib} KiB became {late} KiB\n");
    std::io::stdout().write_all(line.as_bytes()).unwrap();
}

/// The others, each in an environment of its own.
#[test]
fn files_threads_and_memory_stay_flat_with_every_fault_that_is_written_as_text() {
    for fault in faults::all() {
        let FaultyGuest::Text(text) = fault.guest else { continue };
        let host = Host::with(&text.build()).env("AWS_LAMBDA_LOG_LEVEL", "FATAL").start();
        let run = |times: usize| {
            for _ in 0..times {
                assert!(host.invoke(fault.event).subject().ends_with("/error"), "{}", fault.name);
                assert!(host.invoke("\"rest\"").subject().ends_with("/response"), "{}", fault.name);
            }
            (host.program.open_files(), host.program.threads(), host.program.resident_kib())
        };
        let (files, threads, kib) = run(10);
        let (files_later, threads_later, kib_later) = run(40);
        assert_eq!((files_later, threads_later), (files, threads), "{}", fault.name);
        assert!(kib_later * 100 <= kib * 110, "{}: {kib} KiB became {kib_later} KiB", fault.name);
    }
}
