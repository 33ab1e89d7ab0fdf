//! The text of the chapter.

use std::fmt::Write;

use soiree_benches::{Growth, Law};

use crate::series::{Found, Series};

pub(crate) const HEADING: &str = "## How costs grow";

/// What stands before the tables.
pub(crate) fn preface() -> String {
    format!(
        "{HEADING}\n\n\
         Each size is a process of its own, with fat LTO and the system's allocator. The quickest of several runs counts, as other \
         processes can only slow one down. `emit` goes through a pool without threads, and its time is from the emit to the end of the \
         last listener. *memory* is what the event pool and all that was made for it retain.\n\n\
         The *exponent* is that between the ends: 0 if a cost stays the same, 1 if it grows as fast as the size. The *last* one is that \
         of the last tenfold. The *law* is constant if the last cost is at most half as much again as the first. \
         *may* is the law that a cost may follow.\n"
    )
}

/// The section of one growth.
pub(crate) fn section(growth: &Growth, series: &[Series], plot: Option<&str>) -> String {
    let mut text = format!("\n### More {}\n\n{}\n\n", growth.name, growth.about);
    if let Some(plot) = plot {
        let _ = writeln!(text, "![{}](benches/plots/{plot})\n", growth.name);
    }
    let sizes = series.first().map_or(&[][..], |series| &series.points);
    text += "| |";
    for (size, _) in sizes {
        let _ = write!(text, " {} |", short(*size));
    }
    text += " exponent | last | law | may | reached |\n|---|";
    text += &"---|".repeat(sizes.len() + 5);
    text.push('\n');
    for one in series {
        let _ = write!(text, "| {} |", one.name);
        for (_, cost) in &one.points {
            let _ = write!(text, " {} |", shown(one.name, *cost));
        }
        let _ = writeln!(
            text,
            " {:.2} | {:.2} | {} | {} | {} |",
            one.exponent(),
            one.last_exponent(),
            match one.found() {
                Found::As(law) => name(law),
                Found::Worse => "more than linear",
            },
            name(one.expected),
            if one.is_as_expected() {
                "yes"
            } else {
                "**no**"
            },
        );
    }
    text
}

fn name(law: Law) -> &'static str {
    match law {
        Law::Constant => "constant",
        Law::Logarithmic => "log n",
        Law::Linear => "linear",
    }
}

/// A size in few characters.
pub(crate) fn short(size: u64) -> String {
    match size {
        _ if size >= 1_000_000 => format!("{} M", size / 1_000_000),
        _ if size >= 1_000 => format!("{} k", size / 1_000),
        _ => size.to_string(),
    }
}

/// A cost with its unit.
pub(crate) fn shown(name: &str, cost: f64) -> String {
    let units = match name {
        "memory" => [(1.0, "B"), (1e3, "kB"), (1e6, "MB")],
        _ => [(1.0, "ns"), (1e3, "µs"), (1e6, "ms")],
    };
    let fitting = units.iter().rev().find(|(unit, _)| cost >= *unit);
    let (unit, name) = fitting.unwrap_or(&units[0]);
    match cost / unit {
        number if number >= 99.5 => format!("{number:.0} {name}"),
        number => format!("{number:.1} {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_shown_in_the_unit_that_fits() {
        assert_eq!(shown("emit", 23.45), "23.4 ns");
        assert_eq!(shown("emit", 1_234_567.0), "1.2 ms");
        assert_eq!(shown("memory", 2_000.0), "2.0 kB");
        assert_eq!(short(20_000), "20 k");
    }
}
