//! The table of results.

use std::fmt::Write as _;

/// The unit of a figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Unit {
    EventsPerSecond,
    Nanos,
    Bytes,
    Count,
}

/// What a row has to show.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    /// The ratio of soiree to the peer.
    AtLeast(f64),
    /// The ratio of soiree to the peer.
    AtMost(f64),
    /// The figure of soiree alone.
    Limit(f64),
    /// For comparison only.
    None,
}

/// A comparison of soiree with a peer.
struct Row {
    workload: String,
    peer: &'static str,
    unit: Unit,
    target: Target,
    /// The figures of soiree and of the peer, by round.
    pairs: Vec<(f64, f64)>,
}

#[derive(Default)]
pub(crate) struct Table(Vec<Row>);

impl Table {
    /// Adds the figures of one round.
    pub(crate) fn add(
        &mut self,
        workload: &str,
        peer: &'static str,
        unit: Unit,
        target: Target,
        (ours, other): (f64, f64),
    ) {
        eprintln!(
            "{workload}: {}; {peer}: {} ({:.2})",
            unit.show(ours),
            unit.show(other),
            ours / other
        );
        let known = |row: &&mut Row| row.workload == workload && row.peer == peer;
        match self.0.iter_mut().find(known) {
            Some(row) => row.pairs.push((ours, other)),
            None => self.0.push(Row {
                workload: workload.into(),
                peer,
                unit,
                target,
                pairs: vec![(ours, other)],
            }),
        }
    }

    pub(crate) fn markdown(&self) -> String {
        let mut text = String::from(
            "| workload | soiree | compared with | | ratio | rounds | target | reached |\n|---|---|---|---|---|---|---|---|\n",
        );
        for row in &self.0 {
            let ours = quartiles(row.pairs.iter().map(|pair| pair.0));
            let other = quartiles(row.pairs.iter().map(|pair| pair.1));
            let ratio = quartiles(row.pairs.iter().map(|(ours, other)| ours / other));
            let (target, reached) = match row.target {
                Target::AtLeast(least) => (format!("≥ {least}×"), Some(ratio[1] >= least)),
                Target::AtMost(most) => (format!("≤ {most}×"), Some(ratio[1] <= most)),
                Target::Limit(most) => {
                    (format!("≤ {}", row.unit.show(most)), Some(ours[1] <= most))
                }
                Target::None => (String::new(), None),
            };
            let reached = reached.map_or("", |reached| if reached { "yes" } else { "**no**" });
            let [low, median, high] = ratio;
            let ratio = match median.is_finite() {
                true => format!("{median:.2}× ({low:.2}× – {high:.2}×)"),
                false => String::new(),
            };
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {ratio} | {} | {target} | {reached} |",
                row.workload,
                row.unit.show(ours[1]),
                row.peer,
                row.unit.show(other[1]),
                row.pairs.len(),
            );
        }
        text
    }
}

impl Unit {
    fn show(self, figure: f64) -> String {
        match self {
            _ if figure.is_nan() => String::new(),
            Self::EventsPerSecond => format!("{} events/s", thousands(figure)),
            Self::Nanos if figure < 1e4 => format!("{figure:.1} ns"),
            Self::Nanos if figure < 1e6 => format!("{:.1} µs", figure / 1e3),
            Self::Nanos => format!("{:.1} ms", figure / 1e6),
            Self::Bytes => format!("{:.1} MiB", figure / f64::from(1 << 20)),
            Self::Count => thousands(figure),
        }
    }
}

/// A whole number with commas.
fn thousands(figure: f64) -> String {
    let digits = format!("{figure:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The lower quartile, the median and the upper quartile.
fn quartiles(figures: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    [0.25, 0.5, 0.75].map(|share| {
        let place = share * (figures.len() - 1) as f64;
        let (below, above) = (
            figures[place.floor() as usize],
            figures[place.ceil() as usize],
        );
        below + (above - below) * place.fract()
    })
}

/// The percentile of some durations in nanoseconds.
pub(crate) fn percentile(durations: &mut [f64], share: f64) -> f64 {
    durations.sort_by(f64::total_cmp);
    let place = (durations.len() - 1) as f64 * share;
    durations[place.round() as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_easy_to_read() {
        assert_eq!(
            Unit::EventsPerSecond.show(1_234_567.0),
            "1,234,567 events/s"
        );
        assert_eq!(Unit::Count.show(123.0), "123");
        assert_eq!(Unit::Nanos.show(2_345_678.0), "2.3 ms");
    }

    #[test]
    fn a_ratio_is_the_median_of_the_ratios_of_the_rounds() {
        let mut table = Table::default();
        for pair in [(10.0, 10.0), (20.0, 10.0), (30.0, 10.0)] {
            table.add("a", "b", Unit::Count, Target::AtLeast(2.0), pair);
        }
        let text = table.markdown();
        let row = "| a | 20 | b | 10 | 2.00× (1.50× – 2.50×) | 3 | ≥ 2× | yes |";
        assert!(text.contains(row), "{text}");
    }
}
