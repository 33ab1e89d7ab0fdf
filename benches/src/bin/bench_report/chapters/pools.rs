//! Events and jobs on a pool.

use std::time::Duration;

use super::chapter::{Chapter, Group, SOIREE, built, case_ids, comparison};
use crate::build::Build;
use crate::case_id::CaseId;
use crate::comparison::{Comparison, Target};
use crate::runs::Figure;

/// The pools of other crates.
const POOLS: [&str; 5] = [
    "threadpool",
    "rayon",
    "rusty_pool",
    "tokio spawn",
    "tokio spawn_blocking",
];
pub(super) const BOXED: &str = "crossbeam, boxed jobs";
const BY_VALUE: &str = "crossbeam, jobs by value";
pub(super) const ONE_VALUE: &str = "crossbeam, one value";

/// What else than soiree emits events through a pool.
pub(super) const EMITTERS: [&str; 4] = [
    "literal port, kept",
    "literal port, dropped",
    ONE_VALUE,
    "crossbeam, one Arc, kept",
];

/// What else than soiree runs tiny jobs.
pub(super) fn job_runners() -> Vec<&'static str> {
    [&[BOXED, BY_VALUE], &POOLS[..]].concat()
}

/// Events through a pool in this build, against these subjects. Comparisons with others have no outcome.
pub(super) fn emits(build: Build, others: &[&str]) -> (Vec<Group>, Vec<Comparison>) {
    let mut groups = Vec::new();
    let mut comparisons = Vec::new();
    for producers in [1, 2] {
        for workers in [2, 10] {
            let workload = format!("emit-{producers}p-{workers}w");
            let [kept, dropped] = ["soiree, kept", "soiree, dropped"]
                .map(|who| CaseId::new(&workload, who).built(build));
            let mut cases = vec![kept.clone(), dropped.clone()];
            cases.extend(built(build, case_ids(&workload, others)));
            let group = format!("{workload}{}", build.suffix());
            groups.push(Group::new(&group, cases));
            let mut add = |name: &str, ours: &CaseId, others: Vec<CaseId>, target| {
                let name = format!("{group}: {name}");
                comparisons.push(comparison(&name, ours.clone(), others, target));
            };
            let other = |who: &str| vec![CaseId::new(&workload, who).built(build)];
            add(
                "kept vs the literal port",
                &kept,
                other("literal port, kept"),
                Target::MinSpeedup(if producers == 1 { 5.0 } else { 2.5 }),
            );
            add(
                "kept vs a bare channel",
                &kept,
                other(ONE_VALUE),
                Target::MinSpeedup(0.5),
            );
            add(
                "dropped vs kept",
                &dropped,
                vec![kept.clone()],
                Target::MinSpeedup(1.0),
            );
        }
    }
    (groups, comparisons)
}

pub(super) fn emitting() -> Chapter {
    let (groups, comparisons) = emits(Build::FatLto, &EMITTERS);
    Chapter {
        title: "Events through a pool",
        about: "`emit` to one listener from 1 and 2 threads (p, producers) through 2 and 10 workers (w), with a queue of 1,024, \
                until the last listener has run. *Kept* keeps the emissions and waits for them in batches of 1,000, *dropped* drops \
                them. The literal port is written as in Go: a box for each job, an `Arc` for each event and for the listeners of \
                each topic, a channel for the errors of each emit, a token for each running job, and counters that all threads \
                share. The bare channel sends one number. With *one Arc, kept*, it sends an allocation with a number and a flag, which the \
                emitter keeps until the flag is set: the least that a handle takes which knows when the listener has returned.",
        costs: "An emit allocates once, counts itself as running, and takes the lock of the pool. The worker that takes the emission \
                does the last two as well. In the bare channel, the number only takes a slot of a ring buffer. Most of the time goes \
                into moving the lock and the emission from one processor to another. Changed for this reason: most of an emission is \
                now allocated only when it is needed. Before, an emission was several times larger, and freeing it on the worker \
                took a lock of the allocator. Tried without gain: a count of settings for each stripe of threads, settings apart from \
                their count, and waking one blocked submitter at a time. A ring of weak handles in each thread lets the emitting \
                thread free what workers have dropped. On one machine it takes 18 % off dropped emissions when memory moves slowly \
                between the processors, and adds as much when it moves fast, 3 % to those that are kept, and 240 kB to each thread: \
                not used. Workers that take several jobs at a time clearly need less time per job, but are not \
                used: jobs would wait behind a long one while other workers are idle, and a full queue could not count its free \
                slots. A dropped emission is freed on another thread than the one that allocated it, a kept one on the same thread. \
                Dropping has to make up for that.",
        groups,
        comparisons,
    }
}

