//! What was measured, as Markdown.

use std::{fmt::Write as _, time::Duration};

use crate::{
    contestant::{Contestant, WARM},
    work::Work,
};

/// In microseconds.
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

/// The table of what runs at once, and the line of its bar.
pub fn throughput(contestants: &[Contestant]) -> String {
    let mut table =
        String::from("| contestant | 1 at a time | 4 | 16 | 4 / 1 |\n| --- | ---: | ---: | ---: | ---: |\n");
    for contestant in contestants.iter().filter(|contestant| !contestant.measured.throughput.is_empty()) {
        let at = |concurrency| {
            let runs = contestant.measured.throughput.iter().filter(|(at, _)| *at == concurrency);
            let mut runs: Vec<f64> = runs.map(|(_, per_second)| *per_second).collect();
            runs.sort_unstable_by(f64::total_cmp);
            runs[runs.len() / 2]
        };
        let ratio = at(4) / at(1);
        let _ = writeln!(table, "| {} | {:.0} | {:.0} | {:.0} | {ratio:.2} |", contestant.name, at(1), at(4), at(16));
    }
    table
}

/// All tables.
pub fn write(contestants: &[Contestant], throughput: &str, sizes: &[(&str, u64)]) -> String {
    let native = &contestants[0];
    let mut text = String::new();
    let mut line = |arguments: std::fmt::Arguments<'_>| {
        let _ = text.write_fmt(arguments);
        text.push('\n');
    };
    line(format_args!(
        "From `cargo xtask bench`: medians of {} starts, all on one core in turns; times are one machine's, ratios are what counts.\n",
        native.measured.ready.len()
    ));
    line(format_args!(
        "| contestant | exec → first `/next` | p90 | / native | exec → first answer | p90 | / native | memory | after 10,000 | peak | deployed |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    ));
    for contestant in contestants {
        let measured = &contestant.measured;
        let ms = |us: f64| us / 1e3;
        let mib = |kib: u64| kib as f64 / 1024.0;
        line(format_args!(
            "| {} | {:.2} ms | {:.2} | {:.2} | {:.2} ms | {:.2} | {:.2} | {:.1} MiB | {:.1} | {:.1} | {:.2} MB |",
            contestant.name,
            ms(median(&measured.ready)),
            ms(percentile(&measured.ready, 90)),
            median(&measured.ready) / median(&native.measured.ready),
            ms(median(&measured.answered)),
            ms(percentile(&measured.answered, 90)),
            median(&measured.answered) / median(&native.measured.answered),
            mib(measured.resident_at_first_kib),
            mib(measured.resident_later_kib),
            mib(measured.peak_kib),
            contestant.bytes() as f64 / 1e6,
        ));
    }
    for (number, work) in WARM.iter().enumerate() {
        line(format_args!(
            "\nWarm, `{}`, an event of {}:\n\n| contestant | p50 | / native | p99 | processor | / native | per second |\n\
             | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
            work.name(),
            work.size()
        ));
        let base = &native.measured.warm[number];
        for contestant in contestants.iter().filter(|contestant| contestant.works.contains(work)) {
            let warm = &contestant.measured.warm[number];
            let p50 = median(&warm.took);
            line(format_args!(
                "| {} | {p50:.1} µs | {:.2} | {:.1} | {:.1} µs | {:.2} | {:.0} |",
                contestant.name,
                p50 / median(&base.took),
                percentile(&warm.took, 99),
                median(&warm.cpu),
                median(&warm.cpu) / median(&base.cpu),
                1e6 / p50,
            ));
        }
    }
    line(format_args!(
        "\nAnswers per second of a handler that computes some 5 ms, on all cores, so many at a time:\n\n{throughput}"
    ));
    for (name, bytes) in sizes {
        line(format_args!("* {name}: {:.1} MB", *bytes as f64 / 1e6));
    }
    line(format_args!("\n{}", bars(contestants)));
    text
}

/// The figures that are to be reached.
fn bars(contestants: &[Contestant]) -> String {
    let of =
        |name: &str| &contestants.iter().find(|contestant| contestant.name.starts_with(name)).expect("a name").measured;
    let (native, rust, fresh, js) = (of(NATIVE), of(RUST), of(FRESH), of("Guesthouse, JavaScript"));
    let warm = |work: Work| WARM.iter().position(|warm| *warm == work).expect("a warm one");
    let p50 = |measured: &crate::contestant::Measured, work| median(&measured.warm[warm(work)].took);
    let cpu = |measured: &crate::contestant::Measured, work| median(&measured.warm[warm(work)].cpu);
    let rows = [
        ("warm, 20 B, p50 / native", p50(rust, Work::Hello) / p50(native, Work::Hello), 1.0, 0.85),
        ("warm, 20 B, processor / native", cpu(rust, Work::Hello) / cpu(native, Work::Hello), 1.0, 0.85),
        ("warm, 10 KB, JSON work / native", p50(rust, Work::Orders) / p50(native, Work::Orders), 1.35, 1.1),
        ("warm, 1 MB echo / native", p50(rust, Work::Echo) / p50(native, Work::Echo), 1.0, 0.85),
        ("warm, 20 B, JavaScript / Node.js", p50(js, Work::Hello) / p50(of("Node"), Work::Hello), 1.0, 0.5),
        ("first answer, JavaScript / Node.js", median(&js.answered) / median(&of("Node").answered), 0.5, 0.25),
        ("first `/next` / native", median(&rust.ready) / median(&native.ready), 2.0, 1.4),
        ("first `/next` / Python", median(&rust.ready) / median(&of("Python").ready), 0.1, 0.06),
        ("first `/next` / Node.js", median(&rust.ready) / median(&of("Node").ready), 0.1, 0.06),
        ("added by fresh instances, µs", p50(fresh, Work::Hello) - p50(rust, Work::Hello), 60.0, 20.0),
        ("peak memory after 10,000, MiB", rust.peak_kib as f64 / 1024.0, 12.0, 8.0),
    ];
    let mut table = String::from("| figure | measured | bar | aim | |\n| --- | ---: | ---: | ---: | --- |\n");
    for (name, measured, bar, aim) in rows {
        let verdict = match measured {
            _ if measured <= aim => "aim met",
            _ if measured <= bar => "bar met",
            _ => "**not met**",
        };
        let _ = writeln!(table, "| {name} | {measured:.2} | {bar} | {aim} | {verdict} |");
    }
    table
}
