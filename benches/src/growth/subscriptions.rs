//! More listeners, patterns and topics.

use super::event_pool::{
    Topics, emit, emit_sync, emits, grown, guest, listen, on_manual_pool, subscribes,
};
use super::grown::{Grown, Growth, Law, Operation};
use crate::listener::TOPIC;

pub(super) const LISTENERS: Growth = Growth {
    name: "listeners of a topic",
    about: "An emit calls all of them. One more is subscribed to the same topic, and removed.",
    sizes: &[1, 10, 100, 1_000, 10_000, 100_000, 1_000_000],
    laws: &[
        ("emit_sync", Law::Linear),
        ("emit", Law::Linear),
        ("subscribe", Law::Logarithmic),
        ("unsubscribe", Law::Logarithmic),
        ("close", Law::Linear),
        ("memory", Law::Linear),
    ],
    prepare: listeners,
};

pub(super) const PATTERNS: Growth = Growth {
    name: "patterns",
    about: "Half of them end in `*`, the other half in `**`, and one of each half matches the topic that is emitted. One more pattern \
            is subscribed to, and removed.",
    sizes: &[10, 100, 1_000, 10_000, 100_000, 1_000_000],
    laws: &[
        ("emit_sync", Law::Constant),
        ("emit", Law::Constant),
        ("subscribe", Law::Logarithmic),
        ("unsubscribe", Law::Logarithmic),
        ("close", Law::Linear),
        ("memory", Law::Linear),
    ],
    prepare: patterns,
};

pub(super) const TOPICS: Growth = Growth {
    name: "topics emitted",
    about: "All of them are emitted in turn, and two patterns match each. Once they are more than the cache has places for, most are \
            looked for among the patterns.",
    sizes: &[10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000],
    laws: &[
        ("emit_sync", Law::Logarithmic),
        ("emit", Law::Logarithmic),
        ("subscribe", Law::Constant),
        ("unsubscribe", Law::Constant),
        ("close", Law::Constant),
        ("memory", Law::Logarithmic),
    ],
    prepare: topics,
};

fn listeners(count: u64) -> Grown {
    let (soiree, pool) = on_manual_pool();
    // Many of one topic are what is measured.
    soiree.set_many_listeners(usize::MAX);
    for _ in 0..count {
        listen(&soiree, TOPIC);
    }
    let mut operations = emits(&soiree, &pool, TOPIC);
    operations.extend(subscribes(&soiree, |_| TOPIC.into()));
    grown(soiree, operations)
}

fn patterns(count: u64) -> Grown {
    let (soiree, pool) = on_manual_pool();
    for account in 0..count / 2 {
        listen(&soiree, &format!("account.{account}.user.*"));
        listen(&soiree, &format!("account.{account}.**"));
    }
    let topic = format!("account.{}.user.created", count / 4);
    let mut operations = emits(&soiree, &pool, &topic);
    operations.extend(subscribes(&soiree, guest));
    grown(soiree, operations)
}

fn topics(count: u64) -> Grown {
    let (soiree, pool) = on_manual_pool();
    for pattern in ["account.*.user.*", "account.**"] {
        listen(&soiree, pattern);
    }
    let mut topics = Topics::new(count);
    // Twice, as a topic is cached when it is emitted again.
    for payload in 0..2 * count {
        emit_sync(&soiree, topics.next(), payload);
    }
    let [mut topics, mut pooled] = [Topics::new(count), Topics::new(count)];
    let (sync, queued) = (soiree.clone(), soiree.clone());
    let mut operations = vec![
        Operation::each("emit_sync", move |payload| {
            emit_sync(&sync, topics.next(), payload);
        }),
        Operation::each("emit", move |payload| {
            emit(&queued, &pool, pooled.next(), payload);
        }),
    ];
    operations.extend(subscribes(&soiree, guest));
    grown(soiree, operations)
}
