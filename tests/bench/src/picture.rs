//! This module draws the picture that the README shows.

use std::fmt::Write as _;

use crate::{contestant::Contestant, report::median, work::Work};

const WIDTH: f64 = 880.0;
const LABELS: f64 = 250.0;
const ROW: f64 = 22.0;
const TITLE: f64 = 40.0;

/// A title, a unit, and the function that returns a contestant's figure.
type Group = (&'static str, &'static str, fn(&Contestant) -> f64);

/// Draws three groups of bars, each with the contestants in their order. Guests that are compiled at their start are
/// left out: their bars are so long that the others could not be seen.
pub fn draw(contestants: &[Contestant]) -> String {
    let contestants: Vec<&Contestant> =
        contestants.iter().filter(|contestant| !contestant.name.contains("not compiled ahead")).collect();
    let groups: [Group; 3] = [
        ("Cold start: from exec to the first response", "ms", |contestant| median(&contestant.measured.answered) / 1e3),
        ("Warm invocation, 20 bytes", "µs", |contestant| median(&contestant.measured.warm(Work::Hello).took)),
        ("Memory after 10,000 invocations", "MiB", |contestant| contestant.measured.resident_later_kib as f64 / 1024.0),
    ];
    let height = groups.len() as f64 * (TITLE + ROW * contestants.len() as f64) + 20.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    let mut top = 0.0;
    for (title, unit, figure) in groups {
        top += TITLE;
        let _ = writeln!(svg, "<text x=\"12\" y=\"{}\" font-weight=\"bold\">{title}, {unit}</text>", top - 14.0);
        let longest = contestants.iter().map(|contestant| figure(contestant)).fold(0.0, f64::max);
        for contestant in &contestants {
            let value = figure(contestant);
            let length = (WIDTH - LABELS - 80.0) * value / longest;
            let color = if contestant.name.contains("guest") { "#1a7f5a" } else { "#9aa5b1" };
            let _ = writeln!(
                svg,
                "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text><rect x=\"{LABELS}\" y=\"{}\" width=\"{length:.1}\" height=\"{}\" \
                 fill=\"{color}\"/><text x=\"{:.1}\" y=\"{}\">{value:.1}</text>",
                LABELS - 8.0,
                top + ROW - 8.0,
                contestant.name,
                top + 3.0,
                ROW - 6.0,
                LABELS + length + 6.0,
                top + ROW - 8.0,
            );
            top += ROW;
        }
    }
    svg.push_str("</svg>\n");
    svg
}
