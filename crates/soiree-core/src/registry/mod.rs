//! Who listens to what.

mod hash_map;
mod introspect;
mod matching;
mod pattern_listeners;
mod publish;
mod radix;
mod read;
mod registration;
mod remaining;
mod snapshot;
mod subscriptions;
mod topic_cache;
mod trie;

pub use self::publish::PublishHook;
pub use self::registration::{Claim, Registration};
pub use self::remaining::RemainingListeners;
pub use self::snapshot::{Hash, Lookup, Snapshot, Visitor};
pub use self::subscriptions::Registry;
pub use self::topic_cache::{CachedListener, CachedTopic};
