//! Compares the arrangements.

use console::Term;
use hdrhistogram::Histogram;

use crate::arrangement::{Arrangement, Trial};
use crate::kinds::Kind;
use crate::meter::Reading;

/// How many times their latency alone the requests may take on bulkheads.
const BOUND: f64 = 3.0;

/// The upper ends of the histogram's buckets, in microseconds; the last bucket has none.
const BUCKETS: [u64; 9] = [
    100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000,
];
/// The width of a row without its bars: its name, and for each arrangement two blanks, a count and a blank.
const WITHOUT_BARS: usize = NAME + 3 * (2 + COUNT + 1);
const NAME: usize = 12;
const COUNT: usize = 5;

type Statistic = fn(&Reading) -> String;

const STATISTICS: [(&str, Statistic); 9] = [
    ("offered", |reading| reading.offered.to_string()),
    ("handled", |reading| reading.handled.to_string()),
    ("rejected", |reading| reading.rejected.to_string()),
    ("waiting p50", |reading| at(&reading.times.waiting, 0.5)),
    ("waiting p99", |reading| at(&reading.times.waiting, 0.99)),
    ("waiting max", |reading| at(&reading.times.waiting, 1.0)),
    ("latency p50", |reading| at(&reading.times.latency, 0.5)),
    ("latency p99", |reading| at(&reading.times.latency, 0.99)),
    ("latency max", |reading| at(&reading.times.latency, 1.0)),
];

pub(crate) fn text(trials: &[Trial]) -> String {
    let columns = Term::stdout().size_checked();
    let columns = columns.map_or(80, |(_, columns)| usize::from(columns));
    let bar = (columns.saturating_sub(WITHOUT_BARS + 1) / Arrangement::ALL.len()).clamp(3, 20);
    let mut lines = Vec::new();
    for kind in Kind::ALL {
        let readings: Vec<_> = trials.iter().map(|trial| trial.reading(kind)).collect();
        table(&mut lines, kind, &readings);
        histogram(&mut lines, &readings, bar);
    }
    accounts(&mut lines, trials);
    verdict(&mut lines, trials);
    lines
        .iter()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

/// One kind of work: a row for each statistic, a column for each arrangement.
fn table(lines: &mut Vec<String>, kind: Kind, readings: &[Option<Reading>]) {
    lines.push(String::new());
    let names = Arrangement::ALL.map(|arrangement| arrangement.name().to_owned());
    lines.push(row(kind.name(), names));
    let mut statistics = STATISTICS.to_vec();
    if readings.iter().flatten().any(|reading| reading.bytes > 0) {
        statistics.insert(2, ("bytes", |reading| reading.bytes.to_string()));
    }
    for (name, statistic) in statistics {
        let cells = readings.iter().map(Option::as_ref);
        lines.push(row(
            name,
            cells.map(|reading| reading.map_or("-".into(), statistic)),
        ));
    }
}

fn row(name: &str, cells: impl IntoIterator<Item = String>) -> String {
    let cells = cells.into_iter().map(|cell| format!("{cell:>13}"));
    format!("{name:<NAME$}{}", cells.collect::<String>())
}

/// How long events of one kind waited: how many in each bucket, and a bar for their share of all.
fn histogram(lines: &mut Vec<String>, readings: &[Option<Reading>], bar: usize) {
    lines.push(format!("{:<NAME$}  number, and share of all", "waiting"));
    let counts: Vec<_> = readings
        .iter()
        .map(|reading| {
            let waiting = reading.as_ref().map(|reading| &reading.times.waiting);
            waiting.map(buckets)
        })
        .collect();
    for (bucket, name) in bucket_names().iter().enumerate() {
        let mut line = format!("{name:<NAME$}");
        for counts in counts.iter() {
            let Some(counts) = counts else {
                line += &" ".repeat(3 + COUNT + bar);
                continue;
            };
            let (count, all) = (counts[bucket], counts.iter().sum::<u64>());
            let text = format!("  {count:>COUNT$} {}", share(count, all, bar));
            line += &format!("{text:<0$}", 3 + COUNT + bar);
        }
        lines.push(line);
    }
}

/// A bar of full length stands for all events. A dot stands for events that are too few for a bar.
fn share(count: u64, all: u64, length: usize) -> String {
    let filled = (count as f64 / all.max(1) as f64 * length as f64).round() as usize;
    match (count, filled) {
        (0, _) => String::new(),
        (_, 0) => ".".into(),
        _ => "#".repeat(filled),
    }
}

fn buckets(histogram: &Histogram<u64>) -> [u64; BUCKETS.len() + 1] {
    let mut counts = [0; BUCKETS.len() + 1];
    for recorded in histogram.iter_recorded() {
        let bucket = BUCKETS.partition_point(|end| *end <= recorded.value_iterated_to());
        counts[bucket] += recorded.count_since_last_iteration();
    }
    counts
}

fn bucket_names() -> Vec<String> {
    let ends = BUCKETS.iter().map(|end| format!("< {}", short(*end)));
    ends.chain([format!(">= {}", short(BUCKETS[BUCKETS.len() - 1]))])
        .collect()
}

fn short(micros: u64) -> String {
    match micros {
        1_000_000.. => format!("{} s", micros / 1_000_000),
        1_000.. => format!("{} ms", micros / 1_000),
        _ => format!("0.{} ms", micros / 100),
    }
}

fn accounts(lines: &mut Vec<String>, trials: &[Trial]) {
    lines.push(String::new());
    let faults: Vec<_> = trials.iter().flat_map(Trial::faults).collect();
    if faults.is_empty() {
        lines.push("accounts: offered = handled + rejected, everywhere".into());
    }
    lines.extend(faults.iter().map(|fault| format!("accounts: {fault}")));
}

fn verdict(lines: &mut Vec<String>, trials: &[Trial]) {
    let p99 = |trial: &Trial| {
        let requests = trial.reading(Kind::Requests);
        requests.map(|reading| reading.times.latency.value_at_quantile(0.99))
    };
    let [Some(alone), Some(shared), Some(bulkheads)] = [0, 1, 2].map(|at| p99(&trials[at])) else {
        return;
    };
    let within = |micros: u64| {
        let times = micros as f64 / alone.max(1) as f64;
        let is = if times <= BOUND {
            "within"
        } else {
            "not within"
        };
        format!("{times:.1} x: {is} {BOUND} x")
    };
    lines.push("verdict: p99 of the requests' latency".into());
    lines.push(format!("  alone      {:>8} ms", millis(alone)));
    for (arrangement, micros) in [
        (Arrangement::Shared, shared),
        (Arrangement::Bulkheads, bulkheads),
    ] {
        let (name, millis) = (arrangement.name(), millis(micros));
        lines.push(format!("  {name:<10} {millis:>8} ms, {}", within(micros)));
    }
}

fn at(histogram: &Histogram<u64>, quantile: f64) -> String {
    format!("{} ms", millis(histogram.value_at_quantile(quantile)))
}

fn millis(micros: u64) -> String {
    let millis = micros as f64 / 1_000.0;
    match micros {
        0..10_000 => format!("{millis:.2}"),
        10_000..100_000 => format!("{millis:.1}"),
        _ => format!("{millis:.0}"),
    }
}
