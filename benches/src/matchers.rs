//! Registries of patterns, each with a listener to every pattern.

use soiree::EventPool;

use crate::listening::called;

/// Patterns and their listeners.
pub(crate) trait Registry: Default {
    /// A topic or pattern as it is written there.
    fn topic(topic: &str) -> String {
        topic.into()
    }

    fn subscribe(&mut self, pattern: &str);

    /// Calls the listeners of the patterns that match.
    fn emit(&mut self, topic: &str, payload: u64);
}

pub(crate) struct Soiree(EventPool);

impl Default for Soiree {
    fn default() -> Self {
        Self(EventPool::new())
    }
}

impl Registry for Soiree {
    fn subscribe(&mut self, pattern: &str) {
        self.0
            .on(pattern, |_| called())
            .expect("the pattern is sound");
    }

    fn emit(&mut self, topic: &str, payload: u64) {
        let report = self.0.emit_sync(topic, payload);
        assert!(
            report.is_ok_and(|report| report.is_ok()),
            "a listener failed"
        );
    }
}

#[cfg(feature = "peers")]
pub(crate) use self::mqtt::{MqttTopicEngine, MqttTopicTree, Quill};

#[cfg(feature = "peers")]
mod mqtt {
    use std::sync::{PoisonError, RwLock};

    use mqtt_topic_engine::{TopicPath, TopicPatternPath, TopicRouter};
    use mqtt_topic_tree::{TopicFilter, TopicName, TopicTree};

    use super::Registry;
    use crate::listening::{BareEvent, BareListener, bare_listener};

    /// As MQTT writes it.
    fn mqtt(topic: &str) -> String {
        topic.replace('.', "/").replace("**", "#").replace('*', "+")
    }

    fn call(listener: &BareListener, topic: &str, payload: u64) {
        let payload = &payload;
        let ended = listener(&BareEvent { topic, payload });
        assert!(ended.is_ok(), "a listener failed");
    }

    #[derive(Default)]
    pub(crate) struct Quill {
        registry: quill::Registry<usize>,
        listeners: Vec<BareListener>,
    }

    impl Registry for Quill {
        fn topic(topic: &str) -> String {
            mqtt(topic)
        }

        fn subscribe(&mut self, pattern: &str) {
            let pattern = quill::Pattern::parse(pattern).expect("the pattern is sound");
            self.registry.subscribe(pattern, self.listeners.len());
            self.listeners.push(bare_listener());
        }

        fn emit(&mut self, topic: &str, payload: u64) {
            let parsed = quill::Topic::parse(topic).expect("the topic is sound");
            self.registry.fanout(&parsed, &payload, |id, payload| {
                call(&self.listeners[*id], topic, *payload);
            });
        }
    }

    /// Behind a lock rather than the crate's own, which keeps two copies of the tree.
    #[derive(Default)]
    pub(crate) struct MqttTopicTree {
        tree: RwLock<TopicTree>,
        listeners: Vec<BareListener>,
    }

    impl Registry for MqttTopicTree {
        fn topic(topic: &str) -> String {
            mqtt(topic)
        }

        fn subscribe(&mut self, pattern: &str) {
            let filter = TopicFilter::try_from(String::from(pattern));
            let id = self.listeners.len() as u64;
            let tree = self.tree.get_mut().unwrap_or_else(PoisonError::into_inner);
            tree.add_subscription(
                filter.expect("the pattern is sound"),
                id,
                mqtt_topic_tree::QoS::Level0,
            );
            self.listeners.push(bare_listener());
        }

        fn emit(&mut self, topic: &str, payload: u64) {
            let name = TopicName::try_from(String::from(topic)).expect("the topic is sound");
            let tree = self.tree.read().unwrap_or_else(PoisonError::into_inner);
            let matching = tree.get_subscriptions(&name);
            drop(tree);
            for subscriber in matching {
                call(
                    &self.listeners[subscriber.client_id as usize],
                    topic,
                    payload,
                );
            }
        }
    }

    #[derive(Default)]
    pub(crate) struct MqttTopicEngine(RwLock<TopicRouter<BareListener>>);

    impl Registry for MqttTopicEngine {
        fn topic(topic: &str) -> String {
            mqtt(topic)
        }

        fn subscribe(&mut self, pattern: &str) {
            let pattern = TopicPatternPath::try_from(pattern).expect("the pattern is sound");
            self.0
                .get_mut()
                .unwrap_or_else(PoisonError::into_inner)
                .add_subscription(pattern, mqtt_topic_engine::QoS::AtMostOnce, bare_listener());
        }

        fn emit(&mut self, topic: &str, payload: u64) {
            let path = TopicPath::new(topic).expect("the topic is sound");
            let router = self.0.read().unwrap_or_else(PoisonError::into_inner);
            for (_, _, listener) in router.get_subscribers(&path) {
                call(listener, topic, payload);
            }
        }
    }
}
