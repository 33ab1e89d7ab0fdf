//! Finding the two listeners of a topic among many patterns.

use std::hint::black_box;

use crate::case::Case;
use crate::emit_loop::EmitLoop;
use crate::registries::{SoireeRegistry, TopicRegistry};

/// The numbers of patterns when one topic is emitted again and again.
const PATTERNS: [u64; 4] = [10, 1_000, 100_000, 1_000_000];
/// The numbers of patterns when many topics are emitted in turn.
const SPREAD: [u64; 2] = [100_000, 1_000_000];
/// How many topics are emitted in turn.
const TOPICS: u64 = 100_000;

pub(crate) fn cases() -> Vec<Case> {
    let all = [
        registry_cases::<SoireeRegistry>("soiree", 1_000_000),
        #[cfg(feature = "peers")]
        registry_cases::<crate::registries::Quill>("quill-pubsub", 1_000_000),
        // The time that this crate needs per topic grows with the number of patterns.
        #[cfg(feature = "peers")]
        registry_cases::<crate::registries::MqttTopicTree>("mqtt_topic_tree", 100_000),
        #[cfg(feature = "peers")]
        registry_cases::<crate::registries::MqttTopicEngine>("mqtt-topic-engine", 100_000),
    ];
    all.into_iter().flatten().collect()
}

/// The cases of one registry with at most `max` patterns.
fn registry_cases<R: TopicRegistry + 'static>(subject: &'static str, max: u64) -> Vec<Case> {
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
        .filter(|(patterns, _)| *patterns <= max)
        .map(|(_, case)| case)
        .collect()
}

/// Half of the patterns end in `*`, the other half in `**`. Every topic matches one of each half.
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