pub(super) fn waiting() -> Chapter {
    let mut groups = Vec::new();
    let mut comparisons = Vec::new();
    for workers in [2, 10] {
        let workload = format!("emit-and-wait-{workers}w");
        groups.push(Group::new(
            &workload,
            case_ids(&workload, &[SOIREE, "literal port", "tokio spawn"]),
        ));
        comparisons.push(comparison(
            &format!("{workload}: vs spawn and await"),
            CaseId::new(&workload, SOIREE),
            case_ids(&workload, &["tokio spawn"]),
            Target::MinSpeedup(2.0),
        ));
    }
    Chapter {
        title: "Events through a pool, one at a time",
        about: "Each `emit` is followed by a wait for its end. Tokio spawns the same work from outside its workers and awaits it.",
        costs: "",
        groups,
        comparisons,
    }
}

/// Tiny jobs in this build, against these subjects. Comparisons with others have no outcome.
pub(super) fn jobs(build: Build, others: &[&str]) -> (Vec<Group>, Vec<Comparison>) {
    let mut groups = Vec::new();
    let mut comparisons = Vec::new();
    for producers in [1, 2] {
        for workers in [2, 10] {
            let workload = format!("tiny-jobs-{producers}p-{workers}w");
            let group = format!("{workload}{}", build.suffix());
            let cases = case_ids(&workload, &[&[SOIREE], others].concat());
            groups.push(Group::new(&group, built(build, cases)));
            let mut add = |name: &str, others: &[&str], target| {
                comparisons.push(comparison(
                    &format!("{group}: {name}"),
                    CaseId::new(&workload, SOIREE).built(build),
                    built(build, case_ids(&workload, others)),
                    target,
                ));
            };
            add("vs other pools", &POOLS, Target::MinSpeedup(1.5));
            add("vs a bare channel", &[BOXED], Target::MinSpeedup(1.2));
        }
    }
    (groups, comparisons)
}

pub(super) fn tiny_jobs() -> Chapter {
    let (groups, comparisons) = jobs(Build::FatLto, &job_runners());
    Chapter {
        title: "Tiny jobs",
        about: "Jobs that add one to a number, from 1 and 2 threads (p, producers) on 2 and 10 workers (w), until the last job has \
                run. soiree and the bare channel block submitters while 1,024 jobs wait. The queues of the others are unbounded.",
        costs: "One lock guards the queue, the permits and the counters, and each job takes it twice. A thread that finds the lock \
                taken retries with pauses, so that the lock stays with one processor for several jobs. Closures that hold at most \
                two pointers are in the queue itself. The other pools allocate each of them, and free it on another thread, which \
                took half of the time here, too, when memory moved slowly between the processors. Tried without gain: two lock-free channels instead of the lock, workers that take \
                several jobs at a time, fewer shared stores, everything that changes with a job next to each other in memory, or \
                apart from the rest, and pauses on one side of the queue only.",
        groups,
        comparisons,
    }
}

pub(super) fn idle_pool() -> Chapter {
    let mut group = Group::new(
        "idle-pool",
        case_ids("idle-pool", &[&[SOIREE, BOXED], &POOLS[..]].concat()),
    );
    group.run_time = Duration::from_secs(1);
    let percentile = |name: &'static str| Comparison {
        name: format!("idle-pool: {name} vs a bare channel"),
        ours: CaseId::new("idle-pool", SOIREE),
        others: case_ids("idle-pool", &[BOXED]),
        figure: Figure::Named(name),
        target: Target::MaxTimeRatio(1.05),
    };
    Chapter {
        title: "One job on an idle pool",
        about: "Time is from submit until the job runs, on a pool of 2 workers that has been idle for 200 µs. `round-` is from \
                submit until the submitter knows that the job has ended. CPU time is that of the whole program, including its \
                pauses.",
        costs: "",
        groups: vec![group],
        comparisons: vec![percentile("p50"), percentile("p99")],
    }
}

pub(super) fn at_rest() -> Chapter {
    let mut group = Group::new(
        "pool-at-rest",
        case_ids("pool-at-rest", &[&[SOIREE, BOXED], &POOLS[..]].concat()),
    );
    group.run_time = Duration::from_secs(1);
    group.ops = Some(1);
    Chapter {
        title: "A pool at rest",
        about: "CPU time within one second in which a pool of 10 workers has no jobs. It has run jobs before.",
        costs: "",
        groups: vec![group],
        comparisons: vec![Comparison {
            name: "pool-at-rest: CPU time in a second".into(),
            ours: CaseId::new("pool-at-rest", SOIREE),
            others: Vec::new(),
            figure: Figure::Cpu,
            target: Target::MaxNanos(200_000.0),
        }],
    }
}
