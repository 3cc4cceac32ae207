//! What a guest makes the host hold has limits. Each is obeyed, and violated.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};

use crate::support::{
    Event, Host,
    text::{FAULT, Text},
    wait_for,
};

fn failed(host: &Host, event: &Value) -> Value {
    let post = host.invoke(event.to_string());
    assert!(post.subject().ends_with("/error"), "{event}: {}", post.text());
    post.json()
}

/// Its memory is 128 KiB from the start, with a table of two elements, and the host keeps 5.1 KiB of it.
#[test]
fn a_guest_that_needs_no_more_than_its_cap_starts_and_one_that_needs_more_does_not() {
    let guest = Text::default().build();
    let host = Host::with(&guest).env("GUESTHOUSE_MEMORY", "134KiB").start();
    assert_eq!(serde_json::from_str::<Value>(&host.response(FAULT)).unwrap()["count"], 1);
    let error = Host::with(&guest).env("GUESTHOUSE_MEMORY", "133KiB").spawn().init_error();
    assert_eq!(error["errorType"], "Guest.OutOfMemory", "{error}");
    assert!(error["errorMessage"].as_str().unwrap().contains("hint: raise the function's memory"), "{error}");
}

#[test]
fn a_guest_that_handles_refused_memory_goes_on() {
    let host = Host::of("misbehave").env("GUESTHOUSE_MEMORY", "32MiB").start();
    let got: u64 = host.response("\"go on without memory\"").parse().unwrap();
    assert!((25..=31).contains(&got), "{got} MiB");
    assert_eq!(host.response("\"\""), "1", "the instance is the same, and its first event was another");
    // What was refused then is not why it panics now.
    assert_eq!(failed(&host, &json!("exit 0"))["errorType"], "Guest.Exit");
}

/// The most that there can be at once: the guest's memory is full, the event has 6 MB, and the response 15.
#[test]
fn the_smallest_function_is_large_enough_for_whatever_a_guest_does() {
    let host = Host::of("misbehave").env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128").start();
    let got: u64 = host.response("\"go on without memory\"").parse().unwrap();
    assert!((62..=67).contains(&got), "{got} MiB");
    let large = |event: &str| format!("\"{event}{}\"", " ".repeat(6_291_556 - 2 - event.len()));
    for _ in 0..3 {
        let error = host.invoke(large("response of 15 MB")).json();
        assert_eq!(error["errorType"], "Function.ResponseSizeTooLarge", "{error}");
        assert!(host.invoke(large("no fault")).subject().ends_with("/response"));
    }
    let peak = host.program.peak_kib();
    assert!(peak <= 128 * 1024, "{peak} KiB");
}

/// However much each may take by the settings, all of them together do not take more than there is.
#[test]
fn eight_guests_that_take_all_they_get_do_not_take_more_than_the_function_has() {
    let host = Host::of("misbehave")
        .env("AWS_LAMBDA_MAX_CONCURRENCY", "8")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
        .env("GUESTHOUSE_MEMORY", "1GiB")
        .start();
    let eight = |event: &str| {
        host.fake.wait_for_workers(8);
        (0..8).for_each(|_| host.fake.send(Event::new(event)));
        (0..8).map(|_| host.fake.post()).collect::<Vec<_>>()
    };
    // So that there are eight of them before the first takes all it gets.
    assert!(eight("\"rest\"").iter().all(|post| post.subject().ends_with("/response")));
    let got: u64 = eight("\"go on without memory\"").iter().map(|post| post.text().parse::<u64>().unwrap()).sum();
    assert!(got <= 284, "{got} MiB");
    let peak = host.program.peak_kib();
    assert!(peak <= 512 * 1024, "{peak} KiB");
}

#[test]
fn a_line_of_100_mb_does_not_fill_the_host() {
    let host = Host::of("misbehave").env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128").start();
    let before = host.program.peak_kib();
    assert_eq!(host.response("\"print 100 MB\""), "1");
    let grown = host.program.peak_kib() - before;
    assert!(grown < 8 * 1024, "{grown} KiB more");
}

