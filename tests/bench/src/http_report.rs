//! This module writes the measurements of HTTP as Markdown.

use std::fmt::{self, Write as _};

use crate::{
    contestant::Contestant,
    http::{ADAPTER, BARE, FRESH, Http, LAMBDA_HTTP, LARGE, REUSED},
    report::{figures_to_reach, median, middle, percentile},
    work::Work,
};

/// Returns all tables.
pub fn write(http: &Http, machine: &str) -> String {
    let mut text = format!(
        "From `cargo xtask bench http`: medians of {} starts; all contestants and the Runtime API on one core, in \
         turns and in another order each time, with the same events of a Function URL. The Runtime API acknowledges \
         each piece of a stream at once: else `lambda_http`, which leaves Nagle's algorithm on, waits 40 ms. The \
         ratios are what counts; the times are those of this machine: {machine}.\n",
        http.whole[0].measured.answered.len()
    );
    // Writing to a `String` does not fail.
    let _ = pages(&mut text, &http.whole, "in one piece");
    let _ = pages(&mut text, &http.streamed, "streamed");
    for work in LARGE {
        let _ = large(&mut text, &http.whole, work);
    }
    let _ = first_bytes(&mut text, &http.streamed);
    text.push_str(&format!("\nThe figures that are to be reached:\n\n{}", figures(http)));
    let price = p50(&http.whole, FRESH, Work::Page) - p50(&http.whole, REUSED, Work::Page);
    text.push_str(&format!("\nA fresh instance costs a request {price:.0} µs, in the guest with axum.\n"));
    text
}

/// Writes the table of small responses.
fn pages(text: &mut String, contestants: &[Contestant], how: &str) -> fmt::Result {
    writeln!(
        text,
        "\n{}, {how}: from the first byte of an event of {} to the response's last; the processor's time, and how many \
         in a second, until the next event is requested; and from exec to the end of the first response.\n\n\
         | contestant | p50 | / lambda_http | p99 | processor | / lambda_http | per second | cold start |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        Work::Page.title(),
        Work::Page.size()
    )?;
    let native = contestants[0].measured.warm(Work::Page);
    for contestant in contestants {
        let warm = contestant.measured.warm(Work::Page);
        writeln!(
            text,
            "| {} | {:.0} µs | {:.2} | {:.0} | {:.0} µs | {:.2} | {:.0} | {:.1} ms |",
            contestant.name,
            median(&warm.took),
            median(&warm.took) / median(&native.took),
            percentile(&warm.took, 99),
            median(&warm.cpu),
            median(&warm.cpu) / median(&native.cpu),
            middle(warm.per_second.iter().copied()),
            median(&contestant.measured.answered) / 1e3,
        )?;
    }
    Ok(())
}

/// Writes the table of large bodies.
fn large(text: &mut String, contestants: &[Contestant], work: Work) -> fmt::Result {
    writeln!(
        text,
        "\n{}, an event of {}: from its first byte to the response's last.\n\n\
         | contestant | p50 | / lambda_http | processor | / lambda_http |\n| --- | ---: | ---: | ---: | ---: |",
        work.title(),
        work.size()
    )?;
    let native = contestants[0].measured.warm(work);
    for contestant in contestants.iter().filter(|contestant| contestant.works.contains(&work)) {
        let warm = contestant.measured.warm(work);
        writeln!(
            text,
            "| {} | {:.1} ms | {:.2} | {:.1} ms | {:.2} |",
            contestant.name,
            median(&warm.took) / 1e3,
            median(&warm.took) / median(&native.took),
            median(&warm.cpu) / 1e3,
            median(&warm.cpu) / median(&native.cpu),
        )?;
    }
    Ok(())
}

/// Writes the table of the first byte of a streamed response.
fn first_bytes(text: &mut String, contestants: &[Contestant]) -> fmt::Result {
    writeln!(
        text,
        "\nThe first byte of a streamed response: from when the handler wrote it until the Runtime API received it.\n\n\
         | contestant | p50 | p99 |\n| --- | ---: | ---: |"
    )?;
    for contestant in contestants.iter().filter(|contestant| contestant.works.contains(&Work::Now)) {
        let first = &contestant.measured.warm(Work::Now).first_byte;
        writeln!(text, "| {} | {:.0} µs | {:.0} µs |", contestant.name, median(first), percentile(first, 99))?;
    }
    Ok(())
}

fn figures(http: &Http) -> String {
    let (whole, streamed) = (&http.whole, &http.streamed);
    let ratio = |all: &[Contestant], work| p50(all, REUSED, work) / p50(all, LAMBDA_HTTP, work);
    let bare = p50(whole, BARE, Work::Page);
    let added = |name| p50(whole, name, Work::Page) - bare;
    let first = find(streamed, REUSED).measured.warm(Work::Now);
    figures_to_reach(
        &[
            ("A greeting in one piece, p50 / lambda_http", ratio(whole, Work::Page), 1.2, 1.0),
            ("A greeting streamed, p50 / lambda_http", ratio(streamed, Work::Page), 1.2, 1.0),
            (
                "What is added to a function without HTTP, p50 / Lambda Web Adapter",
                added(REUSED) / added(ADAPTER),
                0.333,
                0.333,
            ),
            ("6 MB of text, p50 / lambda_http", ratio(whole, Work::Text), 1.0, 1.0),
            ("6 MB in base64, p50 / lambda_http", ratio(whole, Work::Bytes), 1.0, 1.0),
            ("First byte of a stream, p50, ms", median(&first.first_byte) / 1e3, 1.0, 1.0),
        ],
        &[],
    )
}

fn p50(contestants: &[Contestant], name: &str, work: Work) -> f64 {
    median(&find(contestants, name).measured.warm(work).took)
}

fn find<'a>(contestants: &'a [Contestant], name: &str) -> &'a Contestant {
    contestants.iter().find(|contestant| contestant.name == name).expect("a contestant of this name")
}
