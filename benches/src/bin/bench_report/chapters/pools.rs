//! What goes through a pool.

use std::time::Duration;

use super::chapter::{Chapter, Group, SOIREE, case_ids, comparison};
use crate::case_id::CaseId;
use crate::comparison::{Comparison, Target};
use crate::runs::Figure;

const POOLS: [&str; 5] = [
    "threadpool",
    "rayon",
    "rusty_pool",
    "tokio spawn",
    "tokio spawn_blocking",
];
const BOXED: &str = "crossbeam, boxed jobs";
const BY_VALUE: &str = "crossbeam, jobs by value";

pub(super) fn emitting() -> Chapter {
    let mut groups = Vec::new();
    let mut comparisons = Vec::new();
    for producers in [1, 2] {
        for workers in [2, 10] {
            let workload = format!("emit-{producers}p-{workers}w");
            let [kept, dropped] =
                ["soiree, kept", "soiree, dropped"].map(|who| CaseId::new(&workload, who));
            let mut cases = vec![kept.clone(), dropped.clone()];
            cases.extend(case_ids(
                &workload,
                &[
                    "literal port, kept",
                    "literal port, dropped",
                    "crossbeam, one value",
                ],
            ));
            groups.push(Group::new(&workload, cases));
            let mut add = |name: &str, ours: &CaseId, others: Vec<CaseId>, target| {
                comparisons.push(comparison(
                    &format!("{workload}: {name}"),
                    ours.clone(),
                    others,
                    target,
                ));
            };
            add(
                "kept, beside the literal port",
                &kept,
                case_ids(&workload, &["literal port, kept"]),
                Target::MinSpeedup(2.5),
            );
            add(
                "kept, beside a bare channel",
                &kept,
                case_ids(&workload, &["crossbeam, one value"]),
                Target::MinSpeedup(0.8),
            );
            add(
                "dropped, beside kept",
                &dropped,
                vec![kept.clone()],
                Target::MinSpeedup(1.3),
            );
        }
    }
    Chapter {
        title: "Events through a pool",
        about: "`emit` to one listener from 1 and 2 threads (p) through 2 and 10 workers (w), with a queue of 1,024, until the last listener has \
                run. *Kept* is with the emissions kept and awaited in batches of 1,000, *dropped* without. The literal port boxes each job, has an `Arc` for the \
                event and one for the topic, a channel for the errors of each emit, a token for each job that runs, and counters that \
                all threads share. The bare channel hands over one number.",
        obstacles: "An emit makes one allocation, counts itself at the gate, and passes the lock of the pool, as the worker that takes it does; \
                    the number takes a place in a ring. What costs most is that the lock and the emission go from one processor to \
                    another. Tried: an emission of several times its size, of which most is now made only when it is needed, and which was \
                    freed under a lock of the allocator when the worker freed it; settings counted for each stripe of threads, and one \
                    blocked submitter woken at a time, both without gain. Workers that take several jobs at a time have clearly less to do \
                    for each, and are not in use: jobs would wait behind a long one while other workers are idle, and a full queue \
                    would not know its places. A dropped emission is freed on another thread than the one that made it, a kept one is \
                    not; that is what it has to make up for.",
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
            &format!("{workload}: beside spawn and await"),
            CaseId::new(&workload, SOIREE),
            case_ids(&workload, &["tokio spawn"]),
            Target::MinSpeedup(1.3),
        ));
    }
    Chapter {
        title: "Events through a pool, one at a time",
        about: "`emit` and a wait for its end before the next. Tokio spawns the same work from outside its workers and awaits it.",
        obstacles: "",
        groups,
        comparisons,
    }
}

pub(super) fn tiny_jobs() -> Chapter {
    let mut groups = Vec::new();
    let mut comparisons = Vec::new();
    for producers in [1, 2] {
        for workers in [2, 10] {
            let workload = format!("tiny-jobs-{producers}p-{workers}w");
            groups.push(Group::new(
                &workload,
                case_ids(
                    &workload,
                    &[&[SOIREE, BOXED, BY_VALUE], &POOLS[..]].concat(),
                ),
            ));
            let ours = CaseId::new(&workload, SOIREE);
            let vs_pools = format!("{workload}: beside other pools");
            comparisons.push(comparison(
                &vs_pools,
                ours.clone(),
                case_ids(&workload, &POOLS),
                Target::MinSpeedup(1.5),
            ));
            let vs_channel = format!("{workload}: beside a bare channel");
            comparisons.push(comparison(
                &vs_channel,
                ours,
                case_ids(&workload, &[BOXED]),
                Target::MinSpeedup(1.2),
            ));
        }
    }
    Chapter {
        title: "Tiny jobs",
        about: "Jobs that add one to a number, from 1 and 2 threads (p) on 2 and 10 workers (w), until the last has run. soiree and the bare \
                channel hold back whoever submits when 1,024 jobs wait; the queues of the others have no bounds.",
        obstacles: "One lock guards queue, permits and figures, and each job passes it twice. Whoever finds it held looks for it seldom, \
                    so that the lock stays with one processor for several jobs. What is left is mostly the \
                    allocation of the closure, which is freed on another thread, in every pool but the one that takes jobs by value. A \
                    closure in the place of the queue itself would save that, and takes `unsafe`. Tried, without gain: two lock-free channels in \
                    place of the lock, workers that take several jobs at a time, fewer shared stores, all that changes with a job side by \
                    side in memory, and patience on one side of the queue alone.",
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
        name: format!("idle-pool: {name} beside a bare channel"),
        ours: CaseId::new("idle-pool", SOIREE),
        others: case_ids("idle-pool", &[BOXED]),
        figure: Figure::Named(name),
        target: Target::MaxTimeRatio(1.05),
    };
    Chapter {
        title: "One job on an idle pool",
        about: "From submit until the job runs, on a pool of 2 workers that has been idle for 200 µs; `round-` is from submit until the \
                submitter knows that it has ended. CPU time is that of the whole program, its pauses included.",
        obstacles: "",
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
        about: "CPU time within a second in which a pool of 10 workers has nothing to do, after it had.",
        obstacles: "",
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
