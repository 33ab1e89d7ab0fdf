//! What runs on the caller's thread, and the registry that finds listeners.

use super::chapter::{Chapter, Group, SOIREE, case_ids, comparison};
use crate::case_id::CaseId;
use crate::comparison::Target;

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
            "beside a bare loop",
            &["RwLock loop"],
            Target::MaxTimeRatio(1.2),
        );
        // With 100 it is the listeners that take the time.
        if listeners < 100 {
            add(
                "beside priorities and caught panics",
                &["mod-events"],
                Target::MinSpeedup(2.5),
            );
            add("beside wildcards", &WILDCARDS, Target::MinSpeedup(4.0));
        }
    }
    for listeners in [1, 10, 100] {
        let workload = format!("sync-read-{listeners}");
        let subjects = [SOIREE, "RwLock loop", "mod-events"];
        groups.push(Group::new(&workload, case_ids(&workload, &subjects)));
    }
    Chapter {
        title: "Calling listeners on the caller's thread",
        about: "`emit_sync` on an exact topic with 1, 10 and 100 listeners. The bare loop is a `RwLock<HashMap<String, Vec<Arc<dyn Fn>>>>`. \
                hey_listen, \
                signals2, mod-events and tokio's broadcast channel know no topics, and hey_listen takes no payload: they show what less costs. In `sync-read` the listeners look at \
                the payload, as those of mod-events do in any case.",
        obstacles: "An emission reads one snapshot of subscriptions and settings, which is one locked operation to begin and one to end, \
                    as many as the loop's lock takes, and most of the time. What is left is the way through the snapshot to the \
                    listeners of the topic, the frame by which a listener is known to be inside an emission, and the report. Given up, as each \
                    takes longer: a gate that counts who is inside, two snapshots in place of one, a hash that waits for \
                    the snapshot, a payload in an allocation of its own, and for each listener a frame to catch its panic. A snapshot kept \
                    by each thread would need no locked operation at all, but threads that emit no more would keep listeners that were taken off, and a close \
                    could not know who is inside. Where listeners look at the payload, the first look takes an allocation, as any of them \
                    may keep it.",
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
        about: "`emit_sync` to one listener, from one thread and from two at once. Time is that of all threads together for each emit, so with \
                two threads it is at best half.",
        obstacles: "",
        groups: vec![Group::new("sync-threads", cases)],
        comparisons: vec![comparison(
            "sync-threads: two beside one",
            CaseId::new("sync-threads-2", SOIREE),
            case_ids("sync-threads-1", &[SOIREE]),
            Target::MinSpeedup(1.5),
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
        about: "`emit_sync` on a topic that two of many patterns match, half of which end in `*` and half in `**`. *Hot* is one topic again and \
                again, *spread* are 100,000 topics in turn. mqtt_topic_tree makes room for all subscribers at each publish.",
        obstacles: "",
        groups: vec![
            Group::new("hot", hot),
            Group::new("spread", spread.concat()),
        ],
        comparisons: vec![
            comparison(
                "hot: among 1,000,000 beside 10",
                CaseId::new("hot-1000000", SOIREE),
                case_ids("hot-10", &[SOIREE]),
                Target::MaxTimeRatio(1.3),
            ),
            comparison(
                "spread: 100,000 topics among 100,000 patterns",
                CaseId::new("spread-100000", SOIREE),
                case_ids("spread-100000", &WILDCARDS[..1]),
                Target::MaxTimeRatio(1.2),
            ),
        ],
    }
}

pub(super) fn double_wildcards() -> Chapter {
    let mut cases = case_ids("stars-50", &[SOIREE]);
    cases.extend(case_ids("stars-100", &[SOIREE]));
    Chapter {
        title: "Eight `**` against a long topic",
        about: "`emit_sync` on topics of 50 and of 100 segments, each a new one, with a pattern of eight `**` that comes close to matching.",
        obstacles: "",
        groups: vec![Group::new("stars", cases)],
        comparisons: vec![
            comparison(
                "stars: 100 segments",
                CaseId::new("stars-100", SOIREE),
                Vec::new(),
                Target::MaxNanos(20_000.0),
            ),
            comparison(
                "stars: 100 segments beside 50, linear",
                CaseId::new("stars-100", SOIREE),
                case_ids("stars-50", &[SOIREE]),
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
        about: "Subscribing a closure to a new pattern, among 10 and among 1,000,000, alone and while another thread emits. Time is that of \
                subscribing; `unsubscribe` is that of taking off, and `emit` that of one emit of the other thread.",
        obstacles: "",
        groups: vec![Group::new("subscribe", cases)],
        comparisons: vec![
            comparison(
                "subscribe: among 1,000,000",
                many.clone(),
                Vec::new(),
                Target::MaxNanos(5_000.0),
            ),
            comparison(
                "subscribe: among 1,000,000 beside 10",
                many,
                case_ids(few, &[SOIREE]),
                Target::MaxTimeRatio(3.0),
            ),
        ],
    }
}
