//! Topics that only those who have reserved them may emit.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::subscriptions::Registry;
use crate::error::SubscribeError;
use crate::topic::Pattern;

impl Registry {
    /// Reserves the topics that match a pattern, until [`unreserve`](Registry::unreserve) is called as often as this. Blocks while
    /// another thread subscribes or unsubscribes.
    ///
    /// The registry only answers [whether a topic is reserved](Registry::is_reserved); an emitter has to ask.
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
        self.has_reserved() && self.current.read(|snapshot| snapshot.is_reserved(topic))
    }

    /// Changes how often a pattern is reserved. Returns `false` if the registry is closed.
    fn change_reserved(&self, pattern: &Pattern, change: impl FnOnce(usize) -> usize) -> bool {
        let hook = self.hook();
        let writers = self.lock_writers();
        if writers.is_closed() {
            return false;
        }
        let current = self.current.get();
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
