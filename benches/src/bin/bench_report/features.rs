//! The chapter on what features of soiree cost.

use std::fmt::Write;
use std::time::Duration;

use crate::build::{Build, FeatureSet};
use crate::case_id::CaseId;
use crate::chapters::Group;
use crate::format::{nanos, times, with_quartiles};
use crate::markdown::yes_or_no;
use crate::options::Options;
use crate::process::Programs;
use crate::result::Result;
use crate::rounds::measure;
use crate::runs::{Figure, Runs};
use crate::statistics::Quartiles;

/// How long measuring the time takes at most.
const LIMIT: Duration = Duration::from_secs(90);

const PLAIN: &str = "plain";
/// With one of these, an `emit_sync` takes at most this many times the time of a plain one.
const LIMITED: [&str; 5] = [
    "a filter",
    "a name",
    "an observer",
    "an observer of emissions",
    "an observer of failures",
];
const MOST: f64 = 2.0;

/// The subjects of a workload, the plain one first, and why each costs what it costs.
type Reasons = (&'static str, &'static [(&'static str, &'static str)]);

const SYNC: Reasons = (
    "feature-sync",
    &[
        (
            PLAIN,
            "Finds the topic in the cache of the snapshot, and calls its listeners under one frame that catches panics.",
        ),
        (
            "a name",
            "Is stored with the listener, and read only when something is reported.",
        ),
        (
            "a retry",
            "Is looked at after a failure, so a listener that succeeds is called as a plain one.",
        ),
        (
            "a filter",
            "A loop of its own, for topics whose listeners have filters, looks for each listener's filter and calls it.",
        ),
        (
            "a timeout",
            "The loop for topics whose listeners have filters also reads the clock before and after the call; no timer is set, as no \
             other thread could go on.",
        ),
        (
            "an observer",
            "A path like the fast one has five notifications, each under a frame that catches panics, and two reads of the clock. The \
             report is made in full.",
        ),
        (
            "an observer of emissions",
            "Wants to be notified of emissions, and not of the calls of listeners: the same path has three notifications, and the clock \
             is not read.",
        ),
        (
            "an observer of failures",
            "Wants nothing of an emission that succeeds, which takes the fast path.",
        ),
        (
            "order by key",
            "Looks for the order of the topic, hashes the key, and takes the lock of its queue when it enters and when it leaves. Then \
             the listeners are called by the loop that looks for filters.",
        ),
        (
            "an inbox",
            "The event is copied: it allocates the payload and the copy, which makes its ID when somebody asks for it. With taking it out.",
        ),
        (
            "an outbox, for other topics",
            "Looks whether a codec makes the topic durable.",
        ),
    ],
);

const EMIT: Reasons = (
    "feature-emit",
    &[
        (
            PLAIN,
            "Checks the topic, allocates the emission, submits it, and finds and calls the listeners where it runs.",
        ),
        (
            "a name",
            "Is stored with the listener, and read only when something is reported.",
        ),
        (
            "a retry",
            "Is looked at after a failure, so a listener that succeeds is called as a plain one.",
        ),
        (
            "a filter",
            "The listener is prechecked, and its outcome reported as if somebody were notified of it.",
        ),
        (
            "a timeout",
            "Allocates what the worker shares with the timer, and the timer's task, and puts that into the timer's tree and out again, \
             under its lock.",
        ),
        (
            "an observer",
            "Notifies of the emission, its job and the listener, reads the clock for each of them, and allocates the payload and the \
             observed job apart.",
        ),
        (
            "an observer of emissions",
            "Notifies of the emission, and allocates the payload apart. The job is not observed, and the clock is not read.",
        ),
        (
            "an observer of failures",
            "Allocates the payload apart: who keeps it must not keep the observer.",
        ),
        (
            "order by key",
            "Looks for the order of the topic, hashes the key, takes the lock of its queue when it enters and when it leaves, and \
             allocates the part of the emission that is seldom needed.",
        ),
        (
            "a pool of its own",
            "The call is a second job: another allocation, another submit, and a part that the emission waits for, in the part of the \
             emission that is seldom needed. With running both jobs.",
        ),
        ("emit_async", "Passes the result on through the future."),
        (
            "an inbox",
            "The event is copied: it allocates the copy, which makes its ID when somebody asks for it. With taking it out.",
        ),
        (
            "durable, in memory",
            "Until a thread has encoded, queued and committed the event, in memory, and has woken the emitter. Nobody listens.",
        ),
    ],
);

/// Builds in which nothing is used that they add, and why they cost what they cost.
const UNUSED: [(FeatureSet, &str); 3] = [
    (FeatureSet::Default, "What the others are compared with."),
    (
        FeatureSet::Tracing,
        "Each emit asks whether a subscriber was ever set, which is one load. An emission on a pool enters and ends a span that it does \
         not have, and is larger by the place for it.",
    ),
    (
        FeatureSet::All,
        "As with `tracing`: the other features add code, and nothing to the path of an emit.",
    ),
];

