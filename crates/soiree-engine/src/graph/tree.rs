//! Patterns by their common prefixes.

use std::collections::BTreeMap;

use soiree_core::PatternInfo;

use super::model::Graph;
use crate::ordering::KeyOrderStats;

/// A prefix that patterns share, or a whole pattern.
#[derive(Default)]
pub(super) struct Branch<'a> {
    pub(super) children: BTreeMap<&'a str, Branch<'a>>,
    pub(super) listeners: Option<&'a PatternInfo>,
    /// The pool that a route of exactly this pattern leads to.
    pub(super) pool: Option<&'a str>,
    /// The statistics of the order of exactly this pattern.
    pub(super) order: Option<&'a KeyOrderStats>,
}

impl<'a> Branch<'a> {
    /// The patterns that have listeners, routes or orders.
    pub(super) fn of(graph: &'a Graph) -> Self {
        let mut root = Self::default();
        for info in &graph.patterns {
            root.at(info.pattern.as_str()).listeners = Some(info);
        }
        for route in &graph.routes {
            root.at(route.pattern.as_str()).pool = Some(&route.pool);
        }
        for order in &graph.orders {
            root.at(order.pattern.as_str()).order = Some(order);
        }
        root
    }

    fn at(&mut self, pattern: &'a str) -> &mut Self {
        let mut branch = self;
        for segment in pattern.split('.') {
            branch = branch.children.entry(segment).or_default();
        }
        branch
    }

    /// Whether it is a pattern, and not only a prefix.
    pub(super) fn is_pattern(&self) -> bool {
        self.listeners.is_some() || self.pool.is_some() || self.order.is_some()
    }

    /// Whether it is a pattern, or a prefix after which patterns differ.
    pub(super) fn is_drawn(&self) -> bool {
        self.children.len() > 1 || self.is_pattern()
    }
}
