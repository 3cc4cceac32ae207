//! What a guest prints becomes log lines.

use std::{
    io::Read as _,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{Behaviour, Event, Host, RuntimeClient, Setup, wait_for};

/// The log lines of one event, after its response was posted.
fn lines(setup: Setup, words: &[&str]) -> (String, Vec<String>) {
    let host = setup.start();
    let event = Event::new(json!(words).to_string());
    let id = event.id.clone();
    host.fake.invoke(event);
    // The lines are written before the response is posted, but come through another pipe.
    let last = format!("last of {id}");
    host.fake.invoke(Event::new(json!(["err", format!("[ERROR] {last}\n")]).to_string()));
    wait_for("the lines", || host.program.lines().iter().any(|line| line.contains(&last)).then_some(()));
    let lines = host.program.lines().into_iter().filter(|line| line.contains(&id) && !line.contains(&last));
    (id.clone(), lines.collect())
}

#[test]
fn in_text_format_a_line_has_time_request_id_level_and_message() {
    for client in RuntimeClient::BOTH {
        let (id, lines) =
            lines(Host::of("talk").runtime_client(client), &["out", "one\ntw", "out", "o\n", "err", "three\n"]);
        let fields: Vec<Vec<&str>> = lines.iter().map(|line| line.split('\t').skip(1).collect()).collect();
        assert_eq!(fields, [[&id, "INFO", "one"], [&id, "INFO", "two"], [&id, "INFO", "three"]], "{client:?}");
    }
}

/// Rust's standard library keeps an open line for itself; the SDK hands it on.
#[test]
fn a_line_without_an_end_belongs_to_the_invocation_that_printed_it() {
    let (id, lines) = lines(Host::of("talk"), &["buffered", "whose is this"]);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].ends_with(&format!("\t{id}\tINFO\twhose is this")), "{lines:?}");
}

#[test]
fn in_json_format_a_line_is_an_object() {
    let own = r#"{"level":"WARN","order":42}"#;
    let (id, lines) = lines(Host::of("talk").log_format("JSON"), &["out", "one\n", "out", own]);
    let lines: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let parts = |line: &Value| (line["level"].clone(), line["requestId"].clone(), line["message"].clone());
    assert_eq!(parts(&lines[0]), (json!("INFO"), json!(id), json!("one")));
    assert_eq!(
        (&lines[1]["level"], &lines[1]["requestId"], &lines[1]["order"]),
        (&json!("WARN"), &json!(id), &json!(42))
    );
    assert!(lines.iter().all(|line| line["timestamp"].is_string()));
}

#[test]
fn lines_below_the_level_are_left_out_and_lines_at_it_are_not() {
    for (level, expected) in [("INFO", 2), ("ERROR", 1)] {
        let said = ["out", "one\n", "err", "[ERROR] two\n"];
        let (_, lines) = lines(Host::of("talk").log_level(level), &said);
        assert_eq!(lines.len(), expected, "{level}: {lines:?}");
    }
}

#[test]
fn a_line_is_not_lost_when_the_guest_traps_right_after_it() {
    for client in RuntimeClient::BOTH {
        let (_, lines) = lines(Host::of("talk").runtime_client(client), &["out", "whole\n", "out", "open", "trap"]);
        let messages: Vec<&str> = lines.iter().filter_map(|line| line.split('\t').nth(3)).collect();
        assert_eq!(messages[..2], ["whole", "open"]);
        assert!(messages[2].starts_with("host: Guest.Trap.Unreachable: "), "{messages:?}");
    }
}

#[test]
fn a_long_line_comes_whole_in_pieces() {
    // Several pieces, and less than may wait to be read.
    let long = "x".repeat(900_000);
    let (_, lines) = lines(Host::of("talk"), &["out", &long]);
    let message: String = lines.iter().filter_map(|line| line.split('\t').nth(3)).collect();
    assert!(message == long, "{} of {} bytes", message.len(), long.len());
}

#[test]
fn what_the_start_took_is_one_line_at_debug_level_and_none_above() {
    let took = |level: &str| {
        let host = Host::of("talk").log_level(level).start();
        host.invoke(json!(["err", "over\n"]).to_string());
        // It was written before the first event was requested.
        wait_for("the line", || host.program.lines().iter().any(|line| line.contains("over")).then_some(()));
        host.program.lines().into_iter().filter(|line| line.contains("the start took")).collect::<Vec<_>>()
    };
    let lines = took("DEBUG");
    assert_eq!(lines.len(), 1, "{lines:?}");
    for part in ["config", "executor", "engine", "code", "link", "instance", "runtime client", "together"] {
        assert!(lines[0].contains(part), "`{part}` is not in {lines:?}");
    }
    assert!(took("INFO").is_empty());
}

/// What it can hold of it, it holds; the rest is dropped, and the log says so when it is read again.
#[test]
fn a_log_that_nobody_reads_costs_neither_a_response_nor_the_environment() {
    for client in RuntimeClient::BOTH {
        let (mut host, log) = Host::of("misbehave").runtime_client(client).spawn_unread();
        for count in 1..=2 {
            let printed = host.fake.invoke(Event::new(Behaviour::Print100Mb).timeout(Duration::from_secs(60)));
            assert_eq!(printed.response(), count.to_string(), "{client:?}");
            host.invoke(Behaviour::Fail).about(client.name()).error("OrderNotFound");
        }
        host.program.read(log);
        host.program.line("what was dropped", |line| line.contains(" lines were dropped here").then_some(()));
        assert!(host.response(Behaviour::Count).parse::<u32>().is_ok_and(|count| count > 2));
        assert!(host.program.is_running());
    }
}

#[test]
fn sigterm_ends_the_process_in_time_although_nobody_reads_its_log() {
    let (mut host, _log) = Host::of("misbehave").spawn_unread();
    host.response(Behaviour::Print100Mb);
    host.program.terminate();
    let begun = Instant::now();
    assert_eq!(host.program.wait().code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(4), "it took {:?}", begun.elapsed());
}

/// Two MB a second, and the guest prints as fast as it can.
#[test]
fn a_log_that_is_read_slowly_costs_no_environment() {
    for client in RuntimeClient::BOTH {
        let (mut host, mut log) = Host::of("misbehave").runtime_client(client).margin("500ms").spawn_unread();
        let read = thread::spawn(move || {
            let mut piece = vec![0; 16 * 1024];
            while log.read(&mut piece).is_ok_and(|read| read > 0) {
                thread::sleep(Duration::from_millis(8));
            }
        });
        for _ in 0..2 {
            let post = host.fake.invoke(Event::new(Behaviour::Print100Mb).timeout(Duration::from_secs(5)));
            if post.is_error() {
                post.about(client.name()).error("Guest.Timeout");
            }
            host.invoke(Behaviour::Count).about(client.name()).response();
        }
        assert!(host.program.is_running());
        drop(host);
        read.join().unwrap();
    }
}
