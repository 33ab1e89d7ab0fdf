//! The report.

use std::fmt::Write;
use std::time::Duration;

use crate::chapters::Chapter;
use crate::comparison::{Outcome, Row, Target};
use crate::format::{bytes, nanos, spread, times};
use crate::host::Host;
use crate::key::Key;
use crate::options::Options;
use crate::plots;
use crate::process::{MOST_FOREIGN, Weighed};
use crate::rounds::Measured;
use crate::runs::Figure;

/// What may be weighed at most, in bytes.
const HEAVIEST: [(&str, f64); 5] = [
    ("queued job", 48.0),
    ("listener on a pattern of its own", 400.0),
    ("listener among others of its topic", 400.0),
    ("idle pool of 2 workers", 16.0 * 1024.0),
    ("idle pool of 10 workers", 16.0 * 1024.0),
];

pub(crate) fn write(
    host: &Host,
    options: &Options,
    measured: &Measured,
    weights: &[Weighed],
    took: Duration,
) -> String {
    let mut text = String::from("# Benchmarks\n\n");
    text += &preface(host, options, took);
    text += "\n## Targets\n\n";
    text += &targets(measured, weights);
    for chapter in &measured.chapters {
        text += &figures(chapter, measured, options.is_full());
    }
    if !weights.is_empty() {
        text += &memory(weights);
    }
    text
}

fn preface(host: &Host, options: &Options, took: Duration) -> String {
    let versions: Vec<String> = host
        .versions
        .iter()
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    let minutes = took.as_secs().div_ceil(60);
    let kept = MOST_FOREIGN;
    format!(
        "Made by `cargo xtask bench-report`, which takes {minutes} minutes. What is measured, and how, is in \
         [`benches/`](benches/).\n\n\
         - Machine: {}, {} cores, {} GiB; {}\n\
         - Built with {}, fat LTO, the system's allocator for all; commit {}\n\
         - {}\n\n\
         The contenders of a workload take turns, {} rounds or more; where threads take part, each run is a process of its own. Every \
         ratio is one of two runs of the same round, and what is told is the median of these ratios, and in brackets what the \
         middle half of them lies between. Pairs during which other processes had more than {kept} of a core are left out, and \
         counted as *dropped*. Every contender makes sure that all its listeners or jobs have run, and that none failed.\n",
        host.processor,
        host.cores,
        host.memory_gib,
        host.kernel,
        host.rustc,
        host.commit,
        versions.join(", "),
        options.rounds,
    )
}

fn targets(measured: &Measured, weights: &[Weighed]) -> String {
    let mut text = String::from(
        "Where there are several others, the one that does best against soiree counts.\n\n\
         | workload | soiree | beside | ratio | of CPU time | pairs (dropped) | target | reached |\n|---|---|---|---|---|---|---|---|\n",
    );
    for row in measured.chapters.iter().flat_map(|chapter| &chapter.rows) {
        if let Some(outcome) = row.outcome(&measured.runs) {
            text += &target(row, &outcome);
        }
    }
    for (what, most) in HEAVIEST {
        let ours = weights
            .iter()
            .find(|weighed| weighed.what == what && weighed.contender == "soiree");
        if let Some(ours) = ours {
            let reached = yes_or_no(ours.bytes <= most);
            let (found, most) = (bytes(ours.bytes), bytes(most));
            let _ = writeln!(
                text,
                "| memory: {what} | {found} | | | | | ≤ {most} | {reached} |"
            );
        }
    }
    text
}

fn target(row: &Row, outcome: &Outcome) -> String {
    let other = match &outcome.other {
        Some(other) if other.contender == row.ours.contender => other.workload.clone(),
        Some(other) => other.contender.clone(),
        None => String::new(),
    };
    let ratio = match row.target {
        Target::Nanos(_) => String::new(),
        Target::Times(_) | Target::Faster(_) => spread(outcome.ratio, times),
    };
    let target = match row.target {
        Target::Times(most) => format!("≤ {most}× the time"),
        Target::Faster(least) => format!("≥ {least}× the speed"),
        Target::Nanos(most) => format!("≤ {}", nanos(most)),
    };
    format!(
        "| {} | {} | {other} | {ratio} | {} | {} ({}){} | {target} | {} |\n",
        row.name,
        nanos(outcome.ours.median),
        outcome.cpu.map_or(String::new(), |cpu| times(cpu.median)),
        outcome.ratio.count,
        outcome.dropped,
        if outcome.noisy { ", all disturbed" } else { "" },
        yes_or_no(outcome.reached),
    )
}

fn figures(chapter: &Chapter, measured: &Measured, plotted: bool) -> String {
    let mut text = format!("\n## {}\n\n{}\n\n", chapter.title, chapter.about);
    if plotted {
        for (title, file) in plots::of(chapter) {
            let _ = writeln!(text, "![{title}](benches/plots/{file})\n");
        }
    }
    if !chapter.obstacles.is_empty() {
        let _ = writeln!(text, "What stands in the way: {}\n", chapter.obstacles);
    }
    let keys: Vec<&Key> = chapter
        .groups
        .iter()
        .flat_map(|group| &group.keys)
        .collect();
    let mut named: Vec<&str> = Vec::new();
    for key in &keys {
        let sample = measured.runs.get(key).and_then(|runs| runs.first());
        for (name, _) in sample.into_iter().flat_map(|run| &run.sample.figures) {
            if !named.contains(&name.as_str()) {
                named.push(name);
            }
        }
    }
    text += "| workload | contender | time | CPU time |";
    named.iter().for_each(|name| text += &format!(" {name} |"));
    text += "\n|---|---|---|---|";
    text += &"---|".repeat(named.len());
    text.push('\n');
    for key in keys {
        let figure = |figure: Figure<'_>| measured.runs.middle(key, figure);
        let (Some(wall), Some(cpu)) = (figure(Figure::Wall), figure(Figure::Cpu)) else {
            continue;
        };
        let _ = write!(
            text,
            "| {} | {} | {} | {} |",
            key.workload,
            key.contender,
            spread(wall, nanos),
            nanos(cpu.median)
        );
        for name in &named {
            let found = figure(Figure::Named(name));
            let _ = write!(
                text,
                " {} |",
                found.map_or(String::new(), |found| nanos(found.median))
            );
        }
        text.push('\n');
    }
    text
}

fn memory(weights: &[Weighed]) -> String {
    let mut text = String::from(
        "\n## Memory\n\nBytes that were asked of the allocator and not given back, for each one of them; stacks of threads are not \
         among them, the places in a bounded queue are. Idle pools have room for 1,024 jobs.\n\n\
         | one | of | bytes |\n|---|---|---|\n",
    );
    for weighed in weights {
        let _ = writeln!(
            text,
            "| {} | {} | {} |",
            weighed.what,
            weighed.contender,
            bytes(weighed.bytes)
        );
    }
    text
}

fn yes_or_no(reached: bool) -> &'static str {
    if reached { "yes" } else { "**no**" }
}
