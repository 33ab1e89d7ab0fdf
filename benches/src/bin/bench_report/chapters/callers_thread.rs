//! What runs on the caller's thread, and the registry that finds listeners.

use super::chapter::{Chapter, Group, SOIREE, keys, row};
use crate::comparison::Target;
use crate::key::Key;

const WILDCARDS: [&str; 3] = ["quill-pubsub", "mqtt_topic_tree", "mqtt-topic-engine"];

pub(super) fn dispatch() -> Chapter {
    let mut groups = Vec::new();
    let mut rows = Vec::new();
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
            keys(&workload, &[&peers[..], &WILDCARDS].concat()),
        ));
        let mut add = |name: &str, others: &[&str], target| {
            let name = format!("{workload}: {name}");
            rows.push(row(
                &name,
                Key::new(&workload, SOIREE),
                keys(&workload, others),
                target,
            ));
        };
        add("beside a bare loop", &["RwLock loop"], Target::Times(1.2));
        // With 100 it is the listeners that take the time.
        if listeners < 100 {
            add(
                "beside priorities and caught panics",
                &["mod-events"],
                Target::Faster(2.5),
            );
            add("beside wildcards", &WILDCARDS, Target::Faster(4.0));
        }
    }
    for listeners in [1, 10, 100] {
        let workload = format!("sync-read-{listeners}");
        let contenders = [SOIREE, "RwLock loop", "mod-events"];
        groups.push(Group::new(&workload, keys(&workload, &contenders)));
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
        rows,
    }
}

pub(super) fn threads() -> Chapter {
    let contenders = [SOIREE, "RwLock loop", "mod-events"];
    let mut cases = keys("sync-threads-1", &contenders);
    cases.extend(keys("sync-threads-2", &contenders));
    Chapter {
        title: "Two threads on one topic",
        about: "`emit_sync` to one listener, from one thread and from two at once. Time is that of all threads together for each emit, so with \
                two threads it is at best half.",
        obstacles: "",
        groups: vec![Group::new("sync-threads", cases)],
        rows: vec![row(
            "sync-threads: two beside one",
            Key::new("sync-threads-2", SOIREE),
            keys("sync-threads-1", &[SOIREE]),
            Target::Faster(1.5),
        )],
    }
}

pub(super) fn patterns() -> Chapter {
    let mut hot = Vec::new();
    for patterns in [10, 1_000, 100_000, 1_000_000] {
        let workload = format!("hot-{patterns}");
        hot.extend(keys(&workload, &[SOIREE, WILDCARDS[0]]));
        if patterns <= 100_000 {
            hot.extend(keys(&workload, &WILDCARDS[1..]));
        }
    }
    let spread = [
        keys("spread-100000", &[SOIREE]),
        keys("spread-100000", &WILDCARDS),
        keys("spread-1000000", &[SOIREE, WILDCARDS[0]]),
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
        rows: vec![
            row(
                "hot: among 1,000,000 beside 10",
                Key::new("hot-1000000", SOIREE),
                keys("hot-10", &[SOIREE]),
                Target::Times(1.3),
            ),
            row(
                "spread: 100,000 topics among 100,000 patterns",
                Key::new("spread-100000", SOIREE),
                keys("spread-100000", &WILDCARDS[..1]),
                Target::Times(1.2),
            ),
        ],
    }
}

pub(super) fn stars() -> Chapter {
    let mut cases = keys("stars-50", &[SOIREE]);
    cases.extend(keys("stars-100", &[SOIREE]));
    Chapter {
        title: "Eight `**` against a long topic",
        about: "`emit_sync` on topics of 50 and of 100 segments, each a new one, with a pattern of eight `**` that comes close to matching.",
        obstacles: "",
        groups: vec![Group::new("stars", cases)],
        rows: vec![
            row(
                "stars: 100 segments",
                Key::new("stars-100", SOIREE),
                Vec::new(),
                Target::Nanos(20_000.0),
            ),
            row(
                "stars: 100 segments beside 50, linear",
                Key::new("stars-100", SOIREE),
                keys("stars-50", &[SOIREE]),
                Target::Times(2.2),
            ),
        ],
    }
}

pub(super) fn subscribing() -> Chapter {
    let [few, many] = ["subscribe-10", "subscribe-1000000"];
    let mut cases = Vec::new();
    for workload in [few, many] {
        cases.push(Key::new(workload, SOIREE));
        cases.push(Key::new(format!("{workload}-while-emitting"), SOIREE));
    }
    let many = Key::new(many, SOIREE);
    Chapter {
        title: "Subscribing",
        about: "Subscribing a closure to a new pattern, among 10 and among 1,000,000, alone and while another thread emits. Time is that of \
                subscribing; `unsubscribe` is that of taking off, and `emit` that of one emit of the other thread.",
        obstacles: "",
        groups: vec![Group::new("subscribe", cases)],
        rows: vec![
            row(
                "subscribe: among 1,000,000",
                many.clone(),
                Vec::new(),
                Target::Nanos(5_000.0),
            ),
            row(
                "subscribe: among 1,000,000 beside 10",
                many,
                keys(few, &[SOIREE]),
                Target::Times(3.0),
            ),
        ],
    }
}
