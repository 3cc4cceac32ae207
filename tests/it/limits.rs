//! What a guest makes the host hold has limits. Each is obeyed, and violated.

use std::{fs, path::Path, process::Command};

use serde_json::json;

use crate::support::{
    Behaviour, Event, Host,
    behaviour::Size,
    text::{FAULT, Text},
    wait_for,
};

/// Its memory is 128 KiB from the start, with a table of two elements, and the host keeps 5.1 KiB of it.
#[test]
fn a_guest_that_needs_no_more_than_its_cap_starts_and_one_that_needs_more_does_not() {
    let guest = Text::default().build();
    let host = Host::with(&guest).memory("134KiB").start();
    assert_eq!(host.response_json(FAULT)["count"], 1);
    let error = Host::with(&guest).memory("133KiB").init_error("Guest.OutOfMemory");
    error.says("hint: raise the function's memory");
}

#[test]
fn a_guest_that_handles_refused_memory_goes_on() {
    let host = Host::of("misbehave").memory("32MiB").start();
    let got: u64 = host.response(Behaviour::GoOnWithoutMemory).parse().unwrap();
    assert!((25..=31).contains(&got), "{got} MiB");
    assert_eq!(host.response(Behaviour::Count), "1", "the instance is the same, and its first event was another");
    // What was refused then is not why it panics now.
    host.invoke(Behaviour::Exit(0)).error("Guest.Exit");
}

/// The most that there can be at once: the guest's memory is full, the event has 6 MB, and the response 15.
#[test]
fn the_smallest_function_is_large_enough_for_whatever_a_guest_does() {
    let host = Host::of("misbehave").function_memory(128).start();
    let got: u64 = host.response(Behaviour::GoOnWithoutMemory).parse().unwrap();
    assert!((62..=67).contains(&got), "{got} MiB");
    let large = |behaviour: Behaviour| {
        let text = behaviour.to_string();
        format!("\"{text}{}\"", " ".repeat(6_291_556 - 2 - text.len()))
    };
    for _ in 0..3 {
        let response = Behaviour::ResponseOf(Size::Mb(15));
        host.invoke(large(response)).error("Function.ResponseSizeTooLarge");
        host.invoke(large(Behaviour::Count)).response();
    }
    let peak = host.program.peak_kib();
    assert!(peak <= 128 * 1024, "{peak} KiB");
}

/// However much each may take by the settings, all of them together do not take more than there is.
#[test]
fn eight_guests_that_take_all_they_get_do_not_take_more_than_the_function_has() {
    let host = Host::of("misbehave").concurrency(8).function_memory(512).memory("1GiB").start();
    let eight = |behaviour: Behaviour| {
        host.fake.wait_for_workers(8);
        (0..8).for_each(|_| host.fake.send(Event::new(behaviour.clone())));
        (0..8).map(|_| host.fake.post()).collect::<Vec<_>>()
    };
    // So that there are eight of them before the first takes all it gets.
    eight(Behaviour::Rest).iter().for_each(|post| drop(post.response_json()));
    let posts = eight(Behaviour::GoOnWithoutMemory);
    let got: u64 = posts.iter().map(|post| post.response().parse::<u64>().unwrap()).sum();
    assert!(got <= 284, "{got} MiB");
    let peak = host.program.peak_kib();
    assert!(peak <= 512 * 1024, "{peak} KiB");
}

#[test]
fn a_line_of_100_mb_does_not_fill_the_host() {
    let host = Host::of("misbehave").function_memory(128).start();
    let before = host.program.peak_kib();
    assert_eq!(host.response(Behaviour::Print100Mb), "1");
    let grown = host.program.peak_kib() - before;
    assert!(grown < 8 * 1024, "{grown} KiB more");
}

#[test]
fn a_guest_may_wait_for_4096_things_at_once_and_not_for_more() {
    let host = Host::of("ask_much").start();
    assert_eq!(host.response(r#"{"poll":4096}"#), "4096");
    host.invoke(r#"{"poll":4097}"#).error("Guest.Trap.HostCall").says("at most 4096 things at once");
}

#[test]
fn a_guest_may_ask_for_a_mib_of_random_bytes_at_once_and_not_for_more() {
    let host = Host::of("ask_much").start();
    assert_eq!(host.response(r#"{"random":1048576}"#), "1048576");
    host.invoke(r#"{"random":1048577}"#).error("Guest.Trap.HostCall");
}

#[test]
fn a_directory_is_listed_as_long_as_its_listing_has_room_in_the_host() {
    let directory = tempfile::tempdir_in("/tmp").unwrap();
    let fill = |files: std::ops::Range<usize>| {
        files.for_each(|number| drop(fs::File::create(directory.path().join(format!("{number:0200}"))).unwrap()));
    };
    let list = json!({"list": directory.path()}).to_string();
    let host = Host::of("reach_out").start();
    fill(0..10_000);
    assert_eq!(host.response(list.clone()), "\"10000\"");
    fill(10_000..20_000);
    host.invoke(list.clone()).any_error().says("memory");
    fs::remove_dir_all(directory.path()).unwrap();
    fs::create_dir(directory.path()).unwrap();
    assert_eq!(host.response(list.clone()), "\"0\"");
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
    let read = |path: &Path| json!({"read": path}).to_string();
    for path in [pipe.clone(), directory.path().join("link")] {
        let error = host.invoke(read(&path)).any_error();
        assert!(error.message().to_lowercase().contains("not supported"), "{error}");
    }
    assert_eq!(host.response(read(&file)), "\"text\"");
}

/// 768 for one instance, or 96 for each of eight: streams and timers count too, so there is some room here.
#[test]
fn a_guest_may_have_files_open_up_to_its_share_and_not_more() {
    for (concurrency, obeying, violating) in [(1, 768, 769), (8, 96, 97)] {
        let sentinel = tempfile::NamedTempFile::new_in("/tmp").unwrap();
        let host =
            Host::of("misbehave").concurrency(concurrency).env("SENTINEL", sentinel.path().to_str().unwrap()).start();
        // A worker that waits has given its instance back: else another one would be made, which has `/tmp` open.
        let idle = || host.fake.wait_for_workers(concurrency);
        idle();
        host.response(Behaviour::Count);
        idle();
        let before = host.program.open_files();
        assert_eq!(host.response(Behaviour::OpenFiles(obeying)), obeying.to_string());
        idle();
        // WASI 0.2 has no `EMFILE`.
        host.invoke(Behaviour::OpenFiles(violating)).any_error().starts("Quota exceeded");
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
    host.invoke(json!({"stream": [file.path(), 65_537]}).to_string()).error("Guest.Trap.HostCall");
}

#[test]
fn streams_are_limited_for_each_file_and_closing_them_gives_their_room_back() {
    let file = tempfile::NamedTempFile::new_in("/tmp").unwrap();
    let host = Host::of("ask_much").start();
    for _ in 0..3 {
        assert_eq!(host.response(json!({"streams": [file.path(), 3_000]}).to_string()), "3000");
    }
    host.invoke(json!({"streams": [file.path(), 4 * 768]}).to_string()).error("Guest.Trap.HostCall");
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
    let setup = |guest: &[u8]| Host::with(guest).function_memory(128);
    setup(&guest(10)).start().invoke(FAULT).response();
    setup(&guest(900)).init_error("Guest.OutOfMemory");
}
