//! Which events are ordered, and by what.

use std::fmt;
use std::sync::Arc;

use soiree_core::{KeyOrderError, MAX_CAPACITY, Overflow, Pattern};

use super::order::KeyOrder;
use crate::routing::{Specificity, overlap, specificity};

/// Patterns whose events are ordered by key, each with its [`KeyOrder`].
///
/// If several patterns match a topic, the most specific one applies, as with [routes](crate::Bulkheads).
#[derive(Clone, Default)]
pub struct KeyOrders {
    /// The most specific first.
    rules: Vec<Arc<OrderRule>>,
}

/// A pattern and the order of its events. Its address is its identity: the queues of a rule live as long as the rule is in force.
pub(crate) struct OrderRule {
    specificity: Specificity,
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
        if let Overflow::CallerRuns | Overflow::DropOldest = order.overflow {
            let overflow = order.overflow;
            return Err(KeyOrderError::Overflow { pattern, overflow });
        }
        if let Some(capacity) = order.limit().filter(|capacity| *capacity > MAX_CAPACITY) {
            return Err(KeyOrderError::TooLarge { pattern, capacity });
        }
        let specificity = specificity(&pattern);
        let is_other =
            |rule: &&Arc<OrderRule>| rule.specificity == specificity && rule.pattern != pattern;
        let mut others = self.rules.iter().filter(is_other);
        if let Some(first) = others.find(|rule| overlap(&rule.pattern, &pattern)) {
            return Err(KeyOrderError::Ambiguous {
                first: first.pattern.clone(),
                second: pattern,
            });
        }
        self.rules.retain(|rule| rule.pattern != pattern);
        let at = self
            .rules
            .partition_point(|rule| rule.specificity >= specificity);
        let rule = OrderRule {
            specificity,
            pattern,
            order,
        };
        self.rules.insert(at, Arc::new(rule));
        Ok(())
    }

    /// As [`add`](KeyOrders::add), but does not replace the order of a pattern.
    ///
    /// # Errors
    /// As [`add`](KeyOrders::add), and if the pattern has an order, however it is spelled.
    pub fn add_unique(&mut self, pattern: &str, order: KeyOrder) -> Result<(), KeyOrderError> {
        let added = Pattern::new(pattern)?;
        match self.rules.iter().find(|rule| rule.pattern == added) {
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
        let before = self.rules.len();
        if let Ok(pattern) = Pattern::new(pattern) {
            self.rules.retain(|rule| rule.pattern != pattern);
        }
        self.rules.len() < before
    }

    /// Every rule, the most specific first.
    pub(crate) fn rules(&self) -> &[Arc<OrderRule>] {
        &self.rules
    }
}

impl fmt::Debug for KeyOrders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = self.rules.iter();
        f.debug_map()
            .entries(rules.map(|rule| (&rule.pattern, &rule.order)))
            .finish()
    }
}
