//! This module writes the measurements as Markdown.

use std::{
    fmt::{self, Write as _},
    time::Duration,
};

use crate::{
    contestant::{Contestant, Measured, WARM},
    work::{LINES, Work},
};

/// Returns a percentile of durations, in microseconds.
pub fn percentile(measured: &[Duration], percent: usize) -> f64 {
    let mut sorted = measured.to_vec();
    sorted.sort_unstable();
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(f64::NAN, |duration| duration.as_secs_f64() * 1e6)
}

pub fn median(measured: &[Duration]) -> f64 {
    percentile(measured, 50)
}

const NATIVE: &str = "native Rust, lambda_runtime";
const RUST: &str = "Guesthouse, Rust guest";
const FRESH: &str = "Rust guest, fresh instances";

/// Returns the median of the responses per second at this concurrency.
fn at_once(contestant: &Contestant, concurrency: usize) -> f64 {
    let runs = contestant.measured.throughput.iter().filter(|(at, _)| *at == concurrency);
    middle(runs.map(|(_, per_second)| *per_second))
}

pub fn middle(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Returns all tables. `bootstraps` are the sizes of the `bootstrap` that is measured, and of one without compiler and
/// `lambda_runtime`.
pub fn write(contestants: &[Contestant], bootstraps: &[u64; 2], machine: &str) -> String {
    let native = &contestants[0];
    let mut text = format!(
        "From `cargo xtask bench`: medians of {} starts; all contestants and the Runtime API on one core, in turns and \
         in another order each time. The ratios are what counts; the times are those of this machine: {machine}.\n\n\
         Memory is what is resident after the first and the 10,000th invocation, and the most there ever was. \
         \"Deployed\" is what a new version replaces, and in brackets what else is not AWS's.\n\n",
        native.measured.ready.len()
    );
    // Writing to a `String` does not fail.
    let _ = starts(&mut text, contestants);
    for work in WARM.into_iter().filter(|work| native.works.contains(work)) {
        let _ = warm(&mut text, contestants, work);
    }
    let _ = throughput(&mut text, contestants);
    text.push_str(&format!(
        "\nBy language: what is built and what is deployed; from exec to the first response, and an invocation with \
         20 B.\n\n{}\n\nThe figures that are to be reached:\n\n{}\n",
        languages(contestants).trim_end(),
        bars(contestants, bootstraps)
    ));
    text
}

/// Writes the table of starts, memory and sizes.
fn starts(text: &mut String, contestants: &[Contestant]) -> fmt::Result {
    writeln!(
        text,
        "| contestant | exec → first `/next` | p90 | / native | exec → first response | p90 | / native | memory | later \
         | most | deployed |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    )?;
    let native = &contestants[0].measured;
    for contestant in contestants {
        let measured = &contestant.measured;
        let ms = |us: f64| us / 1e3;
        let mib = |kib: u64| kib as f64 / 1024.0;
        let host = match contestant.host_bytes() {
            0 => String::new(),
            bytes => format!(" (+ {:.1})", bytes as f64 / 1e6),
        };
        writeln!(
            text,
            "| {} | {:.2} ms | {:.2} | {:.2} | {:.2} ms | {:.2} | {:.2} | {:.1} MiB | {:.1} | {:.1} | {:.2}{host} MB |",
            contestant.name,
            ms(median(&measured.ready)),
            ms(percentile(&measured.ready, 90)),
            median(&measured.ready) / median(&native.ready),
            ms(median(&measured.answered)),
            ms(percentile(&measured.answered, 90)),
            median(&measured.answered) / median(&native.answered),
            mib(measured.resident_at_first_kib),
            mib(measured.resident_later_kib),
            mib(measured.peak_kib),
            contestant.bytes() as f64 / 1e6,
        )?;
    }
    Ok(())
}

/// Writes the table of one work.
fn warm(text: &mut String, contestants: &[Contestant], work: Work) -> fmt::Result {
    writeln!(
        text,
        "\n{}, an event of {}: from its first byte to the response's last; the processor's time, and how many in a \
         second, until the next event is requested.\n\n\
         | contestant | p50 | / native | p99 | processor | / native | per second |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        work.title(),
        work.size()
    )?;
    let native = contestants[0].measured.warm(work);
    for contestant in contestants.iter().filter(|contestant| contestant.works.contains(&work)) {
        let warm = contestant.measured.warm(work);
        let p50 = median(&warm.took);
        writeln!(
            text,
            "| {} | {p50:.1} µs | {:.2} | {:.1} | {:.1} µs | {:.2} | {:.0} |",
            contestant.name,
            p50 / median(&native.took),
            percentile(&warm.took, 99),
            median(&warm.cpu),
            median(&warm.cpu) / median(&native.cpu),
            middle(warm.per_second.iter().copied()),
        )?;
    }
    Ok(())
}

/// Writes the table of several events at a time.
fn throughput(text: &mut String, contestants: &[Contestant]) -> fmt::Result {
    writeln!(
        text,
        "\nResponses per second of a handler that computes some 5 ms, on all cores, with this many events at a time. \
         AWS's runtimes for the other languages serve one at a time.\n\n\
         | contestant | 1 | 4 | 16 | 4 / 1 |\n| --- | ---: | ---: | ---: | ---: |"
    )?;
    for contestant in contestants.iter().filter(|contestant| !contestant.measured.throughput.is_empty()) {
        let [one, four, sixteen] = [1, 4, 16].map(|concurrency| at_once(contestant, concurrency));
        writeln!(text, "| {} | {one:.0} | {four:.0} | {sixteen:.0} | {:.2} |", contestant.name, four / one)?;
    }
    Ok(())
}

/// Returns the table of the guests in each language, beside AWS's runtime for the language.
pub fn languages(contestants: &[Contestant]) -> String {
    let mut table = String::from(
        "| guest | `.wasm` | `.cwasm` | cold start | warm p50 | memory | beside | cold start | warm p50 | memory |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | --- | ---: | ---: | ---: |\n",
    );
    for guest in contestants {
        let Some(wasm) = guest.source_bytes() else { continue };
        let (language, peer) = language_and_peer(guest, contestants);
        let figures = |contestant: &Contestant| {
            let [cold, warm, memory] = figures(contestant);
            format!("{cold:.1} ms | {warm:.0} µs | {memory:.0} MiB")
        };
        let mb = |bytes: u64| bytes as f64 / 1e6;
        let _ = writeln!(
            table,
            "| {language} | {:.2} MB | {:.2} MB | {} | {} | {} |",
            mb(wasm),
            mb(guest.bytes()),
            figures(guest),
            peer.name,
            figures(peer),
        );
    }
    table
}

/// Returns the same table in short, with links to the languages' pages. Each pair is the guest's figure and that of
/// what AWS has for the language.
pub fn languages_in_short(contestants: &[Contestant]) -> String {
    let mut table = String::from(
        "| language | deployed | cold start | warm p50 | memory |\n\
         | --- | ---: | ---: | ---: | ---: |\n",
    );
    for guest in contestants.iter().filter(|guest| guest.source_bytes().is_some()) {
        let (language, peer) = language_and_peer(guest, contestants);
        let ([cold, warm, memory], [peers_cold, peers_warm, peers_memory]) = (figures(guest), figures(peer));
        let _ = writeln!(
            table,
            "| [{language}](docs/{}.md) | {:.2} MB | {cold:.1} / {peers_cold:.1} ms | {warm:.0} / {peers_warm:.0} µs | \
             {memory:.0} / {peers_memory:.0} MiB |",
            language.to_lowercase(),
            guest.bytes() as f64 / 1e6,
        );
    }
    table
}

/// Returns the language of a guest, and what AWS has for it.
fn language_and_peer<'a>(guest: &Contestant, contestants: &'a [Contestant]) -> (&'static str, &'a Contestant) {
    let language = guest.name.trim_start_matches("Guesthouse, ").trim_end_matches(" guest");
    let peer = match language {
        "Go" => "native Go",
        "JavaScript" => "Node",
        "Python" => "Python",
        _ => NATIVE,
    };
    (language, contestants.iter().find(|other| other.name.starts_with(peer)).expect("a name"))
}

/// Returns the cold start in milliseconds, the time of an invocation in microseconds, and the memory in MiB.
fn figures(contestant: &Contestant) -> [f64; 3] {
    let measured = &contestant.measured;
    let (cold, warm) = (median(&measured.answered) / 1e3, median(&measured.warm(Work::Hello).took));
    [cold, warm, measured.resident_later_kib as f64 / 1024.0]
}

/// Returns the table of the figures to reach.
fn bars(contestants: &[Contestant], [bootstrap, lean]: &[u64; 2]) -> String {
    let of = |name: &str| contestants.iter().find(|contestant| contestant.name.starts_with(name)).expect("a name");
    let [native, rust, fresh, js, py, python, node] =
        [NATIVE, RUST, FRESH, "Guesthouse, JavaScript", "Guesthouse, Python", "Python", "Node"]
            .map(|name| &of(name).measured);
    let p50 = |measured: &Measured, work| median(&measured.warm(work).took);
    let cpu = |measured: &Measured, work| median(&measured.warm(work).cpu);
    let ready = |measured: &Measured| median(&measured.ready);
    let (mib, mb) = (|kib: u64| kib as f64 / 1024.0, |bytes: &u64| *bytes as f64 / 1e6);
    let at_most = [
        ("warm, 20 B, p50 / native", p50(rust, Work::Hello) / p50(native, Work::Hello), 1.0, 0.85),
        ("warm, 20 B, processor / native", cpu(rust, Work::Hello) / cpu(native, Work::Hello), 1.0, 0.85),
        ("warm, 10 KB, JSON work, p50 / native", p50(rust, Work::Orders) / p50(native, Work::Orders), 1.35, 1.1),
        ("warm, 1 MB echo, p50 / native", p50(rust, Work::Echo) / p50(native, Work::Echo), 1.0, 0.85),
        ("warm, 20 B, JavaScript, p50 / Node.js", p50(js, Work::Hello) / p50(node, Work::Hello), 1.0, 0.5),
        ("warm, 20 B, Python, p50 / Python", p50(py, Work::Hello) / p50(python, Work::Hello), 1.0, 0.5),
        ("first `/next` / native", ready(rust) / ready(native), 2.0, 1.4),
        ("first `/next` / Python", ready(rust) / ready(python), 0.1, 0.06),
        ("first `/next` / Node.js", ready(rust) / ready(node), 0.1, 0.06),
        ("first response, JavaScript / Node.js", median(&js.answered) / median(&node.answered), 0.5, 0.25),
        ("first response, Python / Python", median(&py.answered) / median(&python.answered), 0.5, 0.25),
        ("a line in the log, µs", (p50(rust, Work::Log) - p50(rust, Work::Hello)) / LINES as f64, 3.0, 1.0),
        ("added by fresh instances, µs", p50(fresh, Work::Hello) - p50(rust, Work::Hello), 60.0, 20.0),
        ("most memory in 10,000 invocations, MiB", mib(rust.peak_kib), 12.0, 8.0),
        (
            "memory after 10,000 / after the first",
            mib(rust.resident_later_kib) / mib(rust.resident_at_first_kib),
            1.05,
            1.0,
        ),
        ("SIGTERM to the end, its response not accepted, ms", rust.ended.as_secs_f64() * 1e3, 300.0, 220.0),
        ("`bootstrap`, MB", mb(bootstrap), 16.0, 12.0),
        ("`bootstrap` without compiler, `lambda_runtime` and network, MB", mb(lean), 5.0, 3.0),
    ];
    let at_least = ("responses with 4 at a time / 1, 2 cores", at_once(of(RUST), 4) / at_once(of(RUST), 1), 1.8, 1.95);
    figures_to_reach(&at_most, &[at_least])
}

/// A figure, what was measured, the bar and the aim.
type Figure<'a> = (&'a str, f64, f64, f64);

/// Returns a table of figures, each with what it is to be at most, or at least.
pub fn figures_to_reach(at_most: &[Figure<'_>], at_least: &[Figure<'_>]) -> String {
    let mut table = String::from("| figure | measured | bar | aim | |\n| --- | ---: | ---: | ---: | --- |\n");
    let mut row = |(name, measured, bar, aim): &Figure<'_>, sign: &str, is_met: fn(&f64, &f64) -> bool| {
        let verdict = match () {
            () if is_met(measured, aim) => "aim met",
            () if is_met(measured, bar) => "bar met",
            () => "**not met**",
        };
        let _ = writeln!(table, "| {name} | {measured:.2} | {sign} {bar} | {sign} {aim} | {verdict} |");
    };
    at_most.iter().for_each(|figure| row(figure, "≤", |measured, limit| measured <= limit));
    at_least.iter().for_each(|figure| row(figure, "≥", |measured, limit| measured >= limit));
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_those_that_were_measured() {
        let measured: Vec<Duration> = (1..=100).rev().map(Duration::from_micros).collect();
        assert_eq!([0, 50, 99, 100].map(|percent| percentile(&measured, percent)), [1.0, 51.0, 100.0, 100.0]);
        assert!(percentile(&[], 50).is_nan());
    }
}
