//! The registries that are compared. Each finds the listeners whose patterns match a topic.

use soiree::EventPool;

use crate::listener::count_call;

/// Patterns, each with one listener.
pub(crate) trait TopicRegistry: Default {
    /// Converts a topic or pattern of soiree to the syntax of this registry.
    fn native_topic(topic: &str) -> String {
        topic.into()
    }

    /// Adds a pattern with a listener that counts its calls. The pattern has the syntax of this registry.
    fn subscribe(&mut self, pattern: &str);

    /// Calls the listeners of the patterns that match.
    fn emit(&mut self, topic: &str, payload: u64);
}

pub(crate) struct SoireeRegistry(EventPool);

impl Default for SoireeRegistry {
    fn default() -> Self {
        Self(EventPool::new())
    }
}

impl TopicRegistry for SoireeRegistry {
    fn subscribe(&mut self, pattern: &str) {
        self.0
            .on(pattern, |_| count_call())
            .expect("the pattern is valid");
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

    use super::TopicRegistry;
    use crate::listener::{PlainEvent, PlainListener, counting_listener};

    /// Converts a topic or pattern to the syntax of MQTT.
    fn mqtt_syntax(topic: &str) -> String {
        topic.replace('.', "/").replace("**", "#").replace('*', "+")
    }

    fn call(listener: &PlainListener, topic: &str, payload: u64) {
        let payload = &payload;
        let ended = listener(&PlainEvent { topic, payload });
        assert!(ended.is_ok(), "a listener failed");
    }

    #[derive(Default)]
    pub(crate) struct Quill {
        registry: quill::Registry<usize>,
        listeners: Vec<PlainListener>,
    }

    impl TopicRegistry for Quill {
        fn native_topic(topic: &str) -> String {
            mqtt_syntax(topic)
        }

        fn subscribe(&mut self, pattern: &str) {
            let pattern = quill::Pattern::parse(pattern).expect("the pattern is valid");
            self.registry.subscribe(pattern, self.listeners.len());
            self.listeners.push(counting_listener());
        }

        fn emit(&mut self, topic: &str, payload: u64) {
            let parsed = quill::Topic::parse(topic).expect("the topic is valid");
            self.registry.fanout(&parsed, &payload, |id, payload| {
                call(&self.listeners[*id], topic, *payload);
            });
        }
    }

    /// Uses a lock of its own, as the concurrent tree of the crate keeps two copies.
    #[derive(Default)]
    pub(crate) struct MqttTopicTree {
        tree: RwLock<TopicTree>,
        listeners: Vec<PlainListener>,
    }

    impl TopicRegistry for MqttTopicTree {
        fn native_topic(topic: &str) -> String {
            mqtt_syntax(topic)
        }

        fn subscribe(&mut self, pattern: &str) {
            let filter = TopicFilter::try_from(String::from(pattern));
            let id = self.listeners.len() as u64;
            let tree = self.tree.get_mut().unwrap_or_else(PoisonError::into_inner);
            tree.add_subscription(
                filter.expect("the pattern is valid"),
                id,
                mqtt_topic_tree::QoS::Level0,
            );
            self.listeners.push(counting_listener());
        }

        fn emit(&mut self, topic: &str, payload: u64) {
            let name = TopicName::try_from(String::from(topic)).expect("the topic is valid");
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
    pub(crate) struct MqttTopicEngine(RwLock<TopicRouter<PlainListener>>);

    impl TopicRegistry for MqttTopicEngine {
        fn native_topic(topic: &str) -> String {
            mqtt_syntax(topic)
        }

        fn subscribe(&mut self, pattern: &str) {
            let pattern = TopicPatternPath::try_from(pattern).expect("the pattern is valid");
            self.0
                .get_mut()
                .unwrap_or_else(PoisonError::into_inner)
                .add_subscription(
                    pattern,
                    mqtt_topic_engine::QoS::AtMostOnce,
                    counting_listener(),
                );
        }

        fn emit(&mut self, topic: &str, payload: u64) {
            let path = TopicPath::new(topic).expect("the topic is valid");
            let router = self.0.read().unwrap_or_else(PoisonError::into_inner);
            for (_, _, listener) in router.get_subscribers(&path) {
                call(listener, topic, payload);
            }
        }
    }
}