/// Measures and writes the chapter.
pub(crate) fn chapter(programs: &Programs, options: &Options) -> Result<String> {
    let mut text = String::from(
        "## What features cost\n\n\
         One emit to one listener, with one feature more than a plain one. Built with fat LTO and the features of soiree for durable \
         events. `emit` goes through a pool that the emitting thread itself empties, and its figures are from the emit to the end of \
         the listener; for *durable*, until the event is stored. Instructions are counted by callgrind; not where several threads \
         work. Ratios are to the plain one.\n",
    );
    let groups = [SYNC, EMIT].map(group);
    let runs = measure(programs, &groups.each_ref(), options, LIMIT)?;
    for ((workload, reasons), title) in [SYNC, EMIT].into_iter().zip(["emit_sync", "emit"]) {
        let _ = writeln!(
            text,
            "\n| `{title}` with | instructions | | time | | target | why |\n|---|---|---|---|---|---|---|"
        );
        let plain = CaseId::new(workload, PLAIN);
        let plain_count = counted(programs, &plain)?;
        for (subject, why) in reasons {
            let case = CaseId::new(workload, *subject);
            let count = counted(programs, &case)?;
            text += &row(&runs, &plain, plain_count, &case, count, why);
        }
    }
    text += &unused(programs)?;
    Ok(text)
}

fn group((workload, reasons): Reasons) -> Group {
    let cases = reasons.iter();
    let cases = cases.map(|(subject, _)| CaseId::new(workload, *subject));
    Group::new(workload, cases.collect())
}

/// The instructions of one operation. Waiting threads spin, so they are not counted where several threads work.
fn counted(programs: &Programs, case: &CaseId) -> Result<Option<f64>> {
    match programs.needs_fresh_process(case)? {
        true => Ok(None),
        false => Ok(programs
            .instructions(case)
            .inspect_err(|error| eprintln!("{error}"))
            .ok()),
    }
}

fn row(
    runs: &Runs,
    plain: &CaseId,
    plain_count: Option<f64>,
    case: &CaseId,
    count: Option<f64>,
    why: &str,
) -> String {
    let is_plain = case == plain;
    let ratio = |ratio: Option<f64>| match ratio {
        Some(ratio) if !is_plain => times(ratio),
        _ => String::new(),
    };
    let count_ratio = count.zip(plain_count).map(|(one, two)| one / two);
    let time = runs.quartiles(case, Figure::Wall);
    let time_ratio = time_ratio(runs, plain, case);
    let has_target = case.workload == SYNC.0 && LIMITED.contains(&case.subject.as_str());
    let target = time_ratio.filter(|_| has_target);
    let target = target.map(|ratio| ratio <= MOST);
    format!(
        "| {} | {} | {} | {} | {} | {} | {why} |\n",
        case.subject,
        shown(count),
        ratio(count_ratio),
        time.map_or(String::new(), |time| with_quartiles(time, nanos)),
        ratio(time_ratio),
        target.map_or(String::new(), |reached| format!(
            "≤ {MOST}×: {}",
            yes_or_no(reached)
        )),
    )
}

/// The median of the ratios of runs of the same round.
fn time_ratio(runs: &Runs, plain: &CaseId, case: &CaseId) -> Option<f64> {
    let pairs = runs.get(case)?.iter().zip(runs.get(plain)?);
    let ratios = pairs.map(|(one, two)| one.sample.wall_per_op() / two.sample.wall_per_op());
    Some(Quartiles::of(ratios)?.median)
}

fn shown(count: Option<f64>) -> String {
    count.map_or("–".into(), |count| format!("{count:.0}"))
}

/// Instructions of a plain emit in builds with features that it does not use.
fn unused(programs: &Programs) -> Result<String> {
    let mut text = String::from(
        "\nWhat a feature costs those who do not use it: instructions of the plain emits, built without LTO, so that the same code is \
         compiled in the same way.\n\n\
         | features of soiree | `emit_sync` | `emit` | why |\n|---|---|---|---|\n",
    );
    for (features, why) in UNUSED {
        let build = Build::Features(features);
        let count = |workload| counted(programs, &CaseId::new(workload, PLAIN).built(build));
        let name = match features {
            FeatureSet::Default => "the default ones",
            FeatureSet::Tracing => "`tracing`, no subscriber",
            FeatureSet::All => "all, none used",
        };
        let (sync, emit) = (shown(count(SYNC.0)?), shown(count(EMIT.0)?));
        let _ = writeln!(text, "| {name} | {sync} | {emit} | {why} |");
    }
    Ok(text)
}
