//! The text of the report.

use std::fmt::Write;
use std::time::Duration;

use crate::build::Build;
use crate::case_id::CaseId;
use crate::chapters::Chapter;
use crate::comparison::{Comparison, Outcome, Target};
use crate::format::{bytes, nanos, times, with_quartiles};
use crate::host::Host;
use crate::options::Options;
use crate::plots;
use crate::process::{MAX_FOREIGN_CORES, MemoryUse};
use crate::rounds::Measured;
use crate::runs::Figure;

/// The targets for memory, in bytes per value.
const MEMORY_LIMITS: [(&str, f64); 5] = [
    ("queued job", 48.0),
    ("listener on a pattern of its own", 400.0),
    ("listener among others of its topic", 400.0),
    ("idle pool of 2 workers", 16.0 * 1024.0),
    ("idle pool of 10 workers", 16.0 * 1024.0),
];

/// Writes the whole report as Markdown.
pub(crate) fn write(
    host: &Host,
    options: &Options,
    measured: &Measured,
    memory_uses: &[MemoryUse],
    further: &[String],
    took: Duration,
) -> String {
    let mut text = String::from("# Benchmarks\n\n");
    text += &preface(host, options, took);
    text += "\n## Targets\n\n";
    text += &targets_section(measured, memory_uses);
    for chapter in &measured.chapters {
        text += &chapter_section(chapter, measured, options.is_full());
    }
    if !memory_uses.is_empty() {
        text += &memory_section(memory_uses);
    }
    for chapter in further.iter().filter(|chapter| !chapter.is_empty()) {
        text += &format!("\n{}\n", chapter.trim_end());
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
    let foreign = MAX_FOREIGN_CORES;
    format!(
        "Written by `cargo xtask bench-report`, which took {minutes} minutes. The workloads are in [`benches/`](benches/).\n\n\
         - Machine: {}, {} cores, {} GiB; {}\n\
         - Built with {}, fat LTO, the system's allocator; workloads that end in `-no-lto` as Cargo builds programs that set nothing \
         for `release`, workloads that end in `-mimalloc` with mimalloc as allocator, always for all subjects; commit {}\n\
         - {}\n\n\
         A *subject* is soiree, another crate, or a minimal implementation. The subjects of a workload take turns, for {} rounds \
         or more. If a workload uses several threads, each run is a process of its own. A ratio compares two runs of the same \
         round. The tables show medians, with the lower and upper quartile in brackets. Pairs of runs during which other \
         processes used more than {foreign} of a core are left out, and counted as *dropped*. Every workload checks that all \
         listeners or jobs have run, and that none failed.\n",
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

fn targets_section(measured: &Measured, memory_uses: &[MemoryUse]) -> String {
    let mut text = String::from(
        "If soiree is compared with several others, the row shows the one that does best against it.\n\n\
         | comparison | build | soiree | compared with | ratio | CPU time ratio | pairs (dropped) | target | reached |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for comparison in measured
        .chapters
        .iter()
        .flat_map(|chapter| &chapter.comparisons)
    {
        if let Some(outcome) = comparison.outcome(&measured.runs) {
            text += &target_row(comparison, &outcome);
        }
    }
    for (name, limit) in MEMORY_LIMITS {
        let ours = memory_uses
            .iter()
            .find(|memory_use| memory_use.name == name && memory_use.subject == "soiree");
        if let Some(ours) = ours {
            let reached = yes_or_no(ours.bytes <= limit);
            let (found, limit) = (bytes(ours.bytes), bytes(limit));
            let _ = writeln!(
                text,
                "| memory: {name} | {} | {found} | | | | | ≤ {limit} | {reached} |",
                Build::FatLto.name()
            );
        }
    }
    text
}

fn target_row(comparison: &Comparison, outcome: &Outcome) -> String {
    let other = match &outcome.other {
        Some(other) if other.subject == comparison.ours.subject => other.built_workload(),
        Some(other) => other.subject.clone(),
        None => String::new(),
    };
    let ratio = match comparison.target {
        Target::MaxNanos(_) => String::new(),
        Target::MaxTimeRatio(_) | Target::MinSpeedup(_) => with_quartiles(outcome.ratio, times),
    };
    let target = match comparison.target {
        Target::MaxTimeRatio(max) => format!("≤ {max}× the time"),
        Target::MinSpeedup(min) => format!("≥ {min}× the speed"),
        Target::MaxNanos(max) => format!("≤ {}", nanos(max)),
    };
    format!(
        "| {} | {} | {} | {other} | {ratio} | {} | {} ({}){} | {target} | {} |\n",
        comparison.name,
        comparison.ours.build.name(),
        nanos(outcome.ours.median),
        outcome.cpu.map_or(String::new(), |cpu| times(cpu.median)),
        outcome.ratio.count,
        outcome.dropped,
        if outcome.noisy { ", all disturbed" } else { "" },
        yes_or_no(outcome.reached),
    )
}

fn chapter_section(chapter: &Chapter, measured: &Measured, plotted: bool) -> String {
    let mut text = format!("\n## {}\n\n{}\n\n", chapter.title, chapter.about);
    if plotted {
        for (title, file) in plots::of(chapter) {
            let _ = writeln!(text, "![{title}](benches/plots/{file})\n");
        }
    }
    if !chapter.costs.is_empty() {
        let _ = writeln!(text, "Where the time goes: {}\n", chapter.costs);
    }
    let cases: Vec<&CaseId> = chapter
        .groups
        .iter()
        .flat_map(|group| &group.cases)
        .collect();
    let mut named: Vec<&str> = Vec::new();
    for case in &cases {
        let sample = measured.runs.get(case).and_then(|runs| runs.first());
        for (name, _) in sample.into_iter().flat_map(|run| &run.sample.figures) {
            if !named.contains(&name.as_str()) {
                named.push(name);
            }
        }
    }
    text += "| workload | subject | time | CPU time |";
    named.iter().for_each(|name| text += &format!(" {name} |"));
    text += "\n|---|---|---|---|";
    text += &"---|".repeat(named.len());
    text.push('\n');
    for case in cases {
        let figure = |figure: Figure<'_>| measured.runs.quartiles(case, figure);
        let (Some(wall), Some(cpu)) = (figure(Figure::Wall), figure(Figure::Cpu)) else {
            continue;
        };
        let _ = write!(
            text,
            "| {} | {} | {} | {} |",
            case.built_workload(),
            case.subject,
            with_quartiles(wall, nanos),
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

fn memory_section(memory_uses: &[MemoryUse]) -> String {
    let mut text = String::from(
        "\n## Memory\n\nBytes that were allocated and not freed, for each value. They include the places in a bounded queue, and \
         exclude the stacks of threads. Idle pools have room for 1,024 jobs.\n\n\
         | value | subject | bytes |\n|---|---|---|\n",
    );
    for memory_use in memory_uses {
        let _ = writeln!(
            text,
            "| {} | {} | {} |",
            memory_use.name,
            memory_use.subject,
            bytes(memory_use.bytes)
        );
    }
    text
}

pub(crate) fn yes_or_no(reached: bool) -> &'static str {
    if reached { "yes" } else { "**no**" }
}
