//! Finding the two listeners of a topic among those of many patterns.

use std::hint::black_box;

use crate::case::Case;
use crate::emit_loop::EmitLoop;
use crate::registries::{SoireeRegistry, TopicRegistry};

/// How many patterns there are.
const PATTERNS: [u64; 4] = [10, 1_000, 100_000, 1_000_000];
/// Among how many patterns many topics are emitted in turn.
const SPREAD: [u64; 2] = [100_000, 1_000_000];
const TOPICS: u64 = 100_000;

pub(crate) fn cases() -> Vec<Case> {
    let all = [
        add::<SoireeRegistry>("soiree", 1_000_000),
        #[cfg(feature = "peers")]
        add::<crate::registries::Quill>("quill-pubsub", 1_000_000),
        // Its time for one topic grows with all the patterns.
        #[cfg(feature = "peers")]
        add::<crate::registries::MqttTopicTree>("mqtt_topic_tree", 100_000),
        #[cfg(feature = "peers")]
        add::<crate::registries::MqttTopicEngine>("mqtt-topic-engine", 100_000),
    ];
    all.into_iter().flatten().collect()
}

fn add<R: TopicRegistry + 'static>(subject: &'static str, most: u64) -> Vec<Case> {
    let hot = PATTERNS.into_iter().map(move |patterns| {
        let make = move || {
            let mut registry = registry::<R>(patterns);
            let topic = topic::<R>(patterns / 4, 0);
            EmitLoop::new(2, move |payload| registry.emit(black_box(&topic), payload))
        };
        (
            patterns,
            Case::new(format!("hot-{patterns}"), subject, make),
        )
    });
    let spread = SPREAD.into_iter().map(move |patterns| {
        let make = move || {
            let mut registry = registry::<R>(patterns);
            let topics: Vec<String> = (0..TOPICS).map(|at| topic::<R>(at / 2, at % 2)).collect();
            let mut at = 0;
            EmitLoop::new(2, move |payload| {
                registry.emit(&topics[at], payload);
                at = (at + 1) % topics.len();
            })
        };
        (
            patterns,
            Case::new(format!("spread-{patterns}"), subject, make),
        )
    });
    hot.chain(spread)
        .filter(|(patterns, _)| *patterns <= most)
        .map(|(_, case)| case)
        .collect()
}

/// Half of them end in `*`, the other half in `**`; every topic below matches one of either.
fn registry<R: TopicRegistry>(patterns: u64) -> R {
    let mut registry = R::default();
    for account in 0..patterns / 2 {
        registry.subscribe(&R::native_topic(&format!("account.{account}.user.*")));
        registry.subscribe(&R::native_topic(&format!("account.{account}.**")));
    }
    registry
}

fn topic<R: TopicRegistry>(account: u64, kind: u64) -> String {
    let kind = ["created", "deleted"][kind as usize];
    R::native_topic(&format!("account.{account}.user.{kind}"))
}
