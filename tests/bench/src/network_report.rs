//! This module writes the network's measurements as Markdown.

use std::fmt::{self, Write as _};

use crate::{
    network::{FRESH, Network, Pair},
    report::{figures_to_reach, median, percentile},
    work::Work,
};

/// Sizes of `bootstrap`, in bytes: with everything and with the network alone, each with the network and without it.
pub struct Sizes {
    pub all: [u64; 2],
    pub lean: [u64; 2],
}

/// Returns all tables.
pub fn write(network: &Network, sizes: &Sizes, machine: &str) -> String {
    let mut text = format!(
        "From `cargo xtask bench network`: medians of {} starts; each guest beside the same client without a sandbox, in \
         turns and on one core with the servers, which answer from memory. The ratios are what counts; the times are \
         those of this machine: {machine}.\n",
        network.pairs[0].guest.measured.answered.len()
    );
    // Writing to a `String` does not fail.
    for work in [Work::Get, Work::Item] {
        let _ = table(&mut text, &network.pairs, work);
    }
    text.push_str(&format!("\nThe figures that are to be reached:\n\n{}\n", figures(network, sizes)));
    text
}

fn table(text: &mut String, pairs: &[Pair], work: Work) -> fmt::Result {
    writeln!(
        text,
        "\n{} on a connection that is kept: from the event's first byte to the response's last. A cold start is the time \
         from exec to the end of the first response, with the first connection.\n\n\
         | contestant | p50 | / peer | p99 | processor | / peer | cold start | / peer |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        work.title(),
    )?;
    for Pair { guest, peer, .. } in pairs.iter().filter(|pair| pair.work == work) {
        for contestant in [guest, peer] {
            let (warm, peers) = (contestant.measured.warm(work), peer.measured.warm(work));
            let (cold, peers_cold) = (median(&contestant.measured.answered), median(&peer.measured.answered));
            writeln!(
                text,
                "| {} | {:.0} µs | {:.2} | {:.0} | {:.0} µs | {:.2} | {:.1} ms | {:.2} |",
                contestant.name,
                median(&warm.took),
                median(&warm.took) / median(&peers.took),
                percentile(&warm.took, 99),
                median(&warm.cpu),
                median(&warm.cpu) / median(&peers.cpu),
                cold / 1e3,
                cold / peers_cold,
            )?;
        }
    }
    Ok(())
}

fn figures(network: &Network, sizes: &Sizes) -> String {
    let mut figures = Vec::new();
    for Pair { work, guest, peer } in &network.pairs {
        let (own, peers) = (guest.measured.warm(*work), peer.measured.warm(*work));
        let what = if *work == Work::Get { "`GET`" } else { "`GetItem`" };
        let aim = if guest.name.starts_with("Rust") { 1.3 } else { 1.2 };
        let name = |figure: &str| format!("{what}, {figure}: {} / {}", guest.name, peer.name);
        figures.push((name("p50"), median(&own.took) / median(&peers.took), 2.0, aim));
        if *work == Work::Get {
            figures.push((name("processor"), median(&own.cpu) / median(&peers.cpu), 2.0, aim));
        } else if !guest.name.starts_with("Go") {
            let cold = median(&guest.measured.answered) / median(&peer.measured.answered);
            figures.push((name("cold start"), cold, 0.6, 0.35));
        }
    }
    figures.push((
        format!("TLS handshakes of {FRESH} invocations, each in a new instance"),
        network.handshakes as f64,
        1.0,
        1.0,
    ));
    let added = |[with, without]: [u64; 2]| (with as f64 - without as f64) / 1e6;
    figures.push(("added to `bootstrap`, MB".to_owned(), added(sizes.all), 0.6, 0.4));
    let lean = "added to `bootstrap` without compiler, `lambda_runtime` and sources, MB";
    figures.push((lean.to_owned(), added(sizes.lean), 1.6, 1.2));
    let figures: Vec<_> = figures.iter().map(|(name, measured, bar, aim)| (&**name, *measured, *bar, *aim)).collect();
    figures_to_reach(&figures, &[])
}
