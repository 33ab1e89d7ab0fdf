//! Events of one key one after another.

mod key;
mod lanes;
mod rule;

use std::fmt;
use std::sync::Arc;

pub use self::key::OrderingKey;
pub(crate) use self::lanes::{Ahead, Full, Member, Patience, Place, Waiting};
pub use self::rule::KeyOrder;
pub(crate) use self::rule::Rule;
use crate::routing::{Specificity, overlap, specificity};
use soiree_core::{KeyOrderError, MAX_CAPACITY, Overflow, Pattern};

/// Rules that say which events are ordered, and by what. See [`KeyOrder`].
///
/// Of several rules that match a topic, the most specific holds, as with [routes](crate::Bulkheads).
#[derive(Clone, Default)]
pub struct KeyOrders {
    /// The most specific first.
    rules: Vec<(Specificity, Arc<Rule>)>,
}

/// What is on its way by one [`KeyOrder`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyOrderStats {
    /// Whose events are ordered.
    pub pattern: Pattern,
    /// Keys that have an event on its way.
    pub keys: usize,
    /// Events that wait behind others of their key.
    pub waiting: usize,
    /// How many may; `None` if as many as the queue of the pool that they are for.
    pub capacity: Option<usize>,
}

impl KeyOrders {
    /// Orders the events on topics that match the pattern.
    ///
    /// A pattern has one order: a second one replaces the first, and does not order its events after those that are on their way
    /// by the first.
    ///
    /// # Errors
    /// If the pattern is malformed, the order contradicts itself, or another pattern is equally specific.
    pub fn add(&mut self, pattern: &str, order: KeyOrder) -> Result<(), KeyOrderError> {
        let pattern = Pattern::new(pattern)?;
        if let Overflow::CallerRuns | Overflow::DropOldest = order.overflow {
            let overflow = order.overflow;
            return Err(KeyOrderError::Overflow { pattern, overflow });
        }
        if let Some(capacity) = order.limit().filter(|capacity| *capacity > MAX_CAPACITY) {
            return Err(KeyOrderError::TooLarge { pattern, capacity });
        }
        let says = specificity(&pattern);
        let is_other =
            |(other, rule): &&(Specificity, Arc<Rule>)| *other == says && rule.pattern != pattern;
        let mut others = self.rules.iter().filter(is_other);
        if let Some((_, first)) = others.find(|(_, rule)| overlap(&rule.pattern, &pattern)) {
            return Err(KeyOrderError::Ambiguous {
                first: first.pattern.clone(),
                second: pattern,
            });
        }
        self.rules.retain(|(_, rule)| rule.pattern != pattern);
        let at = self.rules.partition_point(|(other, _)| *other >= says);
        self.rules.insert(at, (says, Rule::new(pattern, order)));
        Ok(())
    }

    /// No longer orders the events of exactly this pattern. Whether it had an order.
    ///
    /// Those that are on their way keep theirs; what is emitted afterwards may overtake them.
    pub fn remove(&mut self, pattern: &str) -> bool {
        let before = self.rules.len();
        if let Ok(pattern) = Pattern::new(pattern) {
            self.rules.retain(|(_, rule)| rule.pattern != pattern);
        }
        self.rules.len() < before
    }

    /// What is on its way, the most specific pattern first. Those whose order was removed or replaced are not counted.
    pub fn stats(&self) -> Vec<KeyOrderStats> {
        let stats = self.rules.iter().map(|(_, rule)| KeyOrderStats {
            pattern: rule.pattern.clone(),
            keys: rule.lanes.keys(),
            waiting: rule.lanes.waiting(),
            capacity: rule.order.limit(),
        });
        stats.collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The order that holds for a topic.
    pub(crate) fn of(&self, topic: &str) -> Option<&Arc<Rule>> {
        let mut rules = self.rules.iter().map(|(_, rule)| rule);
        rules.find(|rule| rule.pattern.matches(topic))
    }
}

impl fmt::Debug for KeyOrders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = self.rules.iter();
        f.debug_map()
            .entries(rules.map(|(_, rule)| (&rule.pattern, &rule.order)))
            .finish()
    }
}
