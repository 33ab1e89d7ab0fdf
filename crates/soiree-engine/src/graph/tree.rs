//! Patterns by their common beginnings.

use std::collections::BTreeMap;

use super::Graph;
use crate::ordering::KeyOrderStats;
use soiree_core::PatternInfo;

/// A beginning that patterns share, or a whole pattern.
#[derive(Default)]
pub(super) struct Branch<'a> {
    pub(super) below: BTreeMap<&'a str, Branch<'a>>,
    pub(super) listened: Option<&'a PatternInfo>,
    /// The pool that a route of exactly this pattern leads to.
    pub(super) routed: Option<&'a str>,
    /// What is on its way by an order of exactly this pattern.
    pub(super) ordered: Option<&'a KeyOrderStats>,
}

impl<'a> Branch<'a> {
    /// The patterns that have listeners, routes or orders.
    pub(super) fn of(graph: &'a Graph) -> Self {
        let mut root = Self::default();
        for info in &graph.patterns {
            root.at(info.pattern.as_str()).listened = Some(info);
        }
        for route in &graph.routes {
            root.at(route.pattern.as_str()).routed = Some(&route.pool);
        }
        for order in &graph.orders {
            root.at(order.pattern.as_str()).ordered = Some(order);
        }
        root
    }

    fn at(&mut self, pattern: &'a str) -> &mut Self {
        let mut branch = self;
        for segment in pattern.split('.') {
            branch = branch.below.entry(segment).or_default();
        }
        branch
    }

    /// Whether it is a pattern, and not only a beginning.
    pub(super) fn is_pattern(&self) -> bool {
        self.listened.is_some() || self.routed.is_some() || self.ordered.is_some()
    }

    /// Whether it is a pattern, or patterns part here.
    pub(super) fn is_drawn(&self) -> bool {
        self.below.len() > 1 || self.is_pattern()
    }
}