#[test]
fn a_guest_may_wait_for_4096_things_at_once_and_not_for_more() {
    let host = Host::of("ask_much").start();
    assert_eq!(host.response(r#"{"poll":4096}"#), "4096");
    let error = failed(&host, &json!({"poll": 4097}));
    assert_eq!(error["errorType"], "Guest.Trap.HostCall");
    assert!(error["errorMessage"].as_str().unwrap().contains("at most 4096 things at once"), "{error}");
}

#[test]
fn a_guest_may_ask_for_a_mib_of_random_bytes_at_once_and_not_for_more() {
    let host = Host::of("ask_much").start();
    assert_eq!(host.response(r#"{"random":1048576}"#), "1048576");
    assert_eq!(failed(&host, &json!({"random": 1_048_577}))["errorType"], "Guest.Trap.HostCall");
}

#[test]
fn a_directory_is_listed_as_long_as_its_listing_has_room_in_the_host() {
    let directory = tempfile::tempdir_in("/tmp").unwrap();
    let fill = |files: std::ops::Range<usize>| {
        files.for_each(|number| drop(fs::File::create(directory.path().join(format!("{number:0200}"))).unwrap()));
    };
    let list = json!({"list": directory.path()});
    let host = Host::of("reach_out").start();
    fill(0..10_000);
    assert_eq!(host.response(list.to_string()), "\"10000\"");
    fill(10_000..20_000);
    let error = failed(&host, &list);
    assert!(error["errorMessage"].as_str().unwrap().contains("memory"), "{error}");
    fs::remove_dir_all(directory.path()).unwrap();
    fs::create_dir(directory.path()).unwrap();
    assert_eq!(host.response(list.to_string()), "\"0\"");
}

#[test]
fn listings_have_room_together_and_give_it_back_when_they_are_closed() {
    let directory = tempfile::tempdir_in("/tmp").unwrap();
    for number in 0..1_000 {
        fs::File::create(directory.path().join(format!("{number:0200}"))).unwrap();
    }
    let host = Host::of("ask_much").start();
    let listings = json!({"listings": directory.path()}).to_string();
    for _ in 0..3 {
        let open: usize = host.response(listings.clone()).parse().unwrap();
        assert!((12..=16).contains(&open), "{open} listings");
    }
}

/// Opening one would wait for its other end, and no deadline could stop that.
#[test]
fn a_pipe_in_tmp_can_not_be_opened_and_a_file_can() {
    let directory = tempfile::tempdir_in("/tmp").unwrap();
    let (file, pipe) = (directory.path().join("file"), directory.path().join("pipe"));
    fs::write(&file, "text").unwrap();
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::os::unix::fs::symlink("pipe", directory.path().join("link")).unwrap();
    let host = Host::of("reach_out").start();
    let read = |path: &Path| json!({"read": path});
    for path in [pipe.clone(), directory.path().join("link")] {
        let error = failed(&host, &read(&path));
        assert!(error["errorMessage"].as_str().unwrap().to_lowercase().contains("not supported"), "{error}");
    }
    assert_eq!(host.response(read(&file).to_string()), "\"text\"");
}

/// 768 for one instance, or 96 for each of eight: streams and timers count too, so there is some room here.
#[test]
fn a_guest_may_have_files_open_up_to_its_share_and_not_more() {
    for (concurrency, obeying, violating) in [("1", 768, 769), ("8", 96, 97)] {
        let sentinel = tempfile::NamedTempFile::new_in("/tmp").unwrap();
        let host = Host::of("misbehave")
            .env("AWS_LAMBDA_MAX_CONCURRENCY", concurrency)
            .env("SENTINEL", sentinel.path().to_str().unwrap())
            .start();
        host.fake.wait_for_workers(concurrency.parse().unwrap());
        host.response("\"\"");
        let before = host.program.open_files();
        assert_eq!(host.response(format!("\"open {obeying} files\"")), obeying.to_string());
        // WASI 0.2 has no `EMFILE`.
        let error = failed(&host, &json!(format!("open {violating} files")));
        assert!(error["errorMessage"].as_str().unwrap().starts_with("Quota exceeded"), "{error}");
        wait_for("its files to be closed", || (host.program.open_files() <= before).then_some(()));
    }
}

#[test]
fn a_guest_may_write_64_kib_with_one_call_and_of_more_only_that_is_written() {
    let file = tempfile::NamedTempFile::new_in("/tmp").unwrap();
    let host = Host::of("ask_much").start();
    for (bytes, written) in [(65_536, "65536"), (65_537, "65536"), (10_000_000, "65536")] {
        assert_eq!(host.response(json!({"write": [file.path(), bytes]}).to_string()), written);
    }
}

/// Without asking for the room first, as the contract of streams wants it.
#[test]
fn a_guest_may_write_64_kib_into_a_files_stream_at_once_and_not_more() {
    let file = tempfile::NamedTempFile::new_in("/tmp").unwrap();
    let host = Host::of("ask_much").start();
    assert_eq!(host.response(json!({"stream": [file.path(), 65_536]}).to_string()), "65536");
    let error = failed(&host, &json!({"stream": [file.path(), 65_537]}));
    assert_eq!(error["errorType"], "Guest.Trap.HostCall", "{error}");
}

#[test]
fn a_guest_may_have_some_streams_open_for_each_file_and_closing_them_gives_their_room_back() {
    let file = tempfile::NamedTempFile::new_in("/tmp").unwrap();
    let host = Host::of("ask_much").start();
    for _ in 0..3 {
        assert_eq!(host.response(json!({"streams": [file.path(), 3_000]}).to_string()), "3000");
    }
    let error = failed(&host, &json!({"streams": [file.path(), 4 * 768]}));
    assert_eq!(error["errorType"], "Guest.Trap.HostCall", "{error}");
}

/// What the host keeps of an instance counts as its memory: here some 600 KB for each of the modules' instances.
#[test]
fn a_guest_with_much_state_starts_where_there_is_room_for_it_and_not_elsewhere() {
    let guest = |instances: usize| {
        let globals = "(global i32 (i32.const 0))".repeat(20_000);
        let module: &'static str = format!("(core module $fat {globals})").leak();
        let instances: &'static str = "(core instance (instantiate $fat))".repeat(instances).leak();
        Text { imports: format!("{module}{instances}").leak(), ..Text::default() }.build()
    };
    let setup = |guest: &[u8]| Host::with(guest).env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128");
    assert!(setup(&guest(10)).start().invoke(FAULT).subject().ends_with("/response"));
    let error = setup(&guest(900)).spawn().init_error();
    assert_eq!(error["errorType"], "Guest.OutOfMemory", "{error}");
}
