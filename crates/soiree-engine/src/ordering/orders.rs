//! Which events are ordered, and by what.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use soiree_core::{KeyOrder, KeyOrderError, MAX_CAPACITY, Overflow, Pattern};

use super::queue::WaitLimit;
use crate::routing::PatternRules;

/// Patterns whose events are ordered by key, each with its [`KeyOrder`].
///
/// If several patterns match a topic, the most specific one applies, as with [routes](crate::Bulkheads).
#[derive(Clone, Default)]
pub struct KeyOrders {
    rules: PatternRules<Arc<OrderRule>>,
}

/// A pattern and the order of its events. Its address is its identity: the queues of a rule live as long as the rule is in force.
pub(crate) struct OrderRule {
    pub(crate) pattern: Pattern,
    pub(crate) order: KeyOrder,
}

/// The statistics of one [`KeyOrder`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyOrderStats {
    /// The pattern of the topics whose events are ordered.
    pub pattern: Pattern,
    /// Keys that have an event which has not ended.
    pub keys: usize,
    /// Events that wait behind others of their key.
    pub waiting: usize,
    /// Emits that are blocked until there is room.
    pub blocked: usize,
    /// How many may wait; `None` if as many as fit into the queue of their pool.
    pub capacity: Option<usize>,
}

impl OrderRule {
    /// The statistics of the rule, with those of its queues.
    pub(crate) fn stats(&self, keys: usize, waiting: usize, blocked: usize) -> KeyOrderStats {
        KeyOrderStats {
            pattern: self.pattern.clone(),
            keys,
            waiting,
            blocked,
            capacity: self.order.limit(),
        }
    }
}

impl KeyOrders {
    /// Orders the events on topics that match the pattern.
    ///
    /// A pattern has one order: a second one replaces the first, and does not wait for events that the first one still orders.
    ///
    /// # Errors
    /// If the pattern is malformed, the order contradicts itself, or another pattern is equally specific.
    pub fn add(&mut self, pattern: &str, order: KeyOrder) -> Result<(), KeyOrderError> {
        let pattern = Pattern::new(pattern)?;
        let overflow = order.overflow_policy();
        if let Overflow::CallerRuns | Overflow::DropOldest = overflow {
            return Err(KeyOrderError::Overflow { pattern, overflow });
        }
        if let Some(capacity) = order.limit().filter(|capacity| *capacity > MAX_CAPACITY) {
            return Err(KeyOrderError::TooLarge { pattern, capacity });
        }
        let rule = Arc::new(OrderRule {
            pattern: pattern.clone(),
            order,
        });
        let added = self.rules.add(&pattern, rule, |_| false);
        added.map_err(|first| KeyOrderError::Ambiguous {
            first: first.pattern.clone(),
            second: pattern,
        })
    }

    /// As [`add`](KeyOrders::add), but does not replace the order of a pattern.
    ///
    /// # Errors
    /// As [`add`](KeyOrders::add), and if the pattern has an order, however it is spelled.
    pub fn add_unique(&mut self, pattern: &str, order: KeyOrder) -> Result<(), KeyOrderError> {
        let added = Pattern::new(pattern)?;
        match self.rules.get(&added) {
            Some(rule) => Err(KeyOrderError::Ambiguous {
                first: rule.pattern.clone(),
                second: added,
            }),
            None => self.add(pattern, order),
        }
    }

    /// Removes the order of exactly this pattern. Returns whether there was one.
    ///
    /// Events that were emitted before stay ordered; events that are emitted later may overtake them.
    pub fn remove(&mut self, pattern: &str) -> bool {
        Pattern::new(pattern).is_ok_and(|pattern| self.rules.remove(&pattern))
    }

    /// The same patterns, with something made of each rule.
    pub(crate) fn map<T>(&self, map: impl FnMut(&Arc<OrderRule>) -> T) -> PatternRules<T> {
        self.rules.map(map)
    }

    /// Every rule, the most specific first.
    fn rules(&self) -> impl Iterator<Item = &Arc<OrderRule>> {
        self.rules.sorted().into_iter().map(|rule| &rule.rule)
    }

    /// Whether one is a clone of the other, and neither has changed since.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.rules.is_same(&other.rules)
    }
}

impl WaitLimit {
    /// How long an emit may wait for room under this policy.
    pub(crate) fn of(policy: Overflow) -> Self {
        match policy {
            Overflow::Block => Self::Unlimited,
            Overflow::BlockFor(longest) => match Instant::now().checked_add(longest) {
                Some(deadline) => Self::Until(deadline, longest),
                None => Self::Unlimited,
            },
            _ => Self::None,
        }
    }
}

impl fmt::Debug for KeyOrders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = self.rules();
        f.debug_map()
            .entries(rules.map(|rule| (&rule.pattern, &rule.order)))
            .finish()
    }
}
