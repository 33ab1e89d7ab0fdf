//! Topics that only those who have reserved them may emit.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::pattern_map::PatternMap;
use super::snapshot::{Lookup, Snapshot};
use super::subscriptions::Registry;
use crate::error::SubscribeError;
use crate::panic::contained;
use crate::topic::Pattern;

/// The patterns that are reserved, and how often each. `None` if there are none.
pub(super) type Reserved = Option<Arc<PatternMap<usize>>>;

impl Registry {
    /// Reserves the topics that match a pattern, until [`unreserve`](Registry::unreserve) is called as often as this. Blocks while
    /// another thread subscribes or unsubscribes.
    ///
    /// The registry only answers [whether a topic is reserved](Registry::is_reserved); whoever emits has to ask.
    ///
    /// # Errors
    /// If the registry is closed.
    pub fn reserve(&self, pattern: &Pattern) -> Result<(), SubscribeError> {
        match self.change_reserved(pattern, |times| times + 1) {
            true => Ok(()),
            false => Err(SubscribeError::Closed),
        }
    }

    /// Takes back one [`reserve`](Registry::reserve) of this pattern. Blocks while another thread subscribes or unsubscribes.
    pub fn unreserve(&self, pattern: &Pattern) {
        self.change_reserved(pattern, |times| times.saturating_sub(1));
    }

    /// Whether any topic is reserved.
    #[inline]
    pub fn has_reserved(&self) -> bool {
        self.has_reserved.load(Ordering::Acquire)
    }

    /// Whether the topic is reserved.
    pub fn is_reserved(&self, topic: &str) -> bool {
        if !self.has_reserved() {
            return false;
        }
        let snapshot = self.current.load();
        let is_reserved = snapshot.is_reserved(topic);
        contained(move || drop(snapshot));
        is_reserved
    }

    /// Changes how often a pattern is reserved. Returns `false` if the registry is closed.
    fn change_reserved(&self, pattern: &Pattern, change: impl FnOnce(usize) -> usize) -> bool {
        let hook = self.hook();
        let writers = self.lock_writers();
        if writers.is_closed() {
            return false;
        }
        let current = self.current.load();
        let mut reserved = current.reserved().as_deref().cloned().unwrap_or_default();
        match change(reserved.get(pattern).copied().unwrap_or_default()) {
            0 => drop(reserved.remove(pattern)),
            times => reserved.insert(pattern, times),
        }
        let has_reserved = !reserved.is_empty();
        let next = current.with_reserved(has_reserved.then(|| Arc::new(reserved)));
        drop(current);
        let retired = self.publish(next, hook);
        self.has_reserved.store(has_reserved, Ordering::Release);
        drop(writers);
        retired.retire();
        true
    }
}

impl Snapshot {
    /// Whether the topic is reserved. Does not count the topic as emitted.
    pub fn is_reserved(&self, topic: &str) -> bool {
        self.reserved().is_some() && self.is_reserved_in(self.find(self.hash(topic), topic), topic)
    }

    /// As [`is_reserved`](Self::is_reserved), for a caller that has looked the topic up.
    #[inline]
    pub fn is_reserved_in(&self, found: Lookup<'_>, topic: &str) -> bool {
        match found {
            Lookup::Cached(cached) => cached.is_reserved,
            Lookup::Uncached(_) => self.matches_reserved(topic),
        }
    }

    pub(super) fn matches_reserved(&self, topic: &str) -> bool {
        let mut matches = false;
        if let Some(reserved) = self.reserved() {
            reserved.for_each_match(topic, |_| matches = true);
        }
        matches
    }
}
