//! The topic registry: which listeners are subscribed to which patterns, and which of them match a topic.
//!
//! Most programs subscribe through an `EventPool`. This module is for crates that dispatch events themselves.
//!
//! - [`Registry`] holds the subscriptions. Readers read a [`Snapshot`], and writers publish the next one.
//! - A [`Visitor`] receives the listeners of a topic, each as a [`Registration`].
//! - [`RemainingListeners`] lets an emission go on after one of its listeners, on another thread.
//! - A [`PublishHook`] receives every new snapshot.
//! - [`PatternMap`] finds other things than listeners by the patterns that match a topic.

mod hash_map;
mod introspect;
mod matching;
mod pattern_listeners;
mod pattern_map;
mod publish;
mod radix;
mod rare_options;
mod read;
mod registration;
mod remaining;
mod reserved;
mod snapshot;
mod specificity;
mod subscriptions;
mod topic_cache;
mod trie;

pub use self::pattern_map::PatternMap;
pub use self::publish::PublishHook;
pub use self::registration::{Claim, Registration, RegistrationKey};
pub use self::remaining::RemainingListeners;
pub use self::snapshot::{Lookup, Snapshot, TopicHash, TopicListeners, Visitor};
pub use self::specificity::{Specificity, overlap, specificity};
pub use self::subscriptions::Registry;
pub use self::topic_cache::{CachedListener, CachedTopic};
