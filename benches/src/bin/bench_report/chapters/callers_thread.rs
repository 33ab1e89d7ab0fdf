//! Listeners on the caller's thread, and the registry that finds them.

use super::chapter::{Chapter, Group, SOIREE, case_ids, comparison};
use crate::case_id::CaseId;
use crate::comparison::Target;

/// The crates that match topics with wildcards.
const WILDCARDS: [&str; 3] = ["quill-pubsub", "mqtt_topic_tree", "mqtt-topic-engine"];

pub(super) fn dispatch() -> Chapter {
    let mut groups = Vec::new();
    let mut comparisons = Vec::new();
    for listeners in [1, 10, 100] {
        let workload = format!("sync-{listeners}");
        let peers = [
            SOIREE,
            "RwLock loop",
            "mod-events",
            "hey_listen",
            "signals2",
            "rs_events",
            "tokio broadcast",
        ];
        groups.push(Group::new(
            &workload,
            case_ids(&workload, &[&peers[..], &WILDCARDS].concat()),
        ));
        let mut add = |name: &str, others: &[&str], target| {
            let name = format!("{workload}: {name}");
            comparisons.push(comparison(
                &name,
                CaseId::new(&workload, SOIREE),
                case_ids(&workload, others),
                target,
            ));
        };
        add(
            "vs a bare loop",
            &["RwLock loop"],
            Target::MaxTimeRatio(1.1),
        );
        // With 100 listeners, the calls themselves take most of the time.
        if listeners < 100 {
            add(
                "vs priorities and caught panics",
                &["mod-events"],
                Target::MinSpeedup(3.0),
            );
            add("vs wildcards", &WILDCARDS, Target::MinSpeedup(4.0));
        }
    }
    for listeners in [1, 10, 100] {
        let workload = format!("sync-read-{listeners}");
        let subjects = [SOIREE, "RwLock loop", "mod-events"];
        groups.push(Group::new(&workload, case_ids(&workload, &subjects)));
        let targets = [
            ("vs a bare loop", "RwLock loop", Target::MaxTimeRatio(1.5)),
            (
                "vs priorities and caught panics",
                "mod-events",
                Target::MinSpeedup(1.0),
            ),
        ];
        for (name, other, target) in targets {
            comparisons.push(comparison(
                &format!("{workload}: {name}"),
                CaseId::new(&workload, SOIREE),
                case_ids(&workload, &[other]),
                target,
            ));
        }
    }
    Chapter {
        title: "Calling listeners on the caller's thread",
        about: "`emit_sync` on an exact topic with 1, 10 and 100 listeners. The bare loop is a loop over the listeners of a topic in \
                a `RwLock<HashMap<String, Vec<Arc<dyn Fn>>>>`. hey_listen, signals2, mod-events and tokio's broadcast channel have \
                no topics, and hey_listen has no payload: they show what fewer features cost. In `sync-read` the listeners read the \
                payload. Those of mod-events always do.",
        costs: "An emission reads one snapshot of subscriptions and settings. This takes one atomic read-modify-write, at its start; \
                the lock of the bare loop takes two. The rest is the lookup of the topic's listeners in the snapshot, the place of \
                the payload, the record that the thread is inside an emission, and the report, which is two words: what few \
                reports have is behind a pointer. Tried and given up, because each takes longer: a report with all its numbers, \
                which was written and at once read again to move it, and took as long as all else that `emit_sync` does but the \
                lock; a separate count of running emissions, two snapshots instead of one, a hash that waits for the \
                snapshot, a fresh allocation for each payload, and a panic handler for each listener. A snapshot that each thread \
                keeps would need no atomic read-modify-write at all. But threads that no longer emit would keep removed listeners \
                alive, and to take it from them needs `unsafe`. Any listener may keep the payload, so it is on the heap, in an \
                allocation that the thread uses again and again. If \
                nobody keeps it, its readers pay for two calls through a pointer, for the place and for the type. mod-events passes the \
                place to its listeners, and pays for one: with 100 listeners, that is most of the difference.",
        groups,
        comparisons,
    }
}

pub(super) fn threads() -> Chapter {
    let subjects = [SOIREE, "RwLock loop", "mod-events"];
    let mut cases = case_ids("sync-threads-1", &subjects);
    cases.extend(case_ids("sync-threads-2", &subjects));
    Chapter {
        title: "Two threads on one topic",
        about: "`emit_sync` to one listener, from one thread and from two at once. Time is the elapsed time divided by the emits of \
                all threads, so two threads take at best half the time of one.",
        costs: "",
        groups: vec![Group::new("sync-threads", cases)],
        comparisons: vec![comparison(
            "sync-threads: two threads vs one",
            CaseId::new("sync-threads-2", SOIREE),
            case_ids("sync-threads-1", &[SOIREE]),
            Target::MinSpeedup(1.9),
        )],
    }
}

pub(super) fn matching() -> Chapter {
    let mut hot = Vec::new();
    for patterns in [10, 1_000, 100_000, 1_000_000] {
        let workload = format!("hot-{patterns}");
        hot.extend(case_ids(&workload, &[SOIREE, WILDCARDS[0]]));
        if patterns <= 100_000 {
            hot.extend(case_ids(&workload, &WILDCARDS[1..]));
        }
    }
    let spread = [
        case_ids("spread-100000", &[SOIREE]),
        case_ids("spread-100000", &WILDCARDS),
        case_ids("spread-1000000", &[SOIREE, WILDCARDS[0]]),
    ];
    Chapter {
        title: "Finding listeners among many patterns",
        about: "`emit_sync` on a topic that two of many patterns match. Half of the patterns end in `*`, the other half in `**`. \
                *Hot* emits one topic again and again, *spread* emits 100,000 topics in turn. mqtt_topic_tree reserves room for all \
                subscribers at each publish.",
        costs: "A topic that is emitted again and again is found in a cache of up to 4,096 topics. For the others the time goes into \
                places of memory that are not in the processor's cache: two in the map of segments, then the node, the \
                registration of each listener, and the text of a pattern.",
        groups: vec![
            Group::new("hot", hot),
            Group::new("spread", spread.concat()),
        ],
        comparisons: vec![
            comparison(
                "hot: 1,000,000 patterns vs 10",
                CaseId::new("hot-1000000", SOIREE),
                case_ids("hot-10", &[SOIREE]),
                Target::MaxTimeRatio(1.1),
            ),
            comparison(
                "spread: 100,000 topics among 100,000 patterns",
                CaseId::new("spread-100000", SOIREE),
                case_ids("spread-100000", &WILDCARDS[..1]),
                Target::MaxTimeRatio(0.6),
            ),
        ],
    }
}

pub(super) fn double_wildcards() -> Chapter {
    let mut cases = case_ids("wildcards-50", &[SOIREE]);
    cases.extend(case_ids("wildcards-100", &[SOIREE]));
    Chapter {
        title: "Eight `**` against a long topic",
        about: "`emit_sync` on topics of 50 and of 100 segments, each emitted once. A pattern of eight `**` comes close to matching \
                them.",
        costs: "",
        groups: vec![Group::new("wildcards", cases)],
        comparisons: vec![
            comparison(
                "wildcards: 100 segments",
                CaseId::new("wildcards-100", SOIREE),
                Vec::new(),
                Target::MaxNanos(10_000.0),
            ),
            comparison(
                "wildcards: 100 segments vs 50, linear",
                CaseId::new("wildcards-100", SOIREE),
                case_ids("wildcards-50", &[SOIREE]),
                Target::MaxTimeRatio(2.2),
            ),
        ],
    }
}

pub(super) fn subscribing() -> Chapter {
    let [few, many] = ["subscribe-10", "subscribe-1000000"];
    let mut cases = Vec::new();
    for workload in [few, many] {
        cases.push(CaseId::new(workload, SOIREE));
        cases.push(CaseId::new(format!("{workload}-while-emitting"), SOIREE));
    }
    let many = CaseId::new(many, SOIREE);
    Chapter {
        title: "Subscribing",
        about: "Subscribes a closure to a new pattern, among 10 and among 1,000,000 patterns, alone and while another thread emits. \
                Time is that of one subscribe, `unsubscribe` that of one unsubscribe, and `emit` that of one emit on the other \
                thread.",
        costs: "",
        groups: vec![Group::new("subscribe", cases)],
        comparisons: vec![
            comparison(
                "subscribe: among 1,000,000",
                many.clone(),
                Vec::new(),
                Target::MaxNanos(2_000.0),
            ),
            comparison(
                "subscribe: among 1,000,000 vs 10",
                many,
                case_ids(few, &[SOIREE]),
                Target::MaxTimeRatio(1.3),
            ),
        ],
    }
}
